"""What is true at a simulated station, as the control API shows it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from keycabinet.wiring import SlotWiring
from lifecycle.model import KeySet, Vehicle
from simulator.cabinets.devices import Fitted
from simulator.control.clock import ClockKind, clock_kind
from simulator.control.hand import Hand
from simulator.control.journal import Entry, Journal
from simulator.control.words import fault_name, sentence, slot_label
from simulator.faults import FaultKind, Injection


class Picture:
    """Draws the present state of a station and the entries of its log, times in seconds since `began`."""

    def __init__(self, hand: Hand, journal: Journal) -> None:
        self._hand = hand
        self._journal = journal
        self._station = hand.station
        self._began = asyncio.get_running_loop().time()
        roster = self._station.site.roster
        self._vehicles: Mapping[str, Vehicle] = roster.vehicles
        self._key_sets: Mapping[str, KeySet] = roster.key_sets
        self._names = {car.id: car.fleet_number for car in roster.vehicles.values()}
        self._names |= {each.id: self._names[each.vehicle] for each in roster.key_sets.values()}

    def state(self) -> dict[str, Any]:
        """Everything that is true now."""
        self._hand.world.settle()
        faults: dict[str, list[str]] = {}
        for each in self._hand.faults.active():
            faults.setdefault(each.target, []).append(each.kind.name)
        return {
            "station": self._station.site.station.code,
            "clock": self.clock(),
            "next": self._journal.head,
            "cabinets": [self._cabinet(name, faults) for name in self._hand.world.cabinets],
            "sets": [self._set(each) for each in self._key_sets.values()],
            "cars": [self._car(each, faults) for each in self._vehicles.values()],
            "lines": [self._line(name, faults) for name in self._station.hardware.lines],
            "faults": [self.fault(each) for each in self._hand.faults.active()],
        }

    def clock(self) -> dict[str, Any]:
        """How time stands."""
        kind = clock_kind()
        at = asyncio.get_running_loop().time() - self._began
        return {"kind": kind, "can_advance": kind is not ClockKind.REAL, "at": round(at, 3)}

    def fault(self, injection: Injection) -> dict[str, Any]:
        """One fault that is there."""
        ends = None if math.isinf(injection.until) else round(injection.until - self._began, 3)
        return {
            "id": injection.number,
            "kind": injection.kind.name,
            "text": fault_name(injection.kind.name).as_json(),
            "target": injection.target,
            "says": injection.kind.says,
            "since": round(injection.at - self._began, 3),
            "until": ends,
            "met": injection.met,
        }

    def fault_kind(self, kind: FaultKind, targets: Sequence[str]) -> dict[str, Any]:
        """One kind of fault."""
        return {
            "name": kind.name,
            "text": fault_name(kind.name).as_json(),
            "layer": kind.layer,
            "aim": kind.aim,
            "says": kind.says,
            "targets": list(targets),
        }

    def entry(self, entry: Entry) -> dict[str, Any]:
        """One thing that happened."""
        change = entry.change
        return {
            "seq": entry.seq,
            "at": round(change.at - self._began, 3),
            "kind": change.kind,
            "details": list(change.details),
            "text": sentence(change, self._names).as_json(),
        }

    def _cabinet(self, name: str, faults: Mapping[str, list[str]]) -> dict[str, Any]:
        config = self._station.site.cabinets[name]
        world = self._hand.world
        boards = [each for each in self._station.hardware.fitted if each.cabinet == name]
        return {
            "name": name,
            "place": dict(config.place),
            "form": config.form,
            "door": world.door(name).value if world.has_door(name) else None,
            "slots": [self._slot(name, each, faults) for each in self._station.hardware.wirings[name].slots],
            "boards": [self._board(each, faults) for each in boards],
            "faults": faults.get(name, []),
        }

    def _slot(self, cabinet: str, wiring: SlotWiring, faults: Mapping[str, list[str]]) -> dict[str, Any]:
        world, label = self._hand.world, slot_label(cabinet, wiring.slot)
        held = world.hanging(cabinet, wiring.slot)
        return {
            "slot": wiring.slot,
            "label": label,
            "set": held,
            "fleet_number": None if held is None else self._names.get(held),
            "unlocked": world.unlocked(cabinet, wiring.slot),
            "bolt": wiring.lock is not None,
            "lamp": world.lamp(cabinet, wiring.slot) if wiring.lamp is not None else None,
            "senses": [
                name for name, wire in (("key", wiring.key), ("latch", wiring.latch)) if wire is not None
            ],
            "faults": faults.get(label, []),
        }

    def _board(self, fitted: Fitted, faults: Mapping[str, list[str]]) -> dict[str, Any]:
        configs = self._station.site.cabinets[fitted.cabinet].boards
        return {
            "name": fitted.label,
            "line": fitted.line,
            "address": fitted.board.address,
            "profile": next(each.profile for each in configs if each.label == fitted.label),
            "powered": fitted.board.powered,
            "faults": faults.get(f"{fitted.cabinet}/{fitted.label}", []),
        }

    def _set(self, key_set: KeySet) -> dict[str, Any]:
        place = self._hand.world.where(key_set.id)
        return {
            "id": key_set.id,
            "car": key_set.vehicle,
            "fleet_number": self._names[key_set.id],
            "role": key_set.role,
            "cabinet": None if place is None else place.cabinet,
            "slot": None if place is None else place.slot,
        }

    def _car(self, vehicle: Vehicle, faults: Mapping[str, list[str]]) -> dict[str, Any]:
        return {
            "id": vehicle.id,
            "fleet_number": vehicle.fleet_number,
            "vehicle_class": vehicle.vehicle_class,
            "terminal": vehicle.terminal.address,
            **asdict(self._hand.world.car(vehicle.id)),
            "faults": faults.get(vehicle.id, []),
        }

    def _line(self, name: str, faults: Mapping[str, list[str]]) -> dict[str, Any]:
        log = self._station.logs[name]
        kinds = {each.name: each.kind for each in self._station.endpoints()}
        return {
            "name": name,
            "kind": kinds.get(name, ""),
            "url": self._station.urls.get(name, ""),
            "requests": log.requests,
            "replies": log.replies,
            "faults": faults.get(name, []),
        }
