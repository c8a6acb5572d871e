"""What a vehicle can tell, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

T = TypeVar("T")


class Capability(StrEnum):
    """What a terminal can do. A caller asks for these and never for a brand."""

    READ_TELEMETRY = "read_telemetry"


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


@dataclass(frozen=True, slots=True)
class Reading(Generic[T]):
    """One value that a vehicle gave, or the reason why it did not.

    `source` says who gave it, as `obd:<control unit>:<request>` (`obd:7E8:01A6`). `at` is the event loop's
    time in seconds at which the answer was complete. Exactly one of `value` and `reason` is set.
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
    """

    vin: Reading[str]
    odometer_km: Reading[float]
    fuel_percent: Reading[float]
    control_module_v: Reading[float]
    adapter_v: Reading[float]
    stored_dtcs: Reading[tuple[str, ...]]
    pending_dtcs: Reading[tuple[str, ...]]
    distance_since_clear_km: Reading[int]

    @classmethod
    def absent(cls, reason: str, source: str, at: float) -> Telemetry:
        """A telemetry in which nothing is known, for one reason."""
        return cls(
            vin=Reading.absent(reason, source, at),
            odometer_km=Reading.absent(reason, source, at),
            fuel_percent=Reading.absent(reason, source, at),
            control_module_v=Reading.absent(reason, source, at),
            adapter_v=Reading.absent(reason, source, at),
            stored_dtcs=Reading.absent(reason, source, at),
            pending_dtcs=Reading.absent(reason, source, at),
            distance_since_clear_km=Reading.absent(reason, source, at),
        )
