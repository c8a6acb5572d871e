"""Which boards and readers met which faults, by profile: a fault of a line is met by whatever hangs on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from simulator.faults.injector import Faults, Injection, Moment
from simulator.faults.kinds import FAULTS, Layer
from simulator.faults.targets import slot_name
from simulator.hardware import SimulatedHardware

Tally = dict[str, dict[str, tuple[int, int]]]
"""By profile or kind of reader, by kind of fault: how many were injected, how many were met."""

LAYERS = (Layer.SLOT, Layer.SENSOR, Layer.DOOR, Layer.POWER, Layer.BOARD, Layer.LINE, Layer.TCP, Layer.READER)
"""Layers whose faults are those of a cabinet's hardware."""


class FaultsByBoard:
    """Counts from its making on. `tally` names every kind that a board can have, also those that never came."""

    def __init__(self, faults: Faults, hardware: SimulatedHardware) -> None:
        self._at = _profiles_at(hardware)
        self.tally: Tally = {profile: {} for profile in dict.fromkeys(_everything(hardware))}
        for kind in FAULTS.values():
            if kind.layer in LAYERS and not kind.for_tests:
                for target in faults.targets(kind.name):
                    for profile in self._at.get(target, ()):
                        self.tally[profile][kind.name] = (0, 0)
        faults.subscribe(self._moment)

    def _moment(self, moment: Moment, injection: Injection) -> None:
        if moment is Moment.CLEARED or injection.kind.layer not in LAYERS:
            return
        for profile in self._at.get(injection.target, ()):
            injected, met = self.tally[profile].get(injection.kind.name, (0, 0))
            more = (1, 0) if moment is Moment.INJECTED else (0, 1)
            self.tally[profile][injection.kind.name] = (injected + more[0], met + more[1])


def _everything(hardware: SimulatedHardware) -> Iterator[str]:
    yield from (each.config.profile for each in hardware.fitted)
    yield from (each.config.kind for each in hardware.readers.mounted)


def _profiles_at(hardware: SimulatedHardware) -> Mapping[str, tuple[str, ...]]:
    """What stands or falls with each target: a slot, a board, a pair of boards, a reader, a set, a line, a cabinet."""
    at: dict[str, dict[str, None]] = {}
    for target, profile in (*_of_boards(hardware), *_of_slots(hardware), *_of_readers(hardware)):
        at.setdefault(target, {})[profile] = None
    return {target: tuple(profiles) for target, profiles in at.items()}


Named = Iterator[tuple[str, str]]
"""Targets with the profile of a board, or the kind of a reader."""


def _of_boards(hardware: SimulatedHardware) -> Named:
    for one in hardware.fitted:
        for target in (one.name, one.line, one.cabinet):
            yield target, one.config.profile
        for other in (each for each in hardware.fitted if each.line == one.line):
            for profile in (one.config.profile, other.config.profile):
                yield f"{one.name}+{other.name}", profile


def _of_slots(hardware: SimulatedHardware) -> Named:
    """Each slot with each of the boards that lock or sense it."""
    boards = {each.name: each.config.profile for each in hardware.fitted}
    for cabinet, wiring in hardware.wirings.items():
        for slot in wiring.slots:
            for wire in (slot.lock, slot.presence, slot.latch):
                if wire is not None:
                    yield slot_name(cabinet, slot.slot), boards[f"{cabinet}/{wire.board}"]


def _of_readers(hardware: SimulatedHardware) -> Named:
    """Readers; a set counts for the reader where it hangs at first."""
    places = {set_id: hardware.world.where(set_id) for set_id in hardware.tags.sets}
    for reader in hardware.readers.mounted:
        kind = reader.config.kind
        yield from ((target, kind) for target in (reader.name, reader.config.line))
        yield from (
            (set_id, kind) for set_id, place in places.items() if place is not None and reader.reads(*place)
        )
