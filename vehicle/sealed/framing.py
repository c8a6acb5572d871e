"""Frames on the byte stream: a length of two bytes, most significant first, a type, a body.

Sans-IO; the caller gives the time (s) at which bytes arrived. A frame that is too long, or whose bytes stop coming
for `REASSEMBLY_S`, ends the stream: nothing after it is read, since there is no telling where the next one begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from vehicle.sealed.codes import Code, Refused

LONGEST_FRAME = 1024
"""Bytes of a frame after its length."""
REASSEMBLY_S = 1.0
_LENGTH = 2


class FrameType(IntEnum):
    """What the body is."""

    MESSAGE_1 = 0x11
    MESSAGE_2 = 0x12
    MESSAGE_3 = 0x13
    RECORD = 0x20
    ERROR = 0x7F


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame."""

    type: int
    body: bytes


def encode_frame(kind: FrameType, body: bytes) -> bytes:
    """The bytes of a frame. Raises ValueError above the cap."""
    if 1 + len(body) > LONGEST_FRAME:
        raise ValueError(f"a frame has at most {LONGEST_FRAME} bytes")
    return (1 + len(body)).to_bytes(_LENGTH, "big") + bytes([kind]) + body


class FrameReader:
    """Bytes in, frames out. `longest` and `reassembly_s` as above; None lifts a limit."""

    def __init__(
        self, longest: int | None = LONGEST_FRAME, reassembly_s: float | None = REASSEMBLY_S
    ) -> None:
        self._longest = longest
        self._reassembly_s = reassembly_s
        self._buffer = bytearray()
        self._last = 0.0
        self._broken = False

    @property
    def pending(self) -> int:
        """Bytes of a frame that is not complete."""
        return len(self._buffer)

    def clear(self) -> None:
        """Forget everything, as for a new connection."""
        self._buffer.clear()
        self._broken = False

    def feed(self, data: bytes, now: float) -> list[Frame]:
        """The frames that `data` completes. Raises Refused, once; afterwards nothing is read until `clear`."""
        if self._broken:
            return []
        late = self._reassembly_s is not None and now - self._last > self._reassembly_s
        if self._buffer and late:
            raise self._break(Code.FRAME_TIMEOUT)
        self._buffer += data
        self._last = now
        frames: list[Frame] = []
        while len(self._buffer) >= _LENGTH:
            length = int.from_bytes(self._buffer[:_LENGTH], "big")
            if length == 0 or (self._longest is not None and length > self._longest):
                raise self._break(Code.FRAME_TOO_LONG if length else Code.FRAME_UNKNOWN)
            if len(self._buffer) < _LENGTH + length:
                break
            frames.append(Frame(self._buffer[_LENGTH], bytes(self._buffer[_LENGTH + 1 : _LENGTH + length])))
            del self._buffer[: _LENGTH + length]
        return frames

    def _break(self, code: Code) -> Refused:
        """Frames completed by the same bytes before the fault are dropped with it: the stream is not trusted."""
        self._broken = True
        self._buffer.clear()
        return Refused(code)
