"""Taking, not taking, taking the wrong one, coming home: what the station records of what people do."""

from __future__ import annotations

import asyncio

import pytest
from station_bench import Bench

from lifecycle import CommandConflict, InvalidRequest, NotTaken, OtherSetTaken, Refused, UnknownThing


async def test_take_and_come_home(bench: Bench) -> None:
    async with bench.station() as station:
        trip = await station.pool.check_out(officer="b1", vehicle="P-1", command_id="c-1")
        assert (trip.slot, trip.key_set, trip.because) == ("A-01", "k-1", ("ready", "class_listed"))
        await station.pull("A-01", "k-1")
        view = await trip.taken(within=20)
        assert (view.state, view.proof, view.holder) == ("out", "proved", "o-1")
        assert station.pool.vehicle("P-1").availability == "out"
        station.world.put("k-1", "A", 7)
        view = await station.pool.wait_checkout(trip.id, until="returned", within=20)
        assert (view.state, view.returned_to) == ("returned", "A-07")
        assert station.pool.vehicle("P-1").availability == "ready"
        assert station.world.pulses("A", 1) == 1
        mine = [event for event in await station.all_events() if event.ids.get("checkout") == trip.id]
        assert [event.kind for event in mine] == [
            "ReleaseIntended",
            "SlotReleased",
            "KeySetTaken",
            "KeySetReturned",
        ]
        assert mine[0].policy == "classes-1"
        assert (mine[3].proof, mine[3].data["identity"], mine[3].because) == (
            "proved",
            "inferred",
            ("only_set_away",),
        )


async def test_intent_is_durable_before_the_pulse(bench: Bench) -> None:
    async with bench.station() as station:
        trip = await station.pool.check_out(officer="b1", vehicle="P-1")
        assert station.world.pulses("A", 1) == 0
        assert (await station.all_events())[trip.seq - 1].kind == "ReleaseIntended"
        await station.pull("A-01", "k-1")


async def test_nobody_takes_it(bench: Bench) -> None:
    async with bench.station() as station:
        trip = await station.pool.check_out(officer="b1", vehicle="P-1")
        with pytest.raises(NotTaken):
            await trip.taken(within=90)
        assert trip.state == "lapsed"
        assert station.pool.vehicle("P-1").availability == "ready"
        again = await station.take("b2", vehicle="P-1")
        assert station.pool.checkout(again).holder == "o-2"


async def test_taken_late_by_whom_it_was_opened_for(bench: Bench) -> None:
    """The lock stuck open; the set leaves after the release lapsed: still that officer's, marked late."""
    async with bench.station() as station:
        station.world.relock_s = 500.0
        trip = await station.pool.check_out(officer="b1", vehicle="P-1")
        with pytest.raises(NotTaken):
            await trip.taken(within=90)
        station.world.pull("k-1")
        await station.until(lambda: station.pool.checkout(trip.id).state == "out")
        taken = (await station.all_events())[-1]
        assert (taken.kind, taken.actor, taken.because) == ("KeySetTaken", "o-1", ("late",))


async def test_a_removal_by_hand_is_nobodys(bench: Bench) -> None:
    async with bench.station() as station:
        station.world.override("k-2")
        await station.until(lambda: station.pool.vehicle("P-2").availability == "unknown")
        gone = (await station.all_events())[-1]
        assert (gone.kind, gone.actor, gone.because) == ("KeySetRemoved", None, ("no_release",))
        with pytest.raises(Refused) as no:
            await station.pool.check_out(officer="b1", vehicle="P-2")
        assert no.value.codes == ("set_unaccounted",)
        assert [each.fleet_number for each in no.value.alternatives] == ["P-1"]
        station.world.put("k-2", "A", 4)
        await station.until(lambda: station.pool.vehicle("P-2").availability == "ready")


async def test_the_neighbours_set(bench: Bench) -> None:
    """Taken by mistake while one person stands there: named to them, recorded as theirs, put right, no alarm."""
    async with bench.station() as station:
        trip = await station.pool.check_out(officer="b1", vehicle="P-1")
        await asyncio.sleep(1)
        station.world.override("k-2")
        with pytest.raises(OtherSetTaken) as wrong:
            await trip.taken(within=20)
        assert (wrong.value.expected, wrong.value.taken, wrong.value.slot) == ("k-1", "k-2", "A-02")
        assert station.pool.vehicle("P-2").holder == "o-1"
        station.world.put("k-2", "A", 2)
        await station.until(lambda: station.pool.vehicle("P-2").availability == "ready")
        assert "KeySetRemoved" not in await station.kinds()


async def test_who_brought_which_home(bench: Bench) -> None:
    """Two sets out: the badge at the cabinet tells whose it is; without a badge, its last slot is assumed."""
    async with bench.station() as station:
        one, two = await station.take("b1", vehicle="P-1"), await station.take("b2", vehicle="P-2")
        await asyncio.sleep(300)
        await station.pool.identify(officer="b2", cabinet="A")
        station.world.put("k-2", "A", 6)
        view = await station.pool.wait_checkout(two, until="returned", within=20)
        assert (view.state, view.returned_to) == ("returned", "A-06")
        assert (await station.all_events())[-1].because == ("brought_by_its_holder",)
        assert station.pool.checkout(one).state == "out"


async def test_who_took_one_is_not_taken_for_who_brings_another(bench: Bench) -> None:
    """Within the same minute, without a badge: presence alone cannot tell, and nobody guesses."""
    async with bench.station() as station:
        await station.take("b2", vehicle="P-2")
        await station.take("b1", vehicle="P-1")
        station.world.put("k-2", "A", 6)
        await asyncio.sleep(5)
        assert (await station.kinds())[-1] == "UnidentifiedSetAppeared"


async def test_a_set_that_nobody_can_name_is_declared(bench: Bench) -> None:
    async with bench.station() as station:
        one, two = await station.take("b1", vehicle="P-1"), await station.take("b2", vehicle="P-2")
        await asyncio.sleep(300)
        station.world.put("k-2", "A", 6)
        await asyncio.sleep(5)
        case = (await station.all_events())[-1]
        assert (case.kind, case.data["candidates"]) == ("UnidentifiedSetAppeared", ["k-1", "k-2"])
        with pytest.raises(InvalidRequest, match="sensor says absent"):
            await station.pool.declare_return(two, officer="b2", slot="A-05")
        view = await station.pool.declare_return(
            two, officer="b2", slot="A-06", odometer_km=1234.5, bay="B1-23"
        )
        assert (view.state, view.returned_to) == ("returned", "A-06")
        assert view.declaration is not None
        assert view.declaration["odometer_km"] == 1234.5
        station.world.put("k-1", "A", 1)
        assert (await station.pool.wait_checkout(one, until="returned", within=20)).state == "returned"


async def test_a_set_is_named_when_the_others_are_accounted_for(bench: Bench) -> None:
    async with bench.station() as station:
        one, two = await station.take("b1", vehicle="P-1"), await station.take("b2", vehicle="P-2")
        station.world.put("k-2", "A", 6)
        await asyncio.sleep(5)
        assert (await station.kinds())[-1] == "UnidentifiedSetAppeared"
        await station.pool.identify(officer="b1", cabinet="A")
        station.world.put("k-1", "A", 7)
        await station.pool.wait_checkout(one, until="returned", within=20)
        view = await station.pool.wait_checkout(two, until="returned", within=20)
        assert (view.state, view.returned_to) == ("returned", "A-06")


async def test_an_unnamed_set_that_is_taken_away_again_is_forgotten(bench: Bench) -> None:
    async with bench.station() as station:
        await station.take("b1", vehicle="P-1")
        await station.take("b2", vehicle="P-2")
        for _ in range(2):
            station.world.put("k-2", "A", 6)
            await asyncio.sleep(60)
            station.world.override("k-2")
            await asyncio.sleep(60)
        news = [kind for kind in await station.kinds() if kind.startswith("Un")]
        assert news == ["UnidentifiedSetAppeared", "UnbookedObjectRemoved"] * 2


async def test_where_nothing_can_tell_the_book_says_assumed(bench: Bench) -> None:
    async with bench.station() as station:
        assert station.pool.cabinet("B").proof == "assumed"
        trip = await station.pool.check_out(officer="b1", vehicle="V-3")
        view = await trip.taken(within=20)
        assert (view.state, view.proof) == ("out", "assumed")
        with pytest.raises(Refused, match="V-3 is out"):
            await station.pool.check_out(officer="b1", vehicle="V-3")
        view = await station.pool.declare_return(trip.id, officer="b1", slot="B-09")
        assert view.state == "returned"
        returned = (await station.all_events())[-1]
        assert (returned.kind, returned.proof) == ("KeySetReturned", "assumed")


async def test_hand_over_moves_the_holder(bench: Bench) -> None:
    async with bench.station() as station:
        trip = await station.take("b1", vehicle="P-1")
        with pytest.raises(Refused) as no:
            await station.pool.hand_over(trip, to="b3", by="b1")
        assert no.value.codes == ("officer_inactive",)
        with pytest.raises(Refused) as no:
            await station.pool.hand_over(trip, to="b2", by="m1")
        assert no.value.codes == ("not_holder",)
        view = await station.pool.hand_over(trip, to="b2", by="b1", command_id="h")
        assert (view.holder, view.officer) == ("o-2", "o-1")
        assert station.pool.vehicle("P-1").holder == "o-2"
        await station.pool.hand_over(trip, to="b2", by="b1", command_id="h")
        assert (await station.kinds()).count("KeySetHandedOver") == 1


@pytest.mark.parametrize(
    ("officer", "vehicle", "codes"),
    [
        ("b2", "V-3", ("class_not_listed",)),
        ("b3", "P-1", ("officer_inactive",)),
        ("m1", "P-1", ("class_not_listed",)),
    ],
)
async def test_refusals_give_every_reason(
    bench: Bench, officer: str, vehicle: str, codes: tuple[str, ...]
) -> None:
    async with bench.station() as station:
        with pytest.raises(Refused) as no:
            await station.pool.check_out(officer=officer, vehicle=vehicle)
        assert no.value.codes == codes
        assert no.value.text("zh-CN") != no.value.text("en")
        assert "ReleaseIntended" not in await station.kinds()


async def test_several_reasons_at_once(bench: Bench) -> None:
    async with bench.station() as station:
        await station.pool.report_defect("P-1", reporter="b1", code="brakes", severity="critical")
        with pytest.raises(Refused) as no:
            await station.pool.check_out(officer="b3", vehicle="P-1")
        assert no.value.codes == ("officer_inactive", "blocking_defect")


async def test_commands_are_idempotent(bench: Bench) -> None:
    async with bench.station() as station:
        ask = [station.pool.check_out(officer="b1", vehicle="P-1", command_id="same") for _ in range(3)]
        one, two, three = await asyncio.gather(*ask)
        assert one.id == two.id == three.id
        assert one.seq == two.seq == three.seq
        with pytest.raises(CommandConflict):
            await station.pool.check_out(officer="b1", vehicle="P-2", command_id="same")
        await station.pull("A-01", "k-1")
        await one.taken(within=20)
        assert station.world.pulses("A", 1) == 1
        assert (await station.kinds()).count("ReleaseIntended") == 1


async def test_two_callers_one_car(bench: Bench) -> None:
    async with bench.station() as station:
        asks = [station.pool.check_out(officer=officer, vehicle="P-1") for officer in ("b1", "b2")]
        outcomes = await asyncio.gather(*asks, return_exceptions=True)
        refused = [each for each in outcomes if isinstance(each, Refused)]
        assert len(refused) == 1
        assert refused[0].codes == ("being_taken",)
        await station.pull("A-01", "k-1")


async def test_a_class_spreads_use(bench: Bench) -> None:
    async with bench.station() as station:
        first = await station.take("b1", vehicle_class="patrol")
        label = station.pool.checkout(first).slot
        station.world.put(station.pool.checkout(first).key_set, "A", int(label[-2:]))
        await station.pool.wait_checkout(first, until="returned", within=20)
        second = await station.pool.check_out(officer="b1", vehicle_class="patrol")
        assert second.vehicle.id != station.pool.checkout(first).vehicle
        await station.pull(second.slot, second.key_set)


async def test_what_is_unknown_is_named(bench: Bench) -> None:
    async with bench.station() as station:
        pool = station.pool
        with pytest.raises(UnknownThing, match="officer 'nobody'"):
            await pool.check_out(officer="nobody", vehicle="P-1")
        with pytest.raises(UnknownThing, match="vehicle 'P-9'"):
            await pool.check_out(officer="b1", vehicle="P-9")
        with pytest.raises(InvalidRequest, match="either a vehicle or a vehicle_class"):
            await pool.check_out(officer="b1")
        with pytest.raises(InvalidRequest, match="one of patrol, van"):
            await pool.check_out(officer="b1", vehicle_class="tank")
        with pytest.raises(UnknownThing, match="slot 9"):
            await pool.open_slot("A", 9, officer="b1", reason="x")
        with pytest.raises(UnknownThing, match="cabinet 'Z'"):
            await pool.open_slot("Z", 1, officer="b1", reason="x")
        with pytest.raises(UnknownThing, match="checkout 'co_0'"):
            await pool.declare_return("co_0", officer="b1")


async def test_open_slot_is_a_check_out(bench: Bench) -> None:
    async with bench.station() as station:
        with pytest.raises(Refused):
            await station.pool.open_slot("A", 1, officer="m1", reason="look inside")
        trip = await station.pool.open_slot("A", 1, officer="b1", reason="look inside")
        await station.pull("A-01", "k-1")
        assert (await trip.taken(within=20)).purpose == "look inside"
