"""Everybody who comes to a station in the course of the days, and what they do there on their own."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from random import Random
from typing import TYPE_CHECKING

from simulator.people.person import HOUR, MINUTE, Person, Trip
from simulator.people.sergeant import Sergeant
from simulator.people.stage import Stage
from simulator.people.thief import Thief
from simulator.people.workshop import GarageDriver
from simulator.scenario import Scenario, ShiftTable
from simulator.timespan import DAY_S

if TYPE_CHECKING:
    from simulator.people.car_thief import CarThief

ROUNDS = (5.5 * HOUR, 13.5 * HOUR, 21.5 * HOUR)
"""When sergeants look at the board: before each change of shift."""


class Crowd:
    """The people of a scenario. `come` sends them for so many days."""

    def __init__(self, stage: Stage, scenario: Scenario, *, share: float = 1.0) -> None:
        """`share`: how many of the people of each shift come, 0 to 1."""
        self._share = share
        self._stage = stage
        self._scenario = scenario
        roster = stage.roster.officers.values()
        drivers = [each for each in roster if each.classes and each.active]
        count = min(scenario.people.sergeants, max(0, len(drivers) - 1))
        cut = len(drivers) - count
        self.people = {each.id: Person(each, stage) for each in roster}
        """Everybody of the roster, for those who script what they do."""
        self.officers = [self.people[each.id] for each in drivers[:cut]]
        self.sergeants = [Sergeant(self.people[each.id], stage) for each in drivers[cut:]]
        helpers = [self.people[each.id] for each in roster if not each.classes and each.active]
        hired = scenario.people.mechanics + scenario.people.garage_drivers
        self.garage = [GarageDriver(each, stage) for each in helpers[:hired]]
        self.thieves = [Thief(stage, number) for number in range(scenario.people.thieves)]
        self.car_thieves = list(_car_thieves(stage, scenario.people.thieves))
        self._on_shift: dict[str, None] = {}

    def come(self, days: float) -> None:
        """Send everybody on their way, for so many days from now; the first days are the same however many follow."""
        self._stage.send(self._days(math.ceil(days)), "the calendar")
        for driver in self.garage:
            self._stage.send(driver.works(), "a garage driver")

    async def _days(self, days: int) -> None:
        for day in range(days):
            await asyncio.sleep(max(0.0, day * DAY_S - asyncio.get_running_loop().time()))
            self._send_shifts(day)
            for sergeant in self.sergeants:
                self._stage.send(self._rounds(sergeant, day), "a sergeant's rounds")
            for thief in self.thieves:
                self._stage.send(thief.night(), "a thief's night")
            for robber in self.car_thieves:
                self._stage.send(robber.night(), "a car thief's night")

    async def _rounds(self, sergeant: Sergeant, day: int) -> None:
        for at in ROUNDS:
            await asyncio.sleep(max(0.0, day * DAY_S + at - asyncio.get_running_loop().time()))
            await sergeant.round()

    def _send_shifts(self, day: int) -> None:
        first = day * 7  # so that not the same people come every day
        for shift in self._scenario.shift:
            count = math.ceil(shift.officers * self._share)
            for number in range(min(count, len(self.officers))):
                officer = self.officers[(first + number) % len(self.officers)]
                self._stage.send(
                    self._shift(officer, shift, day), f"{shift.name} shift of {officer.officer.id}"
                )
            first += shift.officers

    async def _shift(self, officer: Person, shift: ShiftTable, day: int) -> None:
        loop = asyncio.get_running_loop()
        begins = day * DAY_S + shift.begins + officer.chance.uniform(-10, 20) * MINUTE
        lasts = (shift.ends - shift.begins) % DAY_S or DAY_S
        await asyncio.sleep(max(0.0, begins - loop.time()))
        self._on_shift[officer.officer.id] = None
        trips = _poisson(officer.chance, shift.trips)
        for left in range(trips, 0, -1):
            spare = begins + lasts - loop.time() - left * shift.minutes[1] * MINUTE
            await officer.wait(0, max(5 * MINUTE, spare / left))
            if loop.time() > begins + lasts:
                break
            await self._trip(officer, shift)
        self._on_shift.pop(officer.officer.id, None)

    async def _trip(self, officer: Person, shift: ShiftTable) -> None:
        wanted = officer.chance.choice(officer.officer.classes)
        incident = f"i-{officer.chance.randrange(10**6)}" if officer.chance.random() < 0.2 else None
        handle = await officer.ask_for_a_car(vehicle_class=wanted, incident=incident)
        trip = None if handle is None else await officer.collect(handle)
        if trip is None:
            return
        minutes = officer.chance.uniform(*shift.minutes)
        if officer.does("comes_back_late"):
            minutes += officer.chance.uniform(60, 240)
        await officer.drive(trip, minutes)
        await self._end(officer, trip)

    async def _end(self, officer: Person, trip: Trip) -> None:
        """The usual way home, or one of the others."""
        colleague = self._colleague(officer)
        if colleague is not None and officer.does("hands_over"):
            await officer.hand_over(trip, colleague)
            self._stage.send(colleague.bring_home(trip), "a handed over set comes home")
        elif colleague is not None and (
            officer.does("hands_over_unsaid") or officer.does("colleague_brings_it")
        ):
            self._stage.send(colleague.bring_home(trip, minder=officer), "a colleague's set comes home")
        elif officer.does("forgets_the_set"):
            self._stage.send(self._later(officer, trip), "a forgotten set comes home")
        else:
            await officer.bring_home(trip)

    async def _later(self, officer: Person, trip: Trip) -> None:
        await officer.wait(3 * HOUR, 14 * HOUR)
        await officer.bring_home(trip)

    def _colleague(self, officer: Person) -> Person | None:
        there = [self.people[each] for each in self._on_shift if each != officer.officer.id]
        return officer.chance.choice(there) if there else None


def _car_thieves(stage: Stage, count: int) -> Iterator[CarThief]:
    """As many as there are thieves, where there are sealed cars on a radio in memory."""
    terminals = stage.terminals
    if terminals is None or terminals.sealed_side is None or terminals.memory is None:
        return
    from simulator.people.car_thief import CarThief  # noqa: PLC0415 - needs the extra `sealed`

    for number in range(count):
        yield CarThief(stage, number, terminals.sealed_side, terminals.memory)


def _poisson(chance: Random, mean: float) -> int:
    """Knuth's: how many of something that happens `mean` times on average."""
    limit, product, count = math.exp(-mean), chance.random(), 0
    while product > limit:
        product *= chance.random()
        count += 1
    return count
