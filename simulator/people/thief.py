"""Those who come by night, and those who listen at the wall."""

from __future__ import annotations

import asyncio

from simulator.model import Door, WorldError
from simulator.people.person import HOUR, NO
from simulator.people.stage import Stage


class Thief:
    """Has no badge. Takes what gives way."""

    def __init__(self, stage: Stage, number: int) -> None:
        self._stage = stage
        self._chance = stage.chance(f"thief {number}")

    def _does(self, behaviour: str) -> bool:
        return self._chance.random() < self._stage.rate(behaviour)

    async def night(self) -> None:
        """One night, between midnight and five."""
        await asyncio.sleep(self._chance.uniform(0, 5) * HOUR)
        if self._does("forces_the_door"):
            await self._force()
        if self._does("pries_a_set"):
            await self._pry()
        if self._does("replays_a_request"):
            await self._replay()

    async def _force(self) -> None:
        world = self._stage.world
        doors = [
            each for each in world.cabinets if world.has_door(each) and world.door(each) is not Door.OPEN
        ]
        if not doors:
            return
        cabinet = self._chance.choice(doors)
        world.force_door(cabinet)
        self._stage.did["forces_the_door"] += 1
        for slot in world.slots(cabinet):
            ring = world.hanging(cabinet, slot)
            if ring is not None:
                await asyncio.sleep(1)
                try:
                    world.pull(ring)
                except WorldError:
                    continue
                await self._lose(ring)
                break
        await asyncio.sleep(self._chance.uniform(1, 3) * HOUR)
        self._stage.shut(cabinet)

    async def _pry(self) -> None:
        world = self._stage.world
        hanging = [each for each in world.sets if world.where(each) is not None]
        if not hanging:
            return
        ring = self._chance.choice(hanging)
        world.override(ring)
        self._stage.did["pries_a_set"] += 1
        await self._lose(ring)

    async def _lose(self, ring: str) -> None:
        """Hours later the ring lies in the yard, and whoever finds it hangs it up."""
        await asyncio.sleep(self._chance.uniform(1, 6) * HOUR)
        self._stage.lost_property.append(ring)

    async def _replay(self) -> None:
        overheard = self._stage.kiosk.overheard
        if overheard is None or "command_id" not in overheard.content:
            return
        self._stage.did["replays_a_request"] += 1
        for content in (overheard.content, {**overheard.content, "purpose": "other"}):
            try:
                await self._stage.kiosk.replay(content)
            except NO:
                continue
