"""Which set is it: fobs read at the slot or in the whole cabinet; what is told of those where they do not belong."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from station_bench import Bench, Running

from keycabinet import Fob
from lifecycle import Event
from simulator.faults import Faults

SITE = """
[station]
code = "test-01"

[lines]
a = "serial:///dev/ttyS9?baudrate=19200"
b = "modbus+tcp://10.0.0.9:502"
r = "serial:///dev/ttyS8?baudrate=19200&parity=E"
u = "rtu+tcp://127.0.0.1:6000"

[cabinets.A]                         # a reader at each slot
boards = [{ name = "a1", line = "a", address = 1, profile = "waveshare-relay-d-8", slots = "1-8" }]
readers = [{ name = "r", line = "r", kind = "rs485-125k-ascii", slots = "1-8" }]
reread_s = 5.0

[cabinets.B]                         # one reader for the whole cabinet
boards = [{ name = "b1", line = "b", address = 1, profile = "waveshare-relay-d-8", slots = "1-8" }]
readers = [{ name = "u", line = "u", kind = "uhf-crc8408" }]
reread_s = 5.0
"""
ROSTER = """
units = [{ id = "u", name = "Station" }]
officers = [
  { id = "o-1", badge = "b1", name = "One", unit = "u", classes = ["patrol", "van"] },
  { id = "o-2", badge = "b2", name = "Two", unit = "u", classes = ["patrol", "van"] },
]
vehicles = [
  { id = "v-1", fleet_number = "P-1", class = "patrol", unit = "u" },
  { id = "v-2", fleet_number = "P-2", class = "patrol", unit = "u" },
  { id = "v-3", fleet_number = "V-3", class = "van", unit = "u" },
  { id = "v-4", fleet_number = "V-4", class = "van", unit = "u" },
]
key_sets = [
  { id = "k-1", vehicle = "v-1", home = "A-01", fob = "em:00000001" },
  { id = "k-2", vehicle = "v-2", home = "A-02", fob = "em:00000002" },
  { id = "k-3", vehicle = "v-3", home = "B-01", fob = "epc:E28436110000100009490003" },
  { id = "k-4", vehicle = "v-4", home = "B-02", fob = "epc:E28436110000100009490004" },
]
"""
STRANGER = Fob.parse("em:0000DEAD")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    bench = Bench(tmp_path)
    (tmp_path / "site.toml").write_text(SITE, encoding="utf-8")
    (tmp_path / "roster.toml").write_text(ROSTER, encoding="utf-8")
    return bench


async def events(running: Running, kind: str) -> list[Event]:
    return [event for event in await running.all_events() if event.kind == kind]


async def the_event(running: Running, kind: str, within: float = 30.0) -> Event:
    async with asyncio.timeout(within):
        while not (found := await events(running, kind)):
            await asyncio.sleep(0.1)
    (event,) = found
    return event


def row(running: Running, key_set: str) -> Mapping[str, Any]:
    found = running.pool._book.row("key_set", key_set)
    assert found is not None
    return {"state": found.state, **found.data}


def tags(running: Running) -> Any:
    return running.simulated.hardware.tags


async def test_a_reader_at_the_slot_proves_which_set_came(bench: Bench) -> None:
    """Two sets are away and a stranger brings one: presence alone could not tell."""
    async with bench.station() as running:
        await running.take("o-1", vehicle="v-1", purpose="patrol")
        await running.take("o-2", vehicle="v-2", purpose="patrol")
        running.world.put("k-2", "A", 2)
        home = await the_event(running, "KeySetReturned")
        assert home.ids["key_set"] == "k-2"
        assert (home.data["identity"], home.because) == ("proved", ("fob",))
        assert await events(running, "SetInWrongSlot") == []
        assert row(running, "k-1")["state"] == "out"


async def test_a_wrong_slot_is_told_and_the_set_is_given_out_from_there(bench: Bench) -> None:
    async with bench.station() as running:
        await running.take("o-1", vehicle="v-1", purpose="patrol")
        running.world.put("k-1", "A", 7)
        wrong = await the_event(running, "SetInWrongSlot")
        assert (wrong.ids["slot"], wrong.data["home"]) == ("A-07", "A-01")
        trip = await running.pool.check_out(officer="o-2", vehicle="v-1", purpose="patrol")
        assert trip.slot == "A-07"


async def test_a_set_that_comes_home_to_another_cabinet(tmp_path: Path, bench: Bench) -> None:
    roster = ROSTER.replace('id = "k-3", vehicle = "v-3", home = "B-01", fob = "epc:E28436110000100009490003"',
                            'id = "k-3", vehicle = "v-3", home = "B-01", fob = "em:00000003"')  # fmt: skip
    (tmp_path / "roster.toml").write_text(roster, encoding="utf-8")
    async with bench.station() as running:
        await running.take("o-1", vehicle="v-3", purpose="patrol")
        running.world.put("k-3", "A", 5)
        wrong = await the_event(running, "SetInWrongCabinet")
        assert (wrong.ids["slot"], wrong.ids["key_set"], wrong.data["home"]) == ("A-05", "k-3", "B-01")
        assert row(running, "k-3")["state"] == "in_slot"
        trip = await running.pool.check_out(officer="o-2", vehicle="v-3", purpose="patrol")
        assert trip.slot == "A-05"


async def test_an_unknown_fob_is_nobodys_set(bench: Bench) -> None:
    async with bench.station() as running:
        await running.take("o-1", vehicle="v-1", purpose="patrol")
        tags(running).replace("k-1", STRANGER)
        running.world.put("k-1", "A", 1)
        unknown = await the_event(running, "UnknownFobSeen")
        assert (unknown.ids["slot"], unknown.data["unknown"]) == ("A-01", [str(STRANGER)])
        assert await events(running, "KeySetReturned") == []
        await the_event(running, "UnidentifiedSetAppeared")
        tags(running).replace("k-1", Fob.parse("em:00000001"))  # the ring's own fob was found in a pocket
        home = await the_event(running, "KeySetReturned")
        assert (home.ids["key_set"], home.data["identity"]) == ("k-1", "proved")


async def test_a_set_with_an_unknown_fob_is_told_each_time_it_comes(bench: Bench) -> None:
    """Campaign of every board, seed 37: taken out and hung up again, the book said that nothing hung there."""
    async with bench.station() as running:
        tags(running).replace("k-1", STRANGER)
        await the_event(running, "UnidentifiedSetAppeared")
        running.world.override("k-1")
        await asyncio.sleep(5)
        running.world.put_by_override("k-1", "A", 1)
        await asyncio.sleep(5)
        assert len(await events(running, "UnidentifiedSetAppeared")) == 2
        assert len(await events(running, "UnknownFobSeen")) == 1


async def test_a_fob_that_is_not_read_leaves_it_to_presence(bench: Bench) -> None:
    async with bench.station() as running:
        await running.take("o-1", vehicle="v-1", purpose="patrol")
        tags(running).replace("k-1")
        running.world.put("k-1", "A", 1)
        home = await the_event(running, "KeySetReturned")
        assert home.data["identity"] == "inferred"
        assert (await the_event(running, "FobNotRead")).ids["key_set"] == "k-1"


async def test_a_fob_stops_reading_and_reads_again(bench: Bench) -> None:
    async with bench.station() as running:
        own = tags(running).on("k-1")
        tags(running).replace("k-1")
        silent = await the_event(running, "FobStoppedReading")
        assert (silent.ids["key_set"], silent.ids["slot"]) == ("k-1", "A-01")
        assert row(running, "k-1")["state"] == "in_slot"
        trip = await running.pool.check_out(officer="o-1", vehicle="v-1", purpose="patrol")
        assert trip.slot == "A-01"  # nobody is locked out for that
        tags(running).replace("k-1", *own)
        await the_event(running, "FobReadsAgain")


async def test_sets_swapped_while_the_station_was_down_are_found_where_they_are(bench: Bench) -> None:
    simulated = bench.simulated()
    async with simulated.running("memory"):
        async with bench.station(simulated) as running:
            pass
        simulated.world.override("k-1")
        simulated.world.override("k-2")
        simulated.world.put_by_override("k-1", "A", 2)
        simulated.world.put_by_override("k-2", "A", 1)
        async with bench.station(simulated) as running:
            located = await events(running, "KeySetLocated")
            assert {event.ids["key_set"]: event.ids["slot"] for event in located} == {
                "k-1": "A-02",
                "k-2": "A-01",
            }
            assert await events(running, "KeySetRemoved") == []
            trip = await running.pool.check_out(officer="o-1", vehicle="v-1", purpose="patrol")
            assert trip.slot == "A-02"


async def test_a_fob_that_was_exchanged_while_the_station_was_down(bench: Bench) -> None:
    """Campaign of every board, seed 4: the set was looked for, and nothing was said of what hung there instead."""
    simulated = bench.simulated()
    async with simulated.running("memory"):
        async with bench.station(simulated) as running:
            own = tags(running).on("k-1")
        simulated.hardware.tags.replace("k-1", STRANGER)
        async with bench.station(simulated) as running:
            removed = await the_event(running, "KeySetRemoved")
            assert (removed.ids["key_set"], removed.because) == ("k-1", ("other_fob_read",))
            assert (await the_event(running, "UnidentifiedSetAppeared")).ids["slot"] == "A-01"
            tags(running).replace("k-1", *own)
            home = await the_event(running, "KeySetReturned")
            assert (home.ids["key_set"], home.ids["slot"]) == ("k-1", "A-01")


async def test_a_fob_at_the_slot_overrules_a_set_without_one_that_was_thought_there(
    tmp_path: Path, bench: Bench
) -> None:
    """Campaign of every board, seed 7: the book had both of them in one slot."""
    roster = ROSTER.replace(', home = "A-02", fob = "em:00000002"', ', home = "A-02"')
    assert roster != ROSTER
    (tmp_path / "roster.toml").write_text(roster, encoding="utf-8")
    simulated = bench.simulated()
    async with simulated.running("memory"):
        async with bench.station(simulated):
            pass
        simulated.world.override("k-1")
        simulated.world.override("k-2")
        simulated.world.put_by_override("k-1", "A", 2)
        async with bench.station(simulated) as running:
            assert (await the_event(running, "KeySetReturned")).ids["slot"] == "A-02"
            assert "k-2" in [event.ids["key_set"] for event in await events(running, "KeySetRemoved")]
            assert (row(running, "k-1")["state"], row(running, "k-1")["slot"]) == ("in_slot", 2)


async def test_a_set_that_is_found_elsewhere_leaves_something_behind(tmp_path: Path, bench: Bench) -> None:
    """Campaign of every board, seed 13: presence had taken one set for another, until a reader found that one."""
    roster = ROSTER.replace(', home = "B-01", fob = "epc:E28436110000100009490003"', ', home = "B-01"')
    (tmp_path / "roster.toml").write_text(roster, encoding="utf-8")
    async with bench.station() as running:
        await running.take("o-1", vehicle="v-1", purpose="patrol")
        await running.take("o-2", vehicle="v-3", purpose="patrol")
        await running.pool.identify(officer="o-1", cabinet="B")
        running.world.put("k-3", "B", 5)  # by somebody else than who badged
        assert (await the_event(running, "KeySetReturned")).ids["key_set"] == "k-1"
        running.world.put("k-1", "A", 1)
        assert (await the_event(running, "KeySetLocated")).ids["slot"] == "A-01"
        assert (await the_event(running, "UnidentifiedSetAppeared")).ids["slot"] == "B-05"
        await asyncio.sleep(5)
        assert row(running, "k-3")["state"] in ("in_slot", "out")


async def test_a_reader_that_is_lost_stops_nobody(bench: Bench) -> None:
    async with bench.station() as running:
        for reader in running.simulated.hardware.readers.on("r"):
            reader.powered = False
        await running.take("o-1", vehicle="v-1", purpose="patrol")
        running.world.put("k-1", "A", 1)
        home = await the_event(running, "KeySetReturned")
        assert home.data["identity"] == "inferred"
        lost = await events(running, "BoardLost")
        assert "r.1" in [event.ids["board"] for event in lost]
        for reader in running.simulated.hardware.readers.on("r"):
            reader.powered = True
        async with asyncio.timeout(120):
            while "r.1" not in [event.ids["board"] for event in await events(running, "BoardRecovered")]:
                await asyncio.sleep(0.5)


# One reader for the whole cabinet


async def test_an_inventory_that_grew_with_one_slot_infers_which_set_came(bench: Bench) -> None:
    async with bench.station() as running:
        await running.take("o-1", vehicle="v-3", purpose="patrol")
        await running.take("o-2", vehicle="v-4", purpose="patrol")
        await asyncio.sleep(10)
        running.world.put("k-4", "B", 6)
        home = await the_event(running, "KeySetReturned")
        assert home.ids["key_set"] == "k-4"
        assert (home.data["identity"], home.because) == ("inferred", ("fob",))
        assert (await the_event(running, "SetInWrongSlot")).ids["slot"] == "B-06"


async def test_a_fob_that_reads_again_is_not_taken_for_the_set_that_came(bench: Bench) -> None:
    """Campaign of every board, seed 6: it was located in the slot that was just filled, though it hung in its own."""
    async with bench.station() as running:
        own = tags(running).on("k-4")
        tags(running).replace("k-4")
        await the_event(running, "FobStoppedReading")
        await running.take("o-1", vehicle="v-3", purpose="patrol")
        tags(running).replace("k-3")
        await asyncio.sleep(10)
        tags(running).replace("k-4", *own)
        running.world.put("k-3", "B", 5)
        assert (await the_event(running, "KeySetReturned")).ids["key_set"] == "k-3"
        assert (await the_event(running, "FobReadsAgain")).ids["slot"] == "B-02"
        assert await events(running, "KeySetLocated") == []


async def test_two_sets_at_once_are_not_told_apart_by_an_inventory(bench: Bench) -> None:
    async with bench.station() as running:
        await running.take("o-1", vehicle="v-3", purpose="patrol")
        await running.take("o-2", vehicle="v-4", purpose="patrol")
        await asyncio.sleep(10)
        running.world.put("k-3", "B", 2)
        running.world.put("k-4", "B", 1)
        await asyncio.sleep(10)
        for home in await events(running, "KeySetReturned"):
            assert home.because != ("fob",)


async def test_two_fobs_in_one_slot(bench: Bench) -> None:
    async with bench.station() as running:
        await running.take("o-1", vehicle="v-3", purpose="patrol")
        await running.take("o-2", vehicle="v-4", purpose="patrol")
        await asyncio.sleep(10)
        both = (*tags(running).on("k-3"), *tags(running).on("k-4"))
        tags(running).replace("k-3", *both)  # somebody hung two rings on one hook
        running.world.put("k-3", "B", 1)
        two = await the_event(running, "TwoFobsInSlot")
        assert (two.ids["slot"], two.data["key_sets"]) == ("B-01", ["k-3", "k-4"])
        assert {event.ids["key_set"] for event in await events(running, "KeySetReturned")} == {"k-3", "k-4"}


async def test_an_inventory_notices_a_fob_that_fell_silent(bench: Bench) -> None:
    async with bench.station() as running:
        tags(running).replace("k-3")
        silent = await the_event(running, "FobStoppedReading")
        assert (silent.ids["key_set"], silent.ids["slot"]) == ("k-3", "B-01")


# Badges


async def test_a_badge_at_the_reader_says_who_brings_a_set(tmp_path: Path, bench: Bench) -> None:
    """Their fobs do not read, and two are away: the badge decides."""
    site = SITE.replace("[cabinets.A] ", 'w = "rtu+tcp://127.0.0.1:6001"\n\n[cabinets.A] ').replace(
        'readers = [{ name = "r",',
        'readers = [{ name = "door", line = "w", kind = "rdm6300", role = "badges" }, { name = "r",',
    )
    (tmp_path / "site.toml").write_text(site, encoding="utf-8")
    roster = ROSTER.replace('badge = "b2",', 'badge = "b2", card = "em:0000B002",')
    (tmp_path / "roster.toml").write_text(roster, encoding="utf-8")
    async with bench.station() as running:
        for officer, vehicle in (("o-1", "v-1"), ("o-2", "v-2")):
            await running.take(officer, vehicle=vehicle, purpose="patrol")
        tags(running).replace("k-2")
        tags(running).hold("A", Fob.parse("em:0000B002"))
        seen = await the_event(running, "PersonIdentified", within=2)
        assert seen.ids["officer"] == "o-2"
        running.world.put("k-2", "A", 5)
        home = await the_event(running, "KeySetReturned")
        assert (home.ids["key_set"], home.because) == ("k-2", ("brought_by_its_holder",))
        tags(running).hold("A", Fob.parse("em:0000DEAD"))
        await the_event(running, "UnknownBadgeRead", within=2)


@pytest.fixture
def seldom(tmp_path: Path, bench: Bench) -> Bench:
    """With readers that look for fobs that moved unseen every five minutes, and so hear of most with a slot."""
    (tmp_path / "site.toml").write_text(SITE.replace("reread_s = 5.0", "reread_s = 300.0"), encoding="utf-8")
    return bench


@asynccontextmanager
async def unsteady(running: Running, slot: str) -> AsyncIterator[None]:
    """A set hangs there half seated, and the slot is known for that."""
    faults = Faults(running.simulated.hardware, random.Random(7))
    wrong = faults.inject("set_half_seated", slot, math.inf)
    await the_event(running, "SlotUnsteady", within=3_600)
    yield
    faults.clear(wrong)
    await the_event(running, "SlotSteady", within=120)


async def test_an_inventory_that_grew_names_no_second_set_for_a_slot_that_only_wavered(seldom: Bench) -> None:
    """Campaign of every board, seed 49: the book had two sets in one slot."""
    async with seldom.station() as running:
        (own,), (other,) = tags(running).on("k-3"), tags(running).on("k-4")
        await running.take("o-2", vehicle="v-4", purpose="patrol")
        async with unsteady(running, "B-01"):
            tags(running).replace("k-3", own, other)
            seen = await the_event(running, "SetSeenInCabinet", within=3_600)
            assert seen.ids["key_set"] == "k-4"
        assert (row(running, "k-3")["state"], row(running, "k-3")["slot"]) == ("in_slot", 1)
        assert row(running, "k-4")["state"] == "out"


async def test_sets_that_change_places_in_a_slot_that_wavers_are_told_apart_by_an_inventory(
    seldom: Bench,
) -> None:
    async with seldom.station() as running:
        await running.take("o-2", vehicle="v-4", purpose="patrol")
        async with unsteady(running, "B-01"):
            running.world.override("k-3")
            running.world.put("k-4", "B", 1)
            async with asyncio.timeout(3_600):
                while row(running, "k-4")["state"] == "out":
                    await asyncio.sleep(1)
        assert row(running, "k-3")["state"] == "unaccounted"
        assert (row(running, "k-4")["state"], row(running, "k-4")["slot"]) == ("in_slot", 1)
