"""What is closed leaves memory and stays in the book: read by id, listed, and written again."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_steps import Disk, open_ledger

from lifecycle.ledger import Ledger, LedgerUnavailable, NewEvent, Row, Step, VersionConflict, verify
from lifecycle.ledger import image as ledger_image
from lifecycle.ledger.archive import Archive
from simulator import virtual_time

CLOSED = {"trip": ("home", "lapsed"), "order": ("done",)}


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_image, "KEPT", 2)


def move(name: str, version: int, state: str, kind: str = "trip") -> Step:
    """Bring a row that is at `version` into a state."""
    return Step((NewEvent("Moved", {kind: name}),), (Row(kind, name, version, state, {"km": version}),))


async def trips(ledger: Ledger, count: int) -> None:
    """Trips 0 to `count`, out and home again."""
    for number in range(count):
        await ledger.commit(move(f"t-{number}", 0, "out"))
        await ledger.commit(move(f"t-{number}", 1, "home"))


async def test_what_was_closed_long_ago_is_read_from_the_file(path: Path) -> None:
    async with await open_ledger(path, closed=CLOSED) as ledger:
        await ledger.commit(move("t-out", 0, "out"))
        await trips(ledger, 5)
        assert list(ledger.rows("trip")) == ["t-out", "t-3", "t-4"]
        assert ledger.row("trip", "t-0") == Row("trip", "t-0", 2, "home", {"km": 1})
        assert ledger.row("trip", "t-9") is None
        assert [row.id for row in ledger.all_rows("trip")] == ["t-out", "t-0", "t-1", "t-2", "t-3", "t-4"]


async def test_other_kinds_stay_in_memory(path: Path) -> None:
    async with await open_ledger(path, closed=CLOSED) as ledger:
        for number in range(5):
            await ledger.commit(move(f"v-{number}", 0, "home", kind="vehicle"))
        assert len(ledger.rows("vehicle")) == len(ledger.all_rows("vehicle")) == 5


async def test_it_is_written_again_under_its_version(path: Path) -> None:
    async with await open_ledger(path, closed=CLOSED) as ledger:
        await trips(ledger, 5)
        with pytest.raises(VersionConflict, match="at version 2, not 1"):
            await ledger.commit(move("t-0", 1, "out"))
        with pytest.raises(VersionConflict, match="at version 2, not 0"):
            await ledger.commit(move("t-0", 0, "out"))
        await ledger.commit(move("t-0", 2, "home"))
        await ledger.commit(move("t-1", 2, "out"))
        assert list(ledger.rows("trip")) == ["t-4", "t-0", "t-1"]
    assert verify(path).rows == 5


async def test_a_reopened_book_begins_with_what_is_open(path: Path) -> None:
    async with await open_ledger(path, closed=CLOSED) as ledger:
        await trips(ledger, 3)
        await ledger.commit(move("t-out", 0, "out"))
        await ledger.commit(move("o-1", 0, "done", kind="order"))
    async with await open_ledger(path, closed=CLOSED) as ledger:
        assert list(ledger.rows("trip")) == ["t-out"]
        assert not ledger.rows("order")
        await ledger.commit(move("t-new", 0, "out"))
        assert [row.id for row in ledger.all_rows("trip")][-2:] == ["t-out", "t-new"]
    assert verify(path).rows == 6


async def test_without_such_states_everything_stays(path: Path) -> None:
    async with await open_ledger(path) as ledger:
        await trips(ledger, 5)
        assert len(ledger.rows("trip")) == 5


async def test_a_file_that_cannot_be_read_is_said(path: Path) -> None:
    async with await open_ledger(path, closed=CLOSED) as ledger:
        await trips(ledger, 1)
    archive = Archive(path)
    assert archive.row("trip", "t-0") is not None
    archive.close()
    with sqlite3.connect(path) as other:
        other.execute("DROP TABLE state")
    other.close()
    with pytest.raises(LedgerUnavailable, match="no such table"):
        archive.row("trip", "t-0")


STEPS = st.tuples(
    st.sampled_from("abcdef"), st.integers(0, 3), st.sampled_from(("out", "home", "lapsed")), st.booleans()
)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=40))
def test_it_answers_as_if_everything_were_kept(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, str, bool]]
) -> None:
    path = tmp_path_factory.mktemp("book") / "ledger.db"

    async def compare() -> None:
        known: dict[str, Row] = {}
        ledger = await open_ledger(path, closed=CLOSED)
        for name, version, state, reopen in steps:
            current = known[name].version if name in known else 0
            if version == current:
                await ledger.commit(move(name, version, state))
                known[name] = Row("trip", name, current + 1, state, {"km": version})
            else:
                with pytest.raises(VersionConflict) as conflict:
                    await ledger.commit(move(name, version, state))
                assert (conflict.value.found, conflict.value.expected) == (current, version)
            if reopen:
                await ledger.close()
                ledger = await open_ledger(path, closed=CLOSED)
            assert [ledger.row("trip", each) for each in "abcdef"] == [known.get(each) for each in "abcdef"]
            assert list(ledger.all_rows("trip")) == list(known.values())
            assert sum(row.state != "out" for row in ledger.rows("trip").values()) <= 2
        await ledger.close()

    virtual_time.run(compare())


async def test_an_old_trip_is_looked_at_after_a_disk_error(path: Path) -> None:
    """The failed commit closes the writer, and SQLite removes its log: the archive must not think the file at rest."""
    disk = Disk()
    async with await open_ledger(path, closed=CLOSED, connect=disk) as ledger:
        for number in range(5):
            await ledger.commit(move(f"t-{number}", 0, "home"))
        disk.fails_before = True
        with pytest.raises(LedgerUnavailable):
            await ledger.commit(move("t-5", 0, "home"))
        disk.fails_before = False
        assert ledger.row("trip", "t-0") is not None
        for number in range(5, 10):
            await ledger.commit(move(f"t-{number}", 0, "home"))
        assert ledger.row("trip", "t-6") is not None
        assert len(ledger.all_rows("trip")) == 10
