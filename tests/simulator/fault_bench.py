"""A station that has one of everything that can break, and a day's work that crosses all of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from keycabinet import KeyCabinetError, Pacer, Presence
from lifecycle import MotorPool, MotorPoolError, Site, load_site
from lifecycle.ledger import Ledger
from simulator.faults import Faults, WallClock
from simulator.faults.disk import Disk
from simulator.station import SimulatedStation
from simulator.world import Door, World, WorldError

SITE = """
[station]
code = "test-09"
ledger = "ledger.db"
take_within_s = 20.0

[lines]
a = "serial:///dev/ttyS9?baudrate=19200"
b = "modbus+tcp://10.0.0.9:502"
c = "rtu+tcp://10.0.0.9:4001"
d = "serial:///dev/ttyS8?baudrate=9600"
r = "serial:///dev/ttyS7?baudrate=19200&parity=E"

[cabinets.A]
boards = [
  { name = "a1", line = "a", address = 1, profile = "waveshare-relay-d-8", slots = "1-8" },
  { name = "a2", line = "a", address = 2, profile = "waveshare-io-8ch", door_lock = 1, door_contact = 1 },
]
readers = [{ name = "ar", line = "r", kind = "rs485-125k-ascii", slots = "1-2" }]
reread_s = 5.0
[cabinets.B]
boards = [{ name = "b1", line = "b", address = 1, profile = "waveshare-relay-d-8", slots = "1-8" }]
[cabinets.C]
boards = [
  { name = "c1", line = "c", address = 1, profile = "waveshare-io-8ch", slots = "1-4", latches = "1-4@5" },
]
[cabinets.D]
boards = [{ name = "d1", line = "d", address = 1, profile = "wkly-4", slots = "1-4" }]
"""

ROSTER = """
units = [{ id = "u", name = "Station" }]
officers = [
  { id = "o-1", badge = "b1", name = "One", unit = "u", classes = ["patrol"] },
  { id = "o-2", badge = "b2", name = "Two", unit = "u", classes = ["patrol"] },
]
key_sets = [
  { id = "k-1", vehicle = "v-1", home = "A-01", fob = "em:0000A001" },
  { id = "k-2", vehicle = "v-2", home = "B-02" },
  { id = "k-3", vehicle = "v-3", home = "C-03" },
  { id = "k-4", vehicle = "v-4", home = "D-01" },
]
[[vehicles]]
id = "v-1"
fleet_number = "P-1"
class = "patrol"
unit = "u"
terminal = { kind = "obd", address = "F0:F1:F2:F3:F4:01" }
[[vehicles]]
id = "v-2"
fleet_number = "P-2"
class = "patrol"
unit = "u"
terminal = { kind = "obd", address = "F0:F1:F2:F3:F4:02" }
[[vehicles]]
id = "v-3"
fleet_number = "P-3"
class = "patrol"
unit = "u"
[[vehicles]]
id = "v-4"
fleet_number = "P-4"
class = "patrol"
unit = "u"
"""
START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


@dataclass
class Broken:
    """A running station whose hardware, disk and clock can fail."""

    site: Site
    pool: MotorPool
    simulated: SimulatedStation
    faults: Faults
    disk: Disk
    clock: WallClock
    pacers: Mapping[str, Pacer]
    went_wrong: list[BaseException] = field(default_factory=list)

    @property
    def world(self) -> World:
        return self.simulated.world

    async def book(self) -> list[tuple[str, tuple[tuple[str, str], ...]]]:
        """What was recorded: kinds and ids, without times."""
        events = await self.pool.events_page(0, 100_000)
        return [(event.kind, tuple(sorted(event.ids.items()))) for event in events]

    async def outing(self, officer: str, set_id: str, car: str) -> None:
        """Take a car, drive it, bring it home; whatever does not work is tried and left."""
        world = self.world
        place = world.where(set_id)
        if place is None:
            return
        with self._excused():
            trip = await self.pool.check_out(officer=officer, vehicle=car)
            cabinet, slot = trip.cabinet, int(trip.slot[-2:])
            await self._open_door(cabinet)
            await self._wait(lambda: world.unlocked(cabinet, slot))
            world.pull(set_id)
            world.drive(car, 12.5)
        await self._shut_door(place.cabinet)
        await asyncio.sleep(30)
        if world.where(set_id) is None:
            with self._excused():
                await self.pool.identify(officer=officer, cabinet=place.cabinet)
            with self._excused():
                await self._open_door(place.cabinet)
                world.put(set_id, *place)
            await self._shut_door(place.cabinet)
        await asyncio.sleep(60)

    def agrees(self) -> bool:
        """Whether the cabinets sense what is so."""
        for name in ("A", "B", "C"):
            for slot in self.pool.cabinet(name).slots:
                hangs = self.world.hanging(name, slot.slot) is not None
                if slot.presence != (Presence.PRESENT if hangs else Presence.ABSENT):
                    return False
        return True

    async def recovered(self, within: float = 120.0) -> float:
        """Wait until the cabinets agree with the world; returns how long it took."""
        loop = asyncio.get_running_loop()
        start = loop.time()
        async with asyncio.timeout(within):
            while not self.agrees():
                await asyncio.sleep(0.5)
        return loop.time() - start

    async def _open_door(self, cabinet: str) -> None:
        if self.simulated.hardware.wirings[cabinet].door_lock is not None:
            await self._wait(lambda: self.world.door(cabinet) is not Door.LOCKED)
            if self.world.door(cabinet) is Door.SHUT:
                self.world.open_door(cabinet)

    async def _shut_door(self, cabinet: str) -> None:
        with suppress(WorldError):
            self.world.shut_door(cabinet)

    @staticmethod
    async def _wait(done: Callable[[], bool]) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(8):
                while not done():
                    await asyncio.sleep(0.05)

    def _excused(self) -> _Excused:
        return _Excused(self.went_wrong)


@dataclass
class _Excused:
    """What people run into when something is broken."""

    into: list[BaseException]

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if isinstance(error, MotorPoolError | KeyCabinetError | WorldError | TimeoutError):
            self.into.append(error)
            return True
        return False


def site_in(folder: Path) -> Site:
    (folder / "site.toml").write_text(SITE, encoding="utf-8")
    (folder / "roster.toml").write_text(ROSTER, encoding="utf-8")
    return load_site(folder / "site.toml")


@asynccontextmanager
async def broken(
    folder: Path, *, seed: int = 1, busy: Mapping[str, Callable[[bytes], bytes]] | None = None, **options: Any
) -> AsyncIterator[Broken]:
    """`busy` are boards that answer so from the start."""
    site = site_in(folder)
    simulated = SimulatedStation(site, seed=seed, radio="memory", **options)
    for name, answer in (busy or {}).items():
        simulated.hardware.device(*name.split("/")).intercepts.append(answer)
    chance = random.Random(seed)
    disk, clock = Disk(random.Random(seed)), WallClock(START)
    faults = Faults(simulated.hardware, random.Random(seed), disk=disk, clock=clock)
    async with simulated.running("memory"):
        reached = simulated.options()
        pool = await MotorPool.open(
            site,
            clock=clock,
            ids=lambda prefix: f"{prefix}_{chance.randbytes(6).hex()}",
            ledger=partial(Ledger.open, connect=disk.connect),
            **reached,
        )
        async with pool:
            await asyncio.sleep(20)
            yield Broken(site, pool, simulated, faults, disk, clock, reached["pacers"])
        faults.clear_all()
