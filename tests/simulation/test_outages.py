"""Dead boards, lines that are not there, restarts: what a station does when something is missing."""

from __future__ import annotations

import asyncio

import pytest
from station_bench import Bench

from lifecycle import Refused, StationUnavailable


async def test_a_dead_board_is_unknown_never_absent(bench: Bench) -> None:
    async with bench.station() as station:
        before = await station.kinds()
        station.simulated.hardware.power("A", "a1", on=False)
        await station.until(lambda: not station.pool.cabinet("A").online)
        assert {each.presence for each in station.pool.cabinet("A").slots} == {"unknown"}
        assert station.pool.vehicle("P-1").availability == "unknown"
        assert not station.pool.health().ok
        with pytest.raises(Refused) as no:
            await station.pool.check_out(officer="b1", vehicle="P-1")
        assert no.value.codes == ("cabinet_offline",)
        trip = await station.pool.check_out(officer="b1", vehicle="V-3")
        assert (await trip.taken(within=20)).state == "out"
        station.simulated.hardware.power("A", "a1", on=True)
        await station.until(lambda: station.pool.vehicle("P-1").availability == "ready", within=120)
        assert station.pool.health().ok
        news = [
            kind
            for kind in (await station.kinds())[len(before) :]
            if not kind.startswith(("Release", "Slot"))
        ]
        assert news == ["BoardLost", "KeySetTaken", "BoardRecovered"]


async def test_what_happened_behind_a_dead_board_is_found(bench: Bench) -> None:
    async with bench.station() as station:
        station.simulated.hardware.power("A", "a1", on=False)
        await station.until(lambda: not station.pool.cabinet("A").online)
        station.world.override("k-2")
        station.simulated.hardware.power("A", "a1", on=True)
        await station.until(lambda: station.pool.cabinet("A").online, within=120)
        await asyncio.sleep(1)
        assert "KeySetRemoved" in await station.kinds()
        assert station.pool.vehicle("P-2").availability == "unknown"
        assert station.pool.vehicle("P-1").availability == "ready"


async def test_a_line_that_is_not_there_at_the_start(bench: Bench) -> None:
    simulated = bench.simulated()
    async with simulated.running("memory"):
        gone = dict(simulated.urls)
        gone["b"] = "modbus+tcp://127.0.0.1:9"
        async with bench.station(simulated, urls=gone) as station:
            assert station.pool.cabinet("A").online
            assert not station.pool.cabinet("B").online
            assert [line.up for line in station.pool.health().lines] == [True, False]
            await station.take("b1", vehicle="P-1")
            with pytest.raises(Refused) as no:
                await station.pool.check_out(officer="b1", vehicle="V-3")
            assert "set_unaccounted" in no.value.codes or "cabinet_offline" in no.value.codes


async def test_a_set_that_comes_home_while_the_station_is_down(bench: Bench) -> None:
    simulated = bench.simulated()
    async with simulated.running("memory"):
        async with bench.station(simulated) as station:
            trip = await station.take("b1", vehicle="P-1")
        simulated.world.put("k-1", "A", 8)
        async with bench.station(simulated) as station:
            assert station.pool.checkout(trip).returned_to == "A-08"
            assert station.pool.vehicle("P-1").availability == "ready"


async def test_a_release_that_a_restart_interrupts(bench: Bench) -> None:
    """The slot was opened, the station died, the set was taken meanwhile: settled by reading, pulsed once."""
    simulated = bench.simulated()
    async with simulated.running("memory"):
        async with bench.station(simulated) as station:
            trip = await station.pool.check_out(officer="b1", vehicle="P-1", command_id="c")
            await station.until(lambda: simulated.world.unlocked("A", 1))
        simulated.world.pull("k-1")
        async with bench.station(simulated) as station:
            view = station.pool.checkout(trip.id)
            assert (view.state, view.holder, view.proof) == ("out", "o-1", "proved")
            again = await station.pool.check_out(officer="b1", vehicle="P-1", command_id="c")
            assert (again.id, again.seq) == (trip.id, trip.seq)
        assert simulated.world.pulses("A", 1) == 1


async def test_a_release_that_nobody_used_before_a_restart_lapses(bench: Bench) -> None:
    simulated = bench.simulated()
    async with simulated.running("memory"):
        async with bench.station(simulated) as station:
            trip = await station.pool.check_out(officer="b1", vehicle="P-1")
        async with bench.station(simulated) as station:
            await station.until(lambda: station.pool.checkout(trip.id).state == "lapsed", within=120)
            assert station.pool.vehicle("P-1").availability == "ready"
        assert simulated.world.pulses("A", 1) <= 1


async def test_the_roster_is_kept_and_merged(bench: Bench) -> None:
    simulated = bench.simulated()
    async with simulated.running("memory"):
        async with bench.station(simulated) as station:
            assert "RosterChanged" in await station.kinds()
        roster = bench.folder / "roster.toml"
        roster.write_text(roster.read_text().replace('name = "Two"', 'name = "Second"'))
        async with bench.station(simulated) as station:
            assert station.pool.roster.officer("b2").name == "Second"
            changes = [event for event in await station.all_events() if event.kind == "RosterChanged"]
            assert changes[-1].data == {"changed": ["officer:o-2"]}
            assert all("Second" not in str(event) for event in await station.all_events())


def with_door(bench: Bench) -> Bench:
    """Cabinet A has a door."""
    site = bench.folder / "site.toml"
    site.write_text(
        site.read_text().replace(
            'slots = "1-8" }]',
            'slots = "1-8" }, { name = "a2", line = "a", address = 2, profile = "waveshare-io-8ch", door_lock = 1 }]',
        )
    )
    return bench


async def test_a_badge_while_the_station_is_being_ended_is_told_so(bench: Bench) -> None:
    """Its cabinets are closed one after another; whoever badges meanwhile hears that it is not available."""
    async with with_door(bench).station() as station:
        await station.pool._station.cabinets["A"].close()
        with pytest.raises(StationUnavailable, match="cabinet A"):
            await station.pool.identify(officer="b1", cabinet="A")


async def test_a_door_that_does_not_open_is_said(bench: Bench) -> None:
    """Its board is dead: the badge is told so, and may try again."""
    async with with_door(bench).station() as station:
        await station.pool.identify(officer="b1", cabinet="A")
        await station.until(lambda: station.world.unlocked("A", 0))
        station.simulated.hardware.power("A", "a2", on=False)
        await station.until(lambda: not station.pool.cabinet("A").online)
        with pytest.raises(StationUnavailable, match="badge again"):
            await station.pool.identify(officer="b1", cabinet="A")


async def test_a_dead_board_stops_its_own_slots_only(bench: Bench) -> None:
    site = bench.folder / "site.toml"
    site.write_text(
        site.read_text().replace(
            'slots = "1-8" }]',
            'slots = "1-8" }, '
            '{ name = "a2", line = "a", address = 2, profile = "waveshare-relay-d-8", slots = "9-16" }]',
        )
    )
    async with bench.station() as station:
        station.simulated.hardware.power("A", "a2", on=False)
        await station.until(lambda: not station.pool.cabinet("A").online)
        assert station.pool.vehicle("P-1").availability == "ready"
        await station.take("b1", vehicle="P-1")
