"""Garage drivers and mechanics: take a car's set to the workshop under its order, mend it, bring it back."""

from __future__ import annotations

import asyncio

from simulator.people.person import HOUR, MINUTE, NO, Person
from simulator.people.stage import Stage


class GarageDriver:
    """Comes for whatever has an order, one car at a time."""

    def __init__(self, person: Person, stage: Stage) -> None:
        self._me = person
        self._stage = stage

    async def works(self) -> None:
        """Look for orders now and then, for as long as the scenario lasts."""
        while True:
            await self._me.wait(20 * MINUTE, 60 * MINUTE)
            if self._stage.orders:
                await self._repair(self._stage.orders.popleft())

    async def _repair(self, order: str) -> None:
        stage = self._stage
        try:
            handle = await stage.kiosk.hand_to_workshop(order, by=self._me.badge)
        except NO:
            await self._me.wait(30 * MINUTE, 2 * HOUR)
            stage.orders.append(order)
            return
        trip = await self._me.collect(handle)
        if trip is None:
            stage.orders.append(order)
            return
        car = stage.cars[trip.ring]
        stage.change(car, in_range=False)
        await asyncio.sleep(self._me.chance.uniform(1, 6) * HOUR)
        stage.change(car, stored_dtcs=(), pending_dtcs=(), distance_since_clear_km=0.0, in_range=True)
        stage.flaws.pop(car, None)
        stage.did["mends_a_car"] += 1
        await self._me.bring_home(trip)
