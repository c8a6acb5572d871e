"""The disk fills up, fails, or loses its process: what was acknowledged is there, and nothing is half-done."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from pathlib import Path

import pytest
from ledger_steps import STATION, Clock, Disk, open_ledger, take

from lifecycle.ledger import Command, DuplicateCommand, Ledger, LedgerBroken, LedgerUnavailable, verify
from simulator import virtual_time


async def test_a_full_disk_refuses_and_recovers(path: Path) -> None:
    disk = Disk()
    async with await open_ledger(path, connect=disk) as ledger:
        await ledger.commit(take(0))
        (pages,) = disk.connections[-1].execute("PRAGMA page_count").fetchone()
        disk.pages = pages + 3
        disk.connections[-1].execute(f"PRAGMA max_page_count={disk.pages}")
        results = await asyncio.gather(*[_alone(ledger, number) for number in range(1, 100)])
        done = 1 + results.count(None)
        assert 1 < done < 100
        refused = [error for error in results if error is not None]
        assert all("disk is full" in str(error) and error.retryable for error in refused)
        assert ledger.head.seq == len(ledger.rows("key_set")) == verify(path).head.seq == done
        disk.pages = None  # somebody made room
        await ledger.command("the next call opens the file anew")
        (event,) = await ledger.commit(take(100))
        assert event.seq == done + 1
    assert verify(path).head.seq == done + 1


async def _alone(ledger: Ledger, number: int) -> LedgerUnavailable | None:
    """Record key set `number` in a batch of its own."""
    await asyncio.sleep(number)
    try:
        await ledger.commit(take(number))
    except LedgerUnavailable as error:
        return error
    return None


async def test_a_commit_that_failed_left_nothing(path: Path) -> None:
    disk = Disk()
    async with await open_ledger(path, connect=disk) as ledger:
        await ledger.commit(take(1))
        disk.fails_before = True
        with pytest.raises(LedgerUnavailable, match="disk I/O error"):
            await ledger.commit(take(2))
        assert ledger.row("key_set", "ks-2") is None
        disk.fails_before = False
        assert [event.seq for event in await ledger.commit(take(2))] == [2]
        assert [event.seq for event in await ledger.events()] == [1, 2]
    assert verify(path).head.seq == 2


async def test_a_commit_that_landed_though_it_failed_is_found_by_reading(path: Path) -> None:
    disk = Disk()
    asked = Command("cad-1", "d", {"slot": 2})
    async with await open_ledger(path, connect=disk) as ledger:
        await ledger.commit(take(1))
        news = asyncio.create_task(ledger.wait(1))
        disk.fails_after = True
        with pytest.raises(LedgerUnavailable):
            await ledger.commit(take(2, command=asked))
        disk.fails_after = False
        with pytest.raises(DuplicateCommand) as landed:
            await ledger.commit(take(2, command=asked))
        await news
        assert landed.value.command == asked
        assert ledger.row("key_set", "ks-2") is not None
        await ledger.commit(take(3))
        assert [event.seq for event in await ledger.events()] == [1, 2, 3]
    assert verify(path).head.seq == 3


async def test_another_hand_in_the_state_is_noticed(path: Path) -> None:
    async with await open_ledger(path) as ledger:
        await ledger.commit(take(1))
        with sqlite3.connect(path) as other:
            other.execute("UPDATE state SET version = 7")
        other.close()
        with pytest.raises(LedgerBroken, match="another hand") as broken:
            await ledger.commit(take(1, version=1))
        assert broken.value.seq == 2
        with pytest.raises(LedgerBroken, match="another hand"):
            await ledger.commit(take(2))
        assert [event.seq for event in await ledger.events()] == [1]
    with pytest.raises(LedgerBroken):
        verify(path)


@pytest.fixture
def older_copy(path: Path) -> bytes:
    """A ledger of one event, as it was before whatever the test adds to it."""

    async def record() -> None:
        async with await open_ledger(path) as ledger:
            await ledger.commit(take(1))

    virtual_time.run(record())
    return path.read_bytes()


def take_away(path: Path) -> None:
    path.unlink()


async def test_a_file_that_was_taken_away_is_not_begun_anew(path: Path) -> None:
    disk = Disk()
    async with await open_ledger(path, connect=disk) as ledger:
        disk.fails_before = True
        with pytest.raises(LedgerUnavailable):
            await ledger.commit(take(1))
        take_away(path)
        for _ in range(2):
            with pytest.raises(LedgerUnavailable, match="the file is gone"):
                await ledger.commit(take(1))


async def test_an_older_copy_put_in_its_place_is_noticed(path: Path, older_copy: bytes) -> None:
    disk = Disk()
    async with await open_ledger(path, connect=disk) as ledger:
        await ledger.commit(take(2))
        disk.fails_before = True
        with pytest.raises(LedgerUnavailable):
            await ledger.commit(take(3))
        disk.fails_before = False
        with open(path, "r+b") as file:  # noqa: ASYNC230
            file.write(older_copy)
        with pytest.raises(LedgerBroken, match="it was recorded, and is gone") as gone:
            await ledger.commit(take(3))
        assert gone.value.seq == 2


async def test_a_half_made_ledger_is_begun_anew(path: Path) -> None:
    path.with_name("ledger.db.new").write_bytes(b"half")
    async with await open_ledger(path) as ledger:
        await ledger.commit(take(1))
    assert verify(path).head.seq == 1


async def test_no_folder_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailable, match="No such file"):
        await open_ledger(tmp_path / "missing" / "ledger.db")


async def test_a_folder_is_not_a_ledger(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailable, match="no such file"):
        await open_ledger(tmp_path)


@pytest.mark.parametrize("after_it_landed", [False, True])
@pytest.mark.parametrize("point", range(4))
def test_the_process_dies_in_a_batch(path: Path, point: int, after_it_landed: bool) -> None:
    """Killed in the commit number `point`: acknowledged steps are there, batches are whole, it goes on from there."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        virtual_time.run(_record_until_killed(path, point, after_it_landed, writing))
        os._exit(1)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as acknowledged:
        acks = acknowledged.read()
    assert os.waitstatus_to_exitcode(status) == 9
    assert len(acks) == 5 * point

    head = verify(path).head
    assert head.seq == 5 * (point + after_it_landed)

    async def go_on() -> int:
        async with await open_ledger(path) as ledger:
            assert len(ledger.rows("key_set")) == head.seq
            await ledger.commit(take(head.seq))
            return ledger.head.seq

    assert virtual_time.run(go_on()) == verify(path).head.seq == head.seq + 1


async def _record_until_killed(path: Path, point: int, after_it_landed: bool, acknowledge: int) -> None:
    class Killed(sqlite3.Connection):
        commits = 0

        def commit(self) -> None:
            if Killed.commits == point and not after_it_landed:
                os._exit(9)
            super().commit()
            if Killed.commits == point:
                os._exit(9)
            Killed.commits += 1

    def connect(path: Path) -> sqlite3.Connection:
        plain = not path.exists() or path.suffix == ".new"
        return sqlite3.connect(path, isolation_level=None, factory=sqlite3.Connection if plain else Killed)

    async def record(ledger: Ledger, number: int) -> None:
        await ledger.commit(take(number))
        os.write(acknowledge, b".")

    async with await open_ledger(path, connect=connect, clock=Clock(), station=STATION) as ledger:
        for batch in range(6):
            await asyncio.gather(*[record(ledger, 5 * batch + number) for number in range(5)])
