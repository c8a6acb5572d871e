"""Letting an hour pass: at once in virtual time, timer by timer on a loop that can run ahead of the real clock."""

from __future__ import annotations

import asyncio
from collections import deque
from enum import StrEnum

from simulator.virtual_time import VirtualTimeLoop

SETTLING_TURNS = 1_000
"""After a timer, how many turns of the loop its consequences may take before the next timer comes."""


class ClockKind(StrEnum):
    """What the running loop's time is."""

    VIRTUAL = "virtual"  # jumps whenever nothing is left to do
    FAST_FORWARD = "fast_forward"  # real, and runs ahead when told
    REAL = "real"


class CannotAdvance(Exception):
    """The running loop's clock is the real one; the text says what to do."""


class FastForwardLoop(asyncio.SelectorEventLoop):
    """An event loop in real time that can let seconds go by at once.

    Every timer comes due at its own time and in order, so that what moves by itself in that hour moves. What is
    outside the process does not notice: programs at the other end of a line live on in real time.
    """

    # Of BaseEventLoop, which typeshed does not describe.
    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self) -> None:
        self._ahead_s = 0.0
        super().__init__()

    def time(self) -> float:
        return super().time() + self._ahead_s

    async def pass_time(self, seconds: float) -> None:
        """Let so many seconds go by."""
        end = self.time() + seconds
        await self._settle()  # what has begun may be about to set a timer
        while (due := self._next_due()) is not None and due < end:
            self._run_ahead_to(due)
            await self._settle()
        self._run_ahead_to(end)
        await self._settle()

    def _next_due(self) -> float | None:
        return min((timer.when() for timer in self._scheduled[:1]), default=None)

    def _run_ahead_to(self, moment: float) -> None:
        self._ahead_s += max(0.0, moment - self.time())

    async def _settle(self) -> None:
        await asyncio.sleep(0)  # in this turn the timers that are now due are lined up
        for _ in range(SETTLING_TURNS):
            await asyncio.sleep(0)
            if not self._ready:
                return


def clock_kind() -> ClockKind:
    """What the running loop's time is."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, VirtualTimeLoop):
        return ClockKind.VIRTUAL
    return ClockKind.FAST_FORWARD if isinstance(loop, FastForwardLoop) else ClockKind.REAL


async def pass_time(seconds: float) -> None:
    """Let so many seconds of the running loop go by. Raises CannotAdvance on the real clock."""
    loop = asyncio.get_running_loop()
    if isinstance(loop, FastForwardLoop):
        await loop.pass_time(seconds)
    elif isinstance(loop, VirtualTimeLoop):
        await asyncio.sleep(seconds)
    else:
        raise CannotAdvance(
            "the simulation runs on the real clock, which nobody can hurry: run it with `motorpool simulate`, on a "
            "simulator.control.FastForwardLoop, or in virtual time"
        )
