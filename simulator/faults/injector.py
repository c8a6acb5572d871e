"""`Faults`: injects, counts who meets them, clears, and lets them come by themselves."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from simulator.faults import (
    cabinet_effects,
    car_effects,
    host_effects,
    line_effects,
    reader_effects,
    sealed_effects,
)
from simulator.faults.errors import FaultError, FaultNotPossible, UnknownTarget
from simulator.faults.kinds import FAULTS, FaultKind, checked_rates, kind_named
from simulator.faults.scene import ClockPort, DiskPort, Effects, Scene, Site, Undo
from simulator.faults.targets import targets
from simulator.hardware import SimulatedHardware

DAY_S = 86400.0
EFFECTS: Effects = MappingProxyType(
    {
        **cabinet_effects.EFFECTS,
        **line_effects.EFFECTS,
        **reader_effects.EFFECTS,
        **car_effects.EFFECTS,
        **sealed_effects.EFFECTS,
        **host_effects.EFFECTS,
    }
)


class Moment(StrEnum):
    """What listeners are told of."""

    INJECTED = "injected"
    MET = "met"  # for the first time
    CLEARED = "cleared"


@dataclass(slots=True, eq=False)
class Injection:
    """One fault. Times are the loop's, in seconds; `met` counts how often it was crossed."""

    number: int
    kind: FaultKind
    target: str
    at: float
    until: float
    met: int = 0
    met_at: float | None = None
    ended_at: float | None = None

    @property
    def active(self) -> bool:
        """Whether it still is."""
        return self.ended_at is None

    def __str__(self) -> str:
        return f"{self.kind.name} at {self.target}: {self.kind.says}"


@dataclass(slots=True)
class Count:
    """How many faults of a kind were injected, met at least once, and ended; and how often they were crossed."""

    injected: int = 0
    met: int = 0
    ended: int = 0
    crossings: int = 0


Listener = Callable[[Moment, Injection], None]


class Faults:
    """The faults of one simulated station. `random` decides durations and details; it is drawn from once a fault.

    `disk` and `clock` are needed for the faults of their layers only. Start the hardware before injecting faults of
    its lines, and clear them before it is stopped: a start makes new ports.
    """

    def __init__(
        self,
        hardware: SimulatedHardware,
        random: random.Random,
        *,
        disk: DiskPort | None = None,
        clock: ClockPort | None = None,
    ) -> None:
        self.site = Site(hardware, disk, clock)
        self._random = random
        self._listeners: list[Listener] = []
        self._active: dict[int, Injection] = {}
        self._undos: dict[int, Undo] = {}
        self._timers: dict[int, asyncio.TimerHandle] = {}
        self._counts: dict[str, Count] = {name: Count() for name in FAULTS}
        self._injected = 0
        self._beginning: Injection | None = None

    # -- one by one

    def targets(self, kind: str) -> tuple[str, ...]:
        """Return what can have this fault now, free or not. Raises UnknownFault."""
        return targets(self.site, kind_named(kind))

    def inject(self, kind: str, target: str, for_s: float | None = None) -> Injection:
        """Break `target` for so many seconds (None: a seeded duration of the kind's range; inf: until cleared).

        Raises UnknownFault and UnknownTarget naming what there is, and FaultNotPossible with the reason.
        """
        found = kind_named(kind)
        known = targets(self.site, found)
        if target not in known:
            raise UnknownTarget(found.name, target, known)
        if self._taken(found, target):
            raise FaultNotPossible(f"{found.name} at {target}", f"its {found.part} is broken already")
        if for_s is not None and not for_s > 0:
            raise FaultError(f"{found.name}.for_s", f"a duration is a number of seconds above 0, not {for_s}")
        chance = random.Random(self._random.getrandbits(64))
        lasts_s = chance.uniform(*found.lasts_s) if for_s is None else for_s
        loop = asyncio.get_running_loop()
        self._injected += 1
        number, now = self._injected, loop.time()
        injection = Injection(number, found, target, now, now + lasts_s)
        self._active[number] = self._beginning = injection
        scene = Scene(
            self.site,
            found,
            target,
            chance,
            meet=lambda: self.meet(injection),
            end=lambda: _soon(self.clear, injection),
        )
        try:
            undo = EFFECTS[kind](scene)
        except FaultNotPossible:
            del self._active[number]
            raise
        finally:
            self._beginning = None
        self._undos[number] = undo
        if not math.isinf(lasts_s):
            self._timers[number] = loop.call_at(injection.until, self.clear, injection)
        self._counts[kind].injected += 1
        self.site.world.note_fault("injected", kind, target)
        self._tell(Moment.INJECTED, injection)
        if injection.met:
            self._tell(Moment.MET, injection)
        return injection

    def clear(self, injection: Injection) -> None:
        """End a fault; nothing happens if it has ended."""
        if self._active.pop(injection.number, None) is None:
            return
        timer = self._timers.pop(injection.number, None)
        if timer is not None:
            timer.cancel()
        injection.ended_at = asyncio.get_running_loop().time()
        self._undos.pop(injection.number)()
        self._counts[injection.kind.name].ended += 1
        self.site.world.note_fault("cleared", injection.kind.name, injection.target)
        self._tell(Moment.CLEARED, injection)

    def clear_all(self) -> None:
        """End every fault, oldest first."""
        for injection in self.active():
            self.clear(injection)

    def meet(self, injection: Injection) -> None:
        """Somebody crossed it; effects call this, and a campaign for what only it does (process_killed)."""
        count = self._counts[injection.kind.name]
        count.crossings += 1
        injection.met += 1
        if injection.met_at is None:
            injection.met_at = asyncio.get_running_loop().time()
            count.met += 1
            if injection is not self._beginning:  # whoever listens is told of the injection first
                self._tell(Moment.MET, injection)

    # -- looking

    def active(self) -> tuple[Injection, ...]:
        """Return the faults that there are now, oldest first."""
        return tuple(self._active.values())

    @property
    def counts(self) -> Mapping[str, Count]:
        """Counters of every kind, live, in the order of `FAULTS`."""
        return MappingProxyType(self._counts)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` when a fault is injected, met for the first time, or cleared; return what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    # -- by themselves

    async def come_and_go(
        self,
        per_day: Mapping[str, float] | None = None,
        lasts_s: Mapping[str, tuple[float, float]] | None = None,
        *,
        times: float = 1.0,
        key: str = "faults",
    ) -> None:
        """Inject faults at seeded times until cancelled. Those that are left then stay until they are cleared.

        `per_day` is how many of a kind come in a day at the whole station (default: each kind's chance for each
        target); kinds that are not in it do not come. `lasts_s` replaces the ranges of durations, `times` multiplies
        every rate. Raises FaultError naming `key`.
        """
        if per_day is not None:
            checked_rates(per_day, key)
        chance = random.Random(self._random.getrandbits(64))
        while True:
            rates = self._usual() if per_day is None else per_day
            rates = {name: rate for name, rate in rates.items() if rate > 0}
            in_all = times * math.fsum(rates.values())
            if not in_all:
                return
            await asyncio.sleep(chance.expovariate(in_all / DAY_S))
            (kind,) = chance.choices(tuple(rates), tuple(rates.values()))
            lasts = (lasts_s or {}).get(kind, FAULTS[kind].lasts_s)
            self._try(kind, chance, chance.uniform(*lasts))

    def _usual(self) -> dict[str, float]:
        return {
            name: kind.chance * len(self.targets(name)) for name, kind in FAULTS.items() if not kind.for_tests
        }

    def _try(self, kind: str, chance: random.Random, for_s: float) -> None:
        """Inject it somewhere that is whole, if it is possible now."""
        found = kind_named(kind)
        free = [each for each in self.targets(kind) if not self._taken(found, each)]
        if not free:
            return
        try:
            self.inject(kind, chance.choice(free), for_s)
        except FaultNotPossible:
            return  # the door that was to be forced stands open, and the like

    # -- inside

    def _taken(self, kind: FaultKind, target: str) -> bool:
        return any(each.kind.part == kind.part and each.target == target for each in self._active.values())

    def _tell(self, moment: Moment, injection: Injection) -> None:
        for listener in tuple(self._listeners):
            listener(moment, injection)


def _soon(clear: Callable[[Injection], None], injection: Injection) -> None:
    """In the next turn: whatever ends a fault is in the middle of something."""
    asyncio.get_running_loop().call_soon(clear, injection)
