"""How fast a station with people and faults is simulated, what it costs, and where the time goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .figures import Bound, Figure
from .harness import ROUNDS, Bench, median

DAYS: Final = 2
MANY_DAYS: Final = 8
SPEED: Final = Bound(">=", 2_000)
MEMORY: Final = Bound("<=", 1.5)


class City:
    name = "city"
    steps = 3 * ROUNDS + 3

    def run(self, bench: Bench) -> Sequence[Figure]:
        spans, busy, bare = [], [], []
        for turn in range(ROUNDS):
            bench.step(f"the city's {DAYS} days, round {turn + 1}")
            spans.append(bench.measure("clients.city", "play", DAYS, timeout_s=300.0))
            bench.step(f"trips without a pause, round {turn + 1}")
            busy.append(bench.measure("clients.city", "busy", 2))
            bench.step(f"a bare loop, round {turn + 1}")
            bare.append(bench.measure("clients.city", "bare", 1))
        bench.step("one day's memory")
        day = bench.measure("clients.city", "play", 1, timeout_s=300.0)
        bench.step(f"{MANY_DAYS} days' memory")
        many = bench.measure("clients.city", "play", MANY_DAYS, timeout_s=600.0)
        bench.step("where the time goes")
        parts = bench.measure("clients.city", "parts", DAYS, timeout_s=600.0)
        span, rounds = median(spans), median(bare)["rounds_per_s"]
        return [
            Figure(
                name=f"Simulated city, {DAYS} days with people and faults",
                ours=span["speed"],
                peer=1,
                unit="s/s",
                against="real time",
                bound=SPEED,
                parts=(
                    f"{span['polls']:,.0f} polls made, {span['polls_skipped']:,.0f} skipped",
                    f"{span['check_outs']:,.0f} check-outs, {span['events']:,.0f} events in {span['wall_s']:.1f} s",
                    ", ".join(f"{name} {share:.1%}" for name, share in parts.items()),
                ),
            ),
            Figure(
                name="Simulated check-outs and returns without a pause",
                ours=median(busy)["check_outs_per_s"],
                peer=rounds,
                unit="1/s",
                against="a bare virtual loop of 40 awaits each",
            ),
            Figure(
                name=f"Memory of {MANY_DAYS} simulated days",
                ours=many["memory_mb"],
                peer=day["memory_mb"],
                unit="MB",
                against="one simulated day",
                bound=MEMORY,
            ),
        ]
