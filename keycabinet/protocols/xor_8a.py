"""The 8A lock board: 485 lock control boards of 2 to 50 locks, head 8A or 80, XOR check value, 9600 8N1.

Sources: Guangzhou Shuoming, "485 lock control board protocol" (2024A1, and a 24-way edition of 2021); captures of an
8-way board in Open-Locker (docs/adr/0061 and docs/rs485-locker-board-pr-adjustment-plan.md).

A frame: head, board (from 1), lock (from 1; 0 = all), function or state, XOR of all before. The answer to a query of
all locks carries a map instead: 3, 4 or 7 bytes by the firmware, highest group of eight first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar, Literal

from keycabinet.errors import (
    BadChecksum,
    ForeignReply,
    KeyCabinetError,
    LyingLength,
    UnsupportedBoard,
    WrongReply,
)
from keycabinet.protocols.framing import Question, xor_of

ACT = 0x11
ASK = 0x33
ASK_ADDRESS = 0x99
SHUT = 0x11
OPENED = 0x00
"""State values; the documents have no others. Which of them means what depends on the lock's feedback switch."""
MAP_BYTES = (3, 4, 7)
ALL = 0

MapOrder = Literal["high_first", "low_first"]


class Head(IntEnum):
    """First byte of a frame."""

    QUERY = 0x80
    PUSH = 0x81  # some firmware
    VERSION = 0x82  # CM06; elsewhere a push of custom firmware
    UNLOCK = 0x8A
    SEVERAL = 0x90
    HOLD = 0x9A
    RELEASE = 0x9B
    TEST = 0x9D


@dataclass(frozen=True, slots=True)
class Frame:
    """Any frame of the protocol, either way: `data` is all between board and check value."""

    head: Head
    board: int
    data: bytes

    def encode(self) -> bytes:
        """The bytes on the wire."""
        return _seal(bytes((self.head, self.board)) + self.data)


def _seal(body: bytes) -> bytes:
    return body + bytes((xor_of(body),))


def decode(frame: bytes) -> Frame:
    """Take one whole frame apart. LyingLength, BadChecksum or WrongReply when it is none."""
    if not 5 <= len(frame) <= Framing8A.longest:
        raise LyingLength("8A", f"{len(frame)} bytes; a frame has 5 to {Framing8A.longest}")
    if frame[0] not in _HEADS:
        raise WrongReply("8A", f"no frame begins with {frame[0]:02X}")
    if xor_of(frame):
        raise BadChecksum(
            "8A", f"the last byte is {frame[-1]:02X}, the XOR of the others {xor_of(frame[:-1]):02X}"
        )
    if not FRAMING_8A.fits(frame):
        raise WrongReply("8A", f"{len(frame)} bytes after head {frame[0]:02X}: no such frame")
    return Frame(Head(frame[0]), frame[1], frame[2:-1])


_HEADS = frozenset(Head)


class Framing8A:
    """Lengths are not in the frames: they follow from the head, and for maps from the firmware."""

    longest: ClassVar[int] = 11
    _OTHER: ClassVar[dict[int, Sequence[int]]] = {
        Head.QUERY: (11, 8, 7, 5),
        Head.SEVERAL: (11, 6),
        Head.UNLOCK: (5, 6),
    }

    def __init__(self, map_bytes: int | None = None) -> None:
        """`map_bytes` is what the asked board's firmware sends, and tried first."""
        every = self._OTHER[Head.QUERY]
        self._query = every if map_bytes is None else (map_bytes + 4, *every)

    def lengths(self, buffer: bytes, offset: int) -> Sequence[int]:
        """By the head alone, the longest first: the first bytes of a map can look like a short frame."""
        head = buffer[offset]
        if head == Head.QUERY:
            return self._query
        return self._OTHER.get(head, (5,)) if head in _HEADS else ()

    def fits(self, frame: bytes) -> bool:
        """XOR, and the fixed bytes that the layout has."""
        if xor_of(frame) or frame[0] not in _HEADS:
            return False
        if frame[0] == Head.QUERY:
            if len(frame) > 5:
                return len(frame) - 4 in MAP_BYTES and frame[-2] == ASK
            return frame[3] in (OPENED, SHUT, ASK, ASK_ADDRESS)
        if frame[0] == Head.SEVERAL:
            return len(frame) in (6, 11)
        return len(frame) == 5 or (frame[0] == Head.UNLOCK and len(frame) == 6)


FRAMING_8A = Framing8A()


class AskStates(Question[int]):
    """The states of all locks: a mask, bit n-1 = lock n, 1 = state 11 (shut, where the switch closes when locked)."""

    __slots__ = ("_board", "_map_bytes", "_order", "_wanted")

    def __init__(
        self, device: str, board: int, locks: int, map_bytes: int, order: MapOrder = "high_first"
    ) -> None:
        self._board = board
        self._map_bytes = map_bytes
        self._order = order
        self._wanted = (1 << locks) - 1
        super().__init__(
            device,
            Framing8A(map_bytes),
            _seal(bytes((Head.QUERY, board, ALL, ASK))),
            map_bytes + 4,
            pushed=lambda frame: frame[0] == Head.PUSH,
        )

    def may_be_reply(self, head: bytes) -> bool:
        """A map of this board."""
        return head[:2] == self.request[:2][: len(head)]

    def value(self, frame: bytes) -> int:
        """The map as one integer."""
        if frame[0] != Head.QUERY or len(frame) != self.reply_size:
            raise WrongReply(self.device, f"all states were asked, {frame.hex(' ')} answered")
        if frame[1] != self._board:
            raise ForeignReply(self.device, self._board, frame[1])
        states = frame[2:-2]
        return int.from_bytes(states, "big" if self._order == "high_first" else "little") & self._wanted

    def explain(self, heard: bytes) -> KeyCabinetError | None:
        """A map of another length, which only the silence after it shows."""
        for count in MAP_BYTES:
            frame = heard[-count - 4 :]
            known = len(frame) == count + 4 and FRAMING_8A.fits(frame)
            if known and count != self._map_bytes and frame[:2] == self.request[:2]:
                return UnsupportedBoard(
                    self.device,
                    f"its map has {count} bytes, {self._map_bytes} were expected; "
                    f"set settings = {{ map_bytes = {count} }}",
                )
        return None


class Unlock(Question[int]):
    """One pulse on one lock; the value is the state byte that came back, which proves nothing.

    A board that failed answers the request's own bytes, and so does an adapter that echoes.
    """

    __slots__ = ()

    def __init__(
        self, device: str, board: int, lock: int, seconds: int | None = None, function: int = ACT
    ) -> None:
        """`seconds` (1 to 9) asks for a longer pulse than the board's own; one source only knows it."""
        body = bytes((Head.UNLOCK, board, lock, function))
        request = _seal(body if seconds is None else body + bytes((seconds,)))
        super().__init__(
            device,
            FRAMING_8A,
            request,
            5,
            repeats_request=True,
            pushed=lambda frame: frame[0] == Head.PUSH,
        )

    def may_be_reply(self, head: bytes) -> bool:
        """A state of this lock."""
        return head[:3] == self.request[:3][: len(head)]

    def value(self, frame: bytes) -> int:
        """The state byte."""
        if frame[0] != Head.UNLOCK or frame[2] != self.request[2] or len(frame) != 5:
            raise WrongReply(self.device, f"lock {self.request[2]} was pulsed, {frame.hex(' ')} answered")
        if frame[1] != self.request[1]:
            raise ForeignReply(self.device, self.request[1], frame[1])
        if frame[3] not in (OPENED, SHUT):
            raise WrongReply(self.device, f"state {frame[3]:02X} came, 00 and 11 are the only ones")
        return frame[3]
