"""What a caller of the ledger can rely on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from ledger_steps import STATION, Clock, Disk, open_ledger, take

from lifecycle.ledger import (
    Command,
    CommandConflict,
    DuplicateCommand,
    Head,
    LedgerClosed,
    LedgerHeld,
    NewEvent,
    Row,
    Step,
    VersionConflict,
    Write,
    WrongStation,
    verify,
)
from lifecycle.ledger.chain import genesis, row_digest


async def test_an_event_comes_back_as_it_was_recorded(path: Path) -> None:
    clock = Clock()
    happened = datetime(2026, 11, 21, 4, 0, tzinfo=timezone(timedelta(hours=8)))
    event = NewEvent(
        "KeySetReturned",
        {"key_set": "ks-1"},
        "o-7",
        {"km": 1.5, "bay": "乙"},
        "proved",
        ("r",),
        "p1",
        happened,
    )
    async with await open_ledger(path, clock=clock) as ledger:
        recorded = await ledger.commit(
            Step((event, NewEvent("CaseOpened")), (Row("key_set", "ks-1", 0, "in", {"slot": 3}),))
        )
        assert await ledger.events() == list(recorded)
    async with await open_ledger(path) as ledger:
        first, second = await ledger.events()
        assert (first, second) == recorded
        assert ledger.head == Head(2, second.hash)
    assert (first.seq, first.kind, first.actor, first.proof, first.policy) == (
        1,
        "KeySetReturned",
        "o-7",
        "proved",
        "p1",
    )
    assert (first.ids, first.data, first.because) == ({"key_set": "ks-1"}, {"km": 1.5, "bay": "乙"}, ("r",))
    assert first.at == happened
    assert first.recorded_at > second.at
    assert (first.prev_hash, second.prev_hash) == (genesis(STATION).hex(), first.hash)
    assert first.writes == ()
    assert second.writes == (
        Write("key_set", "ks-1", 1, row_digest("key_set", "ks-1", 1, "in", '{"slot":3}')),
    )


async def test_state_rows_move_with_their_version(path: Path) -> None:
    async with await open_ledger(path) as ledger:
        view = ledger.rows("key_set")
        assert ledger.row("key_set", "ks-1") is None
        await ledger.commit(take(1))
        assert (
            view["ks-1"]
            == ledger.row("key_set", "ks-1")
            == Row("key_set", "ks-1", 1, "out", {"holder": "o-7"})
        )
        with pytest.raises(VersionConflict) as stale:
            await ledger.commit(take(1))
        assert (stale.value.expected, stale.value.found, stale.value.retryable) == (0, 1, False)
        await ledger.commit(take(1, version=1))
        with pytest.raises(VersionConflict):
            await ledger.commit(take(2, version=1))
        assert ledger.head.seq == 2
    async with await open_ledger(path) as ledger:
        assert dict(ledger.rows("key_set")) == {"ks-1": Row("key_set", "ks-1", 2, "out", {"holder": "o-7"})}


async def test_a_conflict_rejects_its_own_step_only(path: Path) -> None:
    async with await open_ledger(path) as ledger:
        steps = [take(1), take(1), take(2), take(1, version=1), take(3, version=4)]
        results = await asyncio.gather(*map(ledger.commit, steps), return_exceptions=True)
        assert [type(result) for result in results] == [tuple, VersionConflict, tuple, tuple, VersionConflict]
        assert [event.seq for result in results if isinstance(result, tuple) for event in result] == [1, 2, 3]
        assert [event.ids["key_set"] for event in await ledger.events()] == ["ks-1", "ks-2", "ks-1"]
    assert verify(path).head.seq == 3


async def test_waiting_steps_share_one_transaction(path: Path) -> None:
    disk = Disk()
    async with await open_ledger(path, connect=disk) as ledger:
        commits = []
        disk.connections[-1].set_trace_callback(lambda sql: commits.append(sql) if sql == "COMMIT" else None)
        await asyncio.gather(*[ledger.commit(take(number)) for number in range(64)])
        assert len(commits) == 1
        disk.connections[-1].set_trace_callback(None)


async def test_a_command_acts_once_and_answers_the_same(path: Path) -> None:
    asked = Command("cad-1", "digest-a", {"checkout": "co_7Q", "slot": 7})
    async with await open_ledger(path) as ledger:
        twice = await asyncio.gather(
            ledger.commit(take(1, command=asked)),
            ledger.commit(take(1, command=asked)),
            return_exceptions=True,
        )
        assert isinstance(twice[1], DuplicateCommand)
        assert twice[1].command == asked
        with pytest.raises(CommandConflict, match="cad-1"):
            await ledger.commit(take(2, command=Command("cad-1", "digest-b", None)))
    async with await open_ledger(path) as ledger:
        assert await ledger.command("cad-1") == asked
        assert await ledger.command("cad-2") is None
        with pytest.raises(DuplicateCommand) as again:
            await ledger.commit(take(1, version=1, command=asked))
        assert again.value.command.answer == {"checkout": "co_7Q", "slot": 7}
        (event,) = await ledger.events()
        assert event.command == "cad-1"
    assert verify(path).commands == 1


async def test_a_thousand_commands_in_one_batch(path: Path) -> None:
    async with await open_ledger(path) as ledger:
        await asyncio.gather(
            *[ledger.commit(take(n, command=Command(f"c-{n}", "d", n))) for n in range(1000)]
        )
        assert await ledger.command("c-999") == Command("c-999", "d", 999)


async def test_what_cannot_be_written_fails_alone(path: Path) -> None:
    async with await open_ledger(path) as ledger:
        bad = Step((NewEvent("K", data={"x": float("nan")}),))
        good, refused = await asyncio.gather(
            ledger.commit(take(1)), ledger.commit(bad), return_exceptions=True
        )
        assert isinstance(refused, ValueError)
        assert [event.seq for event in good] == [1]
        with pytest.raises(ValueError, match="time zone"):
            await ledger.commit(Step((NewEvent("K", at=datetime(2026, 1, 1)),)))  # noqa: DTZ001


async def test_the_order_is_the_sequence_even_when_the_clock_goes_back(path: Path) -> None:
    clock = Clock()
    async with await open_ledger(path, clock=clock) as ledger:
        await ledger.commit(take(1))
        clock.now -= timedelta(days=1)
        await ledger.commit(take(2))
        first, second = await ledger.events()
        assert second.recorded_at < first.recorded_at
        assert second.prev_hash == first.hash
    assert verify(path).head == Head(2, second.hash)


async def test_events_in_pages(path: Path) -> None:
    async with await open_ledger(path) as ledger:
        assert await ledger.events() == []
        for number in range(7):
            await ledger.commit(take(number))
        from_memory = await ledger.events(after=2, limit=3)
    async with await open_ledger(path) as ledger:
        assert await ledger.events(after=2, limit=3) == from_memory
        assert [event.seq for event in from_memory] == [3, 4, 5]
        await ledger.commit(take(7))
        assert [event.seq for event in await ledger.events(after=5)] == [6, 7, 8]
        assert [event.seq for event in await ledger.events(after=7)] == [8]
        assert await ledger.events(after=8) == []
        assert await ledger.events(after=99) == []


async def test_waiting_for_news(path: Path) -> None:
    async with await open_ledger(path) as ledger:
        waiting = [asyncio.create_task(ledger.wait(after)) for after in (0, 1)]
        await asyncio.sleep(1)
        await ledger.commit(take(1))
        await waiting[0]
        assert not waiting[1].done()
        await ledger.commit(take(2))
        await waiting[1]
        await ledger.wait(1)
        late = asyncio.create_task(ledger.wait(2))
        await asyncio.sleep(1)
    with pytest.raises(LedgerClosed):
        await late


async def test_closing_records_what_was_handed_in(path: Path) -> None:
    ledger = await open_ledger(path)
    handed_in = asyncio.create_task(ledger.commit(take(1)))
    await asyncio.sleep(0)
    await ledger.close()
    await ledger.close()
    assert [event.seq for event in await handed_in] == [1]
    for call in (ledger.commit(take(2)), ledger.events(), ledger.command("x"), ledger.wait(1)):
        with pytest.raises(LedgerClosed):
            await call
    assert sorted(file.name for file in path.parent.iterdir()) == ["ledger.db", "ledger.db.lock"]


async def test_a_cancelled_caller_disturbs_nobody(path: Path) -> None:
    async with await open_ledger(path) as ledger:
        gone = asyncio.create_task(ledger.commit(take(1)))
        stays = asyncio.create_task(ledger.commit(take(2)))
        await asyncio.sleep(0)
        gone.cancel()
        assert [event.ids["key_set"] for event in await stays] == ["ks-2"]
        assert gone.cancelled()
        assert ledger.row("key_set", "ks-1") is None


async def test_the_second_writer_is_told_who_holds_it(path: Path) -> None:
    async with await open_ledger(path, holder="station 330108-04"):
        with pytest.raises(LedgerHeld, match=r"station 330108-04 \(pid \d+ on .+\)") as held:
            await open_ledger(path)
        assert held.value.retryable
    async with await open_ledger(path):
        pass


async def test_a_lock_without_a_name_is_still_a_lock(path: Path) -> None:
    async with await open_ledger(path):
        path.with_name("ledger.db.lock").write_text("")
        with pytest.raises(LedgerHeld, match="another process"):
            await open_ledger(path)


async def test_the_book_of_another_station_is_refused(path: Path) -> None:
    async with await open_ledger(path):
        pass
    with pytest.raises(WrongStation) as wrong:
        await open_ledger(path, station="330108-05")
    assert (wrong.value.expected, wrong.value.found) == ("330108-05", STATION)
    async with await open_ledger(path):
        pass


async def test_the_connection_is_durable(path: Path) -> None:
    disk = Disk()
    async with await open_ledger(path, connect=disk):
        (writing,) = disk.connections[-1:]
        assert writing.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert writing.execute("PRAGMA synchronous").fetchone() == (2,)
        assert writing.isolation_level is None


@pytest.mark.real_time
async def test_on_a_real_loop_the_file_work_runs_beside_it(path: Path) -> None:
    async with await open_ledger(path, clock=lambda: datetime.now(UTC)) as ledger:  # noqa: TID251
        for round_ in range(3):
            await asyncio.gather(*[ledger.commit(take(number, round_)) for number in range(20)])
        assert ledger.head.seq == 60
        assert {row.version for row in ledger.rows("key_set").values()} == {3}
    assert verify(path).head.seq == 60
