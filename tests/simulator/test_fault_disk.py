"""The simulated disk and wall clock under a real ledger: full, failing, slow, torn, cut; wrong and stepping."""

from __future__ import annotations

import asyncio
import math
import random
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fault_bench import START, broken

from lifecycle import StationUnavailable
from lifecycle.ledger import Event, Ledger, LedgerBroken, LedgerUnavailable, NewEvent, Step, verify
from simulator.faults import WallClock
from simulator.faults.disk import Disk, DiskImage


def clock() -> datetime:
    return datetime(2026, 3, 2, tzinfo=UTC)


async def opened(path: Path, disk: Disk) -> Ledger:
    return await Ledger.open(path, station="s", holder="test", clock=clock, connect=disk.connect)


async def record(ledger: Ledger, number: int) -> tuple[Event, ...]:
    return await ledger.commit(Step((NewEvent("Noted", {"n": str(number)}),)))


@pytest.fixture
def disk() -> Disk:
    return Disk(random.Random(3))


async def test_a_full_disk_takes_nothing_and_then_goes_on(tmp_path: Path, disk: Disk) -> None:
    async with await opened(tmp_path / "l.db", disk) as ledger:
        await record(ledger, 1)
        told: list[int] = []
        disk.full.append(lambda: told.append(1))
        with pytest.raises(LedgerUnavailable, match="database or disk is full"):
            await record(ledger, 2)
        disk.full.clear()
        (event,) = await record(ledger, 3)
        assert (event.seq, len(told), disk.commits) == (2, 1, 3)  # the tables' own commit came first
    assert verify(tmp_path / "l.db").head.seq == 2


async def test_a_failed_commit_is_there_or_not_and_the_book_holds(tmp_path: Path, disk: Disk) -> None:
    async with await opened(tmp_path / "l.db", disk) as ledger:
        disk.failing.append(lambda: True)
        for number in range(20):
            with pytest.raises(LedgerUnavailable, match="disk I/O error"):
                await record(ledger, number)
        disk.failing.clear()
        await record(ledger, 99)
        kept = [event.ids["n"] for event in await ledger.events()]
    assert kept[-1] == "99"
    assert 3 < len(kept) < 18
    assert verify(tmp_path / "l.db").head.seq == len(kept)


async def test_a_slow_disk_takes_its_time_in_turn(tmp_path: Path, disk: Disk) -> None:
    async with await opened(tmp_path / "l.db", disk) as ledger:
        loop = asyncio.get_running_loop()
        before = loop.time()
        disk.slow.append(lambda: 1.5)
        await record(ledger, 1)
        assert loop.time() - before == pytest.approx(1.5)
        one = asyncio.create_task(record(ledger, 2))
        await asyncio.sleep(0.5)
        two = asyncio.create_task(record(ledger, 3))
        assert [(await each)[0].seq for each in (one, two)] == [2, 3]
        assert loop.time() - before == pytest.approx(4.5)
        disk.slow.clear()


async def test_a_kill_leaves_what_was_committed_and_no_more(tmp_path: Path, disk: Disk) -> None:
    path = tmp_path / "l.db"
    ledger = await opened(path, disk)
    for number in range(5):
        await record(ledger, number)
    images = [DiskImage.take(path, disk)]
    disk.torn.append(lambda: None)
    images += [DiskImage.take(path, disk) for _ in range(20)]
    disk.torn.clear()
    await record(ledger, 5)
    await ledger.close()
    assert len({image.log.read_bytes() for image in images if image.log is not None}) > 10
    for image in images:
        image.put_back()
        async with await opened(path, disk) as again:
            assert again.head.seq == 5
            assert (await record(again, 6))[0].seq == 6


async def test_a_program_that_is_dead_at_a_commit_writes_nothing(tmp_path: Path, disk: Disk) -> None:
    path = tmp_path / "l.db"
    ledger = await opened(path, disk)
    points: list[str] = []

    def dies_at_the_third(point: str) -> bool:
        points.append(point)
        return len(points) < 3

    disk.on_commit = dies_at_the_third
    await record(ledger, 1)
    with pytest.raises(LedgerUnavailable, match="the process is gone"):
        await record(ledger, 2)
    assert points == ["before a commit", "after a commit", "before a commit"]
    disk.on_commit = lambda _point: True
    await ledger.close()
    assert verify(path).head.seq == 1


async def test_a_book_that_was_cut_is_refused(tmp_path: Path, disk: Disk) -> None:
    path = tmp_path / "l.db"
    ledger = await opened(path, disk)
    for number in range(50):
        await record(ledger, number)
    await ledger.close()
    whole = DiskImage.take(path)
    disk.cut.append(lambda: None)
    for _ in range(30):
        DiskImage.take(path, disk).put_back()
        with pytest.raises((LedgerBroken, LedgerUnavailable)):
            await opened(path, disk)
        whole.put_back()
        whole = DiskImage.take(path)
    async with await opened(path, Disk(random.Random(1))) as ledger:
        assert ledger.head.seq == 50


def test_it_leaves_the_hosts_own_fsync_out_unless_told(tmp_path: Path) -> None:
    for syncs, level in ((False, 0), (True, 2)):
        connection = Disk(random.Random(1), syncs=syncs).connect(tmp_path / "x.db")
        assert isinstance(connection, sqlite3.Connection)
        connection.execute("PRAGMA synchronous=FULL")
        assert connection.execute("PRAGMA synchronous").fetchone() == (level,)
        connection.close()


async def test_a_station_with_a_full_disk_releases_nothing(tmp_path: Path) -> None:
    async with broken(tmp_path) as station:
        injection = station.faults.inject("disk_full", "station", math.inf)
        with pytest.raises(StationUnavailable):
            await station.pool.check_out(officer="b1", vehicle="P-1")
        await asyncio.sleep(10)
        assert station.world.pulses("A", 1) == 0
        assert injection.met == 1
        station.faults.clear(injection)
        await station.outing("b1", "k-1", "v-1")
        assert station.went_wrong == []


async def test_the_wall_clock_is_wrong_by_hand_and_by_fault(tmp_path: Path) -> None:
    shown = WallClock(START)
    await asyncio.sleep(10)
    assert shown() == shown.true() == START + timedelta(seconds=10)
    shown.step(-60)
    assert shown() == START - timedelta(seconds=50)
    async with broken(tmp_path) as station:
        injection = station.faults.inject("clock_wrong", "station", math.inf)
        assert abs(station.clock() - station.clock.true()) > timedelta(seconds=60)
        await station.outing("b1", "k-1", "v-1")
        assert station.went_wrong == []
        station.faults.clear(injection)
        assert station.clock() == station.clock.true()
        seen = set()
        station.faults.inject("clock_steps", "station", 3600.0)
        for _ in range(60):
            await asyncio.sleep(30)
            seen.add(station.clock() - station.clock.true())
        assert len(seen) == 2
