"""The station's process, which can be told to die at a write to a link or at a commit of its ledger.

Nothing in the product knows of this: the opener of links and the opener of the ledger's file are parameters.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

from crash_channel import Desk

from keycabinet.transport import Cancellable, LineUrl, Link, open_link
from lifecycle import MotorPool, load_site
from lifecycle.clock import system_clock
from lifecycle.custody import OPEN_RELEASES
from lifecycle.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Point:
    """One place to die: before, after or (a write) half way through the nth write or commit of a phase."""

    kind: str
    when: str
    n: int

    def __str__(self) -> str:
        return f"{self.when} {self.kind} {self.n}"


class Killer:
    """Counts writes and commits from `arm` on, and ends the process with SIGKILL at its point."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._point: Point | None = None
        self._armed = False

    def arm(self, point: Point | None) -> None:
        self.counts.clear()
        self._point, self._armed = point, True

    def around(self, kind: str, act: Callable[[], None], half: Callable[[], None] | None = None) -> None:
        """Do it, unless this is where the process dies."""
        if not self._armed:
            act()
            return
        self.counts[kind] += 1
        due = self._point is not None and (self._point.kind, self._point.n) == (kind, self.counts[kind])
        when = self._point.when if due and self._point is not None else ""
        if when == "before":
            _die()
        if when == "half" and half is not None:
            half()
            _die()
        act()
        if when == "after":
            _die()


def _die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


class CountedLink:
    """A link whose writes are counted."""

    def __init__(self, link: Link, killer: Killer) -> None:
        self._link = link
        self._killer = killer

    def write(self, data: bytes) -> None:
        self._killer.around(
            "write", lambda: self._link.write(data), half=lambda: self._link.write(data[: len(data) // 2])
        )

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Cancellable:
        return self._link.call_later(delay_s, callback)

    def close(self) -> None:
        self._link.close()


class CountedConnection(sqlite3.Connection):
    """A connection whose commits are counted."""

    killer: Killer

    def commit(self) -> None:
        self.killer.around("commit", super().commit)


def _connect(path: Path, *, killer: Killer) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, factory=CountedConnection
    )
    connection.killer = killer
    return connection


class StationDesk:
    """What the test can ask of the station's process."""

    def __init__(self, pool: MotorPool, killer: Killer) -> None:
        self._pool = pool
        self._killer = killer

    def __call__(self, verb: str) -> Callable[..., Awaitable[Any]]:
        verbs: dict[str, Callable[..., Awaitable[Any]]] = {
            "arm": self.arm,
            "counts": self.counts,
            "check_out": self.check_out,
            "settled": self.settled,
            "ended": self.ended,
            "identify": self.identify,
            "returned": self.returned,
            "at_home": self.at_home,
            "book": self.book,
        }
        return verbs[verb]

    async def arm(self, point: Point | None) -> None:
        self._killer.arm(point)

    async def counts(self) -> dict[str, int]:
        return dict(self._killer.counts)

    async def check_out(self, officer: str, vehicle: str, command_id: str) -> str:
        return (await self._pool.check_out(officer=officer, vehicle=vehicle, command_id=command_id)).id

    async def settled(self, checkout: str) -> str:
        """The state once there is a verdict on the release, of whatever kind."""
        await self._until(lambda: self._pool.checkout(checkout).state != "intended")
        return self._pool.checkout(checkout).state

    async def ended(self, checkout: str) -> str:
        """The state once the release is over."""
        await self._until(lambda: self._pool.checkout(checkout).state not in OPEN_RELEASES)
        return self._pool.checkout(checkout).state

    async def identify(self, officer: str, cabinet: str) -> None:
        await self._pool.identify(officer=officer, cabinet=cabinet)

    async def returned(self, checkout: str) -> str:
        await self._until(lambda: self._pool.checkout(checkout).state == "returned")
        return self._pool.checkout(checkout).returned_to or ""

    async def at_home(self, vehicle: str) -> str | None:
        """Where the set of a vehicle hangs, by the book."""
        return self._pool.vehicle(vehicle).key_sets[0].slot

    async def book(self) -> dict[str, Any]:
        """Everything the book says, as plain values."""
        return {
            "sets": {
                each.id: {"custody": each.custody, "slot": each.slot, "holder": each.holder}
                for vehicle in self._pool.vehicles()
                for each in vehicle.key_sets
            },
            "checkouts": {each.id: each.state for each in self._pool.checkouts(open_only=False)},
            "events": [
                (each.kind, dict(each.ids), each.actor) for each in await self._pool.events_page(0, 10_000)
            ],
            "problems": list(self._pool.health().problems),
        }

    async def _until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            seq = 0
            while not done():
                seq = max(seq, self._pool.health().ledger_seq)
                await self._pool.wait_event(seq)


def station_process(
    pipe: Connection, folder: Path, urls: Mapping[str, str], later_s: float, point: Point | None
) -> None:
    """Answers once the station is open; `later_s` is how far ahead its clock is. With a point, start-up counts too."""
    logging.basicConfig(filename=folder / "station.log", level=logging.INFO)
    asyncio.run(_run(Desk(pipe), folder, urls, later_s, point))


@asynccontextmanager
async def _open(folder: Path, urls: Mapping[str, str], later_s: float, killer: Killer) -> Any:
    async def opener(url: LineUrl, protocol: asyncio.Protocol) -> Link:
        return CountedLink(await open_link(url, protocol), killer)

    def clock() -> datetime:
        return system_clock() + timedelta(seconds=later_s)

    pool = await MotorPool.open(
        load_site(folder / "site.toml"),
        opener=opener,
        urls=urls,
        ledger=partial(Ledger.open, connect=partial(_connect, killer=killer)),
        clock=clock,
        holder=f"crash test {os.getpid()}",
    )
    async with pool:
        yield pool


async def _run(
    desk: Desk, folder: Path, urls: Mapping[str, str], later_s: float, point: Point | None
) -> None:
    killer = Killer()
    if point is not None:
        killer.arm(point)
    async with _open(folder, urls, later_s, killer) as pool:
        desk.answer("open")
        await desk.serve(StationDesk(pool, killer))
