"""What clients get: the motor pool's views, described for OpenAPI. Times are ISO 8601, UTC."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

_SLOT = {"slot": 7, "label": "A-07", "presence": "present", "key_set": "ks-112-1", "fleet_number": "P-112"}
_CHECK_OUT = {
    "id": "co_3f9a2c5e1b7d",
    "state": "intended",
    "officer": "o-013542",
    "holder": "o-013542",
    "vehicle": "v-112",
    "fleet_number": "P-112",
    "key_set": "ks-112-1",
    "cabinet": "A",
    "slot": "A-07",
    "purpose": "call_out",
    "take_by": "2026-11-21T20:03:00Z",
    "because": ["ready"],
}
_ACTION = {
    "id": "co_3f9a2c5e1b7d-unlock",
    "vehicle": "v-112",
    "action": "unlock",
    "state": "confirmed",
    "reason": None,
    "ordered_at": "2026-11-21T20:02:11Z",
    "expires": "2026-11-21T20:17:11Z",
    "ordered_by": "o-013542",
    "checkout": "co_3f9a2c5e1b7d",
    "told": {"doors": "unlocked"},
}
_READING = {"value": 48211.4, "reason": None, "source": "obd", "at": "2026-11-21T19:20:00Z", "age_s": 40.0}


def _example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"example": values})


class Reason(BaseModel):
    """Why (not)."""

    code: str
    en: str
    zh: str


class Slot(BaseModel):
    model_config = _example(**_SLOT)

    slot: int
    label: str = Field(description="Cabinet and number")
    presence: str = Field(description="present, absent, unknown or fault: what the wiring senses")
    key_set: str | None = Field(description="The set that the book has there")
    fleet_number: str | None


class Cabinet(BaseModel):
    model_config = _example(
        name="A", place={"en": "duty room"}, online=True, door="shut", proof="proved", slots=[_SLOT]
    )

    name: str
    place: dict[str, str]
    online: bool = Field(description="Whether every board answers")
    door: str = Field(description="open, shut or unknown")
    proof: str = Field(description="The best proof this wiring can give: proved, inferred or assumed")
    slots: list[Slot]


class Cabinets(BaseModel):
    cabinets: list[Cabinet]


class KeySet(BaseModel):
    id: str
    vehicle: str
    role: str = Field(description="main or spare")
    custody: str = Field(description="in_slot, releasing, out, at_workshop or unaccounted")
    slot: str | None
    holder: str | None
    checkout: str | None
    proof: str | None
    since: str | None
    items: list[str]
    items_missing: list[str]


class Reading(BaseModel):
    """One measured value, or why there is none."""

    model_config = _example(**_READING)

    value: Any = None
    reason: str | None = Field(default=None, description="Why there is no value")
    source: str | None = None
    at: str | None = None
    age_s: float | None = Field(default=None, description="Seconds since it was read")


class VehicleSighting(BaseModel):
    """Where and when one of the station's radios last heard a vehicle's terminal."""

    place: str
    rssi: int | None = Field(description="How loud, in dBm; null where the radio does not tell")
    at: str
    age_s: float


class Action(BaseModel):
    """What a vehicle's terminal was told to do, and how that stands."""

    model_config = _example(**_ACTION)

    id: str
    vehicle: str
    action: str = Field(description="lock, unlock, immobilise or mobilise")
    state: str = Field(
        description="pending, unconfirmed (sent, being settled), confirmed, rejected, superseded, expired (never "
        "sent) or unknown (sent, and not settled in time)"
    )
    reason: str | None = Field(
        default=None, description="Why it is so, such as out_of_range or grant_expired"
    )
    ordered_at: str
    expires: str = Field(description="It is never carried out later")
    ordered_by: str | None = None
    checkout: str | None = None
    told: dict[str, str] | None = Field(
        default=None, description="What the vehicle said: doors, ordered, effective"
    )


class Actions(BaseModel):
    actions: list[Action]


class Vehicle(BaseModel):
    id: str
    fleet_number: str
    vehicle_class: str
    availability: str = Field(description="ready, out, down or unknown; computed, and explained by `reasons`")
    reasons: list[Reason]
    serviceability: str
    holder: str | None
    checkout: str | None
    key_sets: list[KeySet]
    telemetry: dict[str, Reading]
    sighting: VehicleSighting | None
    actions: list[Action] = Field(description="The last orders to its terminal: doors, and starting")


class Vehicles(BaseModel):
    vehicles: list[Vehicle]


class Telemetry(BaseModel):
    model_config = _example(vehicle="v-112", fleet_number="P-112", telemetry={"odometer_km": _READING})

    vehicle: str
    fleet_number: str
    telemetry: dict[str, Reading] = Field(description="By name, with the unit in it, such as odometer_km")


class CheckOut(BaseModel):
    model_config = _example(**_CHECK_OUT)

    id: str
    state: str = Field(description="intended, released, unknown, failed, lapsed, out or returned")
    officer: str
    holder: str
    vehicle: str
    fleet_number: str
    key_set: str
    cabinet: str
    slot: str
    purpose: str
    take_by: str
    because: list[str]
    incident: str | None = None
    order: str | None = None
    outcome: str | None = None
    outcome_reason: str | None = None
    proof: str | None = Field(default=None, description="proved, inferred or assumed")
    taken_at: str | None = None
    returned_at: str | None = None
    returned_to: str | None = None
    declaration: dict[str, Any] | None = None
    actions: list[Action] = Field(
        default=[], description="What the vehicle's terminal was told because of it"
    )


class CheckOutBegun(CheckOut):
    """A release that is under way."""

    model_config = _example(**_CHECK_OUT, seq=48213)

    seq: int = Field(description="Its first event: `/v1/events?after=` one less shows them all")


class CheckOuts(BaseModel):
    checkouts: list[CheckOut]


class Defect(BaseModel):
    id: str
    vehicle: str
    code: str
    severity: str
    state: str
    source: str = Field(description="The reporter's id, or what found it")
    reported_at: str
    order: str | None = None
    text: str = ""


class Defects(BaseModel):
    defects: list[Defect]


class Order(BaseModel):
    id: str
    vehicle: str
    state: str
    workshop: str
    defects: list[str]
    opened_by: str
    opened_at: str
    taken_by: str | None = None
    accepted_by: str | None = None
    closed_at: str | None = None


class Orders(BaseModel):
    orders: list[Order]


class Event(BaseModel):
    model_config = _example(
        seq=48214,
        at="2026-11-21T20:02:11.250000Z",
        recorded_at="2026-11-21T20:02:11.254000Z",
        kind="KeySetReturned",
        ids={
            "cabinet": "A",
            "checkout": "co_3f9a2c5e1b7d",
            "key_set": "ks-112-1",
            "officer": "o-013542",
            "slot": "A-07",
            "vehicle": "v-112",
        },
        actor="o-013542",
        proof="proved",
        because=["declared"],
        policy="classes-1",
        command="dec-20261121-0042",
        data={"identity": "inferred", "odometer_km": 48260, "slot": "A-07"},
        hash="5f3c0d9e7b1a4426a8c1f0e2d3b495867788990a1b2c3d4e5f60718293a4b5c6",
    )

    seq: int = Field(description="Without gaps, per station")
    at: str = Field(description="When it happened")
    recorded_at: str
    kind: str = Field(description="What happened: one of those that `/v1/events/kinds` lists")
    ids: dict[str, str]
    actor: str | None
    proof: str | None
    because: list[str]
    policy: str | None = Field(description="Version of the rules that decided it")
    command: str | None = Field(description="Idempotency-Key of the request that caused it")
    data: dict[str, Any]
    hash: str


class EventPage(BaseModel):
    events: list[Event]
    next: int = Field(description="Ask `after` this next")


class EventKind(BaseModel):
    """A kind of event, explained."""

    kind: str
    says: str
    to_do: str = Field(description="What to do when it is seen")
    alarm: bool = Field(description="Whether somebody has to look at once")
    json_schema: dict[str, Any] = Field(
        description="The JSON Schema (draft 2020-12) of such an event: exact for this version, later ones may add"
    )


class EventKinds(BaseModel):
    kinds: list[EventKind]


class LineHealth(BaseModel):
    name: str
    url: str
    up: bool


class Health(BaseModel):
    model_config = _example(
        station="330108-04",
        ok=True,
        ledger_seq=48231,
        ledger_head="5f3c…",
        lines=[{"name": "a", "url": "serial:///dev/ttyUSB0?baudrate=9600&parity=N", "up": True}],
        cabinets={"A": True},
        problems=[],
    )

    station: str
    ok: bool
    ledger_seq: int
    ledger_head: str
    lines: list[LineHealth]
    cabinets: dict[str, bool]
    problems: list[str]


class ProblemKind(BaseModel):
    """A kind of problem, explained."""

    type: str
    title: str
    status: int
    text: dict[str, str]
