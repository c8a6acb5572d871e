"""The example city in virtual time: the whole library, people and faults.

usage: python -m benchmarks.clients.city play DAYS | parts DAYS | busy SECONDS | bare SECONDS

`play` measures one station, `parts` where its time goes (under the profiler); `busy` has every car of a station taken
and brought home again and again, `bare` is an event loop in virtual time that does nothing but wait forty times for
each check-out.
"""

from __future__ import annotations

import asyncio
import cProfile
import logging
import pstats
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.meter import report
from lifecycle.roster import Roster
from simulator import virtual_time
from simulator.made_up import make_up
from simulator.play import Outcome, Setting, folder_for_ledgers, play
from simulator.scenario import load_scenario
from simulator.testing import running_station

SEED = 1
AWAITS = 40
CARS = 20
PARTS = (
    ("ledger", ("/lifecycle/ledger/", "sqlite3", "sqlalchemy")),
    ("rules and book", ("/lifecycle/",)),
    ("lines and boards", ("/keycabinet/", "pymodbus")),
    ("terminals", ("/vehicle/", "/simulator/terminals/")),
    ("simulated boards and wires", ("/simulator/cabinets/", "/simulator/sensing", "/simulator/memory_")),
    ("people", ("/simulator/people/", "/simulator/kiosk", "/simulator/acts")),
    ("invariants", ("/simulator/invariants/",)),
    ("world and faults", ("/simulator/",)),
    ("event loop", ("asyncio", "virtual_time", "_asyncio", "contextvars")),
)
"""The first that is in a file's name has its time; the event loop's own comes before what it runs."""


def city(days: float) -> Outcome:
    """One station; nothing must be wrong with it."""
    logging.disable(logging.CRITICAL)
    outcome = play(Setting(load_scenario("city"), SEED, days))
    if outcome.violations:
        raise SystemExit(str(outcome.violations[0]))
    return outcome


def played(days: float) -> Mapping[str, float]:
    """How fast it goes, and how much memory it takes."""
    start = time.perf_counter()
    counts = city(days).counts
    wall = time.perf_counter() - start
    return {
        **counts,
        "wall_s": wall,
        "speed": days * 86_400 / wall,
        "check_outs_per_s": counts["check_outs"] / wall,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def parts(days: float) -> Mapping[str, float]:
    """Share of each part in the time, 0 to 1."""
    profile = cProfile.Profile()
    profile.enable()
    city(days)
    profile.disable()
    spent: Counter[str] = Counter()
    for (file, _, function), (_, _, own, _, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        spent[_part(f"{file}:{function}")] += own
    return {name: seconds / spent.total() for name, seconds in spent.most_common()}


def _part(where: str) -> str:
    if "virtual_time" in where or "/asyncio/" in where:
        return "event loop"
    return next((name for name, signs in PARTS if any(sign in where for sign in signs)), "Python")


def bare(seconds: float) -> Mapping[str, float]:
    """A loop in virtual time that only waits, for so long of our time."""

    async def waits() -> float:
        start, rounds = time.perf_counter(), 0
        while time.perf_counter() - start < seconds:
            for _ in range(AWAITS):
                await asyncio.sleep(1.0)
            rounds += 1
        return rounds / (time.perf_counter() - start)

    return {"rounds_per_s": virtual_time.run(waits())}


def busy(seconds: float) -> Mapping[str, float]:
    """Sets taken, felt, brought home and felt again, one person after the other, for so long of our time."""

    async def trips(folder: Path) -> float:
        site = make_up(folder, cabinets=2, slots=32, cars=CARS, officers=CARS, terminals=0)
        async with running_station(site, radio="memory") as station:
            start, done = time.perf_counter(), 0
            while time.perf_counter() - start < seconds:
                for driver, car, home in _crews(site.roster):
                    await station.bring_home(await station.take(driver, vehicle=car), home)
                    done += 1
            return done / (time.perf_counter() - start)

    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="motorpool-", dir=folder_for_ledgers()) as folder:
        return {"check_outs_per_s": virtual_time.run(trips(Path(folder)))}


def _crews(roster: Roster) -> Iterator[tuple[str, str, str]]:
    """Somebody who may drive it, a car, and the slot of its set."""
    for key_set in roster.key_sets.values():
        car = roster.vehicles[key_set.vehicle]
        able = (each.id for each in roster.officers.values() if car.vehicle_class in each.classes)
        yield next(able), car.id, key_set.home


def main(what: str, amount: str) -> None:
    report({"play": played, "parts": parts, "busy": busy, "bare": bare}[what](float(amount)))


if __name__ == "__main__":
    main(*sys.argv[1:])
