"""Testing a program that uses the motor pool: the simulator in place of hardware, virtual time in place of waiting.

Run it with pytest. `busiest` stands for your code.
"""

import asyncio
import shutil
from collections import Counter
from pathlib import Path

from lifecycle import MotorPool, load_site
from lifecycle.model import parse_slot_label
from simulator import virtual_time
from simulator.station import SimulatedStation

HERE = Path(__file__).parent


async def busiest(pool: MotorPool) -> str:
    """Your code: the officer who took most sets."""
    taken = [event.actor for event in await pool.events_page(0, 1000) if event.kind == "KeySetTaken"]
    return Counter(taken).most_common(1)[0][0] or ""


async def take_and_return(pool: MotorPool, simulated: SimulatedStation, badge: str, vehicle: str) -> None:
    trip = await pool.check_out(officer=badge, vehicle=vehicle)
    await asyncio.sleep(1)
    simulated.world.pull(trip.key_set)
    await trip.taken(within=30)
    simulated.world.put(trip.key_set, *parse_slot_label(trip.slot))
    await pool.wait_checkout(trip.id, until="returned", within=30)


def test_busiest(tmp_path: Path) -> None:
    for name in ("site.toml", "roster.toml"):
        shutil.copy(HERE / name, tmp_path)

    async def scene() -> None:
        site = load_site(tmp_path / "site.toml")
        simulated = SimulatedStation(site)
        async with simulated.running("memory"), await MotorPool.open(site, **simulated.options()) as pool:
            await take_and_return(pool, simulated, "013542", "P-112")
            await take_and_return(pool, simulated, "020117", "P-118")
            await take_and_return(pool, simulated, "013542", "K-03")
            assert await busiest(pool) == "of-1a"

    virtual_time.run(scene())  # hours of waiting take milliseconds, the same way each time
