"""A station whose cabinet only feeds latches back: what the book infers and what it assumes."""

from __future__ import annotations

import pytest
from station_bench import SITE, Bench

from simulator.model import Bolt

XOR = 'boards = [{ name = "b1", line = "a", address = 9, profile = "xor-8a-24", slots = "1-24" }]'


@pytest.fixture
def latches(bench: Bench) -> Bench:
    relays = (
        'boards = [{ name = "b1", line = "b", address = 1, profile = "waveshare-relay-16", locks = "1-16" }]'
    )
    assert relays in SITE
    (bench.folder / "site.toml").write_text(SITE.replace(relays, XOR), encoding="utf-8")
    return bench


async def test_a_latch_seen_open_infers_that_the_set_was_taken(latches: Bench) -> None:
    async with latches.station() as station:
        assert station.pool.cabinet("B").proof == "inferred"
        trip = await station.pool.check_out(officer="b1", vehicle="V-3")
        view = await trip.taken(within=20)
        assert (view.state, view.proof) == ("out", "inferred")
        view = await station.pool.declare_return(trip.id, officer="b1", slot="B-09")
        assert view.state == "returned"
        events = await station.all_events()
        assert events[-1].proof == "assumed"  # nothing was sensed of it
        assert not [
            event for event in events if "B-" in str(event.ids.get("slot")) and event.proof == "proved"
        ]


async def test_a_latch_that_stays_shut_leaves_it_assumed(latches: Bench) -> None:
    async with latches.station() as station:
        station.world.break_bolt("B", 5, Bolt.JAMMED)
        trip = await station.pool.check_out(officer="b1", vehicle="V-3")
        view = await trip.taken(within=20)
        assert (view.state, view.proof) == ("out", "assumed")
