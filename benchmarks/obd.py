"""A recorded drive read by our parser and by python-OBD's, and what a terminal that is out of range takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .figures import Bound, Figure
from .harness import ROUNDS, Bench, Sample, median

PASSES: Final = 30
TERMINALS: Final = 1_000
KINDS: Final = ("ours", "python-obd", "python-obd-lines")
FASTER: Final = Bound(">=", 3)
SMALL: Final = Bound("<=", 1)
MOST_BYTES: Final = 2_048


class Obd:
    name = "obd"
    steps = ROUNDS * len(KINDS) + 1

    def run(self, bench: Bench) -> Sequence[Figure]:
        samples: dict[str, list[Sample]] = {kind: [] for kind in KINDS}
        for turn in range(ROUNDS):
            for kind in KINDS:
                bench.step(f"{kind}, round {turn + 1}")
                samples[kind].append(bench.measure("clients.obd", "drive", kind, PASSES))
        bench.step(f"{TERMINALS:,} terminals out of range")
        away = bench.measure("clients.obd", "away", TERMINALS)
        return [_drive(*(median(samples[kind]) for kind in KINDS)), _away(away)]


def _drive(ours: Sample, theirs: Sample, lines: Sample) -> Figure:
    steps = ("text", "lines", "frames", "values")
    ours_us = ", ".join(f"{step} {ours[f'{step}_us']:.2f}" for step in steps)
    from_lines = lines["us"] / (ours["frames_us"] + ours["values_us"])
    return Figure(
        name="OBD parse of a recorded drive, bytes to values",
        ours=ours["per_s"],
        peer=theirs["per_s"],
        unit="/s",
        against="python-OBD",
        bound=FASTER,
        parts=(
            f"{ours['replies']:.0f} replies, of {ours['messages']:.0f} messages; CPU time",
            f"a reply {ours['us']:.2f} us: {ours_us}; python-OBD {theirs['us']:.2f} us",
            f"from lines instead of bytes, python-OBD {lines['us']:.2f} us: {from_lines:.1f} times ours",
        ),
    )


def _away(sample: Sample) -> Figure:
    return Figure(
        name="Memory a terminal that is out of range",
        ours=sample["terminal"],
        peer=MOST_BYTES,
        unit="B",
        against="2 kB",
        bound=SMALL,
        parts=(
            f"{TERMINALS:,} OBD terminals, each opened and once looked for in vain, by tracemalloc",
            f"a station's visit that waits to look again: {sample['visit']:,.0f} B more, its timer with it",
            "left out: the site's setting, the book's rows",
        ),
    )
