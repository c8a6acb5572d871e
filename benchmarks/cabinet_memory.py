"""What a polled cabinet costs in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .clients.cabinet_memory import ON_A_LINE, SLOTS
from .figures import Bound, Figure
from .harness import Bench

CABINETS: Final = 80
LIMIT_KB: Final = 8.0


class CabinetMemory:
    name = "cabinet_memory"
    steps = 1

    def run(self, bench: Bench) -> Sequence[Figure]:
        bench.step(f"{CABINETS} cabinets over TCP")
        with bench.peer("tcp_server") as server:
            used = bench.measure("clients.cabinet_memory", server.where, CABINETS)
        return [
            Figure(
                name=f"Memory of a polled cabinet of {SLOTS} slots",
                ours=used["bytes"] / 1000,
                peer=LIMIT_KB,
                unit="kB",
                against="limit",
                bound=Bound("<=", 1),
                parts=(
                    f"a TCP line, which up to {ON_A_LINE} share here: {used['line_bytes'] / 1000:.1f} kB",
                    "one board of so many relays and inputs; its tables of the site file apart",
                ),
            )
        ]
