"""What is wrong with a site file beyond the form of each table; told also while some of its tables cannot be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from keycabinet.config import CabinetConfig, find_problems, resolve
from keycabinet.errors import LineUrlError, WiringError
from keycabinet.transport import LineUrl
from lifecycle.errors import InvalidRequest, Problem
from lifecycle.model import parse_slot_label
from lifecycle.roster import Roster
from lifecycle.tomlfile import key_path

Slots = Mapping[str, Sequence[int] | None]
"""The slots of each cabinet; None where they cannot be told."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Every line of a site file, and the cabinets that can be read by themselves. `slots` has every cabinet."""

    lines: Mapping[str, str]
    cabinets: Mapping[str, CabinetConfig]
    slots: Slots


def readable_parts(data: Mapping[str, Any]) -> Parts:
    """What can be read of a site file."""
    lines = {name: str(url) for name, url in _table(data, "lines").items()}
    cabinets: dict[str, CabinetConfig] = {}
    slots: dict[str, Sequence[int] | None] = {}
    for name, table in _table(data, "cabinets").items():
        slots[name] = None
        try:
            config = cabinets[name] = CabinetConfig.model_validate(table)
            slots[name] = tuple(each.slot for each in resolve(name, config).slots)
        except (ValidationError, WiringError):
            continue
    return Parts(lines, cabinets, slots)


def wiring_problems(path: Path, parts: Parts) -> list[Problem]:
    """What is wrong between boards, slots and lines, and between cabinets that share a line."""
    problems = []
    seen: dict[tuple[str, int], str] = {}
    for name, config in parts.cabinets.items():
        problems += [
            Problem(str(path), key_path(("cabinets", name, *each.path)), each.value, each.allowed)
            for each in find_problems(name, config, parts.lines)
        ]
        for index, board in enumerate(config.boards):
            here = key_path(("cabinets", name, "boards", index, "address"))
            first = seen.setdefault((board.line, board.address), here)
            if first != here and not first.startswith(f"cabinets.{name}."):
                allowed = f"an address of its own on line {board.line}; {first} has this one"
                problems.append(Problem(str(path), here, board.address, allowed))
    identities: dict[str, str] = {}
    for name, url in parts.lines.items():
        first = identities.setdefault(_wire(url) or name, name)
        if first != name:
            problems.append(
                Problem(str(path), f"lines.{name}", url, f"a wire of its own; lines.{first} is the same one")
            )
    return problems


def home_problems(path: Path, parts: Parts, roster: Roster) -> list[Problem]:
    """Sets of a roster file whose home is no slot of the site."""
    problems = []
    for index, each in enumerate(roster.key_sets.values()):
        try:
            check_home(f"key_sets.{index}.home", each.home, parts.slots)
        except InvalidRequest as error:
            problems.append(Problem(str(path), error.field, error.value, error.allowed))
    return problems


def check_home(field: str, home: str, slots: Slots) -> None:
    """Raises InvalidRequest naming `field` for a home that is no slot of the site."""
    try:
        cabinet, slot = parse_slot_label(home)
    except ValueError:
        cabinet, slot = home, 0
    there = slots.get(cabinet, ())
    if there is not None and slot not in there:
        known = [f"{name}-{min(some):02d} to {name}-{max(some):02d}" for name, some in slots.items() if some]
        raise InvalidRequest(field, home, f"a slot of this site: {', '.join(known)}")


def class_problems(path: Path, immobilise: Sequence[str], roster: Roster) -> list[Problem]:
    """Classes to be immobilised that no vehicle has."""
    known = dict.fromkeys(each.vehicle_class for each in roster.vehicles.values())
    allowed = f"a class of the roster, but for response cars: {', '.join(known) or 'there are none'}"
    return [
        Problem(str(path), key_path(("actions", "immobilise", index)), name, allowed)
        for index, name in enumerate(immobilise)
        if name not in known
    ]


def _table(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = data.get(name)
    return found if isinstance(found, dict) else {}


def _wire(url: str) -> str | None:
    try:
        return LineUrl.parse(url).identity
    except LineUrlError:
        return None
