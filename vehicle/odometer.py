"""The odometer of a car that does not give it (service 01, PID A6 is missing on many).

Two substitutes, each marked as what it is: a value somebody typed, and a value known earlier plus the distance
since codes were cleared (PID 31), of which only the difference of two readings means anything. PID 31 is never
taken for an odometer by itself: it starts anew whenever codes are cleared, and stops at its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vehicle.model import Absence, Reading

END_OF_COUNTER: Final = 65_535
"""Kilometres; two bytes (SAE J1979, PID 31)."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An odometer value (km), who gave it, and what the counter since the last clearing showed then (km)."""

    odometer_km: float
    source: str
    since_clear_km: int


def typed(kilometres: float, officer: str, at: float) -> Reading[float]:
    """An odometer value that an officer typed. ValueError for a negative one."""
    if kilometres < 0:
        raise ValueError("an odometer does not show less than 0 km")
    return Reading.of(kilometres, f"officer:{officer}", at)


def reference(odometer: Reading[float], since_clear: Reading[int]) -> Reference | None:
    """What later readings can be counted from; None unless both are known. A counter at its end is no start."""
    if odometer.value is None or since_clear.value is None or since_clear.value >= END_OF_COUNTER:
        return None
    return Reference(odometer.value, odometer.source, since_clear.value)


def follow(known: Reference | None, since_clear: Reading[int]) -> Reading[float]:
    """The odometer now, from an earlier value and the distance driven since, or the reason why it is not known.

    Nothing can tell codes that were cleared and a longer distance driven since; that the counter is lower than it
    was is the only sign there is.
    """
    source, at = _source(known, since_clear), since_clear.at
    if since_clear.value is None:
        return Reading.absent(since_clear.reason or Absence.NO_DATA, source, at)
    if known is None:
        return Reading.absent(Absence.NO_REFERENCE, source, at)
    if since_clear.value >= END_OF_COUNTER:
        return Reading.absent(Absence.SATURATED, source, at)
    driven = since_clear.value - known.since_clear_km
    if driven < 0:
        return Reading.absent(Absence.CLEARED, source, at)
    return Reading.of(known.odometer_km + driven, source, at)


def _source(known: Reference | None, since_clear: Reading[int]) -> str:
    counter = since_clear.source.removeprefix("obd:")
    return f"delta:{counter}" if known is None else f"delta:{counter}:{known.source}"
