"""A small station in virtual time: real Modbus bytes, a real ledger file, people as coroutines."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lifecycle import Event, MotorPool, Site, load_site
from lifecycle.model import parse_slot_label
from simulator import virtual_time
from simulator.station import SimulatedStation
from simulator.world import World

SITE = """
[station]
code = "test-01"
ledger = "ledger.db"

[lines]
a = "serial:///dev/ttyS9?baudrate=19200"
b = "modbus+tcp://10.0.0.9:502"

[cabinets.A]
boards = [{ name = "a1", line = "a", address = 1, profile = "waveshare-relay-d-8", slots = "1-8" }]

[cabinets.B]                         # relays without inputs: nothing can tell
boards = [{ name = "b1", line = "b", address = 1, profile = "waveshare-relay-16", locks = "1-16" }]
"""

ROSTER = """
units = [{ id = "u", name = "Station" }]
officers = [
  { id = "o-1", badge = "b1", name = "One", unit = "u", classes = ["patrol", "van"] },
  { id = "o-2", badge = "b2", name = "Two", unit = "u", classes = ["patrol"] },
  { id = "o-3", badge = "b3", name = "Three", unit = "u", classes = ["patrol"], active = false },
  { id = "m-1", badge = "m1", name = "Mechanic", unit = "u" },
]
vehicles = [
  { id = "v-1", fleet_number = "P-1", class = "patrol", unit = "u" },
  { id = "v-2", fleet_number = "P-2", class = "patrol", unit = "u" },
  { id = "v-3", fleet_number = "V-3", class = "van", unit = "u" },
]
key_sets = [
  { id = "k-1", vehicle = "v-1", items = ["key", "fuel_card"], home = "A-01" },
  { id = "k-2", vehicle = "v-2", home = "A-02" },
  { id = "k-3", vehicle = "v-3", home = "B-05" },
]
"""
START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


@dataclass
class Running:
    """A station that runs, and the world it runs in."""

    pool: MotorPool
    simulated: SimulatedStation

    @property
    def world(self) -> World:
        return self.simulated.world

    async def pull(self, label: str, key_set: str) -> None:
        """Wait until the slot gives way, then take the set out."""
        cabinet, slot = parse_slot_label(label)
        async with asyncio.timeout(20):
            while not self.world.unlocked(cabinet, slot):
                await asyncio.sleep(0.02)
        self.world.pull(key_set)

    async def take(self, officer: str, **wish: Any) -> str:
        """Check out and take; returns the check-out's id."""
        trip = await self.pool.check_out(officer=officer, **wish)
        await self.pull(trip.slot, trip.key_set)
        await trip.taken(within=20)
        return trip.id

    async def kinds(self) -> list[str]:
        return [event.kind for event in await self.all_events()]

    async def all_events(self) -> list[Event]:
        return await self.pool.events_page(0, 10_000)

    async def until(self, done: Callable[[], bool], within: float = 30) -> None:
        async with asyncio.timeout(within):
            while not done():
                await asyncio.sleep(0.05)


class Bench:
    """Where a test sets up its station: files in `folder`, the hardware kept between restarts of the station."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "site.toml").write_text(SITE, encoding="utf-8")
        (folder / "roster.toml").write_text(ROSTER, encoding="utf-8")
        self.random = random.Random(1)

    @property
    def site(self) -> Site:
        return load_site(self.folder / "site.toml")

    def simulated(self, **options: Any) -> SimulatedStation:
        return SimulatedStation(self.site, **options)

    @asynccontextmanager
    async def station(
        self, simulated: SimulatedStation | None = None, **options: Any
    ) -> AsyncIterator[Running]:
        """The station on its hardware; on hardware of its own if none is given."""
        if simulated is None:
            own = self.simulated()
            async with own.running("memory"), self.station(own, **options) as running:
                yield running
            return
        pool = await MotorPool.open(
            self.site,
            clock=virtual_time.wall_clock(START),
            ids=lambda prefix: f"{prefix}_{self.random.randbytes(6).hex()}",
            **{**simulated.options(), **options},
        )
        async with pool:
            yield Running(pool, simulated)
