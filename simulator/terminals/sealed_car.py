"""The car around a sealed terminal: what it senses, and what it can move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from simulator.terminals.car_bus import CarTruth


class SealedCar(CarTruth, Protocol):
    """A car with wires to its locks and its starter. None: not sensed, or not known."""

    @property
    def speed_kmh(self) -> float | None: ...
    @property
    def doors_locked(self) -> bool | None: ...
    @property
    def restart_blocked(self) -> bool | None: ...
    def drive_locks(self, locked: bool) -> None:
        """Pulse the central locking towards a state."""

    def block_restart(self, blocked: bool) -> None:
        """Switch the latching relay in the starter's circuit; a running engine runs on."""


class FittedCar:
    """A car that has only what any car has, with locks and a relay added; `truth` is read anew whenever asked.

    `locks_follow` false: the central locking is broken. `senses` false: nothing is sensed of locks and relay.
    """

    def __init__(self, truth: CarTruth) -> None:
        self.truth = truth
        self.speed_kmh: float | None = 0.0
        self.locked = True
        self.blocked = False
        self.locks_follow = True
        self.senses = True
        self.pulses = 0

    @property
    def vin(self) -> str:
        return self.truth.vin

    @property
    def odometer_km(self) -> float | None:
        return self.truth.odometer_km

    @property
    def fuel_percent(self) -> float | None:
        return self.truth.fuel_percent

    @property
    def battery_v(self) -> float:
        return self.truth.battery_v

    @property
    def engine_on(self) -> bool:
        return self.truth.engine_on

    @property
    def stored_dtcs(self) -> Sequence[str]:
        return self.truth.stored_dtcs

    @property
    def pending_dtcs(self) -> Sequence[str]:
        return self.truth.pending_dtcs

    @property
    def distance_since_clear_km(self) -> float:
        return self.truth.distance_since_clear_km

    @property
    def in_range(self) -> bool:
        return self.truth.in_range

    @property
    def doors_locked(self) -> bool | None:
        return self.locked if self.senses else None

    @property
    def restart_blocked(self) -> bool | None:
        return self.blocked if self.senses else None

    def drive_locks(self, locked: bool) -> None:
        self.pulses += 1
        if self.locks_follow:
            self.locked = locked

    def block_restart(self, blocked: bool) -> None:
        self.blocked = blocked
