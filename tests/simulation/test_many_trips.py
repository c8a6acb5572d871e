"""A station of many years: memory holds what goes on, and what is over answers as it ever did."""

from __future__ import annotations

import asyncio

import pytest
from station_bench import Bench, Running

from lifecycle import states
from lifecycle.book import ACTION, RELEASE
from lifecycle.ledger import image


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image, "KEPT", 1)


async def trip(station: Running, command_id: str) -> str:
    """There and back again."""
    handle = await station.pool.check_out(officer="b1", vehicle="P-1", command_id=command_id)
    await station.pull(handle.slot, handle.key_set)
    await handle.taken(within=20)
    station.world.put("k-1", "A", 1)
    await station.pool.wait_checkout(handle.id, until="returned", within=20)
    await asyncio.sleep(5)
    return handle.id


async def test_old_trips_are_not_in_memory_and_still_known(bench: Bench) -> None:
    simulated = bench.simulated()
    async with simulated.running("memory"):
        async with bench.station(simulated) as station:
            pool = station.pool
            trips = [await trip(station, f"cad-{number}") for number in range(5)]
            assert len(list(pool._book.rows("checkout"))) == 1
            assert [each.id for each in pool.checkouts(open_only=False)] == trips
            assert pool.checkout(trips[0]).state == "returned"
            view = await pool.wait_checkout(trips[0], until="returned", within=5)
            assert view.returned_to == "A-01"
        async with bench.station(simulated) as station:
            pool = station.pool
            assert not list(pool._book.rows("checkout"))
            await pool.declare_return(trips[1], officer="b1", odometer_km=100)
            assert pool.checkout(trips[1]).declaration is not None
            again = await pool.check_out(officer="b1", vehicle="P-1", command_id="cad-0")
            assert (again.id, again.state) == (trips[0], "returned")
            (event,) = await pool.events_page(again.seq - 1, 1)
            assert (event.kind, event.ids["checkout"]) == ("ReleaseIntended", trips[0])


def test_what_is_over_is_a_state() -> None:
    assert {*states.CLOSED["checkout"]} < {*RELEASE.table.states}
    assert {*ACTION.table.states} - {*states.CLOSED["action"]} == {"new", "pending", "unconfirmed"}
