"""Units, officers, vehicles and key sets: data under the host's own ids, upserted by delta.

A roster comes as a file (TOML) or from the host program; either way it is merged into what the book holds, entity by
entity, by id. Names, badges and plates live here only: events carry ids, so people can be erased without breaking the
chain.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator

from keycabinet import Fob
from lifecycle.errors import Problem, SiteError, UnknownThing
from lifecycle.model import KeySet, Officer, Unit, Vehicle, parse_slot_label, slot_label
from lifecycle.tomlfile import problems_of, read_toml
from vehicle import TerminalConfig

T = TypeVar("T")
Id = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/-]*$")]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class UnitEntry(_Entry):
    id: Id
    name: str


class OfficerEntry(_Entry):
    id: Id
    badge: str = Field(min_length=1)
    name: str
    unit: str
    classes: tuple[str, ...] = ()
    active: bool = True
    card: str | None = None

    @field_validator("card")
    @classmethod
    def _is_a_card(cls, card: str | None) -> str | None:
        return None if card is None else str(Fob.parse(card))


class VehicleEntry(_Entry):
    id: Id
    fleet_number: str = Field(min_length=1)
    vehicle_class: str = Field(alias="class", min_length=1)
    unit: str
    plate: str | None = None
    vin: str | None = Field(default=None, pattern=r"^[A-HJ-NPR-Z0-9]{17}$")
    terminal: TerminalConfig = TerminalConfig()


class KeySetEntry(_Entry):
    id: Id
    vehicle: str
    role: Literal["main", "spare"] = "main"
    items: tuple[str, ...] = ("key",)
    home: str
    fob: str | None = None

    @field_validator("home")
    @classmethod
    def _is_a_slot(cls, home: str) -> str:
        return slot_label(*parse_slot_label(home))

    @field_validator("fob")
    @classmethod
    def _is_a_fob(cls, fob: str | None) -> str | None:
        return None if fob is None else str(Fob.parse(fob))


class RosterFile(_Entry):
    """What a roster file may hold."""

    units: tuple[UnitEntry, ...] = ()
    officers: tuple[OfficerEntry, ...] = ()
    vehicles: tuple[VehicleEntry, ...] = ()
    key_sets: tuple[KeySetEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class Roster:
    """Who and what there is, by id. Immutable: `merged` gives a new one."""

    units: Mapping[str, Unit] = field(default_factory=dict)
    officers: Mapping[str, Officer] = field(default_factory=dict)
    vehicles: Mapping[str, Vehicle] = field(default_factory=dict)
    key_sets: Mapping[str, KeySet] = field(default_factory=dict)

    def merged(self, delta: Roster) -> Self:
        """This roster with every entity of `delta` added or put in the place of the one with its id."""
        return replace(
            self,
            units={**self.units, **delta.units},
            officers={**self.officers, **delta.officers},
            vehicles={**self.vehicles, **delta.vehicles},
            key_sets={**self.key_sets, **delta.key_sets},
        )

    def officer(self, ref: str) -> Officer:
        """By id or badge. Raises UnknownThing."""
        found = self.officers.get(ref) or _by(self.officers.values(), "badge", ref)
        if found is None:
            raise UnknownThing("officer", ref, "give the id or the badge of somebody in the roster")
        return found

    def vehicle(self, ref: str) -> Vehicle:
        """By id or fleet number. Raises UnknownThing."""
        found = self.vehicles.get(ref) or _by(self.vehicles.values(), "fleet_number", ref)
        if found is None:
            raise UnknownThing("vehicle", ref, "give the id or the fleet number of a vehicle in the roster")
        return found

    def by_card(self, card: str) -> Officer | None:
        """The officer whose card has this number."""
        return _by(self.officers.values(), "card", card)

    def by_fob(self) -> dict[str, KeySet]:
        """The key sets that have a fob, by its number."""
        return {each.fob: each for each in self.key_sets.values() if each.fob is not None}

    def sets_of(self, vehicle_id: str) -> tuple[KeySet, ...]:
        """The key sets of a vehicle, main before spare."""
        mine = (each for each in self.key_sets.values() if each.vehicle == vehicle_id)
        return tuple(sorted(mine, key=lambda each: (each.role, each.id)))


def _by(entities: Iterable[T], attribute: str, value: str) -> T | None:
    """The newest that has it: who is not in the file any more stays in the book, and may have left it to another."""
    return next((each for each in reversed(list(entities)) if getattr(each, attribute) == value), None)


def load_roster(path: str | Path) -> Roster:
    """Read a roster file. Raises SiteError with every problem found."""
    path = Path(path)
    data = read_toml(path)
    model, problems = problems_of(path, RosterFile, data)
    problems += _references(path, data)
    if problems:
        raise SiteError(problems)
    assert isinstance(model, RosterFile)
    return roster_of(model)


def roster_of(entries: RosterFile) -> Roster:
    return Roster(
        units={each.id: Unit(each.id, each.name) for each in entries.units},
        officers={each.id: Officer(**each.model_dump()) for each in entries.officers},
        vehicles={
            each.id: Vehicle(**{**each.model_dump(), "terminal": each.terminal}) for each in entries.vehicles
        },
        key_sets={each.id: KeySet(**each.model_dump()) for each in entries.key_sets},
    )


def entity_json(entity: Unit | Officer | Vehicle | KeySet) -> dict[str, Any]:
    """An entity as the JSON its row holds; `entity_of` reads it back."""
    if isinstance(entity, Vehicle):
        plain = asdict(replace(entity, terminal=TerminalConfig()))
        return {**plain, "terminal": entity.terminal.model_dump(mode="json")}
    plain = asdict(entity)
    for number in ("fob", "card"):
        if plain.get(number, "") is None:
            del plain[number]  # a roster from before there were readers is no other roster
    return {key: list(value) if isinstance(value, tuple) else value for key, value in plain.items()}


def entity_of(kind: str, data: Mapping[str, Any]) -> Unit | Officer | Vehicle | KeySet:
    if kind == "unit":
        return Unit(**data)
    if kind == "officer":
        return Officer(**{**data, "classes": tuple(data["classes"])})
    if kind == "vehicle":
        return Vehicle(**{**data, "terminal": TerminalConfig.model_validate(data["terminal"])})
    return KeySet(**{**data, "items": tuple(data["items"])})


def _tables(data: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    rows = data.get(name, [])
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _home(label: str) -> str:
    return slot_label(*parse_slot_label(label))


def _fob(number: str) -> str:
    return str(Fob.parse(number))


_UNIQUE: Mapping[tuple[str, str], Callable[[str], str]] = {
    ("units", "id"): str,
    ("officers", "id"): str,
    ("officers", "badge"): str,
    ("officers", "card"): _fob,
    ("vehicles", "id"): str,
    ("vehicles", "fleet_number"): str,
    ("vehicles", "vin"): str,
    ("vehicles", "terminal.address"): str.upper,
    ("key_sets", "id"): str,
    ("key_sets", "home"): _home,
    ("key_sets", "fob"): _fob,
}
"""What each entry of a table has for itself, and what makes two writings of it the same."""
_ALSO_NAMES = (("officers", "badge"), ("vehicles", "fleet_number"))
"""What names an entry as well as its id does."""


def _value(row: Mapping[str, Any], key: str) -> Any:
    """The value at a dotted key; None for none."""
    found: Any = row
    for part in key.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _meant(value: Any, same: Callable[[str], str]) -> str:
    try:
        return same(str(value))
    except ValueError:
        return str(value)  # that it is none is told elsewhere


def _references(path: Path, data: Mapping[str, Any]) -> list[Problem]:
    """Duplicates and references to things that are not there, looked for in the raw tables so that all are found."""
    problems = []
    for (table, key), same in _UNIQUE.items():
        values = [_value(row, key) for row in _tables(data, table)]
        meant = [None if value is None else _meant(value, same) for value in values]
        counts = Counter(meant)
        problems += [
            Problem(str(path), f"{table}.{index}.{key}", value, "each only once in this file")
            for index, (value, each) in enumerate(zip(values, meant, strict=True))
            if each is not None and counts[each] > 1
        ]
    for table, key in _ALSO_NAMES:
        ids = {str(row["id"]): index for index, row in enumerate(_tables(data, table)) if "id" in row}
        for index, row in enumerate(_tables(data, table)):
            if key in row and ids.get(str(row[key]), index) != index:
                allowed = f"no id of another entry: {table}.{ids[str(row[key])]} has this one"
                problems.append(Problem(str(path), f"{table}.{index}.{key}", row[key], allowed))
    for table, key, target in (
        ("officers", "unit", "units"),
        ("vehicles", "unit", "units"),
        ("key_sets", "vehicle", "vehicles"),
    ):
        known = [str(row["id"]) for row in _tables(data, target) if "id" in row]
        for index, row in enumerate(_tables(data, table)):
            if key in row and row[key] not in known:
                allowed = (
                    f"the id of one of the {target} in this file: {', '.join(known) or 'there are none'}"
                )
                problems.append(Problem(str(path), f"{table}.{index}.{key}", row[key], allowed))
    return problems
