"""The log of what happened in a world, numbered from 1, and waiting for the next entry."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from simulator.model import Change
from simulator.world import World

KEPT = 10_000
SETTING_UP = ("cabinet_added", "set_added", "car_added")


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened, and its number."""

    seq: int
    change: Change


class Journal:
    """Follows a world from now on. The last `kept` entries can be read."""

    def __init__(self, world: World, kept: int = KEPT) -> None:
        self.head = 0
        self.closed = False
        self._entries: deque[Entry] = deque(maxlen=kept)
        self._news = asyncio.Event()
        self._leave: Callable[[], None] = world.subscribe(self.add)

    def close(self) -> None:
        """Follow the world no longer, and let everybody who waits go."""
        if not self.closed:
            self.closed = True
            self._leave()
            self._news.set()

    def after(self, seq: int, limit: int) -> list[Entry]:
        """Return the first entries after `seq` that are still kept."""
        skipped = max(0, len(self._entries) - (self.head - seq))
        return [each for at, each in enumerate(self._entries) if skipped <= at < skipped + limit]

    def missed(self, seq: int) -> int:
        """Return how many entries after `seq` are no longer kept."""
        return max(0, self.head - len(self._entries) - seq)

    async def wait(self, seq: int, seconds: float) -> None:
        """Wait until there is an entry after `seq`, for so many seconds at most; at once when closed."""
        try:
            async with asyncio.timeout(seconds):
                while self.head <= seq and not self.closed:
                    await self._news.wait()
        except TimeoutError:
            return

    def add(self, change: Change) -> None:
        """Enter something that happened; what sets the world up is left out."""
        if change.kind in SETTING_UP:
            return
        self.head += 1
        self._entries.append(Entry(self.head, change))
        news, self._news = self._news, asyncio.Event()
        news.set()
