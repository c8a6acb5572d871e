"""The state tables: well formed, run by the engine as they read, and refused with every reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifecycle import states
from lifecycle.book import ACTION, CUSTODY, RELEASE, SERVICEABILITY
from lifecycle.engine import Engine, Moved, NotMoved
from lifecycle.model import Reason

ENGINES = {engine.table.name: engine for engine in (CUSTODY, RELEASE, SERVICEABILITY, ACTION)}


@pytest.mark.parametrize("table", states.TABLES, ids=lambda table: table.name)
def test_every_state_is_known_and_reached(table: states.StateTable) -> None:
    assert table.initial in table.states
    reached = {table.initial}
    for _ in table.states:
        reached |= {row.dest for row in table.transitions if row.dest != "=" and reached & {*row.sources}}
    assert reached == {*table.states}
    for row in table.transitions:
        assert {*row.sources} <= {*table.states}


@given(table=st.sampled_from(states.TABLES), data=st.data())
def test_engine_does_what_the_table_says(table: states.StateTable, data: st.DataObject) -> None:
    """Whatever state and trigger: exactly the rows of the table move, everything else is refused with a reason."""
    engine = Engine(table, {row.guard: lambda facts: () for row in table.transitions if row.guard})
    state = data.draw(st.sampled_from(table.states))
    trigger = data.draw(st.sampled_from(sorted({row.trigger for row in table.transitions})))
    row = next((r for r in table.transitions if r.trigger == trigger and state in r.sources), None)
    decision = engine.decide(state, trigger)
    if row is None:
        assert isinstance(decision, NotMoved)
        assert [reason.code for reason in decision.reasons] == ["wrong_state"]
    else:
        assert decision == Moved(state if row.dest == "=" else row.dest, row.event)


def test_a_guard_gives_every_reason() -> None:
    two = (Reason("one", "one", "一"), Reason("two", "two", "二"))
    engine = Engine(states.CUSTODY, {"may_release": lambda facts: two, "may_hand_over": lambda facts: ()})
    assert engine.decide("in_slot", "release") == NotMoved(two)


def test_an_unknown_trigger_is_a_mistake_in_the_program() -> None:
    with pytest.raises(KeyError):
        CUSTODY.decide("in_slot", "fly")


def test_a_table_that_names_a_missing_guard_is_refused() -> None:
    with pytest.raises(LookupError):
        Engine(states.CUSTODY, {})


@pytest.mark.parametrize("name", sorted(ENGINES))
def test_diagram_shows_every_arrow(name: str) -> None:
    table = ENGINES[name].table
    text = states.mermaid(table)
    for row in table.transitions:
        for source in row.sources:
            dest = source if row.dest == "=" else row.dest
            line = next(line for line in text.splitlines() if f" {source} --> {dest}:" in line)
            assert row.trigger in line
