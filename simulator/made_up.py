"""Makes up a station of a given size: site and roster, the same for the same size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lifecycle.model import slot_label
from lifecycle.roster import Roster, RosterFile, roster_of
from lifecycle.site import Site

BOARD_SLOTS = 8
DOORED, BLIND = 1, 3
"""Kinds of cabinet that differ from the others."""
CLASSES = ("patrol", "patrol", "patrol", "van", "response")
"""Of five cars; a response car is never immobilised."""
LETTERS = "ABCDEFGH"
SURNAMES = ("Li", "Wang", "Zhang", "Liu", "Chen", "Yang", "Zhao", "Huang", "Zhou", "Wu", "Xu", "Sun")
GIVEN = ("Wei", "Min", "Fang", "Jun", "Lei", "Na", "Qiang", "Yan", "Jie", "Tao", "Ping", "Hui")


def make_up(
    folder: Path,
    *,
    cabinets: int,
    slots: int,
    cars: int,
    officers: int,
    terminals: int,
    sergeants: int = 0,
    workshop: int = 0,
) -> Site:
    """A station of this size; its ledger will stand in `folder`.

    Cabinets take turns: without a door on a serial line; with a door, its contact and lamps over Modbus TCP; without
    a door behind a gateway; and one whose relays can sense nothing. The last `sergeants` of its officers are sergeants;
    `workshop` more people drive no class and take cars to be repaired.
    """
    sizes = _sizes(slots // BOARD_SLOTS, cabinets)
    site = Site.model_validate(
        {
            "station": {"code": "made-up-01", "ledger": "ledger.db"},
            "lines": dict(_line(index) for index in range(cabinets)),
            "cabinets": {LETTERS[index]: _cabinet(index, boards) for index, boards in enumerate(sizes)},
        }
    )
    return site.located(folder, _roster(sizes, cars, officers, terminals, sergeants, workshop))


def _sizes(boards: int, cabinets: int) -> list[int]:
    """How many boards of eight slots each cabinet gets."""
    each, more = divmod(boards, cabinets)
    return [each + (index < more) for index in range(cabinets)]


_LINES = (
    "serial:///dev/ttyS{index}?baudrate=19200",
    "modbus+tcp://10.0.0.{index}:502",
    "rtu+tcp://10.0.0.{index}:4196",
    "serial:///dev/ttyS{index}?baudrate=9600",
)


def _line(index: int) -> tuple[str, str]:
    return LETTERS[index].lower(), _LINES[index % len(_LINES)].format(index=index + 1)


def _cabinet(index: int, boards: int) -> dict[str, Any]:
    line, kind = LETTERS[index].lower(), index % len(_LINES)
    fitted = [_board(kind, line, number) for number in range(boards)]
    if kind == DOORED:
        door: dict[str, Any] = {"door_lock": 1, "door_contact": 1, "lamps": "1-7@2"}
        more = {"name": f"{line}{boards + 1}", "line": line, "address": boards + 1}
        fitted.append({**more, "profile": "waveshare-io-8ch", **door})
    return {"boards": fitted}


def _board(kind: int, line: str, number: int) -> dict[str, Any]:
    slots = f"{number * BOARD_SLOTS + 1}-{(number + 1) * BOARD_SLOTS}"
    here = {"name": f"{line}{number + 1}", "line": line, "address": number + 1}
    if kind == BLIND:
        return {**here, "profile": "waveshare-relay-16", "locks": slots}
    return {
        **here,
        "profile": "waveshare-io-8ch" if kind == DOORED else "waveshare-relay-d-8",
        "slots": slots,
    }


def _homes(sizes: list[int]) -> Iterator[str]:
    """Slots in which sets hang at first: through the cabinets in turn, so that each keeps some free."""
    for slot in range(1, max(sizes) * BOARD_SLOTS + 1):
        for index, boards in enumerate(sizes):
            if slot <= boards * BOARD_SLOTS:
                yield slot_label(LETTERS[index], slot)


def _roster(
    sizes: list[int], cars: int, officers: int, terminals: int, sergeants: int, workshop: int
) -> Roster:
    homes = _homes(sizes)
    entries: dict[str, list[dict[str, Any]]] = {
        "units": [{"id": "u-1", "name": "Station"}],
        "officers": [_officer(number, officers - sergeants) for number in range(officers)],
        "vehicles": [_vehicle(number, with_terminal=number < terminals) for number in range(cars)],
        "key_sets": [
            {"id": f"k-{number + 1:02d}", "vehicle": f"v-{number + 1:02d}", "home": next(homes)}
            for number in range(cars)
        ],
    }
    for number in range(workshop):
        entries["officers"].append(
            {
                "id": f"m-{number + 1}",
                "badge": f"9{number:05d}",
                "name": f"Garage {number + 1}",
                "unit": "u-1",
            }
        )
    return roster_of(RosterFile.model_validate(entries))


def _officer(number: int, ordinary: int) -> dict[str, Any]:
    name = f"{SURNAMES[number % len(SURNAMES)]} {GIVEN[(number // len(SURNAMES) + number) % len(GIVEN)]}"
    classes = ["patrol", "van", "response"] if number % 3 else ["patrol", "response"]
    rank = "o" if number < ordinary else "s"
    return {
        "id": f"{rank}-{number + 1:02d}",
        "badge": f"{10_000 + 37 * number:06d}",
        "name": name,
        "unit": "u-1",
        "classes": classes,
    }


def _vehicle(number: int, *, with_terminal: bool) -> dict[str, Any]:
    vehicle_class = CLASSES[number % len(CLASSES)]
    made: dict[str, Any] = {
        "id": f"v-{number + 1:02d}",
        "fleet_number": f"{vehicle_class[0].upper()}-{number + 1:02d}",
        "class": vehicle_class,
        "unit": "u-1",
        "vin": f"LSVAM4187C2{number:06d}",
    }
    if with_terminal:
        made["terminal"] = {"kind": "obd", "address": f"F0:00:00:00:{number // 256:02X}:{number % 256:02X}"}
    return made
