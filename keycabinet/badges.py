"""Badge readers at a cabinet: every badge that is held there is told once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from keycabinet.errors import KeyCabinetError
from keycabinet.exchange import Priority
from keycabinet.identity import FobField
from keycabinet.model import BadgeRead, BoardLost, BoardRecovered, CabinetEvent

log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.25
LOST_EVERY_S = 2.0


class BadgeWatch:
    """One task a reader. A badge that stays is told when it comes, and again only after it was gone."""

    __slots__ = ("_cabinet", "_fields", "_loop", "_publish", "_tasks")

    def __init__(
        self, cabinet: str, fields: Sequence[FobField], publish: Callable[[CabinetEvent], None]
    ) -> None:
        self._cabinet = cabinet
        self._fields = fields
        self._publish = publish
        self._loop = asyncio.get_running_loop()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to watch."""
        name = f"watch badges {self._cabinet}"
        self._tasks = [self._loop.create_task(self._supervise(field), name=name) for field in self._fields]

    async def close(self) -> None:
        """End watching."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _supervise(self, field: FobField) -> None:
        while True:
            try:
                await self._look(field)
            except Exception:
                log.exception("cabinet %s: watching badges failed and is started again", self._cabinet)
            await asyncio.sleep(LOOK_EVERY_S if field.error is None else LOST_EVERY_S)

    async def _look(self, field: FobField) -> None:
        """Read once and tell what is new."""
        try:
            badges = await field.reader.read(Priority.COMMAND)
        except KeyCabinetError as error:
            if field.error is None:
                self._publish(BoardLost(self._cabinet, field.label, str(error), self._loop.time()))
            field.error = error
            return
        if field.error is not None:
            field.error = None
            self._publish(BoardRecovered(self._cabinet, field.label, self._loop.time()))
        before, field.seen = field.seen, badges
        for badge in badges:
            if badge not in before:
                self._publish(BadgeRead(self._cabinet, field.label, badge, self._loop.time()))
