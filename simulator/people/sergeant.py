"""Sergeants: look at the board before each change of shift and put right what has stayed open."""

from __future__ import annotations

from lifecycle import MotorPoolError
from lifecycle.model import CheckOutView, OrderView
from simulator.people.person import MINUTE, NO, Person
from simulator.people.stage import Stage
from simulator.process import StationDark

AWAY = ("out", "at_workshop", "unaccounted")


class Sergeant:
    """A person with a sergeant's duties."""

    def __init__(self, person: Person, stage: Stage) -> None:
        self._me = person
        self._stage = stage

    async def round(self) -> None:
        """One look at the board; when the screen is black, another one later."""
        await self._me.wait(0, 20 * MINUTE)
        for _ in range(3):
            try:
                await self._hang_up_lost_property()
                await self._take_in()
                await self._send_to_the_garage()
                await self._accept()
            except StationDark:
                await self._me.wait(20 * MINUTE, 60 * MINUTE)
            else:
                return

    # -- sets that the station could not name

    async def _hang_up_lost_property(self) -> None:
        """Rings that were found in the yard go back into a free slot."""
        for _ in range(len(self._stage.lost_property)):
            ring = self._stage.lost_property.popleft()
            if not await self._me.hang_up(ring):
                self._stage.lost_property.append(ring)

    async def _take_in(self) -> None:
        """Where the screen shows a set without a name, read its tag and say what it is."""
        kiosk = self._stage.kiosk
        nameless = [
            (cabinet, slot.slot, slot.label)
            for cabinet in self._stage.world.cabinets
            for slot in kiosk.cabinet(cabinet).slots
            if slot.presence == "present" and slot.key_set is None
        ]
        for cabinet, slot, label in nameless:
            ring = self._stage.world.hanging(cabinet, slot)
            trip = None if ring is None else self._trip_of(ring)
            if trip is None:
                continue
            try:
                await kiosk.declare_return(trip.id, officer=self._me.badge, slot=label)
                self._stage.did["takes_in_a_nameless_set"] += 1
            except MotorPoolError:
                self._stage.did["could_not_take_a_set_in"] += 1

    def _trip_of(self, ring: str) -> CheckOutView | None:
        """The last trip of this ring; where the book has it in a slot already, of another one that hangs here too."""
        away = [
            each.id
            for vehicle in self._stage.kiosk.vehicles()
            for each in vehicle.key_sets
            if each.custody in AWAY
        ]
        hanging = [each for each in away if self._stage.world.where(each) is not None]
        wanted = ring if ring in away else next(iter(hanging), None)
        trips = [
            each
            for each in self._stage.kiosk.checkouts(open_only=False)
            if each.key_set == wanted and each.state in ("out", "returned")
        ]
        return trips[-1] if trips else None

    # -- cars off the road

    async def _send_to_the_garage(self) -> None:
        kiosk = self._stage.kiosk
        for vehicle in kiosk.vehicles():
            if vehicle.serviceability != "defective":
                continue
            try:
                order = await kiosk.open_order(vehicle.id, by=self._me.badge, workshop="garage 7")
            except MotorPoolError:
                continue
            self._stage.orders.append(order.id)
            self._stage.did["opens_an_order"] += 1

    async def _accept(self) -> None:
        """Look at what came back from the garage and accept it."""
        kiosk = self._stage.kiosk
        for order in kiosk.orders():
            if order.state == "to_accept" and self._is_mended(order):
                try:
                    await kiosk.accept_repair(order.id, by=self._me.badge)
                    self._stage.did["accepts_a_repair"] += 1
                except NO:
                    continue

    def _is_mended(self, order: OrderView) -> bool:
        return not self._stage.world.car(order.vehicle).stored_dtcs
