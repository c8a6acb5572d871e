"""125 kHz readers with an ASCII protocol, up to eight on one RS-485 line, as a rule one at each slot.

Source: JSC-TechMinds/rfid-reader (the vendor's rfid-reader-protocol-description.pdf, and tests). The serial settings
disagree: 19200 8E1 in the protocol's text, 9600 8N1 in an importer's sheet; both can be set in the line's URL. The
text (a rough translation) says that a reader keeps a card until function F has fetched it, so that what is fetched may
be old: a fob counts when it is read a second time. Never tried on hardware.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import ClassVar

from keycabinet.decoding import Direction, Explanation, Part, WireProtocol
from keycabinet.errors import BadChecksum, ForeignReply, LyingLength, NotAFrame, WrongReply
from keycabinet.exchange import Device, Priority
from keycabinet.fobs import Fob, FobKind
from keycabinet.line import Line
from keycabinet.protocols.framing import Conversation

PROTOCOL = "rs485-125k-ascii"
TO_READER, TO_HOST, TYPE, END = 0x09, 0x0A, 0x41, 0x0D
ADDRESSES = range(1, 9)
ANYBODY = "X"
FUNCTIONS = {
    "B": "read serial number",
    "C": "set id",
    "D": "read id",
    "F": "read card",
    "G": "read card again",
}
MAX_DATA = 9
REPLY_TIMEOUT_S = 0.1
REREAD_S = 0.1
"""How long a reader gets to find the card again that was just fetched."""
_HEX = b"0123456789ABCDEF"


@dataclass(frozen=True, slots=True)
class Message:
    """One frame taken apart; `address` is "1" to "8", or "X" for whoever has the serial number in `data`."""

    to_reader: bool
    address: str
    function: str
    data: str = ""

    def encode(self) -> bytes:
        """Its frame."""
        start = TO_READER if self.to_reader else TO_HOST
        body = bytes((start, TYPE)) + (self.address + self.function + self.data).encode("ascii")
        return body + b"%02X" % reduce(xor, body) + bytes((END,))


def open_frame(device: str, frame: bytes) -> Message:
    """A whole frame taken apart; NotAFrame, LyingLength or BadChecksum."""
    if len(frame) < 7:
        raise LyingLength(device, f"{len(frame)} bytes; the shortest frame has 7")
    if frame[0] not in (TO_READER, TO_HOST) or frame[1] != TYPE or frame[-1] != END:
        raise NotAFrame(device, "it does not begin with 09 or 0A and 'A', or not end with 0D")
    body, bcc, data = frame[:-3], frame[-3:-1], frame[4:-3]
    right = b"%02X" % reduce(xor, body)
    if bcc != right:
        raise BadChecksum(
            device,
            f"the BCC is {bcc.decode('ascii', 'replace')}, of these bytes it would be {right.decode()}",
        )
    if frame[2:3] not in (b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"8", b"X"):
        raise NotAFrame(device, f"id {frame[2]:02X}; readers have '1' to '8'")
    if frame[3:4].decode("latin-1") not in FUNCTIONS:
        raise NotAFrame(device, f"function {frame[3]:02X} is none of {', '.join(FUNCTIONS)}")
    if len(data) > MAX_DATA or not all(byte in _HEX for byte in data):
        raise NotAFrame(device, f"data of {len(data)} bytes, up to {MAX_DATA} hexadecimal digits expected")
    return Message(frame[0] == TO_READER, chr(frame[2]), chr(frame[3]), data.decode("ascii"))


def fob_of(text: str) -> Fob | None:
    """The fob of a card text: '0' and eight hexadecimal digits, or fewer; None for no card."""
    return Fob(FobKind.EM, text.rjust(8, "0")[-8:]) if text else None


class AsciiFraming:
    """A start byte, 'A', and everything up to 0D."""

    longest: ClassVar[int] = 7 + MAX_DATA

    def lengths(self, buffer: bytes, offset: int) -> Sequence[int]:
        """As far as the next 0D."""
        if buffer[offset] != TO_HOST:
            return ()
        if len(buffer) > offset + 1 and buffer[offset + 1] != TYPE:
            return ()
        end = buffer.find(END, offset, offset + self.longest)
        size = (end if end >= 0 else len(buffer)) - offset + 1
        return (size,) if size <= self.longest else ()

    def fits(self, frame: bytes) -> bool:
        """The BCC, two digits over everything before it."""
        return len(frame) >= 7 and frame[-3:-1] == b"%02X" % reduce(xor, frame[:-3])


FRAMING = AsciiFraming()


class AsciiReader:
    """One reader; address 1 to 8."""

    def __init__(self, line: Line, address: int, label: str) -> None:
        if address not in ADDRESSES:
            raise ValueError(f"{label}: readers have addresses 1 to 8, not {address}")
        self.name = label
        self._line = line
        self._address = str(address)
        self._device = Device(label, reply_timeout_s=REPLY_TIMEOUT_S)

    async def verify(self) -> str:
        """Ask its serial number."""
        return f"serial number {await self._ask('B', Priority.COMMAND)}"

    async def read(self, priority: int = Priority.POLL) -> tuple[Fob, ...]:
        """The fob in its field now: what it kept is fetched and dropped, and what it finds after that counts."""
        if not await self._ask("F", priority):
            return ()
        await asyncio.sleep(REREAD_S)
        fob = fob_of(await self._ask("F", priority))
        return () if fob is None else (fob,)

    async def _ask(self, function: str, priority: int) -> str:
        def judge(frame: bytes) -> Message:
            message = open_frame(self.name, frame)
            if message.address != self._address:
                raise _foreign(self.name, self._address, message.address)
            if message.function != function:
                raise WrongReply(self.name, f"function {function} was asked, {message.function} answered")
            return message

        request = Message(True, self._address, function).encode()
        reader = Conversation(self.name, FRAMING, FRAMING.longest, judge)
        return (await self._line.submit(self._device, request, reader, priority)).data


def _foreign(device: str, asked: str, answered: str) -> ForeignReply | WrongReply:
    if asked.isdigit() and answered.isdigit():
        return ForeignReply(device, int(asked), int(answered))
    return WrongReply(device, f"id {asked} was asked, {answered} answered")


def _explain(frame: bytes, message: Message, direction: Direction) -> Explanation:
    means = message.data
    if message.function in "FG" and direction is Direction.REPLY:
        means = str(fob_of(message.data) or "no card")
    parts = [
        Part("start", frame[:1], "to the reader" if message.to_reader else "to the host"),
        Part("type", frame[1:2], "A"),
        Part(
            "id",
            frame[2:3],
            "whoever has this serial number" if message.address == ANYBODY else message.address,
        ),
        Part("function", frame[3:4], FUNCTIONS[message.function]),
        *([Part("data", frame[4:-3], means)] if message.data else []),
        Part("BCC", frame[-3:-1], "right"),
        Part("end", frame[-1:], ""),
    ]
    summary = f"reader {message.address}: {FUNCTIONS[message.function]}{f': {means}' if means else ''}"
    return Explanation(PROTOCOL, direction, summary, tuple(parts), message.encode())


def _explain_request(frame: bytes) -> Explanation:
    message = open_frame(PROTOCOL, frame)
    if not message.to_reader:
        raise NotAFrame(PROTOCOL, "it begins with 0A: a reader sent it")
    return _explain(frame, message, Direction.REQUEST)


def _explain_reply(frame: bytes, asked: bytes | None) -> Explanation:
    message = open_frame(PROTOCOL, frame)
    if message.to_reader:
        raise NotAFrame(PROTOCOL, "it begins with 09: a host sent it")
    if asked is not None:
        question = open_frame(PROTOCOL, asked)
        if question.address != message.address:
            raise _foreign(PROTOCOL, question.address, message.address)
        if question.function != message.function:
            raise WrongReply(PROTOCOL, f"function {question.function} was asked, {message.function} answered")
    return _explain(frame, message, Direction.REPLY)


PROTOCOLS = (WireProtocol(PROTOCOL, "125 kHz readers, ASCII on RS-485", _explain_reply, _explain_request),)
