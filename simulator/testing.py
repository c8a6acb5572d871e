"""A running station for tests: the pool under test, the world it runs in, and hands that act as people do.

The pytest plugin hands these out as fixtures; a program without pytest can use them the same way, on any event loop.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from keycabinet import BoardConfig, Cabinet, CabinetConfig, Line, LineUrl
from keycabinet.boards.base import board_shapes
from lifecycle import Event, MotorPool, Site
from lifecycle.model import parse_slot_label
from simulator import virtual_time
from simulator.faults import Faults
from simulator.hardware import SimulatedHardware
from simulator.model import Car
from simulator.station import DEFAULT_PROFILE, START, CarTruth, RadioKind, SimulatedStation
from simulator.terminals import Elm327Device, TerminalPark
from simulator.world import DOOR, World
from vehicle import Terminal, TerminalConfig, open_terminal
from vehicle.ble import Radio

PATIENCE_S = 20.0


@dataclass(frozen=True, slots=True)
class RunningStation:
    """A motor pool on simulated hardware."""

    pool: MotorPool
    simulated: SimulatedStation
    faults: Faults

    @property
    def world(self) -> World:
        """What is physically true."""
        return self.simulated.world

    async def pull(self, label: str, key_set: str) -> None:
        """Wait at a slot ("A-07") until it gives way, open the door where there is one, and take the set out."""
        cabinet, slot = parse_slot_label(label)
        await self.until(lambda: self.world.unlocked(cabinet, slot), PATIENCE_S)
        if self.world.door(cabinet).value == "shut":
            self.world.open_door(cabinet)
        self.world.pull(key_set)

    async def take(self, officer: str, **wish: Any) -> str:
        """Check out as `MotorPool.check_out` does, take the set, and return the check-out's id."""
        trip = await self.pool.check_out(officer=officer, **wish)
        await self.pull(trip.slot, trip.key_set)
        await trip.taken(within=PATIENCE_S)
        return trip.id

    async def bring_home(self, checkout: str, label: str) -> None:
        """Badge at the cabinet, hang the set of a check-out into a slot, and wait until the book says so."""
        cabinet, slot = parse_slot_label(label)
        trip = self.pool.checkout(checkout)
        await self.pool.identify(officer=trip.holder, cabinet=cabinet)
        if self.world.door(cabinet).value != "open":
            await self.until(lambda: self.world.unlocked(cabinet, DOOR), PATIENCE_S)
            self.world.open_door(cabinet)
        self.world.put(trip.key_set, cabinet, slot)
        await self.until(lambda: self.pool.checkout(checkout).state == "returned", PATIENCE_S)

    async def until(self, done: Callable[[], bool], within: float = 30.0) -> None:
        """Look, as a person would, until something shows. Raises TimeoutError after `within` seconds."""
        async with asyncio.timeout(within):
            while not done():  # noqa: ASYNC110 - a person looks; nothing notifies a person
                await asyncio.sleep(0.02)

    async def all_events(self) -> list[Event]:
        """Everything in the ledger."""
        found: list[Event] = []
        while page := await self.pool.events_page(found[-1].seq if found else 0, 1000):
            found += page
        return found

    async def kinds(self) -> list[str]:
        """The kinds of all events, in order."""
        return [event.kind for event in await self.all_events()]


@asynccontextmanager
async def running_station(
    site: Site,
    simulated: SimulatedStation | None = None,
    *,
    seed: int = 0,
    radio: RadioKind = "bumble",
    **options: Any,
) -> AsyncIterator[RunningStation]:
    """The station of a site, in virtual time, on the given hardware (running already) or on its own.

    `radio` is "bumble" for the whole Bluetooth stack, "memory" for the same bytes over a modelled link, whose faults
    can be injected. `options` go to `MotorPool.open`. Ids come from `seed`, the clock from the loop's time.
    """
    if simulated is None:
        own = SimulatedStation(site, seed=seed, radio=radio)
        async with own.running("memory"), running_station(site, own, seed=seed, **options) as station:
            yield station
        return
    chance = random.Random(seed)
    reached: dict[str, Any] = {
        **simulated.options(),
        "clock": virtual_time.wall_clock(START),
        "ids": lambda prefix: f"{prefix}_{chance.randbytes(6).hex()}",
    }
    async with await MotorPool.open(site, **{**reached, **options}) as pool:
        station = RunningStation(pool, simulated, Faults(simulated.hardware, chance))
        yield station
        station.faults.clear_all()


@dataclass(frozen=True, slots=True)
class SimulatedCabinet:
    """A cabinet and the world it stands in."""

    cabinet: Cabinet
    world: World
    hardware: SimulatedHardware


@asynccontextmanager
async def simulated_cabinet(
    *, slots: int = 16, profile: str = "waveshare-relay-d-8", url: str = "serial:///dev/ttyS0?baudrate=9600"
) -> AsyncIterator[SimulatedCabinet]:
    """One cabinet named A on one line; a set named k-N hangs in slot N. ValueError unless boards fill up evenly."""
    channels = board_shapes()[profile].outputs
    if slots % channels:
        raise ValueError(f"slots = {slots}: boards of {profile} have {channels} channels each")
    boards = tuple(
        BoardConfig(
            line="a", address=1 + first // channels, profile=profile, slots=f"{first + 1}-{first + channels}"
        )
        for first in range(0, slots, channels)
    )
    config = CabinetConfig(boards=boards)
    hardware = SimulatedHardware(
        lines={"a": url},
        cabinets={"A": config},
        sets={f"k-{slot}": ("A", slot) for slot in range(1, slots + 1)},
    )
    await hardware.start("memory")
    try:
        line = await Line.open("a", LineUrl.parse(hardware.urls["a"]), opener=hardware.opener)
        async with line, Cabinet("A", config, {"a": line}, pacer=hardware.pacer("A")) as cabinet:
            yield SimulatedCabinet(cabinet, hardware.world, hardware)
    finally:
        await hardware.stop()


@dataclass(frozen=True, slots=True)
class SimulatedTerminal:
    """A terminal and the adapter at its other end. The car's truth is in `world`, under the id "car"."""

    terminal: Terminal
    adapter: Elm327Device
    world: World


@asynccontextmanager
async def simulated_terminal(
    *, profile: str = DEFAULT_PROFILE, **car: Any
) -> AsyncIterator[SimulatedTerminal]:
    """One car with an adapter, reached by unmodified bleak over bumble. `car` are fields of `simulator.model.Car`."""
    world = World(now=asyncio.get_running_loop().time)
    world.add_car("car", Car(**{"vin": "LSVAM4187C2184841", **car}))
    park = TerminalPark()
    config = TerminalConfig(kind="obd", address="F0:00:00:00:00:01", profile=profile)
    adapter = park.add(CarTruth(world, "car"), "F0:00:00:00:00:01", profile)
    radio = Radio(park.client_backend, park.scanner_backend)
    async with park, open_terminal(config, radio, name="car") as terminal:
        yield SimulatedTerminal(terminal, adapter, world)
