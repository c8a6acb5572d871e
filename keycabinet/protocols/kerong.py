"""Kerong lock boards: CU16 (0x30/0x31) and CU48B (0x60/0x61, with item sensors). 02 ... 03 SUM, 19200 8N1.

The dialects have nothing but that frame in common. Sources: AshurkovAV/KerongConsole (captures, 0x60);
jin0949/KR-CU16_locker src/locker.py, julio-alv/lkaas-kerong, xaleel/locker (CU16). The sum is weak: a lock's bit and
the item bit of the same number add up to the same, so positions carry the meaning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from keycabinet.errors import BadChecksum, ForeignReply, LyingLength, WrongReply
from keycabinet.protocols.framing import Question, sum_of

START = 0x02
END = 0x03


@dataclass(frozen=True, slots=True)
class Frame:
    """Any frame of either dialect: `address` holds all between start and command."""

    address: bytes
    command: int
    data: bytes

    def encode(self) -> bytes:
        """The bytes on the wire."""
        return seal(self.address + bytes((self.command,)) + self.data)


def seal(body: bytes) -> bytes:
    """Start, body, end and sum."""
    frame = bytes((START,)) + body + bytes((END,))
    return frame + bytes((sum_of(frame),))


class KerongFraming:
    """A dialect: where its command stands, and how long the frame of each command is."""

    longest: ClassVar[int] = 18

    def __init__(self, name: str, command_at: int, sizes: Mapping[int, int]) -> None:
        self.name = name
        self.command_at = command_at
        self._sizes = dict(sizes)

    def lengths(self, buffer: bytes, offset: int) -> Sequence[int]:
        """By the command."""
        if buffer[offset] != START:
            return ()
        at = offset + self.command_at
        if at >= len(buffer):
            return (self.command_at + 1,)
        size = self._sizes.get(buffer[at])
        return (size,) if size else ()

    def fits(self, frame: bytes) -> bool:
        """End and sum, and the length that the command has."""
        return (
            len(frame) > self.command_at
            and frame[0] == START
            and self._sizes.get(frame[self.command_at]) == len(frame)
            and frame[-2] == END
            and sum_of(frame[:-1]) == frame[-1]
        )

    def decode(self, frame: bytes) -> Frame:
        """Take one whole frame apart. LyingLength, BadChecksum or WrongReply when it is none."""
        if len(frame) <= self.command_at or frame[0] != START:
            raise WrongReply(self.name, "a frame begins with 02 and an address")
        size = self._sizes.get(frame[self.command_at])
        if size is None:
            raise WrongReply(self.name, f"command {frame[self.command_at]:02X} is not known")
        if size != len(frame):
            raise LyingLength(
                self.name, f"{len(frame)} bytes; command {frame[self.command_at]:02X} has {size}"
            )
        if sum_of(frame[:-1]) != frame[-1]:
            raise BadChecksum(
                self.name, f"the last byte is {frame[-1]:02X}, the sum {sum_of(frame[:-1]):02X}"
            )
        if frame[-2] != END:
            raise WrongReply(self.name, "the last byte but one is not 03")
        return Frame(frame[1 : self.command_at], frame[self.command_at], frame[self.command_at + 1 : -2])


CU48 = KerongFraming("kerong-cu48-60", 3, {0x60: 6, 0x61: 6, 0x75: 18, 0x77: 18})
"""0x77 was captured once; nobody knows what it means."""
CU16 = KerongFraming("kerong-cu16", 2, {0x30: 5, 0x31: 5, 0x32: 5, 0x33: 5, 0x35: 9, 0x36: 9})


class AskStates(Question[int]):
    """All locks and all item sensors as one mask: bit n-1 = lock n, above them the items; 1 = shut, item there."""

    __slots__ = ("_address", "_command", "_command_at")

    def __init__(
        self, device: str, framing: KerongFraming, address: bytes, ask: int, answer: int, size: int
    ) -> None:
        self._address = address
        self._command = answer
        self._command_at = framing.command_at
        super().__init__(device, framing, seal(address + bytes((ask,))), size)

    def may_be_reply(self, head: bytes) -> bool:
        """The states of this address."""
        start = bytes((START,)) + self._address + bytes((self._command,))
        return head[: len(start)] == start[: len(head)]

    def value(self, frame: bytes) -> int:
        """The bits, least significant first."""
        if frame[self._command_at] != self._command:
            raise WrongReply(self.device, f"states were asked, {frame.hex(' ')} answered")
        if frame[1] != self._address[0]:
            raise ForeignReply(self.device, self._address[0], frame[1])
        if frame[1 : self._command_at] != self._address:
            raise WrongReply(self.device, f"{self._address.hex(' ')} was asked, {frame.hex(' ')} answered")
        return int.from_bytes(frame[self._command_at + 1 : -2], "little")


class Unlock(Question[int]):
    """One pulse on one lock. Boards are silent after it as a rule; whatever this address sends proves nothing."""

    __slots__ = ("_command_at", "_own")

    def __init__(self, device: str, framing: KerongFraming, address: bytes, command: int, own: int) -> None:
        """`own` masks the board's part of the first address byte."""
        self._own = own
        self._command_at = framing.command_at
        super().__init__(
            device,
            framing,
            seal(address + bytes((command,))),
            framing.longest,
            optional=True,
            repeats_request=True,
        )

    def may_be_reply(self, head: bytes) -> bool:
        """Anything of this board."""
        return len(head) < 2 or (head[0] == START and not (head[1] ^ self.request[1]) & self._own)

    def value(self, frame: bytes) -> int:
        """The answering command, for the record."""
        if (frame[1] ^ self.request[1]) & self._own:
            raise ForeignReply(self.device, self.request[1] & self._own, frame[1] & self._own)
        return frame[self._command_at]


def ask_cu48(device: str, address: int) -> AskStates:
    """48 locks (bits 0 to 47), 48 items (bits 48 to 95)."""
    return AskStates(device, CU48, bytes((address, 0)), 0x60, 0x75, 18)


def unlock_cu48(device: str, address: int, lock: int) -> Unlock:
    """`lock` counts from 1. ValueError for one that is not there: index 48 would open every lock."""
    if not 1 <= lock <= 48:
        raise ValueError(f"{device} has locks 1 to 48, not {lock}")
    return Unlock(device, CU48, bytes((address, lock - 1)), 0x61, 0xFF)


def ask_cu16(device: str, board: int) -> AskStates:
    """16 locks (bits 0 to 15), 16 items (bits 16 to 31) of board 0 to 15."""
    return AskStates(device, CU16, bytes((board << 4,)), 0x30, 0x35, 9)


def unlock_cu16(device: str, board: int, lock: int) -> Unlock:
    """`lock` counts from 1. ValueError for one that is not there: it would be another board's."""
    if not 1 <= lock <= 16:
        raise ValueError(f"{device} has locks 1 to 16, not {lock}")
    return Unlock(device, CU16, bytes((board << 4 | lock - 1,)), 0x31, 0xF0)
