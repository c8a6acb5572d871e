"""The simulated hardware of a whole site: what its site file and roster describe, in one world.

This is what `motorpool serve --simulated`, `motorpool simulate` and the demo run on, found through the entry point
`motorpool.worlds`. It reads the site and the roster and knows no rule.
"""

from __future__ import annotations

import asyncio
import importlib
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

from keycabinet import Opener, Pacer
from lifecycle.clock import Clock, system_clock
from lifecycle.errors import InvalidRequest, Problem, SiteError
from lifecycle.model import Vehicle, parse_slot_label
from lifecycle.site import Site
from simulator.cabinets.log import FrameLog
from simulator.hardware import Endpoint, SimulatedHardware, StartMode
from simulator.model import Car
from simulator.terminals import Elm327Device, MemoryRadio, TerminalPark
from simulator.terminals.memory_radio import OnAir
from simulator.terminals.reach import Reach, UnknownWay
from simulator.virtual_time import VirtualTimeLoop
from simulator.world import World
from vehicle import TerminalConfig
from vehicle.ble import Radio
from vehicle.gatt import SEALED
from vehicle.link import RadioPort

if TYPE_CHECKING:
    from simulator.authority import StationPapers
    from simulator.terminals.sealed import SealedDevice
    from simulator.terminals.sealed_fleet import SealedFleet

DEFAULT_PROFILE = "fff0"
START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
"""What a clock in virtual time shows at the loop's zero, where no other is given: a Monday, early shift."""
FLAT_V = 8.0
"""Below this, volts, an adapter's regulator gives up and it falls silent."""

RadioKind = Literal["bumble", "memory"]


class ControlMissing(Exception):
    """The control API needs a library that is not installed; the text says what to install."""

    def __init__(self, module: str | None) -> None:
        super().__init__(
            f"the control API needs {module}, which is not installed: pip install 'motorpool[api]'"
        )


class CarTruth:
    """One car of a world, as its terminal's adapter sees it: read anew whenever it is asked."""

    def __init__(self, world: World, car: str) -> None:
        self._world = world
        self._car = car
        self.stuck: list[Callable[[], None]] = []
        """While something is in it, the central locking does not follow, and whoever hangs there is told."""

    @property
    def in_range(self) -> bool:
        """Whether the adapter is heard: the car stands near, and its battery feeds the adapter."""
        car = self._world.car(self._car)
        return car.in_range and car.battery_v >= FLAT_V

    def reachable(self) -> bool:
        """The same, for those who want to call it."""
        return self.in_range

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world.car(self._car), name)

    def forget_codes(self) -> None:
        """A tool cleared the fault codes."""
        car = self._world.car(self._car)
        cleared = replace(car, stored_dtcs=(), pending_dtcs=(), distance_since_clear_km=0.0)
        self._world.change_car(self._car, cleared)

    def drive_locks(self, locked: bool) -> None:
        """A sealed terminal pulses the central locking."""
        for told in self.stuck:
            told()
        if not self.stuck:
            self._world.change_car(self._car, replace(self._world.car(self._car), doors_locked=locked))

    def block_restart(self, blocked: bool) -> None:
        """A sealed terminal switches the relay in the starter's circuit."""
        self._world.change_car(self._car, replace(self._world.car(self._car), restart_blocked=blocked))


@dataclass(frozen=True, slots=True)
class SealedSide:
    """Sealed terminals in their cars, and what the station holds for them."""

    fleet: SealedFleet
    papers: StationPapers
    cars: Mapping[str, CarTruth]


Fit = Callable[[World, Mapping[str, CarTruth]], "SealedFleet"]
"""Puts sealed terminals into cars."""


class StationTerminals:
    """The terminals in a world's cars, on one simulated air, or on a radio in memory.

    `adapters` are plugged into the cars; `sealed_side` has the sealed terminals, from the first start on.
    """

    def __init__(
        self,
        world: World,
        configs: Mapping[str, TerminalConfig],
        radio: RadioKind = "bumble",
        sealed: tuple[StationPapers, Fit] | None = None,
    ) -> None:
        self._world = world
        self._sealed = sealed
        self.sealed_side: SealedSide | None = None
        self._configs = configs
        self._kind = radio
        self._truths = {car: CarTruth(world, car) for car in configs}
        self._park: TerminalPark | None = None
        self.memory = MemoryRadio() if radio == "memory" else None
        self.adapters: dict[str, Elm327Device] = {
            car: Elm327Device(truth, clear=truth.forget_codes)
            for car, truth in self._truths.items()
            if configs[car].kind == "obd"
        }
        if self.memory is not None:
            for car, adapter in self.adapters.items():
                address, profile = _socket(configs[car])
                self.memory.add(self._truths[car], address, profile, adapter=adapter)

    @property
    def park(self) -> TerminalPark:
        """The adapters on the air. RuntimeError before `start`, and with a radio in memory."""
        if self._park is None:
            raise RuntimeError("the terminals are not started, or not on a simulated air")
        return self._park

    @property
    def radio(self) -> RadioPort:
        """The radio on which they are heard."""
        return self.memory or Radio(*self.radio_backends)

    @property
    def radio_backends(self) -> tuple[Any, Any]:
        return self.park.client_backend, self.park.scanner_backend

    def on_air(self, car: str) -> OnAir | None:
        """One terminal of a radio in memory; None on a simulated air. KeyError for a car without one."""
        config = self._configs[car]
        return None if self.memory is None else self.memory.on_air(config.address or "")

    @property
    def sealed(self) -> Mapping[str, SealedDevice]:
        """The sealed terminals by car; none before the first start."""
        return {} if self.sealed_side is None else self.sealed_side.fleet.devices

    @property
    def addresses(self) -> Mapping[str, str]:
        """The Bluetooth address of each car's terminal."""
        return {car: config.address or "" for car, config in self._configs.items()}

    def endpoints(self) -> Sequence[Endpoint]:
        kind = "BLE terminal" if self.memory is None else "terminal in memory"
        return [Endpoint(car, kind, f"ble://{config.address}") for car, config in self._configs.items()]

    async def start(self) -> None:
        if self._sealed is not None and self.sealed_side is None:
            papers, fit = self._sealed
            cars = {car: self._truths[car] for car in self._configs if car not in self.adapters}
            self.sealed_side = SealedSide(fit(self._world, cars), papers, cars)
            if self.memory is not None:
                self._put_on(self.memory)
        if self._kind == "memory":
            return
        self._park = TerminalPark()
        for car, adapter in self.adapters.items():
            address, profile = _socket(self._configs[car])
            self._park.add(self._truths[car], address, profile, adapter=adapter)
        self._put_on(self._park)
        await self._park.start()

    def _put_on(self, air: MemoryRadio | TerminalPark) -> None:
        for car, device in self.sealed.items():
            air.add_device(device, self.addresses[car], SEALED, reachable=self._truths[car].reachable)

    async def stop(self) -> None:
        if self.memory is not None:
            self.memory.hang_up()
        if self._park is not None:
            await self._park.stop()
            self._park = None


def _socket(config: TerminalConfig) -> tuple[str, str]:
    assert config.address is not None
    return config.address, config.profile or DEFAULT_PROFILE


def usual_clock() -> datetime:
    """The wall clock of a world where none is given: the host's, or in virtual time one that goes with the loop."""
    loop = asyncio.get_running_loop()
    return START + timedelta(seconds=loop.time()) if isinstance(loop, VirtualTimeLoop) else system_clock()


def _immobilised(site: Site, vehicle: Vehicle) -> bool:
    """Whether a vehicle stands immobilised while its set hangs."""
    return vehicle.terminal.kind == "sealed" and vehicle.vehicle_class in site.actions.immobilise


def _car(site: Site, vehicle: Vehicle, chance: random.Random) -> Car:
    """A car somewhere in its life; one without a VIN in the roster gets one that says so."""
    return Car(
        vin=vehicle.vin or f"SIMULATED{chance.randrange(10**8):08d}",
        odometer_km=float(chance.randrange(5_000, 120_000)),
        fuel_percent=float(chance.randrange(40, 100)),
        distance_since_clear_km=float(chance.randrange(100, 5_000)),
        restart_blocked=_immobilised(site, vehicle),
    )


class SimulatedStation:
    """Cabinets, cars and terminals of a site. `world` is what is true; people act on it."""

    def __init__(
        self,
        site: Site,
        *,
        seed: int = 0,
        strict: bool = False,
        skip_idle_polls: bool = True,
        radio: RadioKind = "bumble",
        clock: Clock = usual_clock,
    ) -> None:
        """`radio`: "bumble" carries real ATT and L2CAP below unmodified bleak; "memory" the GATT bytes alone.

        `clock` is the true time, which the fleet's authority goes by. Raises SiteError for a sealed terminal whose
        key is not the simulated one's, or that cannot be simulated without the `sealed` extra.
        """
        self._site = site
        roster = site.roster
        chance = random.Random(seed)
        sealed = [each for each in roster.vehicles.values() if each.terminal.kind == "sealed"]
        side = _sealed_side(site, sealed, clock) if sealed else None
        self.papers = None if side is None else side[0]
        """What the station holds for its sealed terminals."""
        self.hardware = SimulatedHardware(
            lines=site.lines,
            cabinets=site.cabinets,
            sets={each.id: parse_slot_label(each.home) for each in roster.key_sets.values()},
            fobs={each.id: each.fob for each in roster.key_sets.values() if each.fob is not None},
            cars={each.id: _car(site, each, chance) for each in roster.vehicles.values()},
            terminals={
                each.id: each.terminal for each in roster.vehicles.values() if each.terminal.kind != "none"
            },
            terminal_factory=partial(StationTerminals, radio=radio, sealed=side),
            seed=seed,
            strict=strict,
            skip_idle_polls=skip_idle_polls,
        )

    @property
    def site(self) -> Site:
        """What is simulated."""
        return self._site

    @property
    def world(self) -> World:
        return self.hardware.world

    @property
    def terminals(self) -> StationTerminals:
        """The cars' terminals."""
        found = self.hardware.terminals
        assert isinstance(found, StationTerminals)
        return found

    @property
    def urls(self) -> Mapping[str, str]:
        """Per line, the URL to use in place of the site file's, while it runs."""
        return self.hardware.urls

    @property
    def opener(self) -> Opener:
        return self.hardware.opener

    @property
    def pacers(self) -> Mapping[str, Pacer]:
        """Per cabinet, what lets idle polls be skipped while nothing can have changed."""
        return {name: self.hardware.pacer(name) for name in self._site.cabinets}

    @property
    def radio(self) -> RadioPort:
        """The radio on which the cars' terminals are heard."""
        return self.terminals.radio

    def options(self) -> dict[str, Any]:
        """What `MotorPool.open` takes to work with this hardware in place of the site's own."""
        reached = {"opener": self.opener, "urls": self.urls, "radio": self.radio, "pacers": self.pacers}
        return reached if self.papers is None else {**reached, "access": self.papers}

    @property
    def logs(self) -> Mapping[str, FrameLog]:
        """Per line, every frame that crossed it."""
        return self.hardware.logs

    def endpoints(self) -> tuple[Endpoint, ...]:
        return self.hardware.endpoints()

    @asynccontextmanager
    async def running(
        self, mode: StartMode = "real", *, site_ports: bool = False
    ) -> AsyncIterator[SimulatedStation]:
        """Everything up: on ptys and loopback sockets, or in memory."""
        await self.hardware.start(mode, site_ports=site_ports)
        try:
            yield self
        finally:
            await self.hardware.stop()

    def control(
        self, *, host: str = "127.0.0.1", port: int = 0, token: str | None = None
    ) -> AbstractAsyncContextManager[str]:
        """The control API and its page, while it runs; gives its URL. Raises ControlMissing, and see `serving`."""
        url: AbstractAsyncContextManager[str] = _control().serving(self, host=host, port=port, token=token)
        return url

    @asynccontextmanager
    async def reach(self, ways: Sequence[str]) -> AsyncIterator[Reach]:
        """Let other processes, or real radios, reach the terminals in these ways; see `simulator.terminals.reach`.

        While it runs, with a simulated air. Raises InvalidRequest for a way that there is not, and Unreachable, an
        OSError.
        """
        reach = Reach(self.terminals.park, self.terminals.addresses)
        try:
            await reach.open(ways)
        except UnknownWay as error:
            raise InvalidRequest("--ble", error.way, error.allowed) from error
        try:
            yield reach
        finally:
            await reach.close()

    @staticmethod
    def event_loop() -> asyncio.AbstractEventLoop:
        """A new event loop on which the control API can let time pass at once. Raises ControlMissing."""
        loop: asyncio.AbstractEventLoop = _control().FastForwardLoop()
        return loop


def _sealed_side(site: Site, vehicles: Sequence[Vehicle], clock: Clock) -> tuple[StationPapers, Fit]:
    """What the station of these sealed terminals holds, and how they get into the cars. Raises SiteError."""
    try:
        authority = importlib.import_module("simulator.authority")
        fleet = importlib.import_module("simulator.terminals.sealed_fleet")
        keys = importlib.import_module("simulator.terminals.sealed_keys")
    except ModuleNotFoundError as missing:
        install = f"to simulate it needs {missing.name}: pip install 'motorpool[sealed]'"
        raise SiteError([_problem(each, "kind", "sealed", install) for each in vehicles]) from missing
    wrong = [
        _problem(each, "key", each.terminal.key, f'in a simulation key = "{right}"')
        for each in vehicles
        if (right := keys.terminal_key(each.id).public.hex) != each.terminal.key
    ]
    if wrong:
        raise SiteError(wrong)
    fleets = authority.FleetAuthority(site.station.code, clock)
    fit = partial(
        fleet.SealedFleet,
        authority=fleets.public,
        clock=fleets.now,
        immobilisable=[each.id for each in vehicles if _immobilised(site, each)],
    )
    return authority.StationPapers(site.station.code, site.roster, fleets), fit


def _problem(vehicle: Vehicle, key: str, value: object, allowed: str) -> Problem:
    return Problem("the roster", f"vehicles.{vehicle.id}.terminal.{key}", value, allowed)


def _control() -> ModuleType:
    try:
        return importlib.import_module("simulator.control")
    except ModuleNotFoundError as missing:
        raise ControlMissing(missing.name) from missing
