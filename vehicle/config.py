"""What a site file says of a vehicle's terminal."""

from __future__ import annotations

import re
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from vehicle.gatt import PROFILES
from vehicle.model import Capability

_ADDRESS = re.compile(r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}")
_KEY = re.compile(r"0[23][0-9a-f]{64}")
_UUID = re.compile(r"[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}")
_CAPABILITIES: dict[str, tuple[Capability, ...]] = {
    "none": (),
    "obd": (Capability.READ_TELEMETRY, Capability.CLEAR_CODES),
    "sealed": (
        Capability.READ_TELEMETRY,
        Capability.LOCK,
        Capability.UNLOCK,
        Capability.IMMOBILISE,
        Capability.MOBILISE,
    ),
}


class TerminalConfig(BaseModel):
    """One terminal. `none` is a terminal too: the car is driven and kept in the book all the same.

    `address` is the Bluetooth address of the adapter (on macOS the UUID that the system gives it). `profile`
    pins a row of the GATT table; without it every profile the device offers is tried. `protocol` pins the OBD
    protocol (1 to 9, A) and so avoids the search. `find_s` bounds, in seconds, how long an absent car is
    listened for, `connect_s` how long a car that was heard may take to connect. `low_battery_v` is the voltage at
    the OBD socket below which the car is left asleep (0: never); `slow_writes` sends commands byte by byte, for
    clones that lose some. `key` is the key of a sealed terminal that was pinned at its enrolment: 66 hexadecimal
    digits, the compressed point.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["none", "obd", "sealed"] = "none"
    address: str | None = None
    profile: str | None = None
    protocol: Literal["1", "2", "3", "4", "5", "6", "7", "8", "9", "A"] | None = None
    find_s: float = Field(default=5.0, gt=0, le=60)
    connect_s: float = Field(default=20.0, gt=0, le=60)
    low_battery_v: float = Field(default=11.8, ge=0, le=13)
    slow_writes: bool = False
    key: str | None = None

    @property
    def capabilities(self) -> tuple[Capability, ...]:
        """What a terminal of this kind can do; a grant may give less."""
        return _CAPABILITIES[self.kind]

    @field_validator("address")
    @classmethod
    def _known_form(cls, value: str | None) -> str | None:
        if value is None:
            return None
        upper = value.upper()
        if not _ADDRESS.fullmatch(upper) and not _UUID.fullmatch(upper):
            raise ValueError("a Bluetooth address is six bytes as F0:F1:F2:F3:F4:F5")
        return upper

    @field_validator("profile")
    @classmethod
    def _known_profile(cls, value: str | None) -> str | None:
        names = [profile.name for profile in PROFILES]
        if value is not None and value not in names:
            raise ValueError(f"a profile is one of {', '.join(names)}")
        return value

    @field_validator("key")
    @classmethod
    def _key_form(cls, value: str | None) -> str | None:
        if value is not None and not _KEY.fullmatch(value.lower()):
            raise ValueError(
                "a terminal's key is 66 hexadecimal digits, as `motorpool terminal enrol` prints it"
            )
        return None if value is None else value.lower()

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.kind == "sealed") != (self.key is not None):
            raise ValueError("a sealed terminal, and no other, has a key")
        if self.kind == "sealed" and (self.address is None or self.profile or self.protocol):
            raise ValueError("a sealed terminal has an address, and neither profile nor protocol")
        if self.kind == "obd" and self.address is None:
            raise ValueError("an obd terminal needs its address, as F0:F1:F2:F3:F4:F5")
        if self.kind == "none" and (self.address or self.profile or self.protocol):
            raise ValueError("a terminal of kind none has no address, profile or protocol")
        return self
