"""From the badge at the reader to the drawn bolt, in virtual time: what the wire, the readers and the locks take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .clients.badge import BAUD, STEPS
from .figures import Bound, Figure
from .harness import Bench

PEOPLE: Final = 7  # as many as the cabinet has lamps
LIMIT_MS: Final = 1000.0
_WORDS: Final = {
    "known": "badge read and in the book",
    "durable": "release durable",
    "door": "door pulsed",
    "lamp": "lamp lit",
    "pulse": "slot pulsed",
    "latch": "latch drawn",
}


class Badge:
    name = "badge"
    steps = 1

    def run(self, bench: Bench) -> Sequence[Figure]:
        bench.step(f"{PEOPLE} people in virtual time")
        slowest = bench.measure("clients.badge", PEOPLE)
        steps = ", ".join(f"{_WORDS[step]} {slowest[step] * 1e3:.0f} ms" for step in STEPS)
        return [
            Figure(
                name=f"Badge to latch at {BAUD} while polling, the slowest of {PEOPLE}, virtual time",
                ours=slowest["latch"] * 1e3,
                peer=LIMIT_MS,
                unit="ms",
                against="limit",
                bound=Bound("<", 1),
                parts=(steps, f"median {slowest['p50'] * 1e3:.0f} ms; disk and processor take no time here"),
            )
        ]
