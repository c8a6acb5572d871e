"""The demo's station through an idle day in virtual time.

usage: python -m benchmarks.clients.virtual_time SECONDS skip|every

`skip` leaves out the polls that can see no change, as simulations do; `every` makes them all.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from benchmarks.meter import report
from keycabinet import Pacer
from lifecycle import MotorPool
from simulator import virtual_time
from simulator.demo import example_site
from simulator.station import SimulatedStation

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
EVENING_S = 5.0


class CountingPacer:
    """Another pacer's rhythm, counted."""

    def __init__(self, pacer: Pacer) -> None:
        self._pacer = pacer
        self.polls = 0
        self.skipped = 0

    async def wait(self, interval_s: float) -> int:
        """As the other pacer waits."""
        skipped = await self._pacer.wait(interval_s)
        self.polls += 1
        self.skipped += skipped
        return skipped


async def idle_day(seconds: float, skip: bool) -> Mapping[str, float]:
    """Open the station and let time pass; a lamp at each cabinet then makes the pacers tell what they skipped."""
    loop = asyncio.get_running_loop()
    numbers = count(1)
    with tempfile.TemporaryDirectory(prefix="motorpool-bench-") as folder:
        site = example_site(Path(folder))
        station = SimulatedStation(site, seed=1, skip_idle_polls=skip)
        async with station.running("memory"):
            pacers = {name: CountingPacer(pacer) for name, pacer in station.pacers.items()}
            async with await MotorPool.open(
                site,
                opener=station.opener,
                urls=station.urls,
                radio=station.radio,
                pacers=pacers,
                clock=lambda: MIDNIGHT + timedelta(seconds=loop.time()),
                ids=lambda prefix: f"{prefix}_{next(numbers)}",
            ):
                await asyncio.sleep(seconds)
                for name in site.cabinets:
                    station.world.light(name, 1, True)
                await asyncio.sleep(EVENING_S)
    return {
        "simulated_s": loop.time(),
        "polls": sum(pacer.polls for pacer in pacers.values()),
        "skipped": sum(pacer.skipped for pacer in pacers.values()),
    }


def main(seconds: str, polls: str) -> None:
    start = time.perf_counter()
    counted = virtual_time.run(idle_day(float(seconds), polls == "skip"))
    wall = time.perf_counter() - start
    report({**counted, "wall_s": wall, "speed": counted["simulated_s"] / wall})


if __name__ == "__main__":
    main(*sys.argv[1:])
