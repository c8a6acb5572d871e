"""From the lines of a reply to the messages of control units.

CAN: ISO 15765-2 reassembly a control unit, strict in what it takes: a single frame is as long as it says or
padded to eight bytes, consecutive frames count 1..F, 0, 1.. without a gap. Legacy protocols: three header
bytes and a checksum (SAE J1850 CRC-8; ISO 9141-2 and ISO 14230-2 sum). Whatever does not fit is dropped and
named; a message is whole or not there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum, StrEnum

from vehicle.obd.elm327 import Reply

_HEX = re.compile(r"(?:[0-9A-F]{2})+")
_COUNT = re.compile(r"[0-9A-F]{3}")
_NUMBERED = re.compile(r"([0-9A-F]):(.*)")
NEGATIVE = 0x7F
PENDING = 0x78
UNNAMED = "any"
"""The control unit of an answer without headers."""


class Framing(Enum):
    """How an adapter prints frames; headers are on in all but PLAIN."""

    PLAIN = "headers off"
    CAN11 = "CAN, 11-bit identifiers"
    CAN29 = "CAN, 29-bit identifiers"
    J1850 = "J1850, CRC-8"
    ISO = "ISO 9141-2 or KWP, sum of bytes"


FRAMINGS: dict[str, Framing] = {
    "1": Framing.J1850,
    "2": Framing.J1850,
    "3": Framing.ISO,
    "4": Framing.ISO,
    "5": Framing.ISO,
    "6": Framing.CAN11,
    "7": Framing.CAN29,
    "8": Framing.CAN11,
    "9": Framing.CAN29,
}
"""Framing by the protocol number that `AT DPN` prints."""


class Fault(StrEnum):
    """Why a line, or the message it belongs to, is not used."""

    MALFORMED = "not a frame"
    CHECKSUM = "wrong checksum"
    GAP = "frames missing or out of order"
    INCOMPLETE = "message cut"
    UNEXPECTED = "answers something else"


@dataclass(frozen=True, slots=True)
class Message:
    """A whole answer of one control unit; `payload` begins with the service byte (request service + 40
    hex)."""

    ecu: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """A negative response: the control unit, the service refused, and the code (ISO 14229-1, Annex A)."""

    ecu: str
    service: int
    code: int


@dataclass(frozen=True, slots=True)
class Answer:
    """All that control units said to one request. `waiting` are those that asked for time and never
    answered."""

    messages: tuple[Message, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    faults: tuple[Fault, ...] = ()
    waiting: tuple[str, ...] = ()


@dataclass(slots=True)
class _Assembly:
    """One ISO-TP message under way."""

    length: int
    data: bytearray
    sequence: int = 1


@dataclass(slots=True)
class _Collector:
    whole: list[Message] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    open: dict[str, _Assembly] = field(default_factory=dict)

    def start(self, ecu: str, frame: bytes) -> None:
        """A first frame: four bits of kind, twelve of length, six bytes."""
        if ecu in self.open:
            self.faults.append(Fault.INCOMPLETE)
        length = (frame[0] & 0x0F) << 8 | frame[1] if len(frame) == 8 else 0
        self.open.pop(ecu, None)
        if length < 8:
            self.faults.append(Fault.MALFORMED)
        else:
            self.open[ecu] = _Assembly(length, bytearray(frame[2:]))

    def go_on(self, ecu: str, frame: bytes) -> None:
        """A consecutive frame: four bits of kind, four of sequence, up to seven bytes."""
        under_way = self.open.get(ecu)
        if under_way is None or frame[0] & 0x0F != under_way.sequence:
            self.open.pop(ecu, None)
            self.faults.append(Fault.GAP)
            return
        wanted = min(7, under_way.length - len(under_way.data))
        if len(frame) - 1 not in (wanted, 7):
            del self.open[ecu]
            self.faults.append(Fault.MALFORMED)
            return
        under_way.data += frame[1 : 1 + wanted]
        under_way.sequence = (under_way.sequence + 1) & 0x0F
        if len(under_way.data) == under_way.length:
            self.whole.append(Message(ecu, bytes(under_way.data)))
            del self.open[ecu]

    def frame(self, ecu: str, frame: bytes) -> None:
        """One CAN frame's data, protocol control byte first."""
        kind = frame[0] >> 4
        if kind == 0:
            length = frame[0] & 0x0F
            if 1 <= length <= 7 and len(frame) - 1 in (length, 7):
                self.whole.append(Message(ecu, frame[1 : 1 + length]))
            else:
                self.faults.append(Fault.MALFORMED)
        elif kind == 1:
            self.start(ecu, frame)
        elif kind == 2:
            self.go_on(ecu, frame)
        else:
            self.faults.append(Fault.MALFORMED)

    def finish(self) -> None:
        self.faults.extend(Fault.INCOMPLETE for _ in self.open)
        self.open.clear()


def crc8_j1850(data: bytes) -> int:
    """SAE J1850, 5.4: polynomial 1D, preset FF, complemented."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x1D if crc & 0x80 else crc << 1) & 0xFF
    return crc ^ 0xFF


def parse_answer(reply: Reply, request: str, framing: Framing) -> Answer:
    """The messages in `reply` that answer `request` (hexadecimal digits, service first), in order of arrival.

    Whatever the lines are, it does not raise: what is no frame, or answers another request, becomes a fault.
    Raises ValueError for a request that is not hexadecimal.
    """
    asked = bytes.fromhex(request[: len(request) & ~1])
    if not asked:
        raise ValueError("a request has at least a service")
    collector = _Collector()
    if framing is Framing.PLAIN:
        _collect_plain(reply.lines, collector)
    elif framing in (Framing.CAN11, Framing.CAN29):
        _collect_can(reply.lines, collector, digits=3 if framing is Framing.CAN11 else 8)
    else:
        _collect_legacy(reply.lines, collector, framing)
    collector.finish()
    collector.faults.extend(Fault.CHECKSUM for _ in range(reply.dropped))
    return _sort_out(collector, asked, framing)


def _collect_can(lines: tuple[str, ...], collector: _Collector, digits: int) -> None:
    for line in lines:
        bare = line.replace(" ", "").upper()
        ecu, rest = bare[:digits], bare[digits:]
        if not _HEX.fullmatch(rest) or len(rest) > 16 or not _is_response_id(ecu):
            collector.faults.append(Fault.MALFORMED)
        else:
            collector.frame(ecu, bytes.fromhex(rest))


def _is_response_id(ecu: str) -> bool:
    """Identifiers of OBD answers (ISO 15765-4, 6.3): 7E8 to 7EF, or 18DAF1 and the control unit's address."""
    if len(ecu) == 3:
        return "7E8" <= ecu <= "7EF" and ecu[2] in "89ABCDEF"
    return ecu.startswith("18DAF1") and _HEX.fullmatch(ecu) is not None


def _collect_legacy(lines: tuple[str, ...], collector: _Collector, framing: Framing) -> None:
    for line in lines:
        bare = line.replace(" ", "").upper()
        if not _HEX.fullmatch(bare) or len(bare) < 10:
            collector.faults.append(Fault.MALFORMED)
            continue
        frame = bytes.fromhex(bare)
        check = crc8_j1850(frame[:-1]) if framing is Framing.J1850 else sum(frame[:-1]) & 0xFF
        if check != frame[-1]:
            collector.faults.append(Fault.CHECKSUM)
        else:
            collector.whole.append(Message(f"{frame[2]:02X}", frame[3:-1]))


def _collect_plain(lines: tuple[str, ...], collector: _Collector) -> None:
    """Headers off: a message a line, or a byte count and then numbered lines, which are ISO-TP frames without
    their protocol control bytes."""
    length = 0
    for line in lines:
        bare = line.replace(" ", "").upper()
        numbered = _NUMBERED.fullmatch(bare)
        if _COUNT.fullmatch(bare):
            length = int(bare, 16)
        elif numbered and _HEX.fullmatch(numbered[2]):
            number, data = int(numbered[1], 16), bytes.fromhex(numbered[2])
            if length and number == 0:
                collector.start(UNNAMED, length.to_bytes(2, "big") + data)
                length = 0
            else:
                collector.go_on(UNNAMED, bytes([number]) + data)
        elif _HEX.fullmatch(bare):
            collector.whole.append(Message(UNNAMED, bytes.fromhex(bare)))
        else:
            collector.faults.append(Fault.MALFORMED)


def _sort_out(collector: _Collector, request: bytes, framing: Framing) -> Answer:
    """Tell answers from refusals and from what answers another request; join the lines of legacy
    protocols."""
    service, asked_for = request[0], request[1:]
    messages: list[Message] = []
    refusals: list[Refusal] = []
    waiting: list[str] = []
    for message in collector.whole:
        payload = message.payload
        if payload[0] == NEGATIVE and len(payload) == 3 and payload[1] == service:
            if payload[2] == PENDING:
                waiting.append(message.ecu)
            else:
                refusals.append(Refusal(message.ecu, service, payload[2]))
        elif payload[0] != service | 0x40 or (
            asked_for and (len(payload) < 2 or payload[1] not in asked_for)
        ):
            collector.faults.append(Fault.UNEXPECTED)
        else:
            messages.append(message)
    answered = {message.ecu for message in messages} | {refusal.ecu for refusal in refusals}
    if framing not in (Framing.CAN11, Framing.CAN29):
        messages = _join_lines(messages, service, collector.faults)
    return Answer(
        tuple(messages),
        tuple(refusals),
        tuple(collector.faults),
        tuple(ecu for ecu in waiting if ecu not in answered),
    )


def _join_lines(messages: list[Message], service: int, faults: list[Fault]) -> list[Message]:
    """Legacy protocols repeat service and parameter on each line of a long answer of service 09, then count
    from 1. Joined here, such an answer looks as on CAN: service, parameter, 01, data."""
    if service != 0x09:
        return messages
    by_ecu: dict[str, list[bytes]] = {}
    for message in messages:
        by_ecu.setdefault(message.ecu, []).append(message.payload)
    joined: list[Message] = []
    for ecu, lines in by_ecu.items():
        if len(lines) == 1:
            joined.append(Message(ecu, lines[0]))
        elif [line[2:3] for line in lines] == [bytes([n & 0xFF]) for n in range(1, len(lines) + 1)]:
            joined.append(Message(ecu, lines[0][:3] + b"".join(line[3:] for line in lines)))
        else:
            faults.append(Fault.GAP)
    return joined
