"""How fast the simulated station lives: seconds of its time in one of ours. Printed, nothing promised."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Final

from .figures import Figure
from .harness import ROUNDS, Bench, Sample, median

DAY_S: Final = 86_400
HALF_AN_HOUR_S: Final = 1_800
CASES: Final = (
    ("skip", "Virtual time, idle day of the demo's station", DAY_S),
    ("every", "Virtual time, half an hour with every poll made", HALF_AN_HOUR_S),
)


class VirtualTime:
    name = "virtual_time"
    steps = ROUNDS * len(CASES)

    def run(self, bench: Bench) -> Sequence[Figure]:
        samples: dict[str, list[Sample]] = {}
        for turn, (polls, title, seconds) in product(range(ROUNDS), CASES):
            bench.step(f"{title}, round {turn + 1}")
            samples.setdefault(polls, []).append(bench.measure("clients.virtual_time", seconds, polls))
        return [_figure(title, median(samples[polls])) for polls, title, _ in CASES]


def _figure(title: str, sample: Sample) -> Figure:
    return Figure(
        name=title,
        ours=sample["speed"],
        peer=1,
        unit="s/s",
        against="real time",
        parts=(
            f"{sample['polls']:,.0f} polls made, {sample['skipped']:,.0f} skipped",
            f"{sample['simulated_s']:,.0f} s in {sample['wall_s']:.2f} s",
        ),
    )
