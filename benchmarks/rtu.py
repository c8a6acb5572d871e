"""Modbus RTU over a paced pty, against what the wire allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from keycabinet.profile import profiles

from .figures import BenchmarkError, Bound, Figure
from .harness import ROUNDS, Bench, Sample, median

REQUEST: Final = 8  # characters: address, function, start, count, CRC
REPLY: Final = 5 + 64 // 8  # address, function, byte count, 64 inputs, CRC
OURS: Final = "motorpool"
PEERS: Final = ("pymodbus-async", "pymodbus-sync")
PROFILE: Final = "waveshare-io-8ch"
SECONDS: Final = 0.7  # of reading, each round
TICKER_LIMIT_MS: Final = 3.0


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
        """The least time from one request to the next when the board asks for a gap before each."""
        return (REQUEST + REPLY) * self.bits / self.baud + self.silence_s + max(self.silence_s, gap_s)

    def url(self, device: str) -> str:
        """A pty takes no parity bit (tcsetattr refuses it), so 8E1's longer silence is asked for."""
        return f"serial://{device}?baudrate={self.baud}&gap_ms={self.silence_s * 1e3:.4f}"


@dataclass(frozen=True, slots=True)
class Case:
    """So many boards on a wire, read in turn. Between different boards the profile's own gap is kept."""

    wire: Wire
    boards: int

    @property
    def name(self) -> str:
        return f"{self.wire.name}, {'one board' if self.boards == 1 else f'{self.boards} boards in turn'}"

    @property
    def gap_s(self) -> float:
        return profiles()[PROFILE].timing.gap_ms / 1e3 if self.boards > 1 else 0.0

    @property
    def limit(self) -> float:
        """Reads a second that the wire allows."""
        return 1 / self.wire.read_s(self.gap_s)

    @property
    def clients(self) -> tuple[str, ...]:
        """pymodbus knows no gap between boards, so it is no peer there."""
        return (OURS, *PEERS) if self.boards == 1 else (OURS,)


CASES: Final = tuple(
    Case(Wire(baud, bits), boards)
    for boards, baud, bits in product((1, 2), (9600, 19200, 115200), (10, 11))
    if boards == 1 or bits == 10
)


class Rtu:
    name = "rtu"
    steps = ROUNDS * sum(len(case.clients) for case in CASES)

    def run(self, bench: Bench) -> Sequence[Figure]:
        samples: dict[tuple[Case, str], list[Sample]] = {}
        for turn, case in product(range(ROUNDS), CASES):
            for client in case.clients:
                bench.step(f"{client}, {case.name}, round {turn + 1}")
                samples.setdefault((case, client), []).append(_measure(bench, case, client))
        medians = {key: median(rounds) for key, rounds in samples.items()}
        efficiency = [
            _efficiency(case, {client: medians[case, client] for client in case.clients}) for case in CASES
        ]
        silences = _silences({case: samples[case, OURS] for case in CASES})
        return [*efficiency, silences, _ticker({case: medians[case, OURS] for case in CASES})]


def _measure(bench: Bench, case: Case, client: str) -> Sample:
    wire = case.wire
    count = int(SECONDS * case.limit)
    with bench.peer("rtu_device", wire.baud, wire.bits, case.gap_s) as device:
        url = wire.url(device.where)
        sample = bench.measure("clients.rtu", client, url, case.boards, case.gap_s, count)
        seen = device.finish()
    if seen["junk"]:
        raise BenchmarkError(f"{client} sent {seen['junk']:g} requests with a wrong CRC at {case.name}")
    return {**sample, **seen, "broken_share": seen["broken"] / seen["frames"]}


def _efficiency(case: Case, medians: Mapping[str, Sample]) -> Figure:
    ours = medians[OURS]
    peers = tuple(
        f"{client} {medians[client]['per_s'] / case.limit:.3f}, {medians[client]['broken_share']:.0%} broken"
        for client in case.clients[1:]
    )
    return Figure(
        name=f"RTU {case.name}",
        ours=ours["per_s"],
        peer=case.limit,
        unit="reads/s",
        against="wire",
        bound=Bound(">=", 0.95 if case.wire.baud > 19200 else 0.97),
        parts=(f"CPU {ours['cpu_us']:.0f} us a read", *peers),
    )


def _silences(ours: Mapping[Case, Sequence[Sample]]) -> Figure:
    """Every round counts here, not the median."""
    rounds = [sample for samples in ours.values() for sample in samples]
    shortest = min(sample["shortest"] for sample in rounds)
    return Figure(
        name="RTU broken silences",
        ours=sum(sample["broken"] for sample in rounds),
        peer=sum(sample["frames"] for sample in rounds),
        unit="requests",
        against="of",
        bound=Bound("<=", 0),
        parts=(f"shortest {shortest:.3f} of the least allowed",),
    )


def _ticker(medians: Mapping[Case, Sample]) -> Figure:
    slowest = max(medians, key=lambda case: medians[case]["lag_ms"])
    return Figure(
        name="RTU, p99 lag of a 1 ms ticker beside it",
        ours=medians[slowest]["lag_ms"],
        peer=TICKER_LIMIT_MS,
        unit="ms",
        against="limit",
        bound=Bound("<", 1),
        parts=(f"largest at {slowest.name}",),
    )
