"""The fixtures that the plugin gives to everyone, used as a user would."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from keycabinet import Presence, PresenceChanged, ReleaseOutcome
from simulator.world import World, WorldError

pytestmark = pytest.mark.virtual_time


async def test_a_station(motorpool_station: Any) -> None:
    async with motorpool_station(seed=3) as station:
        trip = await station.take("013542", vehicle="P-112")
        await asyncio.sleep(8 * 3600)
        station.world.drive("v-112", 120.0)
        await station.bring_home(trip, "C-16")
        assert station.pool.vehicle("P-112").availability == "ready"
        assert "KeySetReturned" in await station.kinds()


async def test_a_cabinet(simulated_cabinet: Any) -> None:
    async with simulated_cabinet(slots=8) as simulated:
        events = simulated.cabinet.events()
        assert (await simulated.cabinet.open_slot(3, "c-1")).outcome is ReleaseOutcome.CONFIRMED
        await asyncio.sleep(0.2)
        simulated.world.pull("k-3")
        async for event in events:
            if isinstance(event, PresenceChanged):
                assert (event.slot, event.presence) == (3, Presence.ABSENT)
                break


async def test_boards_fill_up_evenly(simulated_cabinet: Any) -> None:
    with pytest.raises(ValueError, match="slots = 9"):
        async with simulated_cabinet(slots=9):
            pass


async def test_a_terminal(simulated_terminal: Any) -> None:
    async with simulated_terminal(odometer_km=12345.6, stored_dtcs=("P0301",)) as simulated:
        telemetry = await simulated.terminal.read_telemetry()
        assert telemetry.odometer_km.value == 12345.6
        assert telemetry.stored_dtcs.value == ("P0301",)


def test_a_world(motorpool_world: World) -> None:
    with pytest.raises(WorldError):
        motorpool_world.pull("ks-112-1")
    motorpool_world.override("ks-112-1")
    assert motorpool_world.where("ks-112-1") is None
