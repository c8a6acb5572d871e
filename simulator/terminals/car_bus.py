"""What a car's control units answer, and how an adapter prints their frames. Encodes by itself, so that the
reader under test is not compared with itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class CarTruth(Protocol):
    """What is true of a car. Units are in the names; None means that the car does not give the value."""

    @property
    def vin(self) -> str: ...
    @property
    def odometer_km(self) -> float | None: ...
    @property
    def fuel_percent(self) -> float | None: ...
    @property
    def battery_v(self) -> float: ...
    @property
    def engine_on(self) -> bool: ...
    @property
    def stored_dtcs(self) -> Sequence[str]: ...
    @property
    def pending_dtcs(self) -> Sequence[str]: ...
    @property
    def distance_since_clear_km(self) -> float: ...
    @property
    def in_range(self) -> bool: ...


class Bus(Enum):
    """A car's diagnostic bus. The value is the adapter's protocol number."""

    J1850_VPW = "2"
    ISO_9141 = "3"
    KWP_FAST = "5"
    CAN_11 = "6"
    CAN_29 = "7"

    @property
    def can(self) -> bool:
        """Whether it is CAN, with ISO-TP on it."""
        return self in (Bus.CAN_11, Bus.CAN_29)


@dataclass(slots=True)
class Extras:
    """What a car may have besides: codes that no tool clears, a traction battery (%)."""

    permanent_dtcs: tuple[str, ...] = ()
    charge_percent: float | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """A control unit: its identifier on each bus, and whether it is the engine's."""

    can11: str
    can29: str
    address: int
    engine: bool


UNITS = (Unit("7E8", "18DAF110", 0x10, True), Unit("7E9", "18DAF118", 0x18, False))
ENGINE_PIDS = (0x01, 0x04, 0x05, 0x0C, 0x0D, 0x0F, 0x11, 0x1F, 0x21, 0x31, 0x42)
GEARBOX_PIDS = (0x01, 0x0D)
CHARGING_V = 13.9
CLEAR = 0x04
Frames = list[tuple[Unit, bytes]]


def answers(truth: CarTruth, request: bytes, extras: Extras | None = None) -> Frames:
    """What each control unit says to a request, as whole payloads; none means that nobody answers.

    With the engine running nobody lets codes be cleared (conditions not correct, 22).
    """
    replies = [(unit, _answer(truth, unit, request, extras or Extras())) for unit in UNITS]
    return [(unit, payload) for unit, payload in replies if payload is not None]


def _answer(truth: CarTruth, unit: Unit, request: bytes, extras: Extras) -> bytes | None:
    service, parameters = request[0], request[1:]
    if service == CLEAR and not parameters:
        return bytes([0x7F, CLEAR, 0x22]) if truth.engine_on else b"\x44"
    lists = {0x03: truth.stored_dtcs, 0x07: truth.pending_dtcs, 0x0A: extras.permanent_dtcs}
    if service in lists and not parameters:
        codes = lists[service]
        words = b"".join(map(encode_dtc, codes)) if unit.engine else b""
        return bytes([service | 0x40, len(words) // 2]) + words
    if len(parameters) != 1:
        return None
    if service == 0x01:
        data = _current(truth, unit, parameters[0], extras)
        return None if data is None else bytes([0x41, parameters[0]]) + data
    if service == 0x09 and parameters[0] == 0x02 and unit.engine:
        return b"\x49\x02\x01" + truth.vin.encode("ascii")
    return None


def _supported(truth: CarTruth, unit: Unit, extras: Extras) -> list[int]:
    if not unit.engine:
        return list(GEARBOX_PIDS)
    pids = list(ENGINE_PIDS)
    if truth.fuel_percent is not None:
        pids.append(0x2F)
    if extras.charge_percent is not None:
        pids.append(0x5B)
    if truth.odometer_km is not None:
        pids.append(0xA6)
    last = max(pids)
    return pids + [base for base in range(0x20, 0xE0, 0x20) if base < last]


def _current(truth: CarTruth, unit: Unit, pid: int, extras: Extras) -> bytes | None:
    supported = _supported(truth, unit, extras)
    if pid % 0x20 == 0:
        bits = sum(1 << (31 - (n - pid - 1)) for n in supported if pid < n <= pid + 0x20)
        return bits.to_bytes(4, "big") if bits or pid == 0 else None
    if pid not in supported:
        return None
    volts = CHARGING_V if truth.engine_on else truth.battery_v
    scaled: dict[int, tuple[float, int]] = {
        0x04: (51 if truth.engine_on else 0, 1),
        0x05: (130 if truth.engine_on else 60, 1),
        0x0C: (3000 if truth.engine_on else 0, 2),
        0x0D: (0, 1),
        0x0F: (60, 1),
        0x11: (30, 1),
        0x1F: (0, 2),
        0x21: (0, 2),
        0x2F: ((truth.fuel_percent or 0) * 255 / 100, 1),
        0x31: (min(truth.distance_since_clear_km, 65535), 2),
        0x42: (volts * 1000, 2),
        0x5B: ((extras.charge_percent or 0) * 255 / 100, 1),
        0xA6: ((truth.odometer_km or 0) * 10, 4),
    }
    if pid == 0x01:
        count = len(truth.stored_dtcs) if unit.engine else 0
        return bytes([(0x80 if count else 0) | count, 0x07, 0x65, 0x04])
    value, size = scaled[pid]
    return round(value).to_bytes(size, "big")


def encode_dtc(code: str) -> bytes:
    """The two bytes of a code such as P0133 (SAE J2012)."""
    number = int(code[1:], 16)
    return ("PCBU".index(code[0]) << 14 | number).to_bytes(2, "big")


def print_lines(replies: Frames, bus: Bus, *, headers: bool, spaces: bool) -> list[str]:
    """The lines an adapter prints for the payloads, the frames of several control units interleaved."""
    if not bus.can:
        legacy = ((unit, part) for unit, payload in replies for part in _legacy_parts(payload))
        return [_hex(_legacy_line(unit, part, bus) if headers else part, spaces) for unit, part in legacy]
    if not headers:
        return [line for _, payload in replies for line in _plain_lines(payload, spaces)]
    queues = [(unit, _can_frames(payload)) for unit, payload in replies]
    lines: list[str] = []
    for turn in range(max((len(frames) for _, frames in queues), default=0)):
        for unit, frames in queues:
            if turn < len(frames):
                lines.append(_can_line(unit, frames[turn], bus, spaces))
    return lines


def _can_line(unit: Unit, frame: bytes, bus: Bus, spaces: bool) -> str:
    if bus is Bus.CAN_11:
        return unit.can11 + (" " if spaces else "") + _hex(frame, spaces)
    return _hex(bytes.fromhex(unit.can29), spaces) + _hex(frame, spaces)


def _can_frames(payload: bytes) -> list[bytes]:
    if len(payload) <= 7:
        return [(bytes([len(payload)]) + payload).ljust(8, b"\0")]
    frames = [bytes([0x10 | len(payload) >> 8, len(payload) & 0xFF]) + payload[:6]]
    for n, at in enumerate(range(6, len(payload), 7), start=1):
        frames.append((bytes([0x20 | n & 0xF]) + payload[at : at + 7]).ljust(8, b"\0"))
    return frames


def _plain_lines(payload: bytes, spaces: bool) -> list[str]:
    if len(payload) <= 7:
        return [_hex(payload, spaces)]
    lines = [f"{len(payload):03X}", f"0:{_hex(payload[:6], spaces)}"]
    for n, at in enumerate(range(6, len(payload), 7), start=1):
        lines.append(f"{n & 0xF:X}:{_hex(payload[at : at + 7].ljust(7, bytes(1)), spaces)}")
    return lines


def _legacy_parts(payload: bytes) -> list[bytes]:
    """One to seven data bytes a line; long answers repeat service and parameter, then count."""
    if payload[0] in (0x43, 0x47, 0x4A):  # no count byte; three codes a line, empty slots of zeros
        codes = payload[2:]
        return [payload[:1] + codes[at : at + 6].ljust(6, b"\0") for at in range(0, max(len(codes), 1), 6)]
    if payload[0] == 0x49:
        text = payload[3:].rjust(20, b"\0")
        return [payload[:2] + bytes([n + 1]) + text[4 * n : 4 * n + 4] for n in range(5)]
    return [payload]


def _legacy_line(unit: Unit, part: bytes, bus: Bus) -> bytes:
    """Header, data, check byte: KWP has the length in its header (ISO 14230-2), J1850 a CRC instead of a sum."""
    first = bytes([0x80 | len(part), 0xF1]) if bus is Bus.KWP_FAST else b"\x48\x6b"
    line = first + bytes([unit.address]) + part
    return line + bytes([_crc8(line) if bus is Bus.J1850_VPW else sum(line) & 0xFF])


def _crc8(data: bytes) -> int:
    """SAE J1850: the remainder of the whole message by x^8 + x^4 + x^3 + x^2 + 1, preset and complemented."""
    value = int.from_bytes(data, "big") << 8 ^ 0xFF << 8 * len(data)
    for bit in reversed(range(8 * len(data))):
        if value >> bit + 8 & 1:
            value ^= 0x11D << bit
    return value ^ 0xFF


def _hex(data: bytes, spaces: bool) -> str:
    return data.hex(" ").upper() + " " if spaces else data.hex().upper()
