"""Finds frames, and the reply to one question, among noise, foreign, late and pushed frames, whatever the protocol.

A protocol says where a frame may begin, how long it then is, and whether its check value fits; a question says which
frame answers it. Frames with a right check value are taken out whole, so that nothing inside them is taken for another;
everything else slides by a byte. Nothing is kept that is longer than the protocol's longest frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from operator import xor
from typing import ClassVar, Generic, Protocol, TypeVar

from keycabinet.errors import BadChecksum, DeviceSilent, KeyCabinetError, LyingLength, ReplyError

T = TypeVar("T")


def xor_of(data: bytes) -> int:
    """XOR of all bytes."""
    return reduce(xor, data, 0)


def sum_of(data: bytes) -> int:
    """Sum of all bytes, modulo 256."""
    return sum(data) & 0xFF


class Framing(Protocol):
    """How a protocol's frames are told from noise."""

    longest: ClassVar[int]
    """Bytes of the longest frame that is ever believed."""

    def lengths(self, buffer: bytes, offset: int) -> Sequence[int]:
        """Lengths that a frame beginning at `offset` may have; none when none can; a length beyond the buffer waits.

        While there are too few bytes to tell, the length up to which more are needed.
        """

    def fits(self, frame: bytes) -> bool:
        """Whether check value and fixed bytes of a whole frame are right."""


class Question(Generic[T]):
    """One request, and what counts as its reply. Immutable in use, so that the same one is asked again and again.

    `reply_size` is the exact length of the reply; `optional` says that silence is a right answer too (the exchange then
    ends with None), `repeats_request` that a right reply may equal the request byte for byte.
    """

    __slots__ = ("device", "framing", "optional", "pushed", "repeats_request", "reply_size", "request")

    def __init__(
        self,
        device: str,
        framing: Framing,
        request: bytes,
        reply_size: int,
        *,
        optional: bool = False,
        repeats_request: bool = False,
        pushed: Callable[[bytes], bool] | None = None,
    ) -> None:
        """`pushed` is shown every whole frame that is not the reply, and says whether it is one that came unasked."""
        self.device = device
        self.framing = framing
        self.request = request
        self.reply_size = reply_size
        self.optional = optional
        self.repeats_request = repeats_request
        self.pushed = pushed

    def may_be_reply(self, head: bytes) -> bool:
        """Whether these first bytes of a frame may be those of the reply."""
        raise NotImplementedError

    def value(self, frame: bytes) -> T:
        """What a whole frame with a right check value says; ReplyError when it answers something else.

        DeviceRefused when the device says no.
        """
        raise NotImplementedError

    def explain(self, heard: bytes) -> KeyCabinetError | None:
        """Why there was no reply, as far as the last bytes tell: another map length, another dialect."""
        return None

    def reader(self) -> FrameReader[T]:
        """A fresh reader for one exchange."""
        return FrameReader(self)


class FrameReader(Generic[T]):
    """Eats bytes until the reply is whole.

    `noise` counts bytes that belonged to no frame, `stale` whole frames that answered something else, `unasked` frames
    that the device pushed by itself.
    """

    __slots__ = ("_buffer", "_fault", "_heard", "_question", "noise", "stale", "unasked")

    def __init__(self, question: Question[T]) -> None:
        self._question = question
        self._buffer = b""
        self._heard = b""
        self._fault: ReplyError | None = None
        self.noise = 0
        self.stale = 0
        self.unasked = 0

    @property
    def reply_size(self) -> int:
        """Bytes of the reply, for the time it takes on the wire."""
        return self._question.reply_size

    @property
    def optional(self) -> bool:
        """Whether silence is a right answer too."""
        return self._question.optional

    @property
    def repeats_request(self) -> bool:
        """Whether a right reply may equal the request byte for byte."""
        return self._question.repeats_request

    def feed(self, data: bytes) -> T | None:
        """The value once the reply is whole, else None. DeviceRefused when the device says no."""
        buffer = self._buffer + data
        self._heard = (self._heard + data)[-self._question.framing.longest :]
        begin = offset = 0
        pending = -1  # where a frame may have begun that is not whole yet
        while offset < len(buffer):
            frame, waits = self._frame_at(buffer, offset)
            if frame:
                self.noise += offset - begin
                offset = begin = offset + len(frame)
                pending = -1
                found = self._judge(frame)
                if found is not None:
                    self.noise += len(buffer) - begin
                    self._buffer = b""
                    return found
                continue
            if waits:
                pending = offset if pending < 0 else pending
                if self._question.may_be_reply(buffer[offset : offset + self.reply_size]):
                    break
            offset += 1
        keep = pending if pending >= 0 else len(buffer)
        keep = max(keep, len(buffer) - self._question.framing.longest)
        self.noise += max(0, keep - begin)
        self._buffer = buffer[keep:]
        return None

    def _frame_at(self, buffer: bytes, offset: int) -> tuple[bytes, bool]:
        """The frame that begins here, or nothing and whether more bytes could make it one."""
        question, waits = self._question, False
        for length in question.framing.lengths(buffer, offset):
            frame = buffer[offset : offset + length]
            ours = length == question.reply_size and question.may_be_reply(frame)
            if len(frame) < length:
                waits = True
                if ours:
                    break  # a shorter frame here could be the beginning of the reply
            elif question.framing.fits(frame):
                return frame, False
            elif ours and self._fault is None:
                self._fault = BadChecksum(
                    question.device,
                    f"check value of a {length}-byte reply is wrong; look for noise, missing termination or a second "
                    "master on the line",
                )
        return b"", waits

    def _judge(self, frame: bytes) -> T | None:
        question = self._question
        if question.pushed is not None and question.pushed(frame):
            self.unasked += 1
            return None
        if frame == question.request and not question.repeats_request:
            self.stale += 1  # a line that echoes; the line strips what it knows to be an echo
            return None
        try:
            return question.value(frame)
        except ReplyError as error:
            self.stale += 1
            self._fault = error
            return None

    def replies(self, heard: bytes) -> list[bytes]:
        """The frames among these bytes that are whole replies, at most 2; an echo of the request is none."""
        question, offset, found = self._question, 0, list[bytes]()
        while offset < len(heard) and len(found) < 2:
            lengths = question.framing.lengths(heard, offset)
            frames = (heard[offset : offset + each] for each in lengths if offset + each <= len(heard))
            frame = next((each for each in frames if question.framing.fits(each)), b"")
            offset += len(frame) or 1
            if frame and frame != question.request and self._answers(frame):
                found.append(frame)
        return found

    def _answers(self, frame: bytes) -> bool:
        if self._question.pushed is not None and self._question.pushed(frame):
            return False
        try:
            self._question.value(frame)
        except KeyCabinetError:
            return False
        return True

    def failure(self, waited_s: float) -> KeyCabinetError:
        """Why the reply never came, as exactly as the bytes tell."""
        question = self._question
        explained = question.explain(self._heard) if self._heard else None
        if explained is not None:
            return explained
        if self._fault is not None:
            return self._fault
        if question.may_be_reply(self._buffer) and len(self._buffer) > 1:
            return LyingLength(
                question.device,
                f"{len(self._buffer)} bytes of a reply of {question.reply_size} came; look for noise",
            )
        strange = self.noise + len(self._buffer)
        heard = f"; {strange} bytes that are no frame came instead" if strange else ""
        return DeviceSilent(
            question.device,
            f"no reply within {waited_s:.3g} s; check its power, wiring, address and baud rate{heard}",
            sent=True,
        )


class Hunter:
    """Cuts whole frames of any length out of a stream; keeps at most one frame's worth of bytes.

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
        longest = self._framing.longest
        for start in range(0, len(data), longest):  # a flood is looked at in pieces
            yield from self._cut(self.buffer + data[start : start + longest])

    def _cut(self, buffer: bytes) -> list[bytes]:
        frames: list[bytes] = []
        begin = offset = 0
        pending = -1
        while offset < len(buffer):
            size = 0
            for length in self._framing.lengths(buffer, offset):
                frame = buffer[offset : offset + length]
                if len(frame) < length:
                    pending = offset if pending < 0 else pending
                elif self._framing.fits(frame):
                    size = length
                    break
                else:
                    self.misfits += (
                        pending < 0
                    )  # inside a frame that has begun, anything may look like another
            if size:
                self.noise += offset - begin
                frames.append(buffer[offset : offset + size])
                begin, pending = offset + size, -1
            offset += size or 1
        keep = max(pending if pending >= 0 else len(buffer), len(buffer) - self._framing.longest)
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
