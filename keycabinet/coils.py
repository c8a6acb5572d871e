"""How many lock coils of one board are on at once: what its supply can feed."""

from __future__ import annotations

import asyncio
from heapq import heappop, heappush

SINGLE = 0
"""The rank of a release that somebody stands waiting for; it goes before every release of many."""


class CoilGate:
    """Lets so many coils be on at once; who waits is served in the order of rank, then of coming.

    Without a `limit`, releases of many go one at a time, and a single one never waits for anybody.
    """

    __slots__ = ("_limit", "_loop", "_on", "_order", "_waiting")

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._on = 0
        self._order = 0
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    @property
    def on(self) -> int:
        """Coils that may be on now."""
        return self._on

    async def take(self, rank: int) -> None:
        """Wait until one coil more may be on, and count it; `free` gives it back."""
        if self._on < (self._limit or 1) or (self._limit is None and rank == SINGLE):
            self._on += 1
            return
        future: asyncio.Future[None] = self._loop.create_future()
        self._order += 1
        heappush(self._waiting, (rank, self._order, future))
        try:
            await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self.free()  # it was given in the very turn in which its taker gave up
            raise

    def free(self, after_s: float = 0.0) -> None:
        """A coil is off, or will be by then."""
        if after_s > 0:
            self._loop.call_later(after_s, self.free)
            return
        self._on -= 1
        while self._waiting and self._on < (self._limit or 1):
            _, _, future = heappop(self._waiting)
            if not future.done():
                self._on += 1
                future.set_result(None)
