"""What crossed a line: every frame both ways, with its time, and counts of what went wrong."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

FRAMES_KEPT = 100_000


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. `at` is when its first byte crossed (s); `verdict` is "ok" or why nobody acted on it."""

    at: float
    is_request: bool
    data: bytes
    verdict: str = "ok"

    def __str__(self) -> str:
        arrow = "->" if self.is_request else "<-"
        return f"{self.at:.6f} {arrow} {self.data.hex(' ')}" + (
            "" if self.verdict == "ok" else f" ({self.verdict})"
        )


class FrameLog:
    """The last frames of one line, and counts since the beginning by verdict."""

    def __init__(self, kept: int = FRAMES_KEPT) -> None:
        self.frames: deque[Frame] = deque(maxlen=kept)
        self.requests = 0
        self.replies = 0
        self.silence_violations = 0
        self.bad_frames = 0
        self.collisions = 0

    def keep(self, kept: int) -> None:
        """Keep only so many frames from now on; counts go on."""
        self.frames = deque(self.frames, maxlen=kept)

    def add(self, frame: Frame) -> None:
        """Keep a frame and count it."""
        self.frames.append(frame)
        if frame.is_request:
            self.requests += 1
        else:
            self.replies += 1

    def sent(self, pdu: bytes) -> tuple[Frame, ...]:
        """Return the requests whose frame has these bytes in it, such as those of one release."""
        return tuple(frame for frame in self.frames if frame.is_request and pdu in frame.data)
