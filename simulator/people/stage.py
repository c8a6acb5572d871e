"""Where people act: the world they can touch, the kiosk they can ask, and who stands where."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random
from typing import Any

from lifecycle.roster import Roster
from simulator.kiosk import Kiosk
from simulator.model import Door
from simulator.station import StationTerminals
from simulator.world import Change, World

LOOKING_S = 20.0
"""How long somebody watches a door or a slot before giving up."""


class Eyes:
    """Sees what changes in the world. Looks only when something happened, as it costs nothing to wait."""

    def __init__(self, world: World) -> None:
        self._waiters: list[asyncio.Future[None]] = []
        self._leave = world.subscribe(self._changed)

    def _changed(self, _change: Change) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def see(self, shown: Callable[[], bool], within: float = LOOKING_S) -> bool:
        """Watch until something shows, at most so long (s); tells whether it did."""
        try:
            async with asyncio.timeout(within):
                while not shown():
                    waiter = asyncio.get_running_loop().create_future()
                    self._waiters.append(waiter)
                    await waiter
        except TimeoutError:
            return shown()
        return True

    def close(self) -> None:
        """Stop looking."""
        self._leave()


class Stage:
    """What people share: the world, the kiosk, the roster on the wall."""

    def __init__(
        self,
        world: World,
        kiosk: Kiosk,
        roster: Roster,
        *,
        seed: int,
        rate: Callable[[str], float],
        disturb: Callable[[str, str, float], None],
        terminals: StationTerminals | None = None,
    ) -> None:
        """`rate`: how often they do what; `disturb` brings about a fault of a kind, at a target, for so long (s).

        `terminals` are those of the cars, for whoever stands beside one with a radio.
        """
        self.world = world
        self.kiosk = kiosk
        self.roster = roster
        self.seed = seed
        self.rate = rate
        self.disturb = disturb
        self.terminals = terminals
        self.eyes = Eyes(world)
        self.did: Counter[str] = Counter()
        """How often people did what."""
        self.cars = {each.id: each.vehicle for each in roster.key_sets.values()}
        """Which car a ring opens: it is written on its tag."""
        self.flaws: dict[str, str] = {}
        """What is wrong with a car that no terminal can tell."""
        self.at_the_wheel: dict[str, None] = {}
        """Cars whose engine a person started."""
        self.orders: deque[str] = deque()
        """Work orders that the garage was told of."""
        self.lost_property: deque[str] = deque()
        """Rings that lie about."""
        self._there: Counter[str] = Counter()
        self._errands: dict[asyncio.Task[None], None] = {}
        self.failed: list[BaseException] = []
        """What people's own code raised: a mistake in the simulator, not in the station."""

    def chance(self, who: str) -> Random:
        """Somebody's own luck, the same for the same seed."""
        return Random(f"{self.seed}/{who}")

    def send(self, errand: Coroutine[Any, Any, None], name: str) -> None:
        """Have somebody do something, from now on and by themselves."""
        task = asyncio.get_running_loop().create_task(errand, name=name)
        self._errands[task] = None
        task.add_done_callback(self._came_back)

    def _came_back(self, task: asyncio.Task[None]) -> None:
        self._errands.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failed.append(error)

    async def close(self) -> None:
        """Send everybody home."""
        tasks = list(self._errands)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.eyes.close()

    # -- at a cabinet

    @asynccontextmanager
    async def standing_at(self, cabinet: str, *, shut: bool = True) -> AsyncIterator[None]:
        """Stand at a cabinet; whoever leaves it last shuts its door, unless `shut` is false."""
        self._there[cabinet] += 1
        try:
            yield
        finally:
            self._there[cabinet] -= 1
            if shut and not self._there[cabinet]:
                self.shut(cabinet)

    def shut(self, cabinet: str) -> None:
        if self.world.has_door(cabinet) and self.world.door(cabinet) is Door.OPEN:
            self.world.shut_door(cabinet)

    async def open_door(self, cabinet: str) -> bool:
        """Open a cabinet's door as soon as it gives way; tells whether it stands open."""
        world = self.world
        if not await self.eyes.see(lambda: world.door(cabinet) is not Door.LOCKED):
            return False
        if world.door(cabinet) is Door.SHUT:
            world.open_door(cabinet)
        return True

    def free_slots(self, cabinet: str) -> list[int]:
        """Slots that are seen to be empty."""
        return [slot for slot in self.world.slots(cabinet) if self.world.hanging(cabinet, slot) is None]

    # -- cars

    def change(self, car: str, **what: Any) -> None:
        """Something about a car becomes otherwise."""
        self.world.change_car(car, replace(self.world.car(car), **what))

    def start_engine(self, car: str) -> bool:
        """A person turns the key; tells whether the engine runs. Where the restart is blocked nothing happens."""
        if self.world.car(car).restart_blocked:
            return False
        self.at_the_wheel[car] = None
        self.change(car, engine_on=True)
        return True

    def stop_engine(self, car: str) -> None:
        """A person turns the key back."""
        self.change(car, engine_on=False, speed_kmh=0.0)
        self.at_the_wheel.pop(car, None)

    def leave_lights_on(self, car: str, for_s: float) -> None:
        """The lights stay on until somebody notices."""
        self.disturb("lights_left_on", car, for_s)
