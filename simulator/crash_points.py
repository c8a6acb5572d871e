"""Numbered points at which the station's program can die: every commit of its book and every write to a link.

Before and after each: dying before a commit leaves the book without it, dying after it leaves it in the book and
nobody told; a write is on the wire or it is not. A program that died dies a second time, a few points after it was
started again.
"""

from __future__ import annotations

AGAIN = 37
"""The second death comes at most so many points after the first: a start has about as many."""


class CrashPoints:
    """Counts the points that the program passes, and says at which it dies. Without `kill_at` it lives."""

    def __init__(self, kill_at: int | None = None, *, listing: bool = False) -> None:
        """With `listing`, `passed` says what each point was."""
        self._kill_at = [] if kill_at is None else [kill_at, kill_at + 1 + kill_at % AGAIN]
        self._listing = listing
        self.count = 0
        self.passed: list[str] = []

    def here(self, point: str) -> bool:
        """The program is at a point; tells whether it dies here. The first point is number 1."""
        self.count += 1
        if self._listing:
            self.passed.append(point)
        return self.count in self._kill_at
