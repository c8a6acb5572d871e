"""Replies for python-OBD and our parser to read: golden ones, ELM327-emulator's, generated and damaged ones.

All are printed with headers, since python-OBD reads no others.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from emulated_adapter import EmulatedAdapter

from vehicle.obd.elm327 import ReplyStream
from vehicle.obd.explained import framing_of
from vehicle.obd.frames import Framing, crc8_j1850
from vehicle.obd.pids import PIDS, Form, Pid

GOLDEN = Path(__file__).parent.parent / "golden"
CAN11, CAN29, J1850, ISO = "6", "7", "2", "3"
BUSES = (CAN11, CAN29, J1850, ISO)
PROTOCOLS = {Framing.CAN11: CAN11, Framing.CAN29: CAN29, Framing.J1850: J1850, Framing.ISO: ISO}
UNITS = {CAN11: ("7E8", "7E9"), CAN29: ("18DAF110", "18DAF118"), J1850: ("10", "18"), ISO: ("10", "18")}
VIN = b"1D4GP00R55B123456"
PATTERNS = ("00", "FF", "80", "7F", "0180", "80FF", "FE01", "A55A")
"""Repeated over the bytes of a parameter: the ends of ranges, signs, and bytes that differ."""
UNKNOWN_TO_PYTHON_OBD = tuple(
    pid for pid in PIDS if pid in (0x60, 0x80, 0xA0, 0xC0) or 0x61 <= pid <= 0x8E or pid in (0xA2, 0xA6)
)
"""Parameters for which python-OBD has no command."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What was asked and printed; `protocol` is the number that `AT DPN` prints."""

    name: str
    protocol: str
    request: str
    printed: str


def corpus(patch: pytest.MonkeyPatch) -> list[Exchange]:
    found = [
        *_golden(),
        *_drive(),
        *_emulated(patch),
        *_parameters(),
        *_words(),
        *_lists(),
        *_texts(),
        *_damaged(),
    ]
    assert len({each.name for each in found}) == len(found)
    return found


# -- printing


def lines(bus: str, unit: int, payload: bytes, *, padding: int = 0) -> list[str]:
    """A payload as an adapter prints it."""
    ecu = UNITS[bus][unit]
    if bus in (CAN11, CAN29):
        return [f"{ecu} {frame.hex(' ').upper()}" for frame in _can_frames(payload, padding)]
    header = bytes((0x48, 0x6B, int(ecu, 16)))
    return [_checked(bus, header + piece) for piece in _legacy_pieces(payload)]


def _can_frames(payload: bytes, padding: int) -> Iterator[bytes]:
    if len(payload) < 8:
        yield (bytes([len(payload)]) + payload).ljust(8, bytes([padding]))
        return
    yield (0x1000 | len(payload)).to_bytes(2, "big") + payload[:6]
    for number, at in enumerate(range(6, len(payload), 7), 1):
        yield (bytes([0x20 | number & 0x0F]) + payload[at : at + 7]).ljust(8, bytes([padding]))


def _legacy_pieces(payload: bytes) -> Iterator[bytes]:
    """Codes come six bytes a line without a count, texts four a line with a counter, the first padded in front."""
    service = payload[0]
    if service in (0x43, 0x47):
        codes = payload[2:] or b"\0\0"
        for at in range(0, len(codes), 6):
            yield payload[:1] + codes[at : at + 6].ljust(6, b"\0")
    elif service == 0x49:
        text = payload[3:]
        text = text.rjust(-(-len(text) // 4) * 4, b"\0")
        for number, at in enumerate(range(0, len(text), 4), 1):
            yield payload[:2] + bytes([number]) + text[at : at + 4]
    else:
        yield payload


def _checked(bus: str, frame: bytes) -> str:
    check = crc8_j1850(frame) if bus == J1850 else sum(frame) & 0xFF
    return bytes([*frame, check]).hex(" ").upper()


def exchange(name: str, bus: str, request: str, printed: Sequence[str]) -> Exchange:
    return Exchange(name, bus, request, "\r".join(printed) + "\r\r>")


# -- where they come from


def _golden() -> Iterator[Exchange]:
    for entry in json.loads((GOLDEN / "elm327-vectors.json").read_text()):
        text, request = entry.get("reply_ascii", ""), entry.get("request_ascii", "").strip()
        protocol = PROTOCOLS.get(framing_of(text.rstrip("\r>").split("\r")))
        if "error" in entry["decoded"] and not request.startswith("AT"):
            protocol = protocol or CAN11  # an error line looks the same on every bus
        if protocol is not None:
            yield Exchange(f"golden: {entry['name']}", protocol, request, text)


def _drive() -> Iterator[Exchange]:
    """Each request of the recorded drive once."""
    seen: dict[str, None] = {}
    for line in (GOLDEN / "obd-drive-1.jsonl").read_text().splitlines()[1:]:
        entry = json.loads(line)
        if entry["request"] not in seen:
            seen[entry["request"]] = None
            yield Exchange(f"drive: {entry['request']}", CAN11, entry["request"], entry["reply"])


def _emulated(patch: pytest.MonkeyPatch) -> Iterator[Exchange]:
    """What the cars of ELM327-emulator answer to every request that both know."""
    requests = [row.request for row in PIDS.values() if row.pid not in UNKNOWN_TO_PYTHON_OBD]
    for car in ("car", "default"):
        device = EmulatedAdapter(car, patch)
        for command in ("ATZ", "ATE0", "ATH1", "ATSP6", *requests, "03", "07", "0902", "0904"):
            device.receive(command.encode() + b"\r", 0.0)
            stream = ReplyStream()
            (text,) = stream.feed(device.take(float("inf")))
            if not command.startswith("AT") and text is not None:
                yield Exchange(f"emulator {car}: {command}", CAN11, command, text.decode("latin-1") + ">")


def _parameters() -> Iterator[Exchange]:
    """Every parameter at the ends of its range and between, each bus in turn; sometimes from two control units."""
    turn = 0
    for row in PIDS.values():
        if row.pid in UNKNOWN_TO_PYTHON_OBD or row.form is Form.WORD:
            continue
        for pattern in PATTERNS:
            turn += 1
            yield _parameter(row, _filled(pattern, row.size), BUSES[turn % len(BUSES)], pattern, turn)


def _parameter(row: Pid, data: bytes, bus: str, name: str, turn: int) -> Exchange:
    payload = bytes([0x41, row.pid]) + data
    printed = lines(bus, 0, payload, padding=(0x00, 0xAA, 0x55, 0xCC)[turn % 4])
    if turn % 7 == 0:
        printed += lines(bus, 1, payload)
    if turn % 3 == 0:
        printed = [line.replace(" ", "") for line in printed]
    return exchange(f"{row.request} {name}", bus, row.request, printed)


def _filled(pattern: str, size: int) -> bytes:
    return (bytes.fromhex(pattern) * size)[:size]


def _words() -> Iterator[Exchange]:
    for row in PIDS.values():
        if row.form is not Form.WORD:
            continue
        top = max(row.words) + 2
        numbers = sorted({*row.words, *range(min(top, 64)), 0x20, 0x80, 0xFF})
        for number in numbers:
            data = bytes([number]).ljust(row.size, b"\0")
            yield _parameter(row, data, CAN11, f"{number:02X}", 1)


def _lists() -> Iterator[Exchange]:
    words = bytes.fromhex("0133 D016 1131 4123 8003 0420 3FFF".replace(" ", ""))
    for bus in BUSES:
        for request in ("03", "07"):
            for count in (0, 1, 2, 3, 4, 7):
                payload = bytes([int(request, 16) | 0x40, count]) + words[: 2 * count]
                name = f"{request} {count} codes, bus {bus}"
                yield exchange(name, bus, request, lines(bus, 0, payload))
            one = lines(bus, 0, bytes([int(request, 16) | 0x40, 3]) + words[:6])
            other = lines(bus, 1, bytes([int(request, 16) | 0x40, 2]) + words[6:10])
            yield exchange(f"{request} two units, bus {bus}", bus, request, other + one)
            mixed = [line for pair in zip(one, other * 2, strict=False) for line in pair][
                : len(one) + len(other)
            ]
            yield exchange(f"{request} two units in turn, bus {bus}", bus, request, mixed)


def _texts() -> Iterator[Exchange]:
    for bus in BUSES:
        yield exchange(f"0902, bus {bus}", bus, "0902", lines(bus, 0, b"\x49\x02\x01" + VIN))
        two = lines(bus, 0, b"\x49\x02\x01" + VIN) + lines(bus, 1, b"\x49\x02\x01" + VIN[::-1])
        yield exchange(f"0902 two units, bus {bus}", bus, "0902", two)
        calibration = b"\x49\x04\x01" + b"37805-RAA-A25".ljust(16, b"\0")
        yield exchange(f"0904, bus {bus}", bus, "0904", lines(bus, 0, calibration))
        waits = lines(bus, 0, bytes.fromhex("7F0978")) + lines(bus, 0, b"\x49\x02\x01" + VIN)
        yield exchange(f"0902 after pending, bus {bus}", bus, "0902", waits)
        waits = lines(bus, 0, bytes.fromhex("7F0178")) + lines(bus, 0, bytes.fromhex("410C1AF8"))
        yield exchange(f"010C after pending, bus {bus}", bus, "010C", waits)


def _damaged() -> Iterator[Exchange]:
    speed = bytes.fromhex("410C1AF8")
    for bus in BUSES:
        whole = lines(bus, 0, speed)
        for code in ("11", "12", "22", "31"):
            refused = lines(bus, 0, bytes.fromhex("7F01" + code))
            yield exchange(f"010C refused {code}, bus {bus}", bus, "010C", refused)
        yield exchange(f"010C answers 010D, bus {bus}", bus, "010C", lines(bus, 0, bytes.fromhex("410D37")))
        yield exchange(f"010C twice, bus {bus}", bus, "010C", whole * 2)
        yield exchange(f"010C searching, bus {bus}", bus, "010C", ["SEARCHING...", *whole])
        yield exchange(f"010C searching on the line, bus {bus}", bus, "010C", [f"SEARCHING...{whole[0]}"])
        yield exchange(f"010C echoed, bus {bus}", bus, "010C", ["010C", *whole])
        yield exchange(f"010C cut by a nibble, bus {bus}", bus, "010C", [whole[0][:-1]])
        yield exchange(f"010C marked, bus {bus}", bus, "010C", [whole[0] + " <DATA ERROR"])
        vin = lines(bus, 0, b"\x49\x02\x01" + VIN)
        yield exchange(f"0902 a line lost, bus {bus}", bus, "0902", [vin[0], *vin[2:]])
        yield exchange(f"0902 the end lost, bus {bus}", bus, "0902", vin[:-1])
        yield exchange(f"0902 the start lost, bus {bus}", bus, "0902", vin[1:])
        yield exchange(f"0902 a line twice, bus {bus}", bus, "0902", [*vin[:2], *vin[1:]])
        yield exchange(f"0902 out of order, bus {bus}", bus, "0902", [vin[0], vin[2], vin[1], *vin[3:]])
    for bus in (CAN11, CAN29):
        ecu = UNITS[bus][0]
        yield exchange(f"010C shorter than it says, bus {bus}", bus, "010C", [f"{ecu} 05 41 0C 41 C2"])
        yield exchange(f"010C of no length, bus {bus}", bus, "010C", [f"{ecu} 00 41 0C 41 C2"])
        yield exchange(
            f"03 fewer codes than counted, bus {bus}", bus, "03", [f"{ecu} 04 43 02 01 33 00 00 00"]
        )
        yield exchange(f"03 odd code, bus {bus}", bus, "03", [f"{ecu} 05 43 02 01 33 01 00 00"])
        many = b"".join(b"37805-RAA-A%d" % number + bytes(3) for number in range(40, 48))
        yield exchange(f"0904 eight of them, bus {bus}", bus, "0904", lines(bus, 0, b"\x49\x04\x08" + many))
        tester = "7DF" if bus == CAN11 else "18DB33F1"
        yield exchange(f"010C not from a car, bus {bus}", bus, "010C", [f"{tester} 04 41 0C 1A F8"])
    for bus in (J1850, ISO):
        yield exchange(f"010C wrong checksum, bus {bus}", bus, "010C", ["48 6B 10 41 0C 1A F8 00"])
        yield exchange(
            f"010C too long, bus {bus}", bus, "010C", [_checked(bus, bytes.fromhex("486B10410C1AF800"))]
        )
        yield exchange(
            f"010C too short, bus {bus}", bus, "010C", [_checked(bus, bytes.fromhex("486B10410C1A"))]
        )
