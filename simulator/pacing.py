"""When the next idle poll of a cabinet happens: as configured, or skipped while nothing is there to be seen."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence

from keycabinet.pacing import Pacer

# After a change each board must have been asked so often before polls are left out: a lost board is checked anew
# with two requests before it is read, and debouncing wants to see the same thing twice.
SETTLING_REQUESTS = 5


class Watch:
    """Counts what happens to one cabinet and wakes who waits for it."""

    def __init__(self) -> None:
        self.version = 0
        self._waiters: list[asyncio.Future[None]] = []

    def touch(self) -> None:
        """Something happened."""
        self.version += 1
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def beyond(self, version: int) -> None:
        """Wait until something happened after `version`."""
        while self.version == version:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter


class WorldPacer:
    """A `keycabinet.pacing.Pacer` that leaves out polls which would read what the one before them read.

    The polls that do run happen when they would have happened anyway: at whole multiples of the interval.
    `requests` counts what each board was asked; polls run while one of them has not been asked enough since the last
    change, and while `steady` is false (a board is mute, a link is down). `left_out` counts for ever.
    """

    def __init__(
        self, watch: Watch, requests: Callable[[], Sequence[int]], steady: Callable[[], bool]
    ) -> None:
        self._watch = watch
        self._requests = requests
        self._steady = steady
        self._seen = -1
        self._settled_at: list[int] = []
        self._untold = 0
        self.left_out = 0

    async def wait(self, interval_s: float) -> int:
        """Wait until the next poll is due; return how many polls were left out."""
        requests = self._requests()
        if self._seen != self._watch.version or not self._steady():
            self._seen = self._watch.version
            self._settled_at = [each + SETTLING_REQUESTS for each in requests]
        if any(asked < enough for asked, enough in zip(requests, self._settled_at, strict=True)):
            await asyncio.sleep(interval_s)
            return self._told(0)
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            await self._watch.beyond(self._seen)
        except asyncio.CancelledError:
            self._count(int((loop.time() - began) / interval_s))  # somebody wants a poll at once
            raise
        ticks = max(1, math.ceil((loop.time() - began) / interval_s - 1e-9))
        await asyncio.sleep(began + ticks * interval_s - loop.time())
        return self._told(ticks - 1)

    def _count(self, polls: int) -> None:
        self.left_out += polls
        self._untold += polls

    def _told(self, more: int) -> int:
        self._count(more)
        untold, self._untold = self._untold, 0
        return untold


class CountingPacer:
    """Another pacer's rhythm, counted over all the lives of a station's program."""

    def __init__(self, pacer: Pacer) -> None:
        self.pacer = pacer
        self.polls = 0
        self.skipped = 0

    async def wait(self, interval_s: float) -> int:
        """As the other pacer waits."""
        skipped = await self.pacer.wait(interval_s)
        self.polls += 1
        self.skipped += skipped
        return skipped
