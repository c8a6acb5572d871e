"""RDM6300: a 125 kHz module that only talks, one to a port (9600 8N1), repeating a fob's number while it lies there.

Sources: mad-tinkerer/python-rdm6300 (tests), arduino12/rdm6300, Seeed's wiki page 125Khz_RFID_module-UART. It never
says that a fob is gone, and is silent without one: a dead module cannot be told from an empty slot. Never tried on
hardware.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import xor
from typing import ClassVar

from keycabinet.decoding import Direction, Explanation, Part, WireProtocol
from keycabinet.errors import BadChecksum, LinkLost, LyingLength, NotAFrame, WiringError
from keycabinet.errors import Problem as ConfigProblem
from keycabinet.exchange import Priority
from keycabinet.fobs import Fob, FobKind
from keycabinet.line import Line
from keycabinet.protocols.framing import Hunter

PROTOCOL = "rdm6300"
START, END, SIZE = 0x02, 0x03, 14
WINDOW_S = 0.4
"""Silence after which no fob is there; it repeats every 65 ms."""
_HEX = frozenset(b"0123456789ABCDEF")


@dataclass(frozen=True, slots=True)
class Card:
    """What it says: a version (or customer) byte and the number."""

    version: int
    number: int

    @property
    def fob(self) -> Fob:
        return Fob(FobKind.EM, f"{self.number:08X}")

    def encode(self) -> bytes:
        """Its frame."""
        raw = bytes((self.version,)) + self.number.to_bytes(4, "big")
        digits = f"{raw.hex()}{reduce(xor, raw):02x}".upper().encode("ascii")
        return bytes((START,)) + digits + bytes((END,))


def open_frame(device: str, frame: bytes) -> Card:
    """A whole frame taken apart; LyingLength, NotAFrame or BadChecksum."""
    if len(frame) != SIZE:
        raise LyingLength(device, f"{len(frame)} bytes; a frame has {SIZE}")
    if frame[0] != START or frame[-1] != END or not _HEX.issuperset(frame[1:-1]):
        raise NotAFrame(device, "it is not 02, twelve upper-case hexadecimal digits, 03")
    raw = bytes.fromhex(frame[1:-1].decode("ascii"))
    right = reduce(xor, raw[:5])
    if right != raw[5]:
        raise BadChecksum(device, f"the check value is {raw[5]:02X}, of these bytes it would be {right:02X}")
    return Card(raw[0], int.from_bytes(raw[1:5], "big"))


class Rdm6300Framing:
    """02, twelve digits, 03."""

    longest: ClassVar[int] = SIZE

    def lengths(self, buffer: bytes, offset: int) -> Sequence[int]:
        """Always 14, as long as the digits are digits."""
        digits = buffer[offset + 1 : offset + SIZE - 1]
        return (SIZE,) if buffer[offset] == START and _HEX.issuperset(digits) else ()

    def fits(self, frame: bytes) -> bool:
        """End byte and XOR."""
        return frame[-1] == END and not reduce(xor, bytes.fromhex(frame[1:-1].decode("ascii")))


FRAMING = Rdm6300Framing()


class Rdm6300Reader:
    """The module on a line of its own."""

    def __init__(self, line: Line, label: str) -> None:
        if not line.half_duplex:
            raise WiringError(
                label, [ConfigProblem(("line",), line.name, "a serial line, or bytes carried by TCP")]
            )
        self.name = label
        self._line = line
        self._hunter = Hunter(FRAMING)
        self._frame_s = SIZE * line.url.character_s
        self._waiting: list[tuple[float, asyncio.Future[Fob]]] = []
        line.listen(self._hear)

    def _hear(self, data: bytes) -> None:
        now = asyncio.get_running_loop().time()
        for frame in self._hunter.feed(data):
            fob = open_frame(self.name, frame).fob
            for since, waiting in self._waiting:
                if not waiting.done() and now - since >= self._frame_s:
                    waiting.set_result(fob)

    async def verify(self) -> str:
        """Nothing to ask; LinkLost while its line is down."""
        self._check_line()
        return "listens only"

    async def read(self, priority: int = Priority.POLL) -> tuple[Fob, ...]:
        """The fob it names within `WINDOW_S` from now on, or none. LinkLost while its line is down."""
        self._check_line()
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[Fob] = loop.create_future()
        entry = (loop.time(), waiting)
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(WINDOW_S):
                return (await waiting,)
        except TimeoutError:
            self._check_line()
            return ()
        finally:
            self._waiting.remove(entry)

    def _check_line(self) -> None:
        if not self._line.connected:
            raise LinkLost(self.name, f"line {self._line.name} is down")


def _explain(frame: bytes, _asked: bytes | None) -> Explanation:
    card = open_frame(PROTOCOL, frame)
    parts = (
        Part("start", frame[:1], ""),
        Part("version", frame[1:3], f"{card.version:02X}"),
        Part("number", frame[3:11], f"{card.number:08X} ({card.number})"),
        Part("check", frame[11:13], "right"),
        Part("end", frame[13:], ""),
    )
    summary = f"card {card.number} (id {card.number:08X}, version {card.version:02X})"
    return Explanation(PROTOCOL, Direction.REPLY, summary, parts, card.encode())


PROTOCOLS = (WireProtocol(PROTOCOL, "RDM6300 125 kHz modules", _explain),)
