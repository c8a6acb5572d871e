"""Defect, work order, workshop, acceptance: the car is never given out in between."""

from __future__ import annotations

import pytest
from station_bench import Bench

from lifecycle import InvalidRequest, Refused, UnknownThing


async def test_the_whole_loop(bench: Bench) -> None:
    async with bench.station() as station:
        pool = station.pool
        defect = await pool.report_defect(
            "P-1", reporter="b1", code="brakes", severity="critical", text="soft"
        )
        assert pool.vehicle("P-1").availability == "down"
        order = await pool.open_order("P-1", by="b1", workshop="garage 7")
        assert order.defects == (defect.id,)
        with pytest.raises(Refused) as no:
            await pool.check_out(officer="b1", vehicle="P-1")
        assert no.value.codes == ("work_order",)
        trip = await pool.hand_to_workshop(order.id, by="m1")
        await station.pull("A-01", "k-1")
        assert (await trip.taken(within=20)).holder == "m-1"
        assert pool.order(order.id).state == "at_workshop"
        with pytest.raises(Refused) as no:
            await pool.accept_repair(order.id, by="b1")
        assert no.value.codes == ("wrong_state",)
        station.world.put("k-1", "A", 3)
        await pool.wait_checkout(trip.id, until="returned", within=20)
        assert (pool.order(order.id).state, pool.vehicle("P-1").serviceability) == ("to_accept", "to_accept")
        with pytest.raises(Refused) as no:
            await pool.accept_repair(order.id, by="m1")
        assert no.value.codes == ("same_person",)
        accepted = await pool.accept_repair(order.id, by="b2")
        assert (accepted.state, accepted.accepted_by) == ("accepted", "o-2")
        assert pool.vehicle("P-1").availability == "ready"
        assert pool.defects() == []
        assert [event.kind for event in await station.all_events() if event.ids.get("order") == order.id] == [
            "OrderOpened", "ReleaseIntended", "KeySetTaken", "VehicleToWorkshop", "RepairReturned", "KeySetReturned",
            "RepairAccepted",
        ]  # fmt: skip
        text = "soft"
        assert all(text not in str(event.data) for event in await station.all_events())


async def test_a_minor_defect_keeps_the_car_on_the_road(bench: Bench) -> None:
    async with bench.station() as station:
        await station.pool.report_defect("P-1", reporter="b1", code="ashtray", severity="minor")
        assert station.pool.vehicle("P-1").availability == "ready"
        assert [each.code for each in station.pool.defects(vehicle="P-1")] == ["ashtray"]


async def test_another_blocking_defect_outlives_a_repair(bench: Bench) -> None:
    async with bench.station() as station:
        pool = station.pool
        brakes = await pool.report_defect("P-1", reporter="b1", code="brakes", severity="critical")
        order = await pool.open_order("P-1", by="b1", workshop="w", defects=[brakes.id])
        tyre = await pool.report_defect("P-1", reporter="b2", code="tyre", severity="major")
        trip = await pool.hand_to_workshop(order.id, by="m1")
        await station.pull("A-01", "k-1")
        await trip.taken(within=20)
        station.world.put("k-1", "A", 1)
        await pool.wait_checkout(trip.id, until="returned", within=20)
        await pool.accept_repair(order.id, by="b2")
        assert pool.vehicle("P-1").serviceability == "defective"
        assert [each.id for each in pool.defects()] == [tyre.id]
        second = await pool.open_order("P-1", by="b1", workshop="w")
        assert second.defects == (tyre.id,)


async def test_defects_declared_on_return_block(bench: Bench) -> None:
    async with bench.station() as station:
        trip = await station.take("b1", vehicle="P-1")
        with pytest.raises(InvalidRequest, match="minor, major, critical"):
            await station.pool.declare_return(trip, officer="b1", defects=[{"code": "x", "severity": "huge"}])
        with pytest.raises(InvalidRequest, match="key, fuel_card"):
            await station.pool.declare_return(trip, officer="b1", items_missing=["helmet"])
        await station.pool.declare_return(
            trip, officer="b1", items_missing=["fuel_card"], defects=[{"code": "mirror", "severity": "major"}]
        )
        vehicle = station.pool.vehicle("P-1")
        assert (vehicle.availability, vehicle.key_sets[0].items_missing) == ("down", ("fuel_card",))


async def test_what_is_unknown_or_wrong_is_named(bench: Bench) -> None:
    async with bench.station() as station:
        pool = station.pool
        with pytest.raises(UnknownThing, match="order 'wo_0'"):
            await pool.hand_to_workshop("wo_0", by="m1")
        with pytest.raises(UnknownThing, match="defect 'df_0'"):
            await pool.open_order("P-1", by="b1", workshop="w", defects=["df_0"])
        with pytest.raises(InvalidRequest, match="severity"):
            await pool.report_defect("P-1", reporter="b1", code="x", severity="bad")
        await pool.open_order("P-1", by="b1", workshop="w")
        with pytest.raises(Refused, match="order is not possible"):
            await pool.open_order("P-1", by="b1", workshop="w")
