"""What a review of the lifecycle found: rosters that change, rules asked in an unusual order, callers that give up."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from station_bench import SITE, Bench, Running

from lifecycle import InvalidRequest, Refused, Roster
from lifecycle.errors import StationClosed
from lifecycle.ledger import Ledger
from lifecycle.model import KeySet, Vehicle
from lifecycle.station import Station
from simulator.cabinets.board import Mode

CAR = Vehicle(id="v-9", fleet_number="P-9", vehicle_class="patrol", unit="u")


def new_set(home: str) -> Roster:
    return Roster(vehicles={"v-9": CAR}, key_sets={"k-9": KeySet("k-9", "v-9", "main", ("key",), home)})


async def repaired(station: Running, by: str) -> str:
    """An order whose car is back from the workshop, taken there by this person."""
    pool = station.pool
    await pool.report_defect("P-1", reporter="b2", code="brakes", severity="critical")
    order = await pool.open_order("P-1", by="b2", workshop="w")
    trip = await pool.hand_to_workshop(order.id, by=by)
    await station.pull(trip.slot, "k-1")
    await trip.taken(within=20)
    station.world.put("k-1", "A", 3)
    await pool.wait_checkout(trip.id, until="returned", within=20)
    return order.id


async def test_a_lost_card_is_struck_off(bench: Bench) -> None:
    async with bench.station() as station:
        pool = station.pool
        one = pool.roster.officers["o-1"]
        await pool.upsert_roster(Roster(officers={"o-1": replace(one, card="04a1b2c3")}))
        await pool.upsert_roster(Roster(officers={"o-1": one}))
        assert pool.roster.by_card("04a1b2c3") is None


async def test_a_fob_moves_to_another_set(bench: Bench) -> None:
    async with bench.station() as station:
        pool = station.pool
        k1, k2 = pool.roster.key_sets["k-1"], pool.roster.key_sets["k-2"]
        await pool.upsert_roster(Roster(key_sets={"k-2": replace(k2, fob="04a1b2c3")}))
        await pool.upsert_roster(Roster(key_sets={"k-1": replace(k1, fob="04a1b2c3"), "k-2": k2}))
        assert pool.roster.by_fob()["04a1b2c3"].id == "k-1"


async def test_a_set_that_hung_there_before_it_was_in_the_roster(bench: Bench) -> None:
    async with bench.station() as station:
        station.world.add_set("k-9", "A", 5)
        await asyncio.sleep(5)
        await station.pool.upsert_roster(new_set("A-05"))
        trip = await station.take("b1", vehicle="P-1")
        await asyncio.sleep(5)
        assert station.pool.checkout(trip).state == "out"  # "returned" to A-05, where k-9 hangs


async def test_a_new_set_at_the_home_of_one_that_still_hangs_there(bench: Bench) -> None:
    async with bench.station() as station:
        await station.pool.upsert_roster(new_set("A-01"))
        slots = [each.slot for ref in ("P-1", "P-9") for each in station.pool.vehicle(ref).key_sets]
        assert slots.count("A-01") == 1


async def test_the_other_set_of_a_car_in_the_workshop_leaves_late(bench: Bench) -> None:
    roster, site = bench.folder / "roster.toml", bench.folder / "site.toml"
    spare = '{ id = "k-1s", vehicle = "v-1", role = "spare", home = "C-01" },\n  { id = "k-3"'
    roster.write_text(roster.read_text().replace('{ id = "k-3"', spare))
    board = '{ name = "c1", line = "a", address = 2, profile = "waveshare-relay-d-8", slots = "1-8" }'
    site.write_text(
        site.read_text().replace("[cabinets.B]", f"[cabinets.C]\nboards = [{board}]\n\n[cabinets.B]")
    )
    simulated = bench.simulated()
    async with simulated.running("memory"):
        async with bench.station(simulated) as station:
            pool = station.pool
            await pool.report_defect("P-1", reporter="b1", code="tyre", severity="critical")
            order = await pool.open_order("P-1", by="b1", workshop="w")
            one = await pool.hand_to_workshop(order.id, by="m1")  # k-1 of A-01; not taken
            await pool.wait_checkout(one.id, until="taken", within=120)
            simulated.hardware.power("A", "a1", on=False)
            await station.until(lambda: not pool.cabinet("A").online)
            two = await pool.hand_to_workshop(order.id, by="m1")  # so the spare goes
            await station.pull("C-01", "k-1s")
            await two.taken(within=20)
            simulated.hardware.power("A", "a1", on=True)
            await station.until(lambda: pool.cabinet("A").online, within=120)
            station.world.override(
                "k-1"
            )  # within 15 minutes of its lapse: the observer of A ends with Refused
            await asyncio.sleep(5)
            station.world.override("k-2")
            await asyncio.sleep(5)
            assert pool.vehicle("P-2").key_sets[0].custody == "unaccounted"
        async with bench.station(simulated):  # and the station does not start any more
            pass


async def test_a_set_that_was_in_the_roster_under_the_wrong_car(bench: Bench) -> None:
    simulated = bench.simulated()
    async with simulated.running("memory"), bench.station(simulated) as station:
        pool = station.pool
        k1, k2 = pool.roster.key_sets["k-1"], pool.roster.key_sets["k-2"]
        await pool.upsert_roster(
            Roster(key_sets={"k-1": replace(k1, vehicle="v-2"), "k-2": replace(k2, vehicle="v-1")})
        )
        await pool.report_defect("P-2", reporter="b1", code="brakes", severity="critical")
        order = await pool.open_order("P-2", by="b1", workshop="w")
        trip = await pool.hand_to_workshop(order.id, by="m1")
        await station.pull(trip.slot, trip.key_set)
        assert (await trip.taken(within=20)).state == "out"


async def test_whoever_took_a_car_to_the_workshop_accepts_it_through_an_older_order(bench: Bench) -> None:
    async with bench.station() as station:
        first = await repaired(station, by="m1")
        await station.pool.accept_repair(first, by="b2")
        second = await repaired(station, by="b1")
        with pytest.raises(Refused):
            await station.pool.accept_repair(first, by="b1")
        await station.pool.accept_repair(second, by="b2")
        assert station.pool.vehicle("P-1").serviceability == "ready"


@pytest.mark.parametrize("home", ["A-99", "nowhere"])
async def test_a_home_that_the_site_has_not(bench: Bench, home: str) -> None:
    simulated = bench.simulated()
    async with simulated.running("memory"):
        async with bench.station(simulated) as station:
            with pytest.raises(InvalidRequest, match="A-01 to A-08"):
                await station.pool.upsert_roster(new_set(home))
        async with bench.station(simulated) as station:
            assert station.pool.vehicle("P-1").availability == "ready"


async def test_a_cabinet_is_renamed(bench: Bench) -> None:
    simulated = bench.simulated()
    async with simulated.running("memory"), bench.station(simulated):
        pass
    site, roster = bench.folder / "site.toml", bench.folder / "roster.toml"
    site.write_text(site.read_text().replace("[cabinets.A]", "[cabinets.C]"))
    roster.write_text(roster.read_text().replace('"A-', '"C-'))
    simulated = bench.simulated()
    async with simulated.running("memory"), bench.station(simulated) as station:
        assert len(station.pool.vehicles()) == 3
        with pytest.raises(Refused):
            await station.pool.check_out(officer="b1", vehicle="P-1")


async def test_a_panel_behind_one_door(bench: Bench) -> None:
    site = bench.folder / "site.toml"
    panel = 'keys = "1-7", door_lock = 8 }]\nform = "panel"'
    site.write_text(SITE.replace('slots = "1-8" }]', panel))
    async with bench.station() as station:
        trip = await station.pool.check_out(officer="b1", vehicle="P-1")
        await asyncio.sleep(300)
        assert trip.state == "lapsed"  # "intended" for ever: NotWired ended its task
        await station.pool.check_out(officer="b2", vehicle="P-1")


async def test_a_late_word_about_an_older_trip(bench: Bench) -> None:
    roster = bench.folder / "roster.toml"
    roster.write_text(roster.read_text().replace('classes = ["patrol"] }', 'classes = ["patrol", "van"] }'))
    async with bench.station() as station:
        pool = station.pool
        first = await pool.check_out(officer="b1", vehicle="V-3")
        await first.taken(within=20)
        await pool.declare_return(first.id, officer="b1", slot="B-05")
        second = await pool.check_out(officer="b2", vehicle="V-3")
        await second.taken(within=20)
        await pool.declare_return(
            first.id, officer="b1", slot="B-05", odometer_km=100.0
        )  # the form, sent again
        assert second.state == "out"  # "returned"; the van that o-2 drives is offered to the next


@pytest.mark.parametrize("turns", [2, 3, 4, 5])
async def test_upsert_cancelled(bench: Bench, turns: int) -> None:
    async with bench.station() as station:
        pool = station.pool
        one = pool.roster.officers["o-1"]
        task = asyncio.create_task(pool.upsert_roster(Roster(officers={"o-1": replace(one, active=False)})))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(5)
        assert (await station.kinds()).count("RosterChanged") == 2
        assert not pool.roster.officers["o-1"].active


class LandsAndFails:
    """A disk whose next commit lands, and says that it failed."""

    armed = False

    def __call__(self, path: Path) -> sqlite3.Connection:
        disk = self

        class Connection(sqlite3.Connection):
            def commit(self) -> None:
                super().commit()
                if disk.armed:
                    disk.armed = False
                    raise sqlite3.OperationalError("disk I/O error")

        return sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=Connection)


async def test_cancelled_while_the_disk_lies(bench: Bench) -> None:
    disk, simulated = LandsAndFails(), bench.simulated()
    opening = partial(Ledger.open, connect=disk)
    async with simulated.running("memory"), bench.station(simulated, ledger=opening) as station:
        disk.armed = True
        task = asyncio.create_task(station.pool.check_out(officer="b1", vehicle="P-1"))
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.sleep(1)
        await station.pool.identify(officer="b2", cabinet="A")  # any entry makes the book read its file
        await asyncio.sleep(300)
        assert [each.state for each in station.pool.checkouts()] == []


async def test_a_set_of_a_car_that_nobody_knows(bench: Bench) -> None:
    async with bench.station() as station:
        with pytest.raises(InvalidRequest, match=r"key_sets\.k-9\.vehicle"):
            await station.pool.upsert_roster(Roster(key_sets=new_set("A-05").key_sets))


async def test_a_badge_that_was_left_to_another(bench: Bench) -> None:
    """Who is not in the file any more stays in the book."""
    async with bench.station() as station:
        one = station.pool.roster.officers["o-1"]
        await station.pool.upsert_roster(Roster(officers={"o-9": replace(one, id="o-9", name="Nine")}))
        assert station.pool.roster.officer(one.badge).id == "o-9"


async def test_a_command_sent_again_answers_the_same_however_it_names_the_car(bench: Bench) -> None:
    async with bench.station() as station:
        first = await station.pool.check_out(officer="b1", vehicle="P-1", command_id="c")
        again = await station.pool.check_out(officer="b1", vehicle="v-1", command_id="c")
        assert again.id == first.id


async def test_a_slot_asked_for_again_when_its_set_was_taken(bench: Bench) -> None:
    async with bench.station() as station:
        wish = dict(cabinet="A", slot=1, officer="b1", reason="patrol", command_id="c")
        trip = await station.pool.open_slot(**wish)
        await station.pull(trip.slot, "k-1")
        await trip.taken(within=20)
        assert (await station.pool.open_slot(**wish)).id == trip.id


async def test_words_that_no_book_can_hold(bench: Bench) -> None:
    async with bench.station() as station:
        with pytest.raises(InvalidRequest, match="purpose"):
            await station.pool.check_out(officer="b1", vehicle="P-1", purpose="\ud800")
        trip = await station.take("b1", vehicle="P-1")
        with pytest.raises(InvalidRequest, match=r"defects\.code"):
            await station.pool.declare_return(trip, officer="b1", defects=[{"severity": "minor"}])


async def test_a_closed_station_says_so(bench: Bench) -> None:
    async with bench.station() as station:
        pool = station.pool
    with pytest.raises(StationClosed):
        await pool.check_out(officer="b1", vehicle="P-1", command_id="c")


async def test_an_observation_that_cannot_be_entered_holds_up_no_other(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    emptied = Station._emptied

    async def broken(self: Station, cabinet: str, slot: int) -> None:
        if slot == 1:
            raise KeyError("a bug")
        await emptied(self, cabinet, slot)

    async with bench.station() as station:
        monkeypatch.setattr(Station, "_emptied", broken)
        station.world.override("k-1")
        await asyncio.sleep(5)
        station.world.override("k-2")
        await asyncio.sleep(5)
        assert station.pool.vehicle("P-2").key_sets[0].custody == "unaccounted"
        assert [each for each in station.pool.health().problems if "not entered: KeyError" in each]


async def test_a_release_from_a_cabinet_that_was_refused_ends(bench: Bench) -> None:
    """One of its boards could open locks by itself; the set hangs at the other one."""
    site = bench.folder / "site.toml"
    second = '{ name = "a2", line = "a", address = 2, profile = "waveshare-relay-d-8", slots = "9-16" }'
    site.write_text(SITE.replace('slots = "1-8" }]', f'slots = "1-8" }}, {second}]', 1), encoding="utf-8")
    simulated = bench.simulated()
    async with simulated.running("memory"):
        simulated.hardware.board("A", "a2").link(Mode.LINKAGE)
        async with bench.station(simulated) as station:
            trip = await station.pool.check_out(officer="b1", vehicle="P-1")
            await asyncio.sleep(5)
            assert trip.state == "failed"
