"""Reopens a lost link, less and less often: the only place that does."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable

from keycabinet.errors import LineError

log = logging.getLogger(__name__)

FIRST_DELAY_S = 0.1
LONGEST_DELAY_S = 10.0
"""Also how long a link must have been up for its loss to be a new one: a peer that hangs up at once is not called
again and again."""


class Reconnector:
    """Calls `connect` until it works. A task exists only while the link is down."""

    __slots__ = ("_connect", "_delay", "_opened_at", "_task", "attempts", "last_error")

    def __init__(self, connect: Callable[[], Awaitable[None]]) -> None:
        self._connect = connect
        self._task: asyncio.Task[None] | None = None
        self._delay = FIRST_DELAY_S
        self._opened_at = -math.inf
        self.attempts = 0
        self.last_error: Exception | None = None

    def start(self, error: Exception | None = None) -> None:
        """Begin, unless it is under way; `error` is why there is no link."""
        self.last_error = error
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run(), name="keycabinet reconnect")

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        if loop.time() - self._opened_at >= LONGEST_DELAY_S:
            self._delay = FIRST_DELAY_S
        self.attempts = 0
        while True:
            await asyncio.sleep(self._delay)
            self._delay = min(self._delay * 2, LONGEST_DELAY_S)
            self.attempts += 1
            try:
                await self._connect()
            except Exception as error:
                if not isinstance(error, LineError | OSError):
                    log.exception("a line could not be reopened, and is tried again")
                self.last_error = error
            else:
                self.last_error = None
                self._opened_at = loop.time()
                return

    async def stop(self) -> None:
        """Give up."""
        task, self._task = self._task, None
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait([task])
