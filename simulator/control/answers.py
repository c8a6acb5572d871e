"""What the control API answers."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from simulator.control.clock import ClockKind

Words = dict[str, str]


class Clock(BaseModel):
    """The simulation's time."""

    kind: ClockKind
    can_advance: bool = Field(description="Whether time can be let pass at once")
    at: float = Field(description="Seconds since the simulation began")


class Slot(BaseModel):
    """One slot, as it is."""

    slot: int
    label: str
    set: str | None = Field(description="The key set that hangs there")
    fleet_number: str | None = Field(description="Of the car that the set is for")
    unlocked: bool = Field(description="Whether a hand could take a set out, as far as the bolt goes")
    bolt: bool = Field(description="Whether it has a bolt of its own; otherwise the door alone keeps it")
    lamp: bool | None = Field(description="None where no lamp is wired")
    senses: list[str] = Field(description="What is wired to feel it: key, latch")
    faults: list[str] = Field(description="Kinds of the faults that it has now")


class Board(BaseModel):
    """One lock board."""

    name: str
    line: str
    address: int
    profile: str
    powered: bool
    faults: list[str]


class Cabinet(BaseModel):
    """One cabinet, as it is."""

    name: str
    place: Words
    form: str
    door: Literal["locked", "shut", "open"] | None = Field(description="None for a cabinet without a door")
    slots: list[Slot]
    boards: list[Board]
    faults: list[str]


class KeySet(BaseModel):
    """One key set."""

    id: str
    car: str
    fleet_number: str
    role: str
    cabinet: str | None = Field(description="Where it hangs; none while somebody has it")
    slot: int | None


class Car(BaseModel):
    """The truth about one car."""

    id: str
    fleet_number: str
    vehicle_class: str
    terminal: str | None = Field(description="Bluetooth address of its terminal")
    vin: str
    odometer_km: float
    fuel_percent: float
    battery_v: float
    engine_on: bool
    in_range: bool
    lights_on: bool
    doors_open: bool
    doors_locked: bool = Field(description="as the central locking stands, which a sealed terminal moves")
    restart_blocked: bool = Field(description="whether a sealed terminal keeps the engine from starting")
    speed_kmh: float
    stored_dtcs: list[str]
    pending_dtcs: list[str]
    distance_since_clear_km: float
    faults: list[str]


class Line(BaseModel):
    """One line to the lock boards."""

    name: str
    kind: str
    url: str
    requests: int = Field(description="How many requests it has carried")
    replies: int
    faults: list[str]


class Fault(BaseModel):
    """A fault that is there now."""

    id: int
    kind: str
    text: Words
    target: str
    says: str
    since: float = Field(description="Seconds since the simulation began")
    until: float | None = Field(description="When it ends by itself; none: when it is cleared")
    met: int = Field(description="How often traffic has crossed it")


class FaultKind(BaseModel):
    """A kind of fault, and what at this station can have it."""

    name: str
    text: Words
    layer: str
    aim: str = Field(description="What a target is")
    says: str
    targets: list[str]


class Faults(BaseModel):
    """What can go wrong, and what is wrong."""

    kinds: list[FaultKind]
    active: list[Fault]


class State(BaseModel):
    """Everything that is true now."""

    station: str
    clock: Clock
    next: int = Field(description="The last entry of the log that this state includes")
    cabinets: list[Cabinet]
    sets: list[KeySet]
    cars: list[Car]
    lines: list[Line]
    faults: list[Fault]


class Entry(BaseModel):
    """One thing that happened."""

    seq: int
    at: float = Field(description="Seconds since the simulation began")
    kind: str
    details: list[str | int]
    text: Words = Field(description="In words, by language: en, zh-CN")


class Log(BaseModel):
    """Entries, oldest first, and the number to ask after next."""

    entries: list[Entry]
    next: int
    missed: int = Field(description="Older entries that are no longer kept")


class Done(BaseModel):
    """What a request made happen. More may follow by itself, such as a bolt that falls back."""

    happened: list[Entry] = Field(description="At most the first 200; the log has the rest")
    next: int


class FaultInjected(Done):
    """What the fault made happen at once."""

    fault: Fault


class TimePassed(Done):
    """How the simulation's time stands."""

    clock: Clock
