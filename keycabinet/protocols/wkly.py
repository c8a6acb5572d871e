"""The WKLY lock board: head 57 4B 4C 59, whole length, board, command, data, XOR. 9600 8N1. It pushes changes.

Source: the frames of ExampleUnitTest.kt (xyz.junerver.android.lockdemo), with a C and a Python client that agree.
Lock state 00 = open, 01 = shut; status 00 = done, FF = failed. "Done" with the state shut means that the coil fired and
the door did not open.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from keycabinet.errors import (
    BadChecksum,
    DeviceRefused,
    ForeignReply,
    KeyCabinetError,
    LyingLength,
    UnsupportedBoard,
    WrongReply,
)
from keycabinet.protocols.framing import Question, xor_of

HEAD = bytes.fromhex("574B4C59")
DONE = 0x00
FAILED = 0xFF
OPENED = 0x00
SHUT = 0x01
MOST_CHANNELS = 64
_LEAST = 8
_LONGEST = 10 + MOST_CHANNELS


class Command(IntEnum):
    """Seventh byte of a frame."""

    OPEN_AT_ONCE = 0x80
    FLASH = 0x81
    OPEN = 0x82
    ASK = 0x83
    ASK_ALL = 0x84
    PUSH = 0x85
    OPEN_ALL = 0x86
    OPEN_IN_TURN = 0x87
    HOLD = 0x88
    RELEASE = 0x89


_COMMANDS = frozenset(Command)


@dataclass(frozen=True, slots=True)
class Frame:
    """Any frame of the protocol, either way; in replies the first byte of `data` is the status."""

    board: int
    command: Command
    data: bytes

    def encode(self) -> bytes:
        """The bytes on the wire."""
        body = HEAD + bytes((8 + len(self.data), self.board, self.command)) + self.data
        return body + bytes((xor_of(body),))


def decode(frame: bytes) -> Frame:
    """Take one whole frame apart. LyingLength, BadChecksum or WrongReply when it is none."""
    if frame[:4] != HEAD:
        raise WrongReply("WKLY", "a frame begins with 57 4B 4C 59")
    if not _LEAST <= len(frame) <= _LONGEST or frame[4] != len(frame):
        raise LyingLength(
            "WKLY", f"{len(frame)} bytes, length byte {frame[4] if len(frame) > 4 else 'missing'}"
        )
    if xor_of(frame):
        raise BadChecksum(
            "WKLY", f"the last byte is {frame[-1]:02X}, the XOR of the others {xor_of(frame[:-1]):02X}"
        )
    if frame[6] not in _COMMANDS:
        raise WrongReply("WKLY", f"command {frame[6]:02X} is not known")
    return Frame(frame[5], Command(frame[6]), frame[7:-1])


class WklyFraming:
    """The length is in the frame."""

    longest: ClassVar[int] = _LONGEST

    def lengths(self, buffer: bytes, offset: int) -> Sequence[int]:
        """As announced, within bounds."""
        head = buffer[offset : offset + 5]
        if head[:4] != HEAD[: len(head)]:
            return ()
        if len(head) < 5:
            return (5,)
        return (head[4],) if _LEAST <= head[4] <= _LONGEST else ()

    def fits(self, frame: bytes) -> bool:
        """Head, length, XOR, and a command that there is."""
        return (
            len(frame) >= _LEAST
            and frame[4] == len(frame)
            and frame[:4] == HEAD
            and not xor_of(frame)
            and frame[6] in _COMMANDS
        )


FRAMING_WKLY = WklyFraming()


def push_of(frame: bytes, board: int) -> tuple[int, bool] | None:
    """Channel and whether it is shut, when a frame with a right check value is a push of this board; else None."""
    if len(frame) == 10 and frame[5] == board and frame[6] == Command.PUSH and frame[8] in (OPENED, SHUT):
        return frame[7], frame[8] == SHUT
    return None


class _Asked(Question[int]):
    __slots__ = ("_board", "_command")

    def __init__(
        self,
        device: str,
        board: int,
        command: Command,
        data: bytes,
        reply_size: int,
        pushed: Callable[[bytes], bool] | None,
    ) -> None:
        self._board = board
        self._command = command
        super().__init__(
            device, FRAMING_WKLY, Frame(board, command, data).encode(), reply_size, pushed=pushed
        )

    def may_be_reply(self, head: bytes) -> bool:
        """This command of this board, in the length that its reply has."""
        start = HEAD + bytes((self.reply_size, self._board, self._command))
        return head[: len(start)] == start[: len(head)]

    def _data(self, frame: bytes) -> bytes:
        """Status and data of a reply to this command; DeviceRefused when the status says no."""
        if frame[5] != self._board:
            raise ForeignReply(self.device, self._board, frame[5])
        if frame[6] != self._command:
            raise WrongReply(self.device, f"{self._command.name} was asked, {frame.hex(' ')} answered")
        data = frame[7:-1]
        if data[:1] == bytes((FAILED,)):
            raise DeviceRefused(self.device, f"it answers {self._command.name} with status FF (failed)")
        if data[:1] != bytes((DONE,)) or len(frame) != self.reply_size:
            raise WrongReply(
                self.device, f"{self.reply_size} bytes with status 00 were expected, {frame.hex(' ')} came"
            )
        return data[1:]


class AskStates(_Asked):
    """The states of all channels: a mask, bit n-1 = channel n, 1 = shut."""

    __slots__ = ("_channels",)

    def __init__(
        self, device: str, board: int, channels: int, pushed: Callable[[bytes], bool] | None = None
    ) -> None:
        self._channels = channels
        super().__init__(device, board, Command.ASK_ALL, b"", 10 + channels, pushed)

    def value(self, frame: bytes) -> int:
        """The states as one integer."""
        count, *states = self._data(frame)
        if count != self._channels or any(state not in (OPENED, SHUT) for state in states):
            raise WrongReply(
                self.device, f"{self._channels} states 00 or 01 were expected, {frame.hex(' ')} came"
            )
        return sum(1 << index for index, state in enumerate(states) if state == SHUT)

    def explain(self, heard: bytes) -> KeyCabinetError | None:
        """A board with another number of channels."""
        for begin in range(max(0, len(heard) - 9)):
            frame = heard[begin : begin + heard[begin + 4]]
            ours = FRAMING_WKLY.fits(frame) and frame[5:8] == bytes((self._board, self._command, DONE))
            # The query to board 133 ends in 00 as well, and tells of no channels.
            if ours and len(frame) > 9 and frame[8] != self._channels:
                return UnsupportedBoard(
                    self.device, f"it has {frame[8]} channels, the profile {self._channels}"
                )
        return None


class Unlock(_Asked):
    """One pulse on one channel; the value is the lock state that came back, which is older than the latch's move."""

    __slots__ = ("_channel",)

    def __init__(
        self, device: str, board: int, channel: int, pushed: Callable[[bytes], bool] | None = None
    ) -> None:
        self._channel = channel
        super().__init__(device, board, Command.OPEN, bytes((channel,)), 11, pushed)

    def value(self, frame: bytes) -> int:
        """The lock state."""
        channel, state = self._data(frame)
        if channel != self._channel or state not in (OPENED, SHUT):
            raise WrongReply(self.device, f"channel {self._channel} was pulsed, {frame.hex(' ')} answered")
        return state
