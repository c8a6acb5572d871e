"""What clients send. An unknown key is an error, so that a typing slip never means something else."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(min_length=1, max_length=64)]
DAY_S = 86_400.0


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class PutBody(_Body):
    """Where to hang a set."""

    cabinet: Name = Field(examples=["A"])
    slot: int = Field(ge=1, le=9999, examples=[7])
    by_override: bool = Field(default=False, description="With the mechanical key, whatever the door does")


class DriveBody(_Body):
    """How far to drive."""

    km: float = Field(ge=0, le=100_000, examples=[12])


class DtcBody(_Body):
    """A trouble code (SAE J2012)."""

    code: str = Field(pattern=r"^[PCBU][0-3][0-9A-F]{3}$", examples=["P0301"])
    pending: bool = Field(default=False, description="Pending, not stored")


class CarBody(_Body):
    """What to change about a car; what is left out stays."""

    engine_on: bool | None = None
    in_range: bool | None = Field(default=None, description="Whether the station's radio hears its terminal")
    lights_on: bool | None = Field(
        default=None, description="As the car shows it; what drains its battery is the fault lights_left_on"
    )
    doors_open: bool | None = None
    fuel_percent: float | None = Field(default=None, ge=0, le=100)
    battery_v: float | None = Field(default=None, ge=0, le=16)

    def changes(self) -> dict[str, Any]:
        """The fields that were given."""
        return self.model_dump(exclude_none=True)


class MainsBody(_Body):
    """Which cabinet; none: all of them."""

    cabinet: Name | None = None


class AdvanceBody(_Body):
    """How much time is to pass."""

    seconds: float = Field(gt=0, le=7 * DAY_S, examples=[3600])


class FaultBody(_Body):
    """A fault to inject. `/v1/faults` lists the kinds and their targets."""

    kind: Name = Field(examples=["latch_jammed"])
    target: Name = Field(examples=["A-01"])
    for_s: float | None = Field(default=None, gt=0, le=30 * DAY_S, description="None: until it is cleared")
