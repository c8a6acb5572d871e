"""From the lines of a reply to the messages of control units.

CAN: ISO 15765-2 reassembly a control unit, strict in what it takes: a single frame is as long as it says or
padded to eight bytes, consecutive frames count 1..F, 0, 1.. without a gap. Legacy protocols: three header
bytes and a checksum (SAE J1850 CRC-8; ISO 9141-2 and ISO 14230-2 sum). Whatever does not fit is dropped and
named; a message is whole or not there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, StrEnum
from functools import lru_cache
from typing import NamedTuple

from vehicle.obd.elm327 import Reply

_HEX = re.compile(r"(?:[0-9A-F]{2})+")
_COUNT = re.compile(r"[0-9A-F]{3}")
_NUMBERED = re.compile(r"([0-9A-F]):(.*)")
NEGATIVE = 0x7F
PENDING = 0x78
INFORMATION = 0x09
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
_CAN_FRAMES: dict[Framing, re.Pattern[str]] = {
    Framing.CAN11: re.compile(r"(7E[89A-F])([0-9A-F]{2,16})"),
    Framing.CAN29: re.compile(r"(18DAF1[0-9A-F]{2})([0-9A-F]{2,16})"),
}
"""Frames of OBD answers with their identifiers (ISO 15765-4, 6.3): 7E8 to 7EF, or 18DAF1 and the unit's address."""


class Fault(StrEnum):
    """Why a line, or the message it belongs to, is not used."""

    MALFORMED = "not a frame"
    CHECKSUM = "wrong checksum"
    GAP = "frames missing or out of order"
    INCOMPLETE = "message cut"
    UNEXPECTED = "answers something else"


class Message(NamedTuple):  # and no dataclass, as `Answer`: they take three times as long to make
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


class Answer(NamedTuple):
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


class _Collector:
    """Takes frames and sorts what control units said: answers to the request, and the rest."""

    __slots__ = ("_answer", "_parameters", "_service", "faults", "messages", "open", "refusals", "waiting")

    def __init__(self, request: bytes) -> None:
        self._service = request[0]
        self._answer = request[0] | 0x40
        self._parameters = request[1:]
        self.messages: list[Message] = []
        self.refusals: list[Refusal] = []
        self.faults: list[Fault] = []
        self.waiting: list[str] = []
        self.open: dict[str, _Assembly] = {}

    def said(self, ecu: str, payload: bytes) -> None:
        """A whole payload: tell an answer from a refusal and from what answers another request."""
        first, asked = payload[0], self._parameters
        if first == self._answer:
            if not asked or (len(payload) > 1 and payload[1] in asked):
                self.messages.append(Message(ecu, payload))
                return
        elif first == NEGATIVE and len(payload) == 3 and payload[1] == self._service:
            if payload[2] == PENDING:
                self.waiting.append(ecu)
            else:
                self.refusals.append(Refusal(ecu, payload[1], payload[2]))
            return
        self.faults.append(Fault.UNEXPECTED)

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
            self.said(ecu, bytes(under_way.data))
            del self.open[ecu]

    def part(self, ecu: str, frame: bytes) -> None:
        """One CAN frame of several, protocol control byte first."""
        kind = frame[0] >> 4
        if kind == 1:
            self.start(ecu, frame)
        elif kind == 2:
            self.go_on(ecu, frame)
        else:
            self.faults.append(Fault.MALFORMED)


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
    asked = _asked(request)
    collector = _Collector(asked)
    form = _CAN_FRAMES.get(framing)
    if form is not None:
        _collect_can(reply.lines, collector, form)
    elif framing is Framing.PLAIN:
        _collect_plain(reply.lines, collector)
    else:
        _collect_legacy(reply.lines, collector, framing)
    if collector.open or reply.dropped:
        collector.faults += [Fault.INCOMPLETE] * len(collector.open) + [Fault.CHECKSUM] * reply.dropped
    if form is None and asked[0] == INFORMATION:
        collector.messages = _join_lines(collector.messages, collector.faults)
    return _answer(collector)


@lru_cache(maxsize=512)
def _asked(request: str) -> bytes:
    """The bytes of a request; an odd digit at its end counts replies. The same few are sent again and again."""
    asked = bytes.fromhex(request[: len(request) & ~1])
    if not asked:
        raise ValueError("a request has at least a service")
    return asked


def _answer(found: _Collector) -> Answer:
    if found.waiting:
        answered = [each.ecu for each in found.messages] + [each.ecu for each in found.refusals]
        found.waiting = [ecu for ecu in found.waiting if ecu not in answered]
    return Answer(tuple(found.messages), tuple(found.refusals), tuple(found.faults), tuple(found.waiting))


def _collect_can(lines: tuple[str, ...], collector: _Collector, form: re.Pattern[str]) -> None:
    for line in lines:
        found = form.fullmatch(line) or form.fullmatch(line.replace(" ", "").upper())
        if found is None:
            collector.faults.append(Fault.MALFORMED)
            continue
        ecu, digits = found.groups()
        if len(digits) & 1:
            collector.faults.append(Fault.MALFORMED)
            continue
        frame = bytes.fromhex(digits)
        length = frame[0]
        if 1 <= length <= 7 and (
            len(frame) == 8 or len(frame) == 1 + length
        ):  # a single frame: the commonest
            collector.said(ecu, frame[1 : 1 + length])
        else:
            collector.part(ecu, frame)


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
            collector.said(f"{frame[2]:02X}", frame[3:-1])


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
            collector.said(UNNAMED, bytes.fromhex(bare))
        else:
            collector.faults.append(Fault.MALFORMED)


def _join_lines(messages: list[Message], faults: list[Fault]) -> list[Message]:
    """Legacy protocols repeat service and parameter on each line of a long answer of service 09, then count
    from 1. Joined here, such an answer looks as on CAN: service, parameter, 01, data."""
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
