"""What terminals are told when sets are taken and come home, with simulated sealed terminals over a radio in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from lifecycle import Event, load_site
from lifecycle.model import ActionView
from lifecycle.site import Site
from simulator.station import SimulatedStation
from simulator.terminals.sealed_keys import terminal_key
from simulator.testing import RunningStation, running_station
from vehicle.sealed.codes import Verb

SITE = """
[station]
code = "test-08"

[lines]
a = "serial:///dev/ttyS8?baudrate=19200"

[cabinets.A]
boards = [{ name = "a1", line = "a", address = 1, profile = "waveshare-relay-d-8", slots = "1-8" }]

[actions]
within_s = 600
immobilise = ["pool"]
"""

ROSTER = f"""
units = [{{ id = "u", name = "Station" }}]
officers = [
  {{ id = "o-1", badge = "b1", name = "One", unit = "u", classes = ["pool", "response"] }},
  {{ id = "o-2", badge = "b2", name = "Two", unit = "u", classes = ["pool", "response"] }},
  {{ id = "o-3", badge = "b3", name = "Three", unit = "u", classes = [] }},
]
key_sets = [
  {{ id = "k-1", vehicle = "v-1", home = "A-01" }},
  {{ id = "k-2", vehicle = "v-2", home = "A-02" }},
  {{ id = "k-3", vehicle = "v-3", home = "A-03" }},
]
vehicles = [
  {{ id = "v-1", fleet_number = "P-1", class = "pool", unit = "u", terminal = {{ kind = "sealed",
    address = "F0:F1:F2:F3:F4:01", find_s = 3.0, key = "{terminal_key("v-1").public.hex}" }} }},
  {{ id = "v-2", fleet_number = "R-2", class = "response", unit = "u", terminal = {{ kind = "sealed",
    address = "F0:F1:F2:F3:F4:02", find_s = 3.0, key = "{terminal_key("v-2").public.hex}" }} }},
  {{ id = "v-3", fleet_number = "P-3", class = "pool", unit = "u" }},
]
""".replace("\n    address", " address")
WITHIN_S = 600


class Yard:
    """The hardware of one site, and the station on it, which may be started anew."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.simulated = SimulatedStation(site, radio="memory")
        self.station: RunningStation | None = None

    @asynccontextmanager
    async def running(self, **options: Any) -> AsyncIterator[RunningStation]:
        async with running_station(self.site, self.simulated, **options) as station:
            yield station

    def reach(self, car: str, reached: bool) -> None:
        """Drive a car out of the radio's range, or back."""
        on_air = self.simulated.terminals.on_air(car)
        assert on_air is not None
        on_air.unheard[:] = [] if reached else [lambda: None]

    def done(self, car: str, verb: Verb) -> int:
        """How often the terminal carried out something."""
        log = self.simulated.terminals.sealed[car].log
        return sum(each.verb == verb and each.code <= 1 for each in log.done)

    def locked(self, car: str) -> bool:
        return bool(self.simulated.world.car(car).doors_locked)

    def blocked(self, car: str) -> bool:
        return bool(self.simulated.world.car(car).restart_blocked)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    (tmp_path / "site.toml").write_text(SITE, encoding="utf-8")
    (tmp_path / "roster.toml").write_text(ROSTER, encoding="utf-8")
    return load_site(tmp_path / "site.toml")


@asynccontextmanager
async def yard(site: Site) -> AsyncIterator[Yard]:
    found = Yard(site)
    async with found.simulated.running("memory"):
        yield found


def states(actions: tuple[ActionView, ...]) -> dict[str, tuple[str, str | None]]:
    return {each.action: (each.state, each.reason) for each in actions}


async def told(station: RunningStation) -> list[tuple[str, str]]:
    """The events about actions: kind, and what was to be done."""
    return [
        (each.kind, str(each.data["action"]))
        for each in await station.all_events()
        if each.kind.startswith("Action")
    ]


async def action_events(station: RunningStation, kind: str) -> list[Event]:
    return [each for each in await station.all_events() if each.kind == kind]


async def test_taken_and_the_car_is_open_and_ready(site: Site) -> None:
    async with yard(site) as at, at.running() as station:
        assert (at.locked("v-1"), at.blocked("v-1")) == (True, True)
        checkout = await station.take("b1", vehicle="P-1")
        await station.until(lambda: not at.locked("v-1"))
        assert not at.blocked("v-1")
        await asyncio.sleep(1)
        view = station.pool.checkout(checkout)
        assert states(view.actions) == {"mobilise": ("confirmed", None), "unlock": ("confirmed", None)}
        assert view.actions[0].told == {"doors": "locked", "ordered": "allowed", "effective": "allowed"}
        assert await told(station) == [
            ("ActionOrdered", "mobilise"),
            ("ActionOrdered", "unlock"),
            ("ActionConfirmed", "mobilise"),
            ("ActionConfirmed", "unlock"),
        ]
        ordered = (await action_events(station, "ActionOrdered"))[0]
        assert dict(ordered.ids) == {"vehicle": "v-1", "checkout": checkout, "action": f"{checkout}-mobilise"}
        assert ordered.data["state"] == "pending"
        assert (ordered.actor, ordered.because) == ("o-1", ("taken",))
        taken = next(each for each in await station.all_events() if each.kind == "KeySetTaken")
        assert ordered.seq == taken.seq + 1
