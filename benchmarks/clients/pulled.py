"""Sets are pulled with the override key at any moment; how long until the event is durable. All of it is real time.

usage: python -m benchmarks.clients.pulled FOLDER CABINETS

Each cabinet is polled at the shipped rhythm over a connection of its own; boards and station share this process.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.meter import quantile, report
from keycabinet import CabinetConfig
from lifecycle import MotorPool, Site, load_site
from simulator.station import SimulatedStation

SLOTS = 8
BETWEEN_S = 1.5
"""From one pull of a cabinet to its next, and at most a poll interval more."""


def site(folder: Path, cabinets: int) -> Site:
    """Cabinets A1, A2, ..., a set in every slot."""
    lines, boards, cars, sets = [], [], [], []
    for number in range(1, cabinets + 1):
        lines.append(f'l{number} = "modbus+tcp://127.0.0.1:{20000 + number}"')
        board = f'{{ line = "l{number}", address = 1, profile = "waveshare-io-8ch", slots = "1-{SLOTS}" }}'
        boards.append(f"[cabinets.A{number}]\nboards = [{board}]\n")
        for slot in range(1, SLOTS + 1):
            name = f"{number}-{slot}"
            cars.append(f'{{ id = "v-{name}", fleet_number = "P-{name}", class = "patrol", unit = "u" }}')
            sets.append(f'{{ id = "k-{name}", vehicle = "v-{name}", home = "A{number}-{slot:02d}" }}')
    head = '[station]\ncode = "bench"\nledger = "ledger.db"\n\n[lines]\n'
    (folder / "site.toml").write_text(head + "\n".join([*lines, "", *boards]))
    (folder / "roster.toml").write_text(
        'units = [{ id = "u", name = "Station" }]\n'
        f"vehicles = [{', '.join(cars)}]\nkey_sets = [{', '.join(sets)}]\n"
    )
    return load_site(folder / "site.toml")


async def measure(folder: Path, cabinets: int) -> Mapping[str, float]:
    """Seconds from the pull to the durable event, over every set."""
    described = site(folder, cabinets)
    station = SimulatedStation(described, skip_idle_polls=False, radio="memory")
    loop, chance = asyncio.get_running_loop(), random.Random(1)
    interval_s = CabinetConfig.model_fields["poll_idle_s"].default
    pulled: dict[str, float] = {}
    took: list[float] = []
    async with station.running("real"):
        options = {**station.options(), "pacers": {}}
        async with await MotorPool.open(described, holder="benchmark", **options) as pool:
            head = pool.health().ledger_seq

            async def people(number: int) -> None:
                for slot in range(1, SLOTS + 1):
                    await asyncio.sleep(BETWEEN_S + chance.uniform(0.0, interval_s))
                    name = f"k-{number}-{slot}"
                    pulled[name] = loop.time()
                    station.world.override(name)

            async def watch() -> None:
                async for event in pool.events(head):
                    name = str(event.ids.get("key_set"))
                    if name in pulled:
                        took.append(loop.time() - pulled.pop(name))
                    if len(took) == cabinets * SLOTS:
                        return

            async with asyncio.timeout(SLOTS * (BETWEEN_S + interval_s) + 10.0):
                await asyncio.gather(watch(), *(people(number) for number in range(1, cabinets + 1)))
    return {
        "p50_s": quantile(took, 0.5),
        "p99_s": quantile(took, 0.99),
        "pulls": len(took),
        "interval_s": interval_s,
    }


def main(folder: str, cabinets: str) -> None:
    report(asyncio.run(measure(Path(folder), int(cabinets))))


if __name__ == "__main__":
    main(*sys.argv[1:])
