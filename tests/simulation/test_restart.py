"""What happened while the station was dark, blind or given up on is in the book afterwards, once and rightly."""

from __future__ import annotations

import asyncio

from station_bench import Bench

from lifecycle.custody import OPEN_RELEASES


async def test_taken_and_hung_up_elsewhere_while_the_station_was_dark(bench: Bench) -> None:
    """The slot it appeared in is looked at before the one it left; still it left first."""
    simulated = bench.simulated()
    async with simulated.running("memory"):
        async with bench.station(simulated) as station:
            await station.take("b2", vehicle="P-2")
            station.world.put("k-2", "A", 8)
            await station.until(lambda: station.pool.vehicle("P-2").availability == "ready")
            trip = await station.pool.check_out(officer="b2", vehicle="P-2")
            await station.until(lambda: simulated.world.unlocked("A", 8))
        simulated.world.pull("k-2")
        simulated.world.put("k-2", "A", 3)
        async with bench.station(simulated) as station:
            view = station.pool.checkout(trip.id)
            assert (view.state, view.returned_to) == ("returned", "A-03")
            assert (await station.kinds())[-2:] == ["KeySetTaken", "KeySetReturned"]


async def test_a_set_that_moves_between_two_looks_left_first(bench: Bench) -> None:
    async with bench.station() as station:
        trip = await station.take("b2", vehicle="P-2")
        station.world.put("k-2", "A", 8)
        await station.pool.wait_checkout(trip, until="returned", within=20)
        await asyncio.sleep(300)
        station.world.override("k-2")
        station.world.put("k-2", "A", 3)
        await asyncio.sleep(10)
        assert station.pool.vehicle("P-2").key_sets[0].slot == "A-03"
        assert (await station.kinds())[-2:] == ["KeySetRemoved", "KeySetReturned"]


async def test_a_board_that_comes_back_tells_nothing_new(bench: Bench) -> None:
    async with bench.station() as station:
        before = await station.kinds()
        station.simulated.hardware.power("A", "a1", False)
        await station.until(lambda: not station.pool.cabinet("A").online)
        station.simulated.hardware.power("A", "a1", True)
        await station.until(lambda: station.pool.cabinet("A").online)
        await asyncio.sleep(10)
        assert (await station.kinds())[len(before) :] == ["BoardLost", "BoardRecovered"]
        assert station.pool.vehicle("P-1").availability == "ready"


async def test_whoever_badged_before_a_restart_still_stands_there(bench: Bench) -> None:
    simulated = bench.simulated()
    async with simulated.running("memory"):
        async with bench.station(simulated) as station:
            await station.take("b1", vehicle="P-1")
            trip = await station.take("b2", vehicle="P-2")
            await asyncio.sleep(300)
            await station.pool.identify(officer="b2", cabinet="A")
        simulated.world.put("k-2", "A", 6)
        async with bench.station(simulated) as station:
            assert station.pool.checkout(trip).returned_to == "A-06"
            await asyncio.sleep(200)
        simulated.world.put("k-1", "A", 5)
        async with bench.station(simulated) as station:
            assert (await station.all_events())[-1].because == ("only_set_away",)


async def test_a_caller_who_gives_up_leaves_no_release_behind(bench: Bench) -> None:
    """However far it got when its caller was cancelled: it is not recorded, or it is seen through."""
    for turns in range(12):
        async with Bench(bench.folder).station() as station:
            asked = asyncio.create_task(
                station.pool.check_out(officer="b1", vehicle="P-1", command_id=f"given-up-{turns}")
            )
            for _ in range(turns):
                await asyncio.sleep(0)
            asked.cancel()
            await asyncio.wait((asked,))
            await asyncio.sleep(120)
            assert not [each for each in station.pool.checkouts() if each.state in OPEN_RELEASES]
            assert station.world.pulses("A", 1) <= 1
