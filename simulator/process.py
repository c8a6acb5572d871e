"""The station's program as a process of the simulated host: started, killed at any point, started again.

Killing drops every task of the program; from that moment nothing it does reaches a wire or the disk, and the ledger's
file is as the last commit left it. The world goes on, and the next start finds it as it is.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine, Mapping
from contextvars import Context, ContextVar, copy_context
from pathlib import Path
from typing import Any, TypeVar

from keycabinet.transport import Cancellable, LineUrl, Link
from lifecycle import MotorPool, Site
from lifecycle.clock import Clock, IdFactory
from lifecycle.ledger import Ledger
from simulator.faults.disk import Disk, DiskImage
from simulator.station import SimulatedStation

T = TypeVar("T")
_RUNNING: ContextVar[_Incarnation | None] = ContextVar("motorpool_process", default=None)
BURIAL_S = 5.0
"""How long the remains of a program may take to let go before they are told again."""
AFTER_COMMIT = "after a commit"
"""How `simulator.faults.disk.Disk` calls that point."""


class StationDark(Exception):
    """The station's program is not running: its screens are black and its badge readers dead."""


class _Link:
    """A `keycabinet.transport.Link` that a dead process no longer reaches."""

    def __init__(self, incarnation: _Incarnation, line: str) -> None:
        self._incarnation = incarnation
        self._line = line
        self._link: Link | None = None

    def attach(self, link: Link) -> None:
        self._link = link

    def write(self, data: bytes) -> None:
        if self._link is not None and self._incarnation.passes(f"write to line {self._line}"):
            self._link.write(data)
            self._incarnation.passes(f"written to line {self._line}")

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Cancellable:
        assert self._link is not None
        return self._link.call_later(delay_s, callback)

    def close(self) -> None:
        if self._link is not None:
            self._link.close()


class _Incarnation:
    """One run of the program, from start to death."""

    def __init__(self, process: StationProcess) -> None:
        self.process = process
        self.alive = True
        self.tasks: dict[asyncio.Task[Any], None] = {}
        self.links: list[_Link] = []
        self.ledger: asyncio.Task[Ledger] | None = None
        self.pool: MotorPool | None = None
        self.disk: DiskImage | None = None
        self.buried = asyncio.Event()
        self.context: Context = copy_context()
        self.context.run(_RUNNING.set, self)

    def passes(self, point: str) -> bool:
        """Tell whether the process lives past this point."""
        if self.alive and point == AFTER_COMMIT:
            for each in self.process.committed:
                each()
        if self.alive and self.process.at_point(point):
            self.process.die()
        return self.alive

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        return asyncio.get_running_loop().create_task(work, context=self.context)


def _task_factory(
    loop: asyncio.AbstractEventLoop, work: Any, *, context: Context | None = None, **options: Any
) -> asyncio.Task[Any]:
    """Tasks that the program starts are known to be its own, however deep inside they were started."""
    task = asyncio.Task(work, loop=loop, context=context, **options)
    owner = _RUNNING.get() if context is None else context.get(_RUNNING)
    if owner is not None:
        owner.tasks[task] = None
        task.add_done_callback(lambda done: owner.tasks.pop(done, None))
        if not owner.alive:
            task.cancel()
    return task


class StationProcess:
    """The station's program. `at_point` is asked at every commit and every write whether to die there.

    `told` hears "starting", "started", "stopped" and "killed"; `committed` is called when a commit is on the disk.
    """

    def __init__(
        self,
        site: Site,
        hardware: SimulatedStation,
        disk: Disk,
        *,
        clock: Clock,
        ids: IdFactory,
        options: Callable[[], Mapping[str, Any]] | None = None,
    ) -> None:
        """`options` are for `MotorPool.open` at each start; by default what the hardware offers."""
        self._options = options or hardware.options
        self.site = site
        self.hardware = hardware
        self.disk = disk
        self.clock = clock
        self.ids = ids
        self.at_point: Callable[[str], bool] = lambda _point: False
        self.told: list[Callable[[str], None]] = []
        self.committed: list[Callable[[], None]] = []
        self._now: _Incarnation | None = None
        asyncio.get_running_loop().set_task_factory(_task_factory)

    @property
    def ledger_path(self) -> Path:
        return self.site.ledger_path

    @property
    def pool(self) -> MotorPool:
        """The running program's motor pool. Raises StationDark."""
        if self._now is None or self._now.pool is None or not self._now.alive:
            raise StationDark("the station's program is not running")
        return self._now.pool

    @property
    def running(self) -> bool:
        return self._now is not None and self._now.pool is not None and self._now.alive

    async def start(self) -> None:
        """Start the program and wait until it is up. Raises StationDark when it dies meanwhile, and what it raises."""
        if self._now is not None:
            await self._now.buried.wait()
        self._tell("starting")
        incarnation = self._now = _Incarnation(self)
        self.disk.on_commit = incarnation.passes
        try:
            pool = await self._await(incarnation, self._open(incarnation))
        except BaseException:
            if incarnation.alive:
                self.die()
            raise
        incarnation.pool = pool
        self._tell("started")

    async def _open(self, incarnation: _Incarnation) -> MotorPool:
        async def opener(url: LineUrl, protocol: asyncio.Protocol) -> Link:
            if not incarnation.alive:
                raise asyncio.CancelledError
            link = _Link(incarnation, self._line(url))
            incarnation.links.append(link)
            link.attach(await self.hardware.opener(url, protocol))
            return link

        async def ledger(path: Path, **options: Any) -> Ledger:
            # Shielded: a death in the middle must not leave the writer's lock to nobody.
            incarnation.ledger = asyncio.get_running_loop().create_task(
                Ledger.open(path, connect=self.disk.connect, **options), context=Context()
            )
            return await asyncio.shield(incarnation.ledger)

        options = {**self._options(), "opener": opener}
        return await MotorPool.open(
            self.site, **options, ledger=ledger, clock=self.clock, ids=self.ids, holder="the simulated host"
        )

    def _line(self, url: LineUrl) -> str:
        text = str(url)
        return next((name for name, known in self.hardware.urls.items() if str(known) == text), text)

    async def stop(self) -> None:
        """End the program as an update does: in order, everything closed."""
        incarnation = self._now
        if incarnation is None or not incarnation.alive or incarnation.pool is None:
            return
        pool, incarnation.pool = incarnation.pool, None
        await self._await(incarnation, pool.close())
        incarnation.alive = False
        incarnation.buried.set()
        self._tell("stopped")

    def die(self) -> None:
        """Kill the program now. Its remains are cleared away in the background; `start` waits for that."""
        incarnation = self._now
        if incarnation is None or not incarnation.alive:
            return
        incarnation.alive = False
        incarnation.disk = DiskImage.take(self.site.ledger_path, self.disk)
        for link in incarnation.links:
            link.close()
        asyncio.get_running_loop().create_task(self._bury(incarnation), name="bury", context=Context())
        self._tell("killed")

    async def kill(self) -> None:
        """Kill the program and wait until its remains are cleared away."""
        self.die()
        if self._now is not None:
            await self._now.buried.wait()

    async def do(self, work: Callable[[MotorPool], Coroutine[Any, Any, T]]) -> T:
        """Have the program do something. Raises StationDark when it does not run, or dies before it answers."""
        pool, incarnation = self.pool, self._now
        assert incarnation is not None
        return await self._await(incarnation, work(pool))

    async def _await(self, incarnation: _Incarnation, work: Coroutine[Any, Any, T]) -> T:
        task = incarnation.spawn(work)
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            task.cancel()
            raise
        if not incarnation.alive:
            if not task.cancelled():
                task.exception()
            raise StationDark("the station's program died before it answered")
        return task.result()

    async def _bury(self, incarnation: _Incarnation) -> None:
        await _end_tasks(incarnation)
        if incarnation.ledger is not None:
            await asyncio.wait([incarnation.ledger])
            if not incarnation.ledger.cancelled() and incarnation.ledger.exception() is None:
                pool = incarnation.pool
                await (incarnation.ledger.result().close() if pool is None else pool.close())
        incarnation.ledger = incarnation.pool = None
        if incarnation.disk is not None:
            incarnation.disk.put_back()
        gc.collect()  # its tasks and callbacks hold each other, yet a dead program's memory is free at once
        incarnation.buried.set()

    def _tell(self, what: str) -> None:
        for each in tuple(self.told):
            each(what)


async def _end_tasks(incarnation: _Incarnation) -> None:
    asked: dict[asyncio.Task[Any], None] = {}
    while incarnation.tasks:
        for task in incarnation.tasks:
            if task not in asked:
                asked[task] = None
                task.cancel()
        done, _ = await asyncio.wait(
            tuple(incarnation.tasks), timeout=BURIAL_S, return_when=asyncio.FIRST_COMPLETED
        )
        if not done:
            asked.clear()  # somebody waits for what will not come any more
