"""What cabinets tell of themselves: mains and battery."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from lifecycle import Site, load_site
from simulator.sensing import Feeler
from simulator.station import SimulatedStation
from simulator.testing import RunningStation, running_station

SITE = """
[station]
code = "test-10"

[lines]
a = "serial:///dev/ttyS6?baudrate=19200"

[cabinets.A]
boards = [{ name = "a1", line = "a", address = 1, profile = "waveshare-relay-d-8", slots = "1-6", mains = 7,
  battery_low = 8 }]
""".replace("\n  battery_low", " battery_low")
ROSTER = """
units = [{ id = "u", name = "Station" }]
vehicles = [{ id = "v-1", fleet_number = "P-1", class = "patrol", unit = "u" }]
key_sets = [{ id = "k-1", vehicle = "v-1", home = "A-01" }]
"""
POWER = ("MainsLost", "MainsRestored", "BatteryLow", "BatteryRecovered")


def _site(folder: Path) -> Site:
    (folder / "site.toml").write_text(SITE, encoding="utf-8")
    (folder / "roster.toml").write_text(ROSTER, encoding="utf-8")
    return load_site(folder / "site.toml")


@asynccontextmanager
async def started(site: Site, simulated: SimulatedStation) -> AsyncIterator[RunningStation]:
    async with running_station(site, simulated) as station:
        yield station


def flip(simulated: SimulatedStation, feeler: Feeler, *, to: bool) -> Callable[[], None]:
    """Make an input say something else; what undoes it is returned."""
    hardware = simulated.hardware
    undo = hardware.sensors.disturb("A", feeler, 0, lambda _felt, inverted: to != inverted)
    hardware.touch("A")

    def undone() -> None:
        undo()
        hardware.touch("A")

    return undone


async def told(station: RunningStation) -> list[str]:
    return [kind for kind in await station.kinds() if kind in POWER]


async def test_a_power_cut_is_entered_and_shown_until_it_is_over(tmp_path: Path) -> None:
    site = _site(tmp_path)
    simulated = SimulatedStation(site)
    async with simulated.running("memory"):
        async with started(site, simulated) as station:
            await asyncio.sleep(5)
            assert station.pool.health().problems == ()
            mains_back = flip(simulated, Feeler.MAINS, to=False)
            await station.until(lambda: not station.pool.health().ok)
            assert station.pool.health().problems == (
                "power of cabinet A: the mains are lost; it lives on its battery",
            )
            charged = flip(simulated, Feeler.BATTERY_LOW, to=True)
            await station.until(lambda: "battery is low" in station.pool.health().problems[0])
            (lost,) = [each for each in await station.all_events() if each.kind == "MainsLost"]
            assert dict(lost.ids) == {"cabinet": "A"}
            assert dict(lost.data) == {"mains": "lost", "battery_low": False}
        mains_back()
        async with started(site, simulated) as station:
            await station.until(
                lambda: station.pool.health().problems == ("power of cabinet A: its battery is low",)
            )
            charged()
            await station.until(lambda: station.pool.health().ok)
            assert await told(station) == ["MainsLost", "BatteryLow", "MainsRestored", "BatteryRecovered"]


async def test_a_board_that_is_lost_tells_nothing_of_the_mains(tmp_path: Path) -> None:
    site = _site(tmp_path)
    simulated = SimulatedStation(site)
    async with simulated.running("memory"), started(site, simulated) as station:
        simulated.hardware.power("A", "a1", False)
        await station.until(lambda: not station.pool.cabinet("A").online)
        simulated.hardware.power("A", "a1", True)
        await station.until(lambda: station.pool.cabinet("A").online)
        await asyncio.sleep(10)
        assert await told(station) == []
        assert station.pool.health().ok
