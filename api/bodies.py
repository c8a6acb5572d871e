"""What clients send. An unknown key is an error, so that a typing slip never means something else."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Ref = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]
Severity = Literal["minor", "major", "critical"]
Officer = Annotated[Ref, Field(description="Roster id or badge", examples=["013542"])]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class CheckOutBody(_Body):
    """Ask for a car: one vehicle, or any of a class."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "officer": "013542",
                "vehicle_class": "patrol",
                "purpose": "call_out",
                "incident": "20261121-0042",
            }
        }
    )

    officer: Officer
    vehicle: Ref | None = Field(default=None, description="Roster id or fleet number")
    vehicle_class: Ref | None = Field(
        default=None, description="Instead of a vehicle: any ready one of this class"
    )
    purpose: Ref = "patrol"
    incident: Ref | None = Field(default=None, description="Your incident's number")


class DefectNote(_Body):
    """A defect seen by the driver."""

    code: Ref = Field(examples=["tyre"])
    severity: Severity = Field(description="major and critical take the vehicle off the road")
    text: str = Field(default="", max_length=500)


class DeclarationBody(_Body):
    """What the officer says on coming home; the return itself is observed."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "officer": "013542",
                "odometer_km": 48260,
                "bay": "B1-23",
                "items_missing": ["fuel_card"],
                "defects": [{"code": "tyre", "severity": "minor"}],
            }
        }
    )

    officer: Officer
    odometer_km: float | None = Field(default=None, ge=0, le=5_000_000)
    bay: Ref | None = Field(default=None, description="Where the car stands")
    slot: Ref | None = Field(
        default=None, description="Where the key set hangs, for wirings that cannot tell", examples=["A-07"]
    )
    items_missing: tuple[Ref, ...] = Field(default=(), max_length=20)
    defects: tuple[DefectNote, ...] = Field(default=(), max_length=20)


class HandOverBody(_Body):
    """Make another officer the holder of a set that is out."""

    model_config = ConfigDict(json_schema_extra={"example": {"to": "020117", "by": "013542"}})

    to: Officer
    by: Officer


class OpenSlotBody(_Body):
    """Open one slot. The rules of a check-out apply, and the reason is recorded."""

    model_config = ConfigDict(json_schema_extra={"example": {"officer": "013542", "reason": "stock-take"}})

    officer: Officer
    reason: Words


class IdentifyBody(_Body):
    """A badge shown at a cabinet: where it has a door, the door opens to bring a set home."""

    officer: Officer


class DefectBody(_Body):
    """Report a defect of a vehicle."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"reporter": "013542", "code": "brakes", "severity": "critical", "text": "soft pedal"}
        }
    )

    reporter: Officer
    code: Ref
    severity: Severity = Field(description="major and critical take the vehicle off the road")
    text: str = Field(default="", max_length=500)


class ActionBody(_Body):
    """Tell a vehicle's terminal what to do."""

    model_config = ConfigDict(json_schema_extra={"example": {"officer": "013542", "action": "unlock"}})

    officer: Officer
    action: Literal["lock", "unlock", "immobilise", "mobilise"]


class OrderBody(_Body):
    """Open a work order for a vehicle's defects."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"vehicle": "P-112", "by": "020117", "workshop": "garage-east"}}
    )

    vehicle: Ref = Field(description="Roster id or fleet number")
    by: Officer
    workshop: Ref
    defects: tuple[Ref, ...] | None = Field(
        default=None, max_length=50, description="Defect ids; all open ones when left out"
    )


class ByBody(_Body):
    """Who does it."""

    by: Officer


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class ListQuery(_Query):
    open_only: bool = Field(default=True, description="Leave out those that ended")


class DefectsQuery(ListQuery):
    vehicle: Ref | None = Field(default=None, description="Only of this vehicle (roster id or fleet number)")


class CheckOutQuery(_Query):
    wait: Literal["taken", "returned"] | None = Field(
        default=None, description="Answer when this has happened, or `timeout` is over"
    )
    timeout: float = Field(default=25.0, ge=0, le=60, description="Seconds to wait at most")


class ActionQuery(_Query):
    timeout: float = Field(default=0.0, ge=0, le=60, description="Seconds to wait at most until it has ended")


class EventsQuery(_Query):
    after: int = Field(
        default=0, ge=0, le=2**53 - 1, description="Sequence number of the last event you have"
    )
    wait: float = Field(
        default=0.0, ge=0, le=60, description="Seconds to wait for an event when there is none yet"
    )
    limit: int = Field(default=200, ge=1, le=1000, description="How many events at most")
    vehicle: Ref | None = Field(
        default=None, description="Only events of this vehicle (roster id or fleet number)"
    )


class StreamQuery(_Query):
    after: int = Field(
        default=0, ge=0, le=2**53 - 1, description="Last-Event-ID, where it is sent, counts instead"
    )
    vehicle: Ref | None = Field(
        default=None, description="Only events of this vehicle (roster id or fleet number)"
    )
