"""Finds frames of any length among noise. Knows no protocol, no I/O and no clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar, Generic, Protocol, TypeVar

from keycabinet.errors import BadChecksum, DeviceSilent, KeyCabinetError, LyingLength, ReplyError

T = TypeVar("T")


class Framing(Protocol):
    """How a protocol's frames are told from noise."""

    longest: ClassVar[int]
    """Bytes of the longest frame that is ever believed."""

    def length(self, buffer: bytes, offset: int) -> int:
        """Bytes of the frame that may begin at `offset`: 0 when none can, -1 when there are too few to tell."""

    def fits(self, frame: bytes) -> bool:
        """Whether check value and fixed bytes of a whole frame are right."""


class Hunter:
    """Cuts whole frames out of a stream; keeps at most one frame's worth of bytes.

    A frame that has begun may be noise in front of a real one, so that the search goes on behind its first byte.
    `noise` counts bytes of no frame, `misfits` frames of the right form with a wrong check value.
    """

    __slots__ = ("_framing", "buffer", "misfits", "noise")

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self.buffer = b""
        self.noise = 0
        self.misfits = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Every frame that is whole by now, in order."""
        framing = self._framing
        for start in range(0, len(data), framing.longest):  # a flood is looked at in pieces
            yield from self._cut(self.buffer + data[start : start + framing.longest])

    def _cut(self, buffer: bytes) -> list[bytes]:
        framing, frames = self._framing, []
        begin = offset = 0
        pending = -1
        while offset < len(buffer):
            size = framing.length(buffer, offset)
            frame = buffer[offset : offset + size] if size > 0 else b""
            if size < 0 or len(frame) < size:
                pending = offset if pending < 0 else pending
            elif frame:
                if framing.fits(frame):
                    self.noise += offset - begin
                    frames.append(frame)
                    begin = offset = offset + size
                    pending = -1
                    continue
                self.misfits += pending < 0  # inside a frame that has begun, anything may look like another
            offset += 1
        keep = max(pending if pending >= 0 else len(buffer), len(buffer) - framing.longest)
        self.noise += keep - begin
        self.buffer = buffer[keep:]
        return frames


class Conversation(Generic[T]):
    """The reply to one request as a line reads it: one frame or several.

    `judge` gets each whole frame: it returns the reply's value, or None when more frames belong to it; ReplyError for a
    frame that answers something else, which is passed over.
    """

    __slots__ = (
        "_device",
        "_fault",
        "_heard",
        "_hunter",
        "_judge",
        "optional",
        "repeats_request",
        "reply_size",
        "stale",
    )

    def __init__(
        self,
        device: str,
        framing: Framing,
        reply_size: int,
        judge: Callable[[bytes], T | None],
        *,
        repeats_request: bool = False,
    ) -> None:
        """`reply_size` is the size of the longest reply, for the time it takes on the wire."""
        self._device = device
        self._hunter = Hunter(framing)
        self._judge = judge
        self._fault: ReplyError | None = None
        self._heard = 0
        self.reply_size = reply_size
        self.optional = False
        self.repeats_request = repeats_request
        self.stale = 0

    @property
    def noise(self) -> int:
        """Bytes that belonged to no frame."""
        return self._hunter.noise

    def feed(self, data: bytes) -> T | None:
        """The value once the reply is whole, else None."""
        self._heard += len(data)
        for frame in self._hunter.feed(data):
            try:
                value = self._judge(frame)
            except ReplyError as error:
                self.stale += 1
                self._fault = error
                continue
            if value is not None:
                return value
        return None

    def failure(self, waited_s: float) -> KeyCabinetError:
        """Why the reply never came, as exactly as the bytes tell."""
        if self._fault is not None:
            return self._fault
        if self._hunter.misfits:
            return BadChecksum(
                self._device, "the check value of its reply is wrong; look for noise and missing termination"
            )
        if self._hunter.buffer:
            return LyingLength(
                self._device, f"{len(self._hunter.buffer)} bytes of a reply came, and no more; look for noise"
            )
        heard = f"; {self._heard} bytes came that are no frame: check its baud rate" if self._heard else ""
        return DeviceSilent(
            self._device,
            f"no reply within {waited_s:.3g} s; check its power, wiring, address and baud rate{heard}",
            sent=True,
        )
