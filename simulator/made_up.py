"""Makes up a station of a given size: site and roster, the same for the same size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lifecycle.model import slot_label
from lifecycle.roster import Roster, RosterFile, roster_of
from lifecycle.site import Site
from simulator import made_up_cabinets
from simulator.made_up_cabinets import Home

BOARD_SLOTS = 8
DOORED, BLIND = 1, 3
"""Kinds of cabinet that differ from the others."""
CLASSES = ("patrol", "patrol", "patrol", "van", "response")
"""Of five cars; a response car is never immobilised."""
IMMOBILISED = ("patrol", "van")
"""Classes that opt in, where there are sealed terminals."""
LETTERS = "ABCDEFGH"
STATION = {"code": "made-up-01", "ledger": "ledger.db"}
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
    sealed: int = 0,
    sergeants: int = 0,
    workshop: int = 0,
    every_board: bool = False,
) -> Site:
    """A station of this size; its ledger will stand in `folder`.

    Cabinets take turns: without a door on a serial line; with a door, its contact and lamps over Modbus TCP; without
    a door behind a gateway; and one whose relays can sense nothing. The last `sergeants` of its officers are sergeants;
    `workshop` more people drive no class and take cars to be repaired. With `every_board` its cabinets are those of
    `made_up_cabinets` instead, whatever `cabinets` and `slots` say.
    """
    if every_board:
        lines, fitted = made_up_cabinets.LINES, made_up_cabinets.CABINETS
        made = Site.model_validate(
            {"station": STATION, "lines": lines, "cabinets": fitted, **_actions(sealed)}
        )
        homes = made_up_cabinets.homes()
        return made.located(folder, _roster(homes, cars, officers, terminals, sealed, sergeants, workshop))
    sizes = _sizes(slots // BOARD_SLOTS, cabinets)
    site = Site.model_validate(
        {
            "station": STATION,
            "lines": dict(_line(index) for index in range(cabinets)),
            "cabinets": {LETTERS[index]: _cabinet(index, boards) for index, boards in enumerate(sizes)},
            **_actions(sealed),
        }
    )
    return site.located(
        folder, _roster(_homes(sizes), cars, officers, terminals, sealed, sergeants, workshop)
    )


def _actions(sealed: int) -> dict[str, Any]:
    return {"actions": {"immobilise": IMMOBILISED}} if sealed else {}


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


def _homes(sizes: list[int]) -> Iterator[Home]:
    """Slots in which sets hang at first: through the cabinets in turn, so that each keeps some free."""
    for slot in range(1, max(sizes) * BOARD_SLOTS + 1):
        for index, boards in enumerate(sizes):
            if slot <= boards * BOARD_SLOTS:
                yield slot_label(LETTERS[index], slot), None


def _roster(
    homes: Iterator[Home],
    cars: int,
    officers: int,
    terminals: int,
    sealed: int,
    sergeants: int,
    workshop: int,
) -> Roster:
    entries: dict[str, list[dict[str, Any]]] = {
        "units": [{"id": "u-1", "name": "Station"}],
        "officers": [_officer(number, officers - sergeants) for number in range(officers)],
        "vehicles": [_vehicle(number, terminals, sealed) for number in range(cars)],
        "key_sets": [_key_set(number, *home) for number, home in zip(range(cars), homes, strict=False)],
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


def _key_set(number: int, home: str, fob: str | None) -> dict[str, Any]:
    return {"id": f"k-{number + 1:02d}", "vehicle": f"v-{number + 1:02d}", "home": home, "fob": fob}


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


def _vehicle(number: int, terminals: int, sealed: int) -> dict[str, Any]:
    vehicle_class = CLASSES[number % len(CLASSES)]
    made: dict[str, Any] = {
        "id": f"v-{number + 1:02d}",
        "fleet_number": f"{vehicle_class[0].upper()}-{number + 1:02d}",
        "class": vehicle_class,
        "unit": "u-1",
        "vin": f"LSVAM4187C2{number:06d}",
    }
    if number < terminals:
        address = f"F0:00:00:00:{number // 256:02X}:{number % 256:02X}"
        made["terminal"] = {"kind": "obd", "address": address}
        if number < sealed:
            made["terminal"] = {"kind": "sealed", "address": address, "key": _key(made["id"])}
    return made


def _key(vehicle: str) -> str:
    """The key of the simulated sealed terminal in a vehicle."""
    from simulator.terminals.sealed_keys import terminal_key  # noqa: PLC0415 - needs the extra `sealed`

    return terminal_key(vehicle).public.hex
