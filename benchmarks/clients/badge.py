"""From a badge at the reader to the drawn bolt, step by step, in virtual time; the line is polled meanwhile at 9600.

usage: python -m benchmarks.clients.badge PEOPLE

Four boards of two cabinets on one line, a door, lamps, a badge reader of the RDM6300 kind. The program at the screen
asks for a car as soon as the book says who is there. Disk and processor take no time here.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.meter import report
from keycabinet.fobs import Fob
from lifecycle import MotorPool, Site, load_site
from simulator import virtual_time
from simulator.model import Change
from simulator.station import START, SimulatedStation

BAUD = 9600
SITE = f"""
[station]
code = "bench"
ledger = "ledger.db"

[lines]
a = "serial:///dev/ttyS9?baudrate={BAUD}"
b = "rtu+tcp://10.0.0.9:6001"

[cabinets.A]
boards = [
  {{ name = "a1", line = "a", address = 1, profile = "waveshare-relay-d-8", slots = "1-8" }},
  {{ name = "a2", line = "a", address = 2, profile = "waveshare-relay-d-8", slots = "9-16" }},
  {{ line = "a", address = 3, profile = "waveshare-io-8ch", door_lock = 1, door_contact = 1, lamps = "1-7@2" }},
]
readers = [{{ name = "door", line = "b", kind = "rdm6300", role = "badges" }}]

[cabinets.B]
boards = [{{ line = "a", address = 4, profile = "waveshare-io-8ch", slots = "1-8" }}]
"""
STEPS = ("known", "durable", "door", "lamp", "pulse", "latch")
DOOR = 0


def site(folder: Path, people: int) -> Site:
    """A car, a set and an officer with a card for each slot."""
    numbers = range(1, people + 1)
    cars = ", ".join(
        f'{{ id = "v-{n}", fleet_number = "P-{n}", class = "patrol", unit = "u" }}' for n in numbers
    )
    sets = ", ".join(f'{{ id = "k-{n}", vehicle = "v-{n}", home = "A-{n:02d}" }}' for n in numbers)
    officers = ", ".join(
        f'{{ id = "o-{n}", badge = "{n}", name = "{n}", unit = "u", classes = ["patrol"], card = "em:{n:08X}" }}'
        for n in numbers
    )
    (folder / "site.toml").write_text(SITE)
    (folder / "roster.toml").write_text(
        f'units = [{{ id = "u", name = "Station" }}]\nofficers = [{officers}]\n'
        f"vehicles = [{cars}]\nkey_sets = [{sets}]\n"
    )
    return load_site(folder / "site.toml")


class Visit:
    """One officer: when each step was reached, in seconds since the badge was held to the reader."""

    def __init__(self, slot: int) -> None:
        self.slot = slot
        self.at: dict[str, float] = {}
        self.drawn = asyncio.Event()
        self._since = asyncio.get_running_loop().time()

    def reached(self, step: str) -> None:
        """The first time counts."""
        self.at.setdefault(step, asyncio.get_running_loop().time() - self._since)

    def happened(self, change: Change) -> None:
        """Something moved in the world."""
        step = {
            ("coil_on", ("A", DOOR)): "door",
            ("lamp", ("A", self.slot, 1)): "lamp",
            ("coil_on", ("A", self.slot)): "pulse",
            ("unlocked", ("A", self.slot)): "latch",
        }.get((change.kind, change.details))
        if step is not None:
            self.reached(step)
        if step == "latch":
            self.drawn.set()


async def visit(pool: MotorPool, station: SimulatedStation, number: int) -> Mapping[str, float]:
    """Badge, ask, wait for the latch, take the set, shut the door."""
    world, tags = station.world, station.hardware.tags
    made, head = Visit(number), pool.health().ledger_seq
    leave = world.subscribe(made.happened)
    tags.hold("A", Fob.parse(f"em:{number:08X}"))
    async for event in pool.events(head):
        if event.kind == "PersonIdentified":
            made.reached("known")
            break
    trip = await pool.check_out(officer=f"o-{number}", vehicle=f"v-{number}")
    made.reached("durable")
    async with asyncio.timeout(5.0):
        await made.drawn.wait()
    leave()
    tags.hold("A")
    world.open_door("A")
    world.pull(f"k-{number}")
    await trip.taken(within=5.0)
    world.shut_door("A")
    return made.at


async def measure(folder: Path, people: int) -> Mapping[str, float]:
    """The slowest visit, with its steps."""
    described, chance = site(folder, people), random.Random(1)
    station = SimulatedStation(described, skip_idle_polls=False, radio="memory")
    visits = []
    async with station.running("memory"):
        options = {**station.options(), "clock": virtual_time.wall_clock(START), "pacers": {}}
        async with await MotorPool.open(
            described, ids=lambda kind: f"{kind}_{chance.randbytes(6).hex()}", **options
        ) as pool:
            for number in range(1, people + 1):
                await asyncio.sleep(20.0 + chance.random())
                visits.append(await visit(pool, station, number))
        polls = sum(log.requests for log in station.logs.values())
    slowest = max(visits, key=lambda each: each["latch"])
    usual = sorted(each["latch"] for each in visits)[len(visits) // 2]
    return {
        **{step: slowest[step] for step in STEPS if step in slowest},
        "p50": usual,
        "visits": len(visits),
        "polls": polls,
    }


def main(people: str) -> None:
    with tempfile.TemporaryDirectory(prefix="motorpool-bench-") as folder:
        report(virtual_time.run(measure(Path(folder), int(people))))


if __name__ == "__main__":
    main(*sys.argv[1:])
