"""One of sixteen boards on a line dies: what the others lose. In virtual time, so that nothing else disturbs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from keycabinet.profile import profiles

from .figures import Bound, Figure
from .harness import Bench, Sample

BOARDS: Final = 16
SECONDS: Final = 60
"""From the moment it dies: all its time-outs, which come less and less often, are in it."""
PAUSES: Final = (("as fast as the line allows", 0.02), ("once a second", 1.0))


class DeadBoard:
    name = "dead_board"
    steps = 2 * len(PAUSES)

    def run(self, bench: Bench) -> Sequence[Figure]:
        figures = []
        for title, pause_s in PAUSES:
            found: list[Sample] = []
            for alive in (BOARDS, BOARDS - 1):
                bench.step(f"{alive} of {BOARDS} boards, polled {title}")
                found.append(bench.measure("clients.dead_board", BOARDS, alive, SECONDS, pause_s))
            figures.append(_figure(title, *found))
        return figures


def _figure(title: str, whole: Sample, lacking: Sample) -> Figure:
    reply_ms = profiles()["waveshare-io-8ch"].timing.reply_timeout_ms
    return Figure(
        name=f"One of {BOARDS} boards dead, {title}: the slowest of the others",
        ours=lacking["per_s"],
        peer=whole["per_s"],
        unit="polls/s",
        against="all alive",
        bound=Bound(">=", 0.95),
        parts=(
            f"{lacking['timeouts']:.0f} time-outs of {reply_ms:.0f} ms in {SECONDS} s",
            f"longest wait {lacking['longest_s'] * 1e3:.0f} ms, all alive {whole['longest_s'] * 1e3:.0f} ms",
        ),
    )
