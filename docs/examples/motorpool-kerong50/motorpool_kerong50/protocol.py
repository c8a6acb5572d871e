"""Bytes: 02 ADDR LOCK CMD ... 03 SUM. 50 asks (answered by 65 and 48 bits), 51 unlocks. Knows no I/O and no clock.

Source: "CU48Driver" (Node.js, public). No capture of a reply has been published.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from keycabinet.errors import ForeignReply, WrongReply
from keycabinet.protocols.framing import Question, sum_of

LOCKS = 48
ASK, UNLOCK, STATES = 0x50, 0x51, 0x65
SIZES = {ASK: 6, UNLOCK: 6, STATES: 12}


def seal(body: bytes) -> bytes:
    """Start, body, end and sum."""
    frame = b"\x02" + body + b"\x03"
    return frame + bytes((sum_of(frame),))


class Framing50:
    """How frames are told from noise: by start, command, length, end and sum."""

    longest: ClassVar[int] = 12

    def lengths(self, buffer: bytes, offset: int) -> Sequence[int]:
        """By the command, once it is there."""
        if buffer[offset] != 0x02:
            return ()
        if offset + 3 >= len(buffer):
            return (4,)
        size = SIZES.get(buffer[offset + 3])
        return (size,) if size else ()

    def fits(self, frame: bytes) -> bool:
        """Length, end and sum."""
        return len(frame) == SIZES.get(frame[3], 0) and frame[-2] == 0x03 and sum_of(frame[:-1]) == frame[-1]


FRAMING = Framing50()


class AskStates(Question[int]):
    """All locks as one mask: bit n-1 = lock n, 1 = shut."""

    __slots__ = ("_address",)

    def __init__(self, device: str, address: int) -> None:
        self._address = address
        super().__init__(device, FRAMING, seal(bytes((address, 0, ASK))), SIZES[STATES])

    def may_be_reply(self, head: bytes) -> bool:
        """The states of this address."""
        start = bytes((0x02, self._address, 0, STATES))
        return head[:4] == start[: len(head)]

    def value(self, frame: bytes) -> int:
        """The bits, least significant first."""
        if frame[1] != self._address:
            raise ForeignReply(self.device, self._address, frame[1])
        if frame[3] != STATES or frame[2]:
            raise WrongReply(self.device, f"states were asked, {frame.hex(' ')} answered")
        return int.from_bytes(frame[4:-2], "little")


class Unlock(Question[int]):
    """One pulse. Nobody knows whether the board answers, so silence is right, and no answer proves anything."""

    __slots__ = ("_address",)

    def __init__(self, device: str, address: int, lock: int) -> None:
        if not 1 <= lock <= LOCKS:
            raise ValueError(f"{device} has locks 1 to {LOCKS}, not {lock}")
        self._address = address
        request = seal(bytes((address, lock - 1, UNLOCK)))
        super().__init__(device, FRAMING, request, SIZES[STATES], optional=True, repeats_request=True)

    def may_be_reply(self, head: bytes) -> bool:
        """Anything of this address."""
        return head[:2] == bytes((0x02, self._address))[: len(head)]

    def value(self, frame: bytes) -> int:
        """The answering command."""
        if frame[1] != self._address:
            raise ForeignReply(self.device, self._address, frame[1])
        return frame[3]
