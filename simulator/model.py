"""Values of the simulated world: places, doors, cars, and what happened."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

DOOR = 0
"""The slot number that stands for a cabinet's own door wherever a lock is meant."""

Detail = str | int


class WorldError(Exception):
    """Somebody tried what cannot be done: pulled a set that is held, put two sets in one slot."""


class Door(StrEnum):
    """A cabinet's own door."""

    LOCKED = "locked"
    SHUT = "shut"  # and not locked: a hand opens it
    OPEN = "open"


class Bolt(StrEnum):
    """What may be wrong with a bolt."""

    JAMMED = "jammed"  # the solenoid does not move it
    WELDED = "welded"  # it is drawn and does not fall back


class Hinge(StrEnum):
    """What may be wrong with a door that is being shut."""

    AJAR = "ajar"  # it seems shut and is not: the contact says open, the bolt finds no hole
    LEFT_OPEN = "left open"  # nobody shuts it


class Place(NamedTuple):
    """A slot of a cabinet."""

    cabinet: str
    slot: int


class Change(NamedTuple):
    """One thing that happened: when (s), what, and to whom; where a cabinet is concerned it comes first."""

    at: float
    kind: str
    details: tuple[Detail, ...]

    @property
    def cabinet(self) -> str | None:
        """The cabinet concerned."""
        return None if self.kind.startswith(("car_", "fault_")) else str(self.details[0])

    def line(self) -> str:
        """Return the change as one line of text, the same on every machine; times to the microsecond."""
        return "\t".join((f"{self.at:.6f}", self.kind, *(str(detail) for detail in self.details)))


@dataclass(frozen=True, slots=True)
class Car:
    """The truth about a car, as its instruments would show it.

    `doors_locked` is how the central locking stands, which a sealed terminal drives; the blade of a key opens a door
    beside it. `restart_blocked`: the relay in the starter's circuit is open, and the engine cannot be started.
    """

    vin: str
    odometer_km: float = 0.0
    fuel_percent: float = 100.0
    battery_v: float = 12.6
    engine_on: bool = False
    stored_dtcs: tuple[str, ...] = ()
    pending_dtcs: tuple[str, ...] = ()
    distance_since_clear_km: float = 0.0
    in_range: bool = True
    lights_on: bool = False
    doors_open: bool = False
    doors_locked: bool = True
    restart_blocked: bool = False
    speed_kmh: float = 0.0
