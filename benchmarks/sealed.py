"""A sealed session with one command beside a mutual TLS 1.3 handshake with as much said: printed, nothing promised. And
how long an officer stands beside the car: from the key set that is pulled to the car that may start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .figures import Bound, Figure
from .harness import ROUNDS, Bench, Sample, median

SESSIONS: Final = 300
KINDS: Final = ("sealed", "tls")
TAKES: Final = 30
MOBILISED_MS: Final = 1500
MODEL: Final = (
    "virtual time, 15 ms connection interval: packets wait for the next event; an advertisement every 100 ms,"
    " handles known, 60 ms a handshake and 5 ms an answer in the terminal"
)
AGAINST: Final = "TLS 1.3, P-256 certificates on both sides"


class Sealed:
    name = "sealed"
    steps = ROUNDS * len(KINDS) + 1

    def run(self, bench: Bench) -> Sequence[Figure]:
        samples: dict[str, list[Sample]] = {kind: [] for kind in KINDS}
        for turn in range(ROUNDS):
            for kind in KINDS:
                bench.step(f"{kind}, round {turn + 1}")
                samples[kind].append(bench.measure("clients.sealed", kind, SESSIONS))
        ours, theirs = (median(samples[kind]) for kind in KINDS)
        bench.step("a set taken, its car mobilised")
        taken = bench.measure("clients.mobilise", TAKES)
        return [
            _figure("Sealed session and one command, CPU of both sides", ours, theirs, "cpu_us", "us"),
            _figure("Sealed session and one command, bytes on the air", ours, theirs, "bytes", "B"),
            _mobilised(taken),
        ]


def _mobilised(taken: Sample) -> Figure:
    steps = [name for name in taken if name not in ("in all", "worst")]
    return Figure(
        name=f"From the set taken to the car mobilised, the slowest of {TAKES}",
        ours=taken["worst"],
        peer=MOBILISED_MS,
        unit="ms",
        against="1.5 s",
        bound=Bound("<", 1),
        parts=(", ".join(f"{name} {taken[name]:.0f} ms" for name in steps), MODEL),
    )


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
