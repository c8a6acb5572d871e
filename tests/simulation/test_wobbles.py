"""A set that hangs half seated is one alarm, however often its slot changes its mind."""

from __future__ import annotations

import asyncio
import math
import random

from station_bench import Bench, Running

from simulator.faults import Faults, Injection


def half_seated(station: Running, slot: str) -> tuple[Faults, Injection]:
    faults = Faults(station.simulated.hardware, random.Random(7))
    return faults, faults.inject("set_half_seated", slot, math.inf)


async def kinds_after(station: Running, seq: int) -> list[str]:
    return [event.kind for event in await station.pool.events_page(seq, 1_000)]


async def test_one_situation_is_one_alarm_until_it_changes(bench: Bench) -> None:
    async with bench.station() as station:
        seq = station.pool.health().ledger_seq
        faults, wrong = half_seated(station, "A-01")
        await asyncio.sleep(3_600)
        told = await kinds_after(station, seq)
        assert told.count("KeySetRemoved") <= 2, told
        assert told.count("SlotUnsteady") == 1, told
        assert len(told) <= 8, told
        assert ["slot A-01" in each for each in station.pool.health().problems] == [True]
        faults.clear(wrong)
        await asyncio.sleep(120)
        assert (await kinds_after(station, seq)).count("SlotSteady") == 1
        assert station.pool.health().ok
        assert station.pool.vehicle("P-1").key_sets[0].slot == "A-01"


async def test_what_is_taken_from_an_unsteady_slot_is_noticed_once_it_is_still(bench: Bench) -> None:
    async with bench.station() as station:
        faults, wrong = half_seated(station, "A-01")
        await asyncio.sleep(600)
        station.world.override("k-1")
        faults.clear(wrong)
        await asyncio.sleep(120)
        assert station.pool.vehicle("P-1").availability == "unknown"
        assert station.pool.vehicle("P-1").key_sets[0].custody == "unaccounted"


async def test_a_release_of_an_unsteady_slot_is_seen_at_once(bench: Bench) -> None:
    async with bench.station() as station:
        faults, wrong = half_seated(station, "A-01")
        await station.until(lambda: station.pool.vehicle("P-1").availability != "ready", within=600)
        await asyncio.sleep(90)
        faults.clear(wrong)
        await station.until(lambda: station.pool.vehicle("P-1").availability == "ready", within=120)
        trip = await station.take("b1", vehicle="P-1")
        assert station.pool.checkout(trip).state == "out"
