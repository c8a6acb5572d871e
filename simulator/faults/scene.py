"""What an effect can reach: the thing it breaks, chance, and the ways to say that somebody met it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

from simulator.cabinets.board import RelayBoard
from simulator.cabinets.devices import Fitted
from simulator.cabinets.memory import MemorySerial
from simulator.cabinets.readers.devices import MountedReader
from simulator.cabinets.tcp import ModbusTcpPort, RtuTcpPort
from simulator.cabinets.wire import AnyBoard, Wire
from simulator.faults.errors import FaultNotPossible
from simulator.faults.kinds import FaultKind
from simulator.hardware import SimulatedHardware
from simulator.model import Change
from simulator.terminals.elm327_device import Elm327Device
from simulator.terminals.memory_radio import OnAir
from simulator.world import World

if TYPE_CHECKING:
    from simulator.station import SealedSide

C = TypeVar("C", bound=Callable[..., object])
Undo = Callable[[], None]
Told = Callable[[], None]


@runtime_checkable
class Terminals(Protocol):
    """The terminals of a station, as `simulator.station.StationTerminals` has them, by car."""

    adapters: dict[str, Elm327Device]

    def on_air(self, car: str) -> OnAir | None:
        """One terminal of a radio in memory; None on another radio."""


@runtime_checkable
class Sealing(Protocol):
    """What may have sealed terminals, as `simulator.station.StationTerminals`."""

    @property
    def sealed_side(self) -> SealedSide | None:
        """The sealed terminals, once they are in their cars."""


class DiskPort(Protocol):
    """What a disk lets go wrong; see `simulator.faults.disk.Disk`."""

    full: list[Told]
    failing: list[Callable[[], bool]]
    slow: list[Callable[[], float]]
    torn: list[Told]
    cut: list[Told]


class ClockPort(Protocol):
    """What a wall clock lets go wrong; see `simulator.faults.clock.WallClock`."""

    errors: list[Callable[[float], float]]

    def __call__(self) -> datetime:
        """The time it shows."""


@dataclass(frozen=True, slots=True)
class Site:
    """Everything at a station that can break."""

    hardware: SimulatedHardware
    disk: DiskPort | None = None
    clock: ClockPort | None = None

    @property
    def world(self) -> World:
        """What is physically true."""
        return self.hardware.world

    @property
    def terminals(self) -> Terminals | None:
        """The terminals, if faults can reach them."""
        found: object = self.hardware.terminals
        return found if isinstance(found, Terminals) else None

    @property
    def sealed(self) -> SealedSide | None:
        """The sealed terminals, once they are in their cars."""
        found: object = self.hardware.terminals
        return found.sealed_side if isinstance(found, Sealing) else None


@dataclass(frozen=True, slots=True)
class Scene:
    """One injection's surroundings. `meet` says that somebody crossed the fault, `end` that it is over by itself."""

    site: Site
    kind: FaultKind
    target: str
    random: random.Random
    meet: Told
    end: Told

    @property
    def hardware(self) -> SimulatedHardware:
        """The boards and lines."""
        return self.site.hardware

    @property
    def world(self) -> World:
        """What is physically true."""
        return self.site.world

    @property
    def now(self) -> float:
        """The loop's time, s."""
        return asyncio.get_running_loop().time()

    @property
    def place(self) -> tuple[str, int]:
        """The target as cabinet and slot."""
        cabinet, _, slot = self.target.rpartition("-")
        return cabinet, int(slot)

    @property
    def fitted(self) -> Fitted:
        """The target as a board."""
        return self._fitted(self.target)

    def _fitted(self, name: str) -> Fitted:
        return next(each for each in self.hardware.fitted if each.name == name)

    @property
    def pair(self) -> tuple[Fitted, Fitted]:
        """The target as two boards."""
        one, _, other = self.target.partition("+")
        return self._fitted(one), self._fitted(other)

    @property
    def reader(self) -> MountedReader:
        """The target as a reader of fobs."""
        return next(each for each in self.hardware.readers.mounted if each.name == self.target)

    @property
    def board(self) -> AnyBoard:
        """The target as a board."""
        return self.fitted.board

    @property
    def relay_board(self) -> RelayBoard:
        """The target as a board that speaks Modbus."""
        return self.hardware.board(self.fitted.cabinet, self.fitted.label)

    @property
    def adapter(self) -> Elm327Device:
        """The target as the adapter in a car."""
        terminals = self.site.terminals
        assert terminals is not None
        return terminals.adapters[self.target]

    @property
    def on_air(self) -> OnAir | None:
        """The target as a terminal on a radio in memory; None where it is on none."""
        terminals = self.site.terminals
        sealed = () if self.site.sealed is None else self.site.sealed.fleet.devices
        if terminals is None or not (self.target in terminals.adapters or self.target in sealed):
            return None
        return terminals.on_air(self.target)

    def wire(self, line: str) -> Wire:
        """The wire of a line. FaultNotPossible while the hardware is not started."""
        try:
            port = self.hardware.port(line)
        except KeyError:
            raise self.impossible("the hardware is not started") from None
        if isinstance(port, ModbusTcpPort):
            raise self.impossible(f"line {line} has no wire")
        return port.wire

    @property
    def gateway(self) -> ModbusTcpPort | RtuTcpPort:
        """The target as what listens on TCP. FaultNotPossible while the hardware is not started."""
        try:
            port = self.hardware.port(self.target)
        except KeyError:
            raise self.impossible("the hardware is not started") from None
        assert isinstance(port, ModbusTcpPort | RtuTcpPort)
        return port

    @property
    def plug(self) -> MemorySerial:
        """The target as a serial port. FaultNotPossible while the hardware is not started in memory."""
        try:
            port = self.hardware.port(self.target)
        except KeyError:
            raise self.impossible("the hardware is not started") from None
        if not isinstance(port, MemorySerial):
            raise self.impossible("a real port stays plugged in")
        return port

    def impossible(self, why: str) -> FaultNotPossible:
        """The error for a fault that cannot happen now."""
        return FaultNotPossible(f"{self.kind.name} at {self.target}", why)

    def seconds(self, low: float, high: float) -> float:
        """A seeded duration."""
        return self.random.uniform(low, high)

    def happens(self, chance: float) -> bool:
        """Whether something of that chance happens this time."""
        return self.random.random() < chance

    def watch(self, kinds: Collection[str], first: tuple[str | int, ...], then: Told | None = None) -> Undo:
        """Call `then` (default: `meet`) whenever the world logs one of `kinds` whose details begin with `first`."""
        call = then or self.meet
        size = len(first)

        def changed(change: Change) -> None:
            if change.kind in kinds and change.details[:size] == first:
                call()

        return self.world.subscribe(changed)

    def disquiet(self, *cabinets: str) -> Undo:
        """Let no poll of these cabinets be left out for as long as the fault lasts."""
        for cabinet in cabinets:
            self.hardware.disquiet(cabinet, 1)

        def calm() -> None:
            for cabinet in cabinets:
                self.hardware.disquiet(cabinet, -1)

        return calm

    def disquiet_line(self, line: str) -> Undo:
        """The same for every cabinet on a line."""
        return self.disquiet(*self.hardware.cabinets_on(line))


class Flicker:
    """Something that is good and bad by turns, each for a seeded time, however often one looks."""

    def __init__(
        self, chance: random.Random, now: float, good_s: tuple[float, float], bad_s: tuple[float, float]
    ) -> None:
        self._random = chance
        self._spans = {False: good_s, True: bad_s}
        self._bad = False
        self._until = now + chance.uniform(*good_s)

    def bad(self, now: float) -> bool:
        """How it is at `now`, which never goes back."""
        while now >= self._until:
            self._bad = not self._bad
            self._until += self._random.uniform(*self._spans[self._bad])
        return self._bad


def together(*undos: Undo) -> Undo:
    """One undo out of several, in their order."""

    def undo() -> None:
        for each in undos:
            each()

    return undo


def hang(hook: list[C], thing: C) -> Undo:
    """Put something into a list until it is undone."""
    hook.append(thing)
    return lambda: hook.remove(thing)


def nothing() -> None:
    """Undo of what cannot be undone."""


Effect = Callable[[Scene], Undo]
Effects = Mapping[str, Effect]
