"""What one can do to a simulated station, in the station's own words, with every name checked."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from keycabinet.transport import SERIAL
from simulator.control import clock
from simulator.control.problems import UnknownName
from simulator.control.words import slot_label
from simulator.faults import FAULTS, Aim, FaultKind, Faults, Injection
from simulator.model import Car, WorldError
from simulator.station import SimulatedStation
from simulator.world import World

KINDS = {name: kind for name, kind in FAULTS.items() if kind.aim is not Aim.STATION}
"""What can go wrong with hardware and cars; the station's own process, disk and clock are elsewhere."""


class Hand:
    """Acts on the world of a running station as people, cars and trouble do.

    Every verb raises UnknownName and WorldError. Verbs for trouble are the same as injecting the fault that they
    name, and undo only that.
    """

    def __init__(self, station: SimulatedStation) -> None:
        self.station = station
        self.faults = Faults(station.hardware, random.Random(station.world.seed))
        self._hurrying = asyncio.Lock()

    @property
    def world(self) -> World:
        return self.station.world

    # -- sets and doors

    def pull(self, set_id: str) -> None:
        """Take a set out of its slot by hand."""
        self.world.pull(self._set(set_id))

    def override(self, set_id: str) -> None:
        """Take a set out with the mechanical override key, whatever the bolts and the door do."""
        self.world.override(self._set(set_id))

    def put(self, set_id: str, cabinet: str, slot: int, *, by_override: bool = False) -> None:
        """Hang a set into a slot."""
        act = self.world.put_by_override if by_override else self.world.put
        act(self._set(set_id), *self._slot(cabinet, slot))

    def open_door(self, cabinet: str) -> None:
        """Open a door that is not locked."""
        self.world.open_door(self._door(cabinet))

    def shut_door(self, cabinet: str) -> None:
        """Shut an open door."""
        self.world.shut_door(self._door(cabinet))

    def force_door(self, cabinet: str) -> None:
        """Open a door with a tool."""
        self.world.force_door(self._door(cabinet))

    # -- trouble

    def jam(self, cabinet: str, slot: int, jammed: bool) -> None:
        """Let a bolt be jammed, or free it."""
        self._trouble("latch_jammed", slot_label(*self._slot(cabinet, slot)), jammed)

    def cut_line(self, line: str, cut: bool) -> None:
        """Interrupt a line, or restore it. One over TCP ends its connections and takes none meanwhile."""
        _among("line", line, self.station.hardware.lines)
        kind = "line_cut" if self.station.hardware.scheme(line) == SERIAL else "tcp_refused"
        self._trouble(kind, line, cut)

    def power_board(self, cabinet: str, board: str, on: bool) -> None:
        """Cut the supply of one board, or restore it."""
        self._cabinet(cabinet)
        fitted = [each.label for each in self.station.hardware.fitted if each.cabinet == cabinet]
        _among(f"board of cabinet {cabinet}", board, fitted)
        self._trouble("board_dead", f"{cabinet}/{board}", not on)

    def cut_mains(self, cabinet: str | None, cut: bool) -> None:
        """Cut the mains of a cabinet, which goes on from its battery, or restore them; None: of every cabinet."""
        cabinets = self.world.cabinets if cabinet is None else (self._cabinet(cabinet),)
        without = [each for each in cabinets if self._active("mains_off", each)]
        chosen = [each for each in cabinets if each not in without] if cut else without
        if not chosen:
            raise WorldError(f"the mains are {'cut' if cut else 'on'} already")
        for each in chosen:
            self._trouble("mains_off", each, cut)

    def kinds(self) -> Iterable[tuple[FaultKind, tuple[str, ...]]]:
        """Every kind of fault that something here can have, and what can have it."""
        for name, kind in KINDS.items():
            if found := self.faults.targets(name):
                yield kind, found

    def inject(self, kind: str, target: str, for_s: float | None = None) -> Injection:
        """Let a fault begin, for so many seconds or until it is cleared. Raises FaultError."""
        _among("kind of fault", kind, KINDS)
        aim = KINDS[kind].aim
        if aim in (Aim.CAR, Aim.ADAPTER, Aim.TERMINAL, Aim.SEALED) and target not in self.world.cars:
            target = self.car_id(target)
        return self.faults.inject(kind, target, math.inf if for_s is None else for_s)

    def clear(self, number: int) -> None:
        """End a fault by its number."""
        for each in self.faults.active():
            if each.number == number:
                self.faults.clear(each)
                return
        raise UnknownName("active fault", str(number), [str(each.number) for each in self.faults.active()])

    # -- cars

    def drive(self, car: str, km: float) -> None:
        """Drive a car so far (km)."""
        self.world.drive(self.car_id(car), km)

    def change_car(self, car: str, changes: dict[str, Any]) -> None:
        """Change what is true of a car: fields of `simulator.model.Car`."""
        car_id = self.car_id(car)
        self.world.change_car(car_id, replace(self.world.car(car_id), **changes))

    def set_dtc(self, car: str, code: str, *, pending: bool = False) -> None:
        """Let a trouble code appear: stored, or pending."""
        found = self.world.car(self.car_id(car))
        field = "pending_dtcs" if pending else "stored_dtcs"
        known: tuple[str, ...] = getattr(found, field)
        if code in known:
            raise WorldError(f"code {code} is {'pending' if pending else 'stored'} already")
        self.change_car(car, {field: (*known, code)})

    def clear_dtcs(self, car: str) -> None:
        """Clear every trouble code, as a workshop does: the distance since then begins anew."""
        self.change_car(car, {"stored_dtcs": (), "pending_dtcs": (), "distance_since_clear_km": 0.0})

    def car_id(self, ref: str) -> str:
        """A car by its id or its fleet number."""
        vehicles = self.station.site.roster.vehicles.values()
        for each in vehicles:
            if ref in (each.id, each.fleet_number):
                return each.id
        raise UnknownName("car", ref, [each.id for each in vehicles])

    def car(self, ref: str) -> Car:
        """The truth about a car."""
        return self.world.car(self.car_id(ref))

    # -- time

    async def let_time_pass(self, seconds: float) -> None:
        """Let so many seconds go by at once. Raises CannotAdvance on the real clock."""
        async with self._hurrying:
            await clock.pass_time(seconds)
            self.world.settle()

    # -- names

    def _trouble(self, kind: str, target: str, begins: bool) -> None:
        if begins:
            self.inject(kind, target)
            return
        found = self._active(kind, target)
        if found is None:
            raise WorldError(f"{target} has no such trouble: {kind}")
        self.faults.clear(found)

    def _active(self, kind: str, target: str) -> Injection | None:
        for each in self.faults.active():
            if (each.kind.name, each.target) == (kind, target):
                return each
        return None

    def _set(self, set_id: str) -> str:
        return _among("set", set_id, self.world.sets)

    def _cabinet(self, name: str) -> str:
        return _among("cabinet", name, self.world.cabinets)

    def _door(self, cabinet: str) -> str:
        if not self.world.has_door(self._cabinet(cabinet)):
            raise WorldError(f"cabinet {cabinet} has no door")
        return cabinet

    def _slot(self, cabinet: str, slot: int) -> tuple[str, int]:
        slots = [str(each) for each in self.world.slots(self._cabinet(cabinet))]
        _among(f"slot of cabinet {cabinet}", str(slot), slots)
        return cabinet, slot


def _among(kind: str, name: str, known: Iterable[str]) -> str:
    names = tuple(known)
    if name not in names:
        raise UnknownName(kind, name, names)
    return name
