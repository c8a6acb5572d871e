"""Spares a car's 12 V battery: a connected adapter keeps its gateways awake, and asking wakes control units.

What is known is the voltage at the OBD socket when the adapter was asked last. With it a car is running, has just
been switched off, rests, or is low; a resting car is polled slowly, and one that is low is left asleep: no protocol
is searched, no control unit asked, and for a while the adapter is not even connected to. The thresholds of running
and resting are those of the package `elm327_obdii`; the others are judgement, for a lead-acid battery at rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Power(StrEnum):
    """What the voltage says of a car."""

    UNKNOWN = "unknown"
    RUNNING = "running"
    GRACE = "just switched off"
    RESTING = "resting"
    LOW = "low"


RUNNING_V: Final = 13.1
"""From here the alternator charges: an inference, and no proof that the engine runs."""
RESTING_V: Final = 13.0
"""Below, nothing charges the battery. In between the car stays what it was."""
GRACE_S: Final = 30.0

POLL_S: Mapping[Power, float] = {
    Power.UNKNOWN: 0.0,
    Power.RUNNING: 0.0,
    Power.GRACE: 0.0,
    Power.RESTING: 60.0,
    Power.LOW: 3600.0,
}
"""Seconds to leave a car alone after it was reached in this state."""


@dataclass(slots=True)
class BatteryGuard:
    """One car. `low_v` is the voltage below which it is left asleep; 0 never."""

    low_v: float
    power: Power = Power.UNKNOWN
    _last_running: float = 0.0
    _seen_at: float = 0.0

    def measured(self, volts: float | None, now: float) -> Power:
        """Take note of a voltage, None for an adapter that does not measure, and say what the car is now."""
        self._seen_at = now
        was_on = self.power in (Power.RUNNING, Power.GRACE)
        if volts is None:
            self.power = Power.UNKNOWN
        elif volts >= RUNNING_V or (volts >= RESTING_V and self.power is Power.RUNNING):
            self.power, self._last_running = Power.RUNNING, now
        elif volts < self.low_v:
            self.power = Power.LOW
        elif was_on and now - self._last_running < GRACE_S:
            self.power = Power.GRACE
        else:
            self.power = Power.RESTING
        return self.power

    def rest_s(self, now: float) -> float:
        """Seconds for which the car had better be left alone."""
        return max(0.0, self._seen_at + POLL_S[self.power] - now)

    def asleep_s(self, now: float) -> float:
        """Seconds for which the adapter must not be woken; 0 unless the battery was low."""
        return self.rest_s(now) if self.power is Power.LOW else 0.0
