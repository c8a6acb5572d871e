"""The table of kinds against the code that drafts events, against what real runs record, and against its page."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from events_page import FILE, rendered
from jsonschema_rs import Draft202012Validator, meta
from recorded_events import wrong_with

import lifecycle
from keycabinet import DoorState
from lifecycle import Event, states, wobbles
from lifecycle.event_kinds import EVENT_KINDS, IDS, SECTIONS, json_schema
from lifecycle.ledger import Ledger
from simulator import virtual_time
from simulator.invariants import custody
from simulator.play import MIDNIGHT, Play, Setting
from simulator.scenario import load_scenario
from vehicle import Telemetry

SOURCES = sorted(Path(lifecycle.__file__).parent.glob("*.py"))
IN_TABLES = {row.event for table in states.TABLES for row in table.transitions if row.event is not None}
DRAFTING = {"note": 0, "beside": 0, "noted": 0, "_tell": 1}
"""What records an event, and which of its arguments is the kind."""
COMPUTED: dict[tuple[str, str], set[str]] = {
    ("book.py", "decision.event"): IN_TABLES,
    ("actions.py", "moved.event"): {str(row.event) for row in states.ACTION.transitions},
    ("equipment.py", "f'CabinetDoor{event.door.value.capitalize()}'"): {
        f"CabinetDoor{door.value.capitalize()}" for door in DoorState
    },
    ("equipment.py", "type(event).__name__"): {"BoardLost", "TwoBoardsAtAddress"},
    # The functions themselves: their callers are found by name.
    ("equipment.py", "kind"): set(),
    ("actions.py", "kind"): set(),
}
"""The kinds that come from expressions, by file and expression."""


def drafting() -> Iterator[tuple[str, ast.expr]]:
    """Every expression of a kind in a call that records an event, with its file."""
    for path in SOURCES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        called = [
            node for node in ast.walk(tree) if isinstance(node, ast.Call) and name_of(node.func) in DRAFTING
        ]
        for call in called:
            kind = call.args[DRAFTING[name_of(call.func)]]
            for each in (kind.body, kind.orelse) if isinstance(kind, ast.IfExp) else (kind,):
                yield path.name, each
        functions = {id(call.func) for call in called}
        handed_on = [
            node for node in ast.walk(tree) if name_of(node) in DRAFTING and id(node) not in functions
        ]
        assert not handed_on, (
            f"{path}: what records events is handed on where this test does not see the kind"
        )


def name_of(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def test_the_table_has_every_kind_that_is_drafted_and_no_other() -> None:
    literal = {each.value for _, each in drafting() if isinstance(each, ast.Constant)}
    computed = {(file, ast.unparse(each)) for file, each in drafting() if not isinstance(each, ast.Constant)}
    assert computed == set(COMPUTED), "say above which kinds the new expression gives"
    assert literal.union(*COMPUTED.values()) == set(EVENT_KINDS)


def test_only_the_book_makes_events() -> None:
    """What does not go through a draft would go past the table."""
    for path in SOURCES:
        if path.name != "book.py":
            text = path.read_text(encoding="utf-8")
            assert "NewEvent" not in text, path
            assert ".commit(" not in text, path
            assert "_kinds.append" not in text, path


def test_each_kind_stands_in_the_table_once_and_is_explained() -> None:
    kinds = [each for section in SECTIONS.values() for each in section]
    assert len(kinds) == len(EVENT_KINDS)
    for each in kinds:
        assert each.says.endswith("."), each.kind
        assert each.to_do.endswith("."), each.kind
        for texts in (each.says, each.to_do):
            assert "|" not in texts, each.kind  # it would end a cell of the page's table
    assert {each.removesuffix("?") for kind in kinds for each in kind.ids} == set(IDS)


def test_alarms_are_what_the_library_takes_for_alarms() -> None:
    alarms = {kind for kind, each in EVENT_KINDS.items() if each.alarm}
    assert alarms == {*wobbles.ALARMS, *custody.ALARMS}


def test_readings_are_those_of_a_terminal() -> None:
    readings = json_schema("TelemetryRead")["properties"]["data"]["properties"]["readings"]
    assert readings["required"] == [each.name for each in fields(Telemetry) if each.name != "vin"]


def objects(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for each in schema.values():
            yield from objects(each)
    elif isinstance(schema, list):
        for each in schema:
            yield from objects(each)


@pytest.mark.parametrize("kind", EVENT_KINDS)
def test_the_schema_is_one_and_leaves_nothing_open(kind: str) -> None:
    schema = json_schema(kind)
    meta.validate(schema)
    for each in objects(schema):
        assert each["additionalProperties"] is False
        assert set(each["required"]) <= set(each["properties"])
        assert not [name for name in each["properties"] if name.endswith("?")]
    assert not Draft202012Validator(schema).is_valid({"kind": kind})


def test_a_kind_that_there_is_not_has_no_schema() -> None:
    with pytest.raises(KeyError):
        json_schema("KeySetEaten")


async def recorded(path: Path, station: str) -> list[Event]:
    ledger = await Ledger.open(path, station=station, holder="test", clock=virtual_time.wall_clock(MIDNIGHT))
    try:
        return await ledger.events(0, ledger.head.seq)
    finally:
        await ledger.close()


def played(scenario: str, seed: int, days: float, folder: Path) -> list[Event]:
    """Everything that a simulated station has recorded, read from its file."""
    play = Play(Setting(load_scenario(scenario), seed, days), folder, None)
    outcome = virtual_time.run(play.run(), seed=seed)
    events = virtual_time.run(recorded(play.site.ledger_path, play.site.station.code))
    assert len(events) == outcome.counts["events"] > 40
    return events


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    runs = [("city", 1, 0.6), ("city", 2, 0.6), ("every-board", 1, 0.3), ("crash-points", 1, 0.3)]
    return [event for run in runs for event in played(*run, tmp_path_factory.mktemp("run"))]


def test_every_event_of_simulated_days_fits_the_schema_of_its_kind(events: list[Event]) -> None:
    assert [each for event in events for each in wrong_with(event)] == []


def test_simulated_days_record_most_kinds(events: list[Event]) -> None:
    assert len({event.kind for event in events}) > 2 / 3 * len(EVENT_KINDS)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda event: event._replace(ids={**event.ids, "colour": "blue"}),
        lambda event: event._replace(data={**event.data, "colour": "blue"}),
        lambda event: event._replace(
            ids={name: each for name, each in event.ids.items() if name != "vehicle"}
        ),
        lambda event: event._replace(
            data={name: each for name, each in event.data.items() if name != "identity"}
        ),
        lambda event: event._replace(data={**event.data, "identity": "guessed"}),
        lambda event: event._replace(ids={**event.ids, "slot": 7}),
        lambda event: event._replace(proof="guessed"),
        lambda event: event._replace(kind="KeySetEaten"),
    ],
)
def test_an_event_that_does_not_fit_is_found(events: list[Event], spoil: Callable[[Event], Event]) -> None:
    returned = next(event for event in events if event.kind == "KeySetReturned")
    assert wrong_with(returned) == []
    assert len(wrong_with(spoil(returned))) == 1


def test_the_page_is_the_table() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert rendered(text) == text, "run python tests/lifecycle/events_page.py"
