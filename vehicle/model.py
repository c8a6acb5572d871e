"""What a vehicle can tell, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Capability(StrEnum):
    """What a terminal can do. A caller asks for these and never for a brand."""

    READ_TELEMETRY = "read_telemetry"
    CLEAR_CODES = "clear_codes"
    LOCK = "lock"
    UNLOCK = "unlock"
    IMMOBILISE = "immobilise"
    MOBILISE = "mobilise"


class Absence(StrEnum):
    """Why a reading has no value."""

    NO_TERMINAL = "no terminal"
    NOT_SUPPORTED = "not supported by this vehicle"
    NO_DATA = "no data"
    REFUSED = "refused by the vehicle"
    INCOMPLETE = "reply incomplete"
    BUS_FAULT = "bus fault"
    ADAPTER_FAULT = "adapter fault"
    IMPLAUSIBLE = "implausible value"
    SILENT = "no data earlier in this ignition cycle"
    BATTERY_LOW = "not asked, to spare a low battery"
    NO_REFERENCE = "no earlier odometer value to count from"
    CLEARED = "fault codes were cleared since the last odometer value"
    SATURATED = "the car's counter has reached its end"


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """One value that a vehicle gave, or the reason why it did not.

    `source` says who gave it: `obd:<control unit>:<request>` (`obd:7E8:01A6`), `adapter:<command>`,
    `officer:<id>` for what a person typed, `sealed` for a sealed terminal,
    `delta:<control unit>:<request>:<source>` for a value of that source
    plus a distance driven since (see `vehicle.odometer`). `at` is the event loop's time in seconds at which the
    answer was complete. Exactly one of `value` and `reason` is set.
    """

    value: T | None
    reason: str | None
    source: str
    at: float

    def __post_init__(self) -> None:
        if (self.value is None) == (self.reason is None):
            raise ValueError("a reading has either a value or a reason")

    @property
    def known(self) -> bool:
        """Whether there is a value."""
        return self.value is not None

    def age(self, now: float) -> float:
        """Seconds since the value was read; `now` is the event loop's time."""
        return max(0.0, now - self.at)

    @classmethod
    def of(cls, value: T, source: str, at: float) -> Reading[T]:
        """A reading with a value."""
        return cls(value, None, source, at)

    @classmethod
    def absent(cls, reason: str, source: str, at: float) -> Reading[T]:
        """A reading without one."""
        return cls(None, reason, source, at)


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What one visit to a vehicle read. Units are in the names; codes are five characters as `P0133`.

    `distance_since_clear_km` counts since fault codes were last cleared and is no odometer. `adapter_v` is
    the voltage at the OBD socket as the adapter measures it, `control_module_v` as the engine's unit does.
    `permanent_dtcs` cannot be cleared by a tool. `mil_on` is the malfunction lamp; `monitors_incomplete` are the
    self-tests that have not ended since codes were cleared. `charge_percent` is the traction battery's,
    `range_km` and `plugged` what the car itself says; the OBD standard has neither.
    """

    vin: Reading[str]
    odometer_km: Reading[float]
    fuel_percent: Reading[float]
    control_module_v: Reading[float]
    adapter_v: Reading[float]
    stored_dtcs: Reading[tuple[str, ...]]
    pending_dtcs: Reading[tuple[str, ...]]
    permanent_dtcs: Reading[tuple[str, ...]]
    distance_since_clear_km: Reading[int]
    mil_on: Reading[bool]
    monitors_incomplete: Reading[tuple[str, ...]]
    charge_percent: Reading[float]
    range_km: Reading[float]
    plugged: Reading[bool]

    @classmethod
    def absent(cls, reason: str, source: str, at: float) -> Telemetry:
        """A telemetry in which nothing is known, for one reason; `dataclasses.replace` puts in what is."""
        nothing: Reading[Any] = Reading(None, reason, source, at)
        return cls(**{each.name: nothing for each in fields(cls)})


@dataclass(frozen=True, slots=True)
class ClearOrder:
    """Somebody's order to clear a vehicle's fault codes: who, why, and the holds on the vehicle at that moment.

    Clearing destroys evidence and the readiness of the emission monitors, so a hold forbids it.
    """

    by: str
    reason: str
    holds: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.by.strip() or not self.reason.strip():
            raise ValueError("codes are cleared by somebody, for a reason")


class ClearOutcome(StrEnum):
    """What became of an order to clear codes."""

    CONFIRMED = "confirmed"
    REFUSED = "refused"
    UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True, slots=True)
class CodesCleared:
    """The record of one order: what the vehicle held `before` and `after`, and what it said.

    `confirmed` means that a control unit answered and no stored or pending code is left; `refused` that one said
    no, with its code in `detail`; `unconfirmed` that it is not known, and `after` has what could be read. The
    request is sent once in any case. `at` is the event loop's time (s).
    """

    order: ClearOrder
    outcome: ClearOutcome
    detail: str
    before: Codes
    after: Codes
    at: float


@dataclass(frozen=True, slots=True)
class Codes:
    """The three lists of fault codes of a vehicle."""

    stored: Reading[tuple[str, ...]]
    pending: Reading[tuple[str, ...]]
    permanent: Reading[tuple[str, ...]]
