"""What campaigns of seeds found, each as small as it can be told."""

from __future__ import annotations

import random

import pytest
from station_bench import Bench

from lifecycle.errors import StationUnavailable
from lifecycle.ledger import Ledger
from simulator.faults import Faults
from simulator.faults.disk import Disk


async def test_a_nameless_set_that_left_leaves_no_case_behind(bench: Bench) -> None:
    """A switch sticks, its slot seems to hold a set that nobody knows, and then a real one is hung there."""
    async with bench.station() as station:
        await station.take("b1", vehicle="P-1")
        await station.take("b2", vehicle="P-2")
        faults = Faults(station.simulated.hardware, random.Random(1))
        stuck = faults.inject("key_switch_stuck_present", "A-05")
        await station.until(lambda: station.pool.cabinet("A").slots[4].presence == "present")
        faults.clear(stuck)
        await station.until(lambda: station.pool.cabinet("A").slots[4].presence == "absent")
        await station.pool.identify(officer="b1", cabinet="A")
        station.world.put("k-1", "A", 5)
        await station.until(lambda: station.pool.cabinet("A").slots[4].key_set == "k-1")


async def test_a_nameless_set_that_left_behind_a_dead_board(bench: Bench) -> None:
    async with bench.station() as station:
        await station.take("b1", vehicle="P-1")
        await station.take("b2", vehicle="P-2")
        faults = Faults(station.simulated.hardware, random.Random(1))
        stuck = faults.inject("key_switch_stuck_present", "A-05")
        await station.until(lambda: station.pool.cabinet("A").slots[4].presence == "present")
        dead = faults.inject("board_dead", "A/a1")
        await station.until(lambda: station.pool.cabinet("A").slots[4].presence == "unknown")
        faults.clear(stuck)
        faults.clear(dead)
        await station.until(lambda: station.pool.cabinet("A").slots[4].presence == "absent", within=120)
        await station.pool.identify(officer="b1", cabinet="A")
        station.world.put("k-1", "A", 5)
        await station.until(lambda: station.pool.cabinet("A").slots[4].key_set == "k-1")


async def test_a_release_that_was_recorded_although_the_disk_failed_ends(bench: Bench) -> None:
    """The commit reached the disk, its answer did not: nobody was given anything, its set must not stay bespoken."""
    disk = Disk(random.Random(1))

    async def ledger(*where: object, **options: object) -> Ledger:
        return await Ledger.open(*where, **options, connect=disk.connect)  # type: ignore[arg-type]

    async with bench.station(ledger=ledger) as station:
        disk.random = _Written()
        disk.failing.append(lambda: True)
        with pytest.raises(StationUnavailable):
            await station.pool.check_out(officer="b1", vehicle="P-1")
        disk.failing.clear()
        await station.until(lambda: bool(station.pool.checkouts(open_only=False)))
        (trip,) = station.pool.checkouts(open_only=False)
        await station.until(lambda: station.pool.checkout(trip.id).state == "lapsed", within=120)
        assert station.world.pulses("A", 1) == 0
        assert station.pool.vehicle("P-1").availability == "ready"


class _Written(random.Random):
    """Every failed commit was written."""

    def random(self) -> float:
        return 0.0
