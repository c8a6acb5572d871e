"""From a key set that is pulled out of its slot to its car, mobilised and confirmed in the book; in virtual time.

usage: python -m benchmarks.clients.mobilise COUNT

The whole library at a simulated station, one set taken COUNT times. The radio is modelled: packets wait for the next
connection event, 15 ms apart; the terminal advertises every 100 ms and is connected to with the handles of its services
known; its processor takes 60 ms for the handshake and 5 ms for an answer. Processing of the host takes no virtual time.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from statistics import median

from benchmarks.meter import report
from lifecycle import load_site
from simulator import virtual_time
from simulator.terminals.memory_radio import CACHED_INTERVALS
from simulator.terminals.sealed_keys import terminal_key
from simulator.testing import RunningStation, running_station
from vehicle.sealed.codes import Code, Verb

INTERVAL_S, ADVERTISING_S = 0.015, 0.1
STEPS = ("recorded", "connected", "session open", "mobilised", "confirmed")
"""Each at the end of a step: the set is sensed and in the book as taken, with the order; the terminal is connected to
(a visit that reads the car may come first); the handshake is done; the grant is accepted and the starter is free; the
book says so."""

SITE = """
actions = { immobilise = ["patrol"] }
[station]
code = "bench-01"
ledger = "ledger.db"
[lines]
a = "serial:///dev/ttyS0?baudrate=19200"
[cabinets.A]
boards = [{ name = "a1", line = "a", address = 1, profile = "waveshare-relay-d-8", slots = "1-8" }]
"""
ROSTER = """
units = [{{ id = "u", name = "Station" }}]
officers = [{{ id = "o", badge = "b", name = "One", unit = "u", classes = ["patrol"] }}]
key_sets = [{{ id = "k", vehicle = "v", home = "A-01" }}]
[[vehicles]]
id = "v"
fleet_number = "P-1"
class = "patrol"
unit = "u"
terminal = {{ kind = "sealed", address = "F0:F1:F2:F3:F4:01", key = "{key}" }}
"""


class Watch:
    """When what happened for the first time since `start`; of connections, in the last one."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}
        self.connection = 0

    def start(self) -> None:
        self.at = {"pulled": asyncio.get_running_loop().time()}

    def connect(self, connection: int) -> None:
        if connection != self.connection:
            self.connection = connection
            for step in ("connected", "session open"):
                self.at.pop(step, None)
        self.see("connected")

    def see(self, step: str) -> None:
        if "pulled" in self.at:
            self.at.setdefault(step, asyncio.get_running_loop().time())


def _listen(station: RunningStation, watch: Watch) -> None:
    """Have the terminal's side tell of each step."""
    on_air = station.simulated.terminals.on_air("v")
    device = station.simulated.terminals.sealed["v"]
    assert on_air is not None
    on_air.slow_link.append(lambda: INTERVAL_S)
    on_air.slow_advertising.append(lambda: ADVERTISING_S)
    on_air.discovery = CACHED_INTERVALS

    def spoken_to(connection: int, _piece: bytes) -> None:
        if "mobilised" not in watch.at:
            watch.connect(connection)
        if device.session is not None:
            watch.see("session open")

    def entered(code: Code, verb: int) -> None:
        if (code, verb) == (Code.CONFIRMED, Verb.MOBILISE):
            watch.see("mobilised")

    on_air.taps.append(spoken_to)
    device.log.listeners.append(entered)


async def _take(station: RunningStation, watch: Watch, turn: int) -> Mapping[str, float]:
    await asyncio.sleep(600 + turn * 0.0137)  # another place in every rhythm each time
    trip = await station.pool.check_out(officer="b", vehicle="P-1")
    slot = int(trip.slot[-2:])
    await station.until(lambda: station.world.unlocked("A", slot))
    station.world.pull("k")
    watch.start()
    async for event in station.pool.events(after=trip.seq, vehicle="v"):
        if event.kind == "KeySetTaken":
            watch.see("recorded")
        if event.kind == "ActionConfirmed" and event.data["action"] == "mobilise":
            break
    watch.see("confirmed")
    times = [watch.at["pulled"], *(watch.at[step] for step in STEPS)]
    watch.at = {}
    await station.bring_home(trip.id, "A-01")
    gaps = [later - earlier for earlier, later in pairwise(times)]
    return dict(zip((*STEPS, "in all"), (*gaps, times[-1] - times[0]), strict=True))


async def _measure(folder: Path, count: int) -> Mapping[str, float]:
    (folder / "site.toml").write_text(SITE, encoding="utf-8")
    roster = ROSTER.format(key=terminal_key("v").public.hex)
    (folder / "roster.toml").write_text(roster, encoding="utf-8")
    watch = Watch()
    async with running_station(load_site(folder / "site.toml"), radio="memory") as station:
        _listen(station, watch)
        taken = [await _take(station, watch, turn) for turn in range(count)]
    steps = {step: median(each[step] for each in taken) * 1000 for step in (*STEPS, "in all")}
    return {**steps, "worst": max(each["in all"] for each in taken) * 1000}


def main(count: str) -> None:
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="motorpool-bench-") as folder:
        report(virtual_time.run(_measure(Path(folder), int(count))))


if __name__ == "__main__":
    main(*sys.argv[1:])
