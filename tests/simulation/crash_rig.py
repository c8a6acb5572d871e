"""A station that can die at any write to a link and any commit, and its hardware, which lives on. In virtual time.

Dying means: nothing of the station reaches a wire or the ledger any more, and nothing reaches it. The next station
gets the ledger's files as they were at that moment, in a folder of their own.
"""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from cabinet_people import Person

from keycabinet.errors import PortUnavailable
from keycabinet.transport import Cancellable, LineUrl, Link
from lifecycle import MotorPool, load_site
from lifecycle.ledger import Ledger
from simulator.station import SimulatedStation

T = TypeVar("T")
START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
FILES = ("ledger.db", "ledger.db-wal", "ledger.db.new", "ledger.db.new-journal", "site.toml", "roster.toml")

Script = Callable[[MotorPool], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Point:
    """One place to die: before, after or (a write) half way through the nth write or commit of a life."""

    kind: str
    when: str
    n: int

    def __str__(self) -> str:
        return f"{self.when} {self.kind} {self.n}"


class Life:
    """What one station process does to the world, until it dies."""

    def __init__(self, point: Point | None, die: Callable[[], None]) -> None:
        self.counts: Counter[str] = Counter()
        self.dead = asyncio.Event()
        self.point = point
        self._die = die
        self._links: list[Link] = []

    def around(self, kind: str, act: Callable[[], None], half: Callable[[], None] | None = None) -> None:
        """Do it, unless this is where the station dies."""
        self.counts[kind] += 1
        point = self.point
        if point is None or (point.kind, point.n) != (kind, self.counts[kind]):
            act()
            return
        if point.when == "after":
            act()
        elif point.when == "half" and half is not None:
            half()
        self.die()

    def die(self) -> None:
        self.dead.set()
        self._die()
        for link in self._links:
            link.close()

    async def ends_or(self, work: asyncio.Future[Any]) -> None:
        """Wait for death or for the work, whichever comes first."""
        death = asyncio.create_task(self.dead.wait())
        await asyncio.wait((work, death), return_when=asyncio.FIRST_COMPLETED)
        death.cancel()
        await asyncio.wait((death,))

    async def until_death(self, work: asyncio.Future[T]) -> T | None:
        """What the work comes to; None if the station died before."""
        await self.ends_or(work)
        if self.dead.is_set():
            work.cancel()
            await asyncio.wait((work,))
            if work.cancelled() or work.exception() is not None:
                return None
        return work.result()

    def connect(self, path: Path) -> sqlite3.Connection:
        """As a parameter of `Ledger.open`."""
        connection = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False, factory=_CountedConnection
        )
        connection.life = self
        return connection

    async def opener(self, simulated: SimulatedStation, url: LineUrl, protocol: asyncio.Protocol) -> Link:
        if self.dead.is_set():
            raise PortUnavailable(str(url), "this station is dead")
        link = await simulated.opener(url, protocol)
        if self.dead.is_set():
            link.close()
        self._links.append(link)
        return _CountedLink(link, self)


class _CountedLink:
    def __init__(self, link: Link, life: Life) -> None:
        self._link = link
        self._life = life

    def write(self, data: bytes) -> None:
        if not self._life.dead.is_set():
            half = data[: len(data) // 2]
            self._life.around("write", lambda: self._link.write(data), half=lambda: self._link.write(half))

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Cancellable:
        return self._link.call_later(delay_s, callback)

    def close(self) -> None:
        self._link.close()


class _CountedConnection(sqlite3.Connection):
    life: Life

    def commit(self) -> None:
        if not self.life.dead.is_set():
            self.life.around("commit", super().commit)
        if self.in_transaction:
            super().commit()  # into the file that the dead station left behind, which nobody reads


class Rig:
    """The hardware, and one station after another on it."""

    def __init__(self, folder: Path, simulated: SimulatedStation) -> None:
        self.folder = folder
        self.simulated = simulated
        self.person = Person(simulated.world)
        self.lives = 0
        self._random = random.Random(1)
        self._dead: list[asyncio.Task[None]] = []

    @classmethod
    @asynccontextmanager
    async def on(cls, folder: Path) -> AsyncIterator[Rig]:
        """A rig on the site in `folder`."""
        simulated = SimulatedStation(load_site(folder / "site.toml"))
        async with simulated.running("memory"):
            rig = cls(folder, simulated)
            yield rig
            await asyncio.gather(*rig._dead, return_exceptions=True)

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger.db"

    async def live(
        self, script: Script, point: Point | None = None, *, from_start: bool = False
    ) -> Counter[str]:
        """Open a station and follow the script, to its end or to the point; returns what was counted.

        Writes and commits count from when the script begins, or `from_start`, when the station begins to open.
        """
        life = Life(point if from_start else None, self._keep_what_is_on_disk)

        async def counted(pool: MotorPool) -> None:
            if not from_start:
                life.counts.clear()
                life.point = point
            await script(pool)

        told = asyncio.create_task(self._tell(life, counted), name="station")
        await life.ends_or(told)
        if life.dead.is_set():
            self._dead.append(told)  # it lets go of what it holds, and nobody waits for that
        else:
            await told
        return life.counts

    async def _tell(self, life: Life, script: Script) -> None:
        loop = asyncio.get_running_loop()
        opening = asyncio.create_task(
            MotorPool.open(
                load_site(self.folder / "site.toml"),
                opener=partial(life.opener, self.simulated),
                urls=self.simulated.urls,
                pacers=self.simulated.pacers,
                ledger=partial(Ledger.open, connect=life.connect),
                clock=lambda: START + timedelta(seconds=loop.time()),
                ids=lambda prefix: f"{prefix}_{self._random.randbytes(6).hex()}",
            )
        )
        if (pool := await life.until_death(opening)) is not None:
            async with pool:
                await life.until_death(asyncio.ensure_future(script(pool)))

    def _keep_what_is_on_disk(self) -> None:
        self.lives += 1
        kept = self.folder.parent / f"{self.folder.name.partition('.')[0]}.{self.lives}"
        kept.mkdir()
        for name in FILES:
            if (self.folder / name).exists():
                shutil.copy(self.folder / name, kept / name)
        self.folder = kept
