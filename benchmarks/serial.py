"""Every serial protocol against its own wire, and eight lines in one process; the devices are on paced ptys."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import ceil
from typing import Final

from .figures import BenchmarkError, Bound, Figure
from .harness import ROUNDS, Bench, Sample, median
from .protocols import BITS, SPOKEN

SECONDS: Final = 0.8  # of reading, each round
LEAST: Final = 4  # readings
AT_ONCE: Final = 8
TOGETHER: Final = "modbus-rtu"
TOGETHER_S: Final = 3.0
BOUND: Final = Bound(">=", 0.95)


class Serial:
    name = "serial"
    steps = ROUNDS * (len(SPOKEN) + 1)

    def run(self, bench: Bench) -> Sequence[Figure]:
        samples: dict[str, list[Sample]] = {kind: [] for kind in SPOKEN}
        together: list[Sample] = []
        for turn, kind in product(range(ROUNDS), (*SPOKEN, None)):
            if kind is None:
                bench.step(f"{AT_ONCE} lines at once, round {turn + 1}")
                together.append(_measure(bench, TOGETHER, AT_ONCE, TOGETHER_S))
            else:
                bench.step(f"{SPOKEN[kind].title}, round {turn + 1}")
                samples[kind].append(_measure(bench, kind, 1, SECONDS))
        figures = [_figure(SPOKEN[kind].title, kind, rounds) for kind, rounds in samples.items()]
        title = f"{AT_ONCE} lines at {SPOKEN[TOGETHER].baud} in one process, the slowest"
        every = [sample for rounds in samples.values() for sample in rounds] + together
        return [*figures, _figure(title, TOGETHER, together), _silences(every)]


def _measure(bench: Bench, kind: str, lines: int, seconds: float) -> Sample:
    spoken = SPOKEN[kind]
    count = max(LEAST, ceil(seconds / spoken.least_s))
    with bench.peer("paced_lines", lines, spoken.baud, BITS, *spoken.arguments) as device:
        sample = bench.measure("clients.serial", kind, count, *device.where.split())
        seen = device.finish()
    if seen["junk"]:
        raise BenchmarkError(f"{seen['junk']:g} requests that nobody knows were sent to {spoken.title}")
    return {**sample, **seen}


def _figure(title: str, kind: str, rounds: Sequence[Sample]) -> Figure:
    spoken, sample = SPOKEN[kind], median(rounds)
    pauses = [f"{spoken.rest_s * 1e3:.0f} ms rest"] if spoken.rest_s else []
    pauses += [f"{spoken.pause_s * 1e3:.0f} ms pause"] if spoken.pause_s else []
    return Figure(
        name=f"{title} at {spoken.baud}" if str(spoken.baud) not in title else title,
        ours=sample["per_s"],
        peer=1 / spoken.least_s,
        unit="reads/s",
        against=f"wire{' and ' if pauses else ''}{', '.join(pauses)}",
        bound=BOUND,
        parts=(f"CPU {sample['cpu_us']:.0f} us a read",),
    )


def _silences(samples: Sequence[Sample]) -> Figure:
    """Every round counts here, not the median."""
    asked = [sample for sample in samples if sample["shortest"] < 1e6]  # nobody asks those that only talk
    return Figure(
        name="Serial protocols, broken silences",
        ours=sum(sample["broken"] for sample in asked),
        peer=sum(sample["frames"] for sample in asked),
        unit="requests",
        against="of",
        bound=Bound("<=", 0),
        parts=(f"shortest {min(sample['shortest'] for sample in asked):.3f} of the least allowed",),
    )
