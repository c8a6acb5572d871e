"""A sealed session with one command beside a mutual TLS 1.3 handshake with as much said. Printed, nothing promised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .figures import Figure
from .harness import ROUNDS, Bench, Sample, median

SESSIONS: Final = 300
KINDS: Final = ("sealed", "tls")
AGAINST: Final = "TLS 1.3, P-256 certificates on both sides"


class Sealed:
    name = "sealed"
    steps = ROUNDS * len(KINDS)

    def run(self, bench: Bench) -> Sequence[Figure]:
        samples: dict[str, list[Sample]] = {kind: [] for kind in KINDS}
        for turn in range(ROUNDS):
            for kind in KINDS:
                bench.step(f"{kind}, round {turn + 1}")
                samples[kind].append(bench.measure("clients.sealed", kind, SESSIONS))
        ours, theirs = (median(samples[kind]) for kind in KINDS)
        return [
            _figure("Sealed session and one command, CPU of both sides", ours, theirs, "cpu_us", "us"),
            _figure("Sealed session and one command, bytes on the air", ours, theirs, "bytes", "B"),
        ]


def _figure(name: str, ours: Sample, theirs: Sample, key: str, unit: str) -> Figure:
    return Figure(
        name=name,
        ours=ours[key],
        peer=theirs[key],
        unit=unit,
        against=AGAINST,
        parts=(
            f"handshake {ours['handshake_bytes']:.0f} B against {theirs['handshake_bytes']:.0f} B",
            "ours carries a grant, and its check; TLS carries none",
        ),
    )
