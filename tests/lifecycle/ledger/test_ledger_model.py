"""Any sequence of steps, conflicts, repetitions, failures and restarts leaves what a plain model says."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_steps import Clock, Disk, open_ledger

from lifecycle.ledger import (
    Command,
    CommandConflict,
    DuplicateCommand,
    Ledger,
    LedgerUnavailable,
    NewEvent,
    Row,
    Step,
    VersionConflict,
    verify,
)
from simulator import virtual_time

ids = st.sampled_from(["a", "b", "c"])
commands = st.none() | st.builds(Command, ids, st.sampled_from(["x", "y"]), st.integers(0, 9))


@dataclass(frozen=True)
class Ask:
    """A step to be: which rows it moves, and whether it thinks of an older version of them."""

    rows: dict[str, bool]
    events: int
    command: Command | None
    word: str


asks = st.builds(
    Ask,
    st.dictionaries(ids, st.sampled_from([True, True, False]), max_size=3),
    st.integers(1, 3),
    commands,
    st.text(),
)
operations = st.lists(
    st.lists(asks, min_size=1, max_size=5) | st.sampled_from(["restart", "fail", "land"]), max_size=12
)


@dataclass
class Model:
    rows: dict[str, Row] = field(default_factory=dict)
    commands: dict[str, Command] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)

    def expect(self, step: Step) -> type:
        """What becomes of the step, which is recorded if nothing is against it."""
        asked = step.command
        if asked is not None and asked.id in self.commands:
            same = self.commands[asked.id].digest == asked.digest
            return DuplicateCommand if same else CommandConflict
        for row in step.rows:
            if row.version != (self.rows[row.id].version if row.id in self.rows else 0):
                return VersionConflict
        for row in step.rows:
            self.rows[row.id] = Row(row.kind, row.id, row.version + 1, row.state, row.data)
        if asked is not None:
            self.commands[asked.id] = asked
        self.words.extend(str(event.data["word"]) for event in step.events)
        return tuple

    def step(self, ask: Ask) -> Step:
        rows = []
        for name, fresh in ask.rows.items():
            version = self.rows[name].version if name in self.rows else 0
            rows.append(Row("thing", name, version if fresh else version + 1, ask.word, {"word": ask.word}))
        events = tuple([NewEvent("Said", data={"word": ask.word}) for _ in range(ask.events)])
        return Step(events, tuple(rows), ask.command)


async def _agree(ledger: Ledger, model: Model) -> None:
    assert dict(ledger.rows("thing")) == model.rows
    events = await ledger.events(limit=1000)
    assert [event.data["word"] for event in events] == model.words
    assert [event.seq for event in events] == list(range(1, len(model.words) + 1))
    for name in ("a", "b", "c"):
        assert await ledger.command(name) == model.commands.get(name)


async def _batch(ledger: Ledger, model: Model, batch: list[Ask]) -> None:
    steps, expected = [], []
    for ask in batch:  # each is decided on what the ones before it will have left
        steps.append(model.step(ask))
        expected.append(model.expect(steps[-1]))
    results = await asyncio.gather(*map(ledger.commit, steps), return_exceptions=True)
    assert [type(result) for result in results] == expected


async def _play(path: Path, plan: list[list[Ask] | str]) -> None:
    disk, model, clock = Disk(), Model(), Clock()
    ledger = await open_ledger(path, connect=disk, clock=clock)
    for operation in plan:
        if operation == "restart":
            await ledger.close()
            ledger = await open_ledger(path, connect=disk, clock=clock)
        elif isinstance(operation, str):
            disk.fails_before, disk.fails_after = operation == "fail", operation == "land"
            step = Step((NewEvent("Said", data={"word": operation}),))
            (failed,) = await asyncio.gather(ledger.commit(step), return_exceptions=True)
            assert isinstance(failed, LedgerUnavailable)
            disk.fails_before = disk.fails_after = False
            model.words += ["land"] * (operation == "land")
            await ledger.command("a")  # the first thing it does again is to read what is there
        else:
            await _batch(ledger, model, operation)
        await _agree(ledger, model)
    await ledger.close()
    found = verify(path)
    assert (found.head.seq, found.rows, found.commands) == (
        len(model.words),
        len(model.rows),
        len(model.commands),
    )


@settings(max_examples=60, deadline=None)
@given(operations)
def test_the_ledger_is_what_the_model_says(plan: list[list[Ask] | str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        virtual_time.run(_play(Path(folder) / "ledger.db", plan))
