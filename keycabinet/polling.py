"""The rhythm in which a cabinet's boards are read: slow while nothing can happen, fast around a session."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from keycabinet.exchange import Priority
from keycabinet.monitor import BoardMonitor
from keycabinet.pacing import Pacer, RealPacer

log = logging.getLogger(__name__)

EVERY_POLL = RealPacer()
STRAGGLER_S = 0.1
"""How long a round waits for a slow board; its reading still counts when it comes."""


class Poller:
    """One task that reads every board of a cabinet again and again. One slow board does not hold the others up."""

    __slots__ = (
        "_active_s",
        "_attend_until",
        "_busy",
        "_idle",
        "_idle_s",
        "_loop",
        "_monitors",
        "_name",
        "_pacer",
        "_reading",
        "_settle_s",
        "_task",
        "crashes",
        "polls",
        "skipped",
    )

    def __init__(
        self,
        name: str,
        monitors: Sequence[BoardMonitor],
        pacer: Pacer,
        *,
        idle_s: Callable[[], float],
        active_s: float,
        settle_s: float,
        busy: Callable[[], bool],
    ) -> None:
        """`idle_s` is asked before each pause; `busy` says whether to poll fast though nobody attends."""
        self._name = name
        self._monitors = monitors
        self._pacer = pacer
        self._idle_s = idle_s
        self._active_s = active_s
        self._settle_s = settle_s
        self._busy = busy
        self._loop = asyncio.get_running_loop()
        self._reading: dict[str, asyncio.Task[None]] = {}
        self._task: asyncio.Task[None] | None = None
        self._attend_until = self._loop.time()
        self._idle: asyncio.Timeout | None = None
        self.polls = 0
        self.skipped = 0
        self.crashes = 0

    def start(self) -> None:
        """Begin to poll."""
        self._task = self._loop.create_task(self._supervise(), name=f"poll cabinet {self._name}")

    def attend(self, seconds: float) -> None:
        """Poll fast from now on for at least so long."""
        self._attend_until = max(self._attend_until, self._loop.time() + seconds)
        self._poll_now()

    def _poll_now(self) -> None:
        idle, self._idle = self._idle, None
        if idle is not None:
            idle.reschedule(self._loop.time())

    async def _supervise(self) -> None:
        while True:
            try:
                await self._run()
            except Exception:
                self.crashes += 1
                log.exception("cabinet %s: polling failed and is started again", self._name)
                await asyncio.sleep(self._idle_s())

    async def _run(self) -> None:
        while True:
            started = self._loop.time()
            restless = [monitor for monitor in self._monitors if monitor.inputs.restless]
            if restless:
                await asyncio.sleep(self._settle_s)
                await self._round(restless)
                continue
            active = started < self._attend_until or self._busy()
            await self._pause((self._active_s if active else self._idle_s()), interruptible=not active)
            await self._round(self._monitors)

    async def _pause(self, seconds: float, *, interruptible: bool) -> None:
        try:
            async with asyncio.timeout(None) as self._idle:
                if not interruptible:
                    self._idle = None
                # What a lost board says next is not what it said last: no such poll can be left out.
                well = all(monitor.online for monitor in self._monitors)
                self.skipped += await (self._pacer if well else EVERY_POLL).wait(seconds)
        except TimeoutError:
            pass  # attended: poll now
        finally:
            self._idle = None

    def _came_late(self, _: asyncio.Task[None]) -> None:
        """A slow board's reading came after its round: what it began to see is looked at again soon, as any other."""
        if any(monitor.inputs.restless for monitor in self._monitors):
            self._poll_now()

    async def _round(self, monitors: Sequence[BoardMonitor]) -> None:
        """Read these boards at once, leaving out those still being read."""
        self.polls += 1
        if len(self._monitors) == 1:
            await monitors[0].poll(Priority.POLL)
            return
        for monitor in monitors:
            running = self._reading.get(monitor.label)
            if running is None or running.done():
                self._reading[monitor.label] = self._loop.create_task(
                    monitor.poll(Priority.POLL), name=f"poll board {monitor.board.name}"
                )
        _, late = await asyncio.wait(self._reading.values(), timeout=STRAGGLER_S)
        for task in late:
            task.add_done_callback(self._came_late)
        for label in [label for label, task in self._reading.items() if task.done()]:
            self._reading.pop(label).result()  # a bug surfaces here, in the supervised task

    async def stop(self) -> None:
        """End polling, also a reading under way."""
        tasks = [
            task for task in (self._task, *self._reading.values()) if task is not None and not task.done()
        ]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._task = None
        self._reading.clear()
