"""Modbus TCP against a C server that sleeps when idle; the peer is pymodbus' async client, same loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from .figures import Bound, Figure
from .harness import ROUNDS, Bench, Sample, median

CLIENTS: Final = ("motorpool", "pymodbus")
CONNECTIONS: Final = 1000
HZ: Final = 5
SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Case:
    """One way of reading; `arguments` of clients/tcp.py after the port, by client."""

    name: str
    kind: str
    figure: str
    unit: str
    bound: Bound
    arguments: Callable[[str], tuple[object, ...]]
    parts: Callable[[Sample], str]


CASES: Final = (
    Case(
        name="TCP, one connection, one caller",
        kind="one",
        figure="per_s",
        unit="reads/s",
        bound=Bound(">=", 1),
        arguments=lambda _: (1, 8000),
        parts=lambda sample: f"CPU {sample['cpu_us']:.1f} us a read",
    ),
    Case(
        name="TCP, one connection, 8 callers (depth 8)",
        kind="one",
        figure="per_s",
        unit="reads/s",
        bound=Bound(">=", 4),
        arguments=lambda client: (8, 40_000 if client == "motorpool" else 8000),
        parts=lambda sample: f"CPU {sample['cpu_us']:.1f} us a read",
    ),
    Case(
        name=f"TCP, {CONNECTIONS:,} connections at {HZ} Hz, CPU a poll",
        kind="many",
        figure="cpu_us",
        unit="us",
        bound=Bound("<=", 0.85),
        arguments=lambda _: (CONNECTIONS, HZ, SECONDS),
        parts=lambda sample: f"{sample['per_s']:,.0f} polls/s, reply p99 {sample['p99_ms']:.2f} ms",
    ),
)


class Tcp:
    name = "tcp"
    steps = ROUNDS * len(CASES) * len(CLIENTS)

    def run(self, bench: Bench) -> Sequence[Figure]:
        samples: dict[tuple[Case, str], list[Sample]] = {}
        with bench.peer("tcp_server") as server:
            for turn, case, client in product(range(ROUNDS), CASES, CLIENTS):
                bench.step(f"{client}, {case.name}, round {turn + 1}")
                arguments = (case.kind, client, server.where, *case.arguments(client))
                sample = bench.measure("clients.tcp", *arguments)
                samples.setdefault((case, client), []).append(sample)
        return [_figure(case, *(median(samples[case, client]) for client in CLIENTS)) for case in CASES]


def _figure(case: Case, ours: Sample, theirs: Sample) -> Figure:
    return Figure(
        name=case.name,
        ours=ours[case.figure],
        peer=theirs[case.figure],
        unit=case.unit,
        against="pymodbus async",
        bound=case.bound,
        parts=(case.parts(ours), f"pymodbus {case.parts(theirs)}"),
    )
