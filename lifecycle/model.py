"""What the book knows, as frozen values: people and cars (roster), reasons, and the views that callers are shown.

Names are the trade's: see the glossary in the docs. Times are aware UTC datetimes; ids are opaque; a slot's label is
cabinet and number, "A-07".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from vehicle import TerminalConfig

SEVERITIES = ("minor", "major", "critical")
BLOCKING_SEVERITIES = ("major", "critical")


def slot_label(cabinet: str, slot: int) -> str:
    return f"{cabinet}-{slot:02d}"


def parse_slot_label(label: str) -> tuple[str, int]:
    """The cabinet and number of "A-07". Raises ValueError for anything else."""
    cabinet, dash, number = label.rpartition("-")
    if not dash or not cabinet or not number.isdecimal() or int(number) < 1:
        raise ValueError(f"{label!r} is not a slot: write cabinet and number, such as A-07")
    return cabinet, int(number)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why (not): a code for programs, words for people in both languages."""

    code: str
    en: str
    zh: str

    def text(self, language: str = "en") -> str:
        return self.zh if language.lower().startswith("zh") else self.en

    @classmethod
    def wrong_state(cls, table: str, state: str, trigger: str) -> Reason:
        return cls(
            "wrong_state",
            f"{table} is {state}: {trigger} is not possible now",
            f"当前状态 {state} 不允许 {trigger}",
        )


@dataclass(frozen=True, slots=True)
class Unit:
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Officer:
    """`badge` is the number people know; `card` what badge readers find, as `keycabinet.Fob` writes it, or None."""

    id: str
    badge: str
    name: str
    unit: str
    classes: tuple[str, ...]
    active: bool = True
    card: str | None = None


@dataclass(frozen=True, slots=True)
class Vehicle:
    """The fleet number is its identity to people; plate and VIN are attributes that change."""

    id: str
    fleet_number: str
    vehicle_class: str
    unit: str
    plate: str | None = None
    vin: str | None = None
    terminal: TerminalConfig = field(default_factory=TerminalConfig)


@dataclass(frozen=True, slots=True)
class KeySet:
    """A sealed ring with its items. `home` is where it hangs when it is first entered in the book.

    `fob` is the number on it that readers find, written as `keycabinet.Fob` writes it; None without one.
    """

    id: str
    vehicle: str
    role: str
    items: tuple[str, ...]
    home: str
    fob: str | None = None


class _View:
    __slots__ = ()

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values: datetimes as ISO 8601, tuples as lists."""
        plain = _plain(asdict(self))  # type: ignore[call-overload]
        assert isinstance(plain, dict)
        return plain


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value


@dataclass(frozen=True, slots=True)
class Alternative(_View):
    vehicle: str
    fleet_number: str


@dataclass(frozen=True, slots=True)
class SlotView(_View):
    slot: int
    label: str
    presence: str
    key_set: str | None
    fleet_number: str | None


@dataclass(frozen=True, slots=True)
class CabinetView(_View):
    name: str
    place: Mapping[str, str]
    online: bool
    door: str
    proof: str
    slots: tuple[SlotView, ...]


@dataclass(frozen=True, slots=True)
class KeySetView(_View):
    id: str
    vehicle: str
    role: str
    custody: str
    slot: str | None
    holder: str | None
    checkout: str | None
    proof: str | None
    since: str | None
    items: tuple[str, ...]
    items_missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ActionView(_View):
    """What a vehicle's terminal was told to do: lock, unlock, immobilise or mobilise.

    `state`: pending (carried out at the next chance, until `expires`), unconfirmed (sent; being settled), confirmed,
    rejected, superseded by a later order, expired (never sent), or unknown (sent, and not settled in time). `reason`
    says why, for programs: `out_of_range`, `grant_expired`; `told` is what the car said of doors and engine.
    """

    id: str
    vehicle: str
    action: str
    state: str
    reason: str | None
    ordered_at: str
    expires: str
    ordered_by: str | None = None
    checkout: str | None = None
    told: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class VehicleView(_View):
    """`availability` is computed from custody, serviceability and what the cabinet senses, and `reasons` explain it.

    `telemetry` is what its terminal last said, by name, each value with source and age, or the reason why there is
    none; an odometer that the car does not give is the one that an officer typed. `sighting` is where a radio last
    heard it. `actions` are the last orders to its terminal: one about the doors, one about starting.
    """

    id: str
    fleet_number: str
    vehicle_class: str
    availability: str
    reasons: tuple[Reason, ...]
    serviceability: str
    holder: str | None
    checkout: str | None
    key_sets: tuple[KeySetView, ...]
    telemetry: Mapping[str, Mapping[str, Any]]
    sighting: Mapping[str, Any] | None = None
    actions: tuple[ActionView, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckOutView(_View):
    """One release of a key set, for an officer or for a workshop, from intent to return.

    `actions` is what the vehicle's terminal was told because of it.
    """

    id: str
    state: str
    officer: str
    holder: str
    vehicle: str
    fleet_number: str
    key_set: str
    cabinet: str
    slot: str
    purpose: str
    take_by: str
    because: tuple[str, ...]
    incident: str | None = None
    order: str | None = None
    outcome: str | None = None
    outcome_reason: str | None = None
    proof: str | None = None
    taken_at: str | None = None
    returned_at: str | None = None
    returned_to: str | None = None
    declaration: Mapping[str, Any] | None = None
    actions: tuple[ActionView, ...] = ()


@dataclass(frozen=True, slots=True)
class DefectView(_View):
    id: str
    vehicle: str
    code: str
    severity: str
    state: str
    source: str
    reported_at: str
    order: str | None = None
    text: str = ""


@dataclass(frozen=True, slots=True)
class OrderView(_View):
    id: str
    vehicle: str
    state: str
    workshop: str
    defects: tuple[str, ...]
    opened_by: str
    opened_at: str
    taken_by: str | None = None
    accepted_by: str | None = None
    closed_at: str | None = None


@dataclass(frozen=True, slots=True)
class LineHealth(_View):
    name: str
    url: str
    up: bool


@dataclass(frozen=True, slots=True)
class Health(_View):
    station: str
    ok: bool
    ledger_seq: int
    ledger_head: str
    lines: tuple[LineHealth, ...]
    cabinets: Mapping[str, bool]
    problems: tuple[str, ...]
