"""Modbus RTU over a paced pty, against what the wire allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from .figures import BenchmarkError, Bound, Figure
from .harness import ROUNDS, Bench, Sample, median

REQUEST: Final = 8  # characters: address, function, start, count, CRC
REPLY: Final = 5 + 64 // 8  # address, function, byte count, 64 inputs, CRC
CLIENTS: Final = ("motorpool", "pymodbus-async", "pymodbus-sync")
SECONDS: Final = 0.7  # of reading, each round
TICKER_LIMIT_MS: Final = 3.0
PROFILE_GAP_S: Final = 0.0


@dataclass(frozen=True, slots=True)
class Wire:
    """A serial line; `bits` to a character (10 for 8N1, 11 for 8E1)."""

    baud: int
    bits: int

    @property
    def name(self) -> str:
        return f"{self.baud} {'8E1' if self.bits == 11 else '8N1'}"

    @property
    def silence_s(self) -> float:
        """Between frames (Modbus over Serial Line 1.02, 2.5.1.1)."""
        return 0.00175 if self.baud > 19200 else 3.5 * self.bits / self.baud

    def read_s(self, gap_s: float) -> float:
        """The least time from one request to the next, when the board asks for a gap of its own before each."""
        return (REQUEST + REPLY) * self.bits / self.baud + self.silence_s + max(self.silence_s, gap_s)


WIRES: Final = tuple(Wire(baud, bits) for baud, bits in product((9600, 19200, 115200), (10, 11)))


class Rtu:
    name = "rtu"
    steps = ROUNDS * len(WIRES) * len(CLIENTS)

    def run(self, bench: Bench) -> Sequence[Figure]:
        samples: dict[tuple[Wire, str], list[Sample]] = {}
        for turn, wire, client in product(range(ROUNDS), WIRES, CLIENTS):
            bench.step(f"{client}, {wire.name}, round {turn + 1}")
            samples.setdefault((wire, client), []).append(_measure(bench, wire, client))
        medians = {key: median(rounds) for key, rounds in samples.items()}
        ours = {wire: samples[wire, "motorpool"] for wire in WIRES}
        figures = [_efficiency(wire, {name: medians[wire, name] for name in CLIENTS}) for wire in WIRES]
        return [*figures, _silences(ours), _ticker({wire: medians[wire, "motorpool"] for wire in WIRES})]


def _measure(bench: Bench, wire: Wire, client: str) -> Sample:
    gap_s = max(wire.silence_s, PROFILE_GAP_S)
    count = max(4, int(SECONDS / wire.read_s(gap_s)))
    with bench.peer("rtu_device", wire.baud, wire.bits) as device:
        sample = bench.measure("clients.rtu", client, device.where, wire.baud, gap_s, count)
        seen = device.finish()
    if seen["junk"]:
        raise BenchmarkError(f"{client} sent {seen['junk']:g} requests with a wrong CRC at {wire.name}")
    return {**sample, **seen, "broken_share": seen["broken"] / seen["frames"]}


def _efficiency(wire: Wire, medians: Mapping[str, Sample]) -> Figure:
    ours = medians["motorpool"]
    limit = 1 / wire.read_s(PROFILE_GAP_S)
    peers = tuple(
        f"{name} {medians[name]['per_s'] / limit:.3f}, {medians[name]['broken_share']:.0%} broken"
        for name in CLIENTS[1:]
    )
    return Figure(
        name=f"RTU {wire.name}, 64 inputs",
        ours=ours["per_s"],
        peer=limit,
        unit="reads/s",
        against="wire",
        bound=Bound(">=", 0.95 if wire.baud > 19200 else 0.97),
        parts=(f"CPU {ours['cpu_us']:.0f} us a read", *peers),
    )


def _silences(ours: Mapping[Wire, Sequence[Sample]]) -> Figure:
    """Every round counts here, not the median."""
    rounds = [sample for samples in ours.values() for sample in samples]
    shortest = min(
        min(sample["gap_min_ms"] for sample in samples) / (wire.silence_s * 1e3)
        for wire, samples in ours.items()
    )
    return Figure(
        name="RTU broken silences",
        ours=sum(sample["broken"] for sample in rounds),
        peer=sum(sample["frames"] for sample in rounds),
        unit="requests",
        against="sent",
        bound=Bound("<=", 0),
        parts=(f"shortest silence {shortest:.2f} of the least allowed",),
    )


def _ticker(medians: Mapping[Wire, Sample]) -> Figure:
    slowest = max(medians, key=lambda wire: medians[wire]["lag_ms"])
    return Figure(
        name="RTU, lag of a 1 ms ticker in the same loop, p99",
        ours=medians[slowest]["lag_ms"],
        peer=TICKER_LIMIT_MS,
        unit="ms",
        against="limit",
        bound=Bound("<", 1),
        parts=(f"largest at {slowest.name}",),
    )
