"""One person and what they can do: ask the station, stand at a cabinet, drive, come home.

They know what they see and what the screen says. When something does not work they wait, try again, and give up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from lifecycle import MotorPoolError
from lifecycle.errors import InvalidRequest, NotTaken, OtherSetTaken, ReleaseFailed, UnknownThing
from lifecycle.model import Officer, parse_slot_label, slot_label
from lifecycle.motorpool import CheckOutHandle
from simulator.model import Place, WorldError
from simulator.people.stage import Stage
from simulator.process import StationDark

MINUTE = 60.0
HOUR = 3600.0
KM_PER_MINUTE = 0.6
LOW_FUEL = 25.0
T = TypeVar("T")
SPEED_KMH = 40.0
STARTS = 5
ASKS_AGAIN = 2
INSISTS = 10
NO = (StationDark, MotorPoolError)
"""What the station may answer instead of doing something."""


@dataclass(frozen=True, slots=True)
class Trip:
    """A ring in somebody's hand, and the check-out it came with."""

    checkout: str
    ring: str
    place: Place


class Person:
    """Somebody with a badge. `chance` is their own luck."""

    def __init__(self, officer: Officer, stage: Stage) -> None:
        self.officer = officer
        self.stage = stage
        self.chance = stage.chance(officer.id)

    @property
    def badge(self) -> str:
        return self.officer.badge

    def does(self, behaviour: str) -> bool:
        """Whether they behave so this time."""
        rate = self.stage.rate(behaviour)
        if rate <= 0 or self.chance.random() >= rate:
            return False
        self.stage.did[behaviour] += 1
        return True

    async def wait(self, least_s: float, most_s: float) -> None:
        await asyncio.sleep(self.chance.uniform(least_s, most_s))

    # -- taking

    async def ask_for_a_car(
        self, *, vehicle: str | None = None, vehicle_class: str | None = None, incident: str | None = None
    ) -> CheckOutHandle | None:
        """Badge and choose; one more try with what the screen offers instead. None: there is nothing for them."""
        command = self.command()
        wish = dict(officer=self.badge, vehicle=vehicle, vehicle_class=vehicle_class, incident=incident)
        for _ in range(1 + ASKS_AGAIN):
            try:
                handle = await self.stage.kiosk.check_out(**wish, command_id=command)
                if self.does("posts_twice"):
                    handle = await self.stage.kiosk.check_out(**wish, command_id=command)
            except StationDark:
                await self.wait(30, 90)  # no answer: the same request again, under its own id
            except MotorPoolError as no:
                return await self._instead(no)
            else:
                return handle
        return None

    async def _instead(self, no: Exception) -> CheckOutHandle | None:
        offered = getattr(no, "alternatives", ())
        if not offered:
            return None
        other = self.chance.choice(offered).vehicle
        try:
            return await self.stage.kiosk.check_out(officer=self.badge, vehicle=other)
        except NO:
            return None

    async def collect(self, handle: CheckOutHandle) -> Trip | None:
        """Walk to the slot, take the ring that hangs there. None: it did not give way, or they walked off."""
        if self.does("does_not_take_it"):
            return None
        await self.wait(1, 6)
        cabinet, slot = parse_slot_label(handle.slot)
        async with self.stage.standing_at(cabinet, shut=not self.does("leaves_the_door_open")):
            ring = await self._pull(Place(cabinet, slot))
            if ring is None:
                return None
            if self.does("neighbours_set"):
                await self._try_the_neighbours(Place(cabinet, slot))
            await self._see_it_booked(handle.id)
        self.stage.did["takes_a_set"] += 1
        return Trip(handle.id, ring, Place(cabinet, slot))

    async def _pull(self, place: Place) -> str | None:
        """Open the door where there is one, wait for the slot to give way, and take what hangs there."""
        world, cabinet, slot = self.stage.world, place.cabinet, place.slot
        if not await self.stage.open_door(cabinet):
            return None
        if not await self.stage.eyes.see(lambda: world.unlocked(cabinet, slot)):
            return None
        await self.wait(0.5, 3)
        ring = world.hanging(cabinet, slot)
        if ring is None or not self._hands(lambda: world.pull(ring)):
            return None
        return ring

    async def _try_the_neighbours(self, place: Place) -> None:
        """Pull at the rings beside one's own; one that comes is looked at and hung back."""
        world = self.stage.world
        for slot in world.slots(place.cabinet):
            ring = world.hanging(place.cabinet, slot)
            if slot != place.slot and ring is not None and self._hands(lambda ring=ring: world.pull(ring)):  # type: ignore[misc]
                await self.wait(3, 20)
                self._hands(lambda ring=ring, slot=slot: world.put(ring, place.cabinet, slot))  # type: ignore[misc]
                return

    async def _see_it_booked(self, checkout: str) -> None:
        """Look at the screen for a moment; whatever it says, the ring is in the hand."""
        try:
            await self.stage.kiosk.taken(checkout, within=15)
        except (StationDark, NotTaken, OtherSetTaken, ReleaseFailed, UnknownThing):
            self.stage.did["was_not_seen_taking"] += 1

    def _hands(self, act: Callable[[], None]) -> bool:
        """Try something with the hands; tells whether it worked."""
        try:
            act()
        except WorldError:
            return False
        return True

    # -- on the road

    async def drive(self, trip: Trip, minutes: float) -> None:
        """Out of the yard, some kilometres, and back; now and then something breaks."""
        stage, car = self.stage, self.stage.cars[trip.ring]
        await self.wait(30, 240)
        if not await self._start(car):
            return
        stage.change(car, in_range=False, speed_kmh=SPEED_KMH)
        await asyncio.sleep(minutes * MINUTE)
        stage.world.drive(car, round(minutes * KM_PER_MINUTE * self.chance.uniform(0.4, 1.2), 1))
        if stage.world.car(car).fuel_percent < LOW_FUEL or self.does("refuels"):
            stage.change(car, fuel_percent=96.0)
        if self.does("breaks_it"):
            self._break(car)
        stage.stop_engine(car)
        if not self.does("parks_on_the_street"):
            stage.change(car, in_range=True)
        if self.does("leaves_lights_on"):
            stage.leave_lights_on(car, self.chance.uniform(HOUR, 6 * HOUR))

    async def _start(self, car: str) -> bool:
        """Turn the key, and again while nothing happens; tells whether the engine runs."""
        for _ in range(STARTS):
            if self.stage.start_engine(car):
                return True
            self.stage.did["found_the_car_immobilised"] += 1
            await self.wait(MINUTE, 3 * MINUTE)
        self.stage.did["gave_up_on_an_immobilised_car"] += 1
        return False

    def _break(self, car: str) -> None:
        if self.chance.random() < 0.6:
            code = self.chance.choice(("P0301", "P0171", "P0420", "P0562", "C0035", "U0100"))
            known = self.stage.world.car(car).stored_dtcs
            if code not in known:
                self.stage.change(car, stored_dtcs=(*known, code))
        else:
            self.stage.flaws.setdefault(car, self.chance.choice(("brakes soft", "tyre", "mirror", "light")))

    # -- coming home

    async def bring_home(self, trip: Trip, minder: Person | None = None, *, badge: bool = True) -> None:
        """Hang the ring up, wherever there is room, however often it takes. `minder` is whose check-out it is.

        Without `badge` the reader does not take theirs: they hang it up where no door is in the way.
        """
        tries = 0
        while True:
            place = self._choose(trip, again=tries > 0)
            if place is not None and await self.hang(trip, place, badge=badge):
                break
            tries += 1
            await self.wait(2 * MINUTE, 15 * MINUTE)
        self.stage.did["brings_a_set_home"] += 1
        await (minder or self).settle(trip, place)
        await (minder or self).say(trip)

    def _choose(self, trip: Trip, *, again: bool) -> Place | None:
        stage, cabinet = self.stage, trip.place.cabinet
        others = [each for each in stage.world.cabinets if each != cabinet]
        if others and (self.does("other_cabinet") or (again and self.chance.random() < 0.3)):
            cabinet = self.chance.choice(others)
        free = stage.free_slots(cabinet)
        if not free:
            return None
        own = cabinet == trip.place.cabinet and trip.place.slot in free
        if own and not self.does("other_slot"):
            return trip.place
        return Place(cabinet, self.chance.choice(free))

    async def hang(self, trip: Trip, place: Place, *, badge: bool = True) -> bool:
        """Badge, open the door, hang the ring into a slot; tells whether it hangs there."""
        stage = self.stage
        if badge and not await self._try(lambda: stage.kiosk.identify(self.badge, place.cabinet)):
            stage.did["found_the_station_dark"] += 1
        await self.wait(1, 5)
        async with stage.standing_at(place.cabinet, shut=not self.does("leaves_the_door_open")):
            if not await stage.open_door(place.cabinet):
                return False
            await self.wait(1, 6)
            if not self._hands(lambda: stage.world.put(trip.ring, place.cabinet, place.slot)):
                return False
            if self.does("half_seated"):
                stage.disturb("set_half_seated", slot_label(*place), self.chance.uniform(MINUTE, 20 * MINUTE))
            await self.wait(1, 4)
        return True

    async def hang_up(self, ring: str) -> bool:
        """Hang a ring that was found into a free slot; tells whether there was one."""
        cabinet = self.chance.choice(self.stage.world.cabinets)
        free = self.stage.free_slots(cabinet)
        if not free:
            return False
        place = Place(cabinet, self.chance.choice(free))
        return await self.hang(Trip("", ring, place), place)

    async def settle(self, trip: Trip, place: Place) -> None:
        """See to it that the screen says the set is home; tell it where it hangs when it does not."""
        for _ in range(40):
            try:
                view = await self.stage.kiosk.returned(trip.checkout, within=15)
                if view.state != "out":
                    return
                label = slot_label(*place)
                await self.stage.kiosk.declare_return(trip.checkout, officer=self.badge, slot=label)
                self.stage.did["told_the_station_where_it_hangs"] += 1
                return
            except (StationDark, InvalidRequest):
                await self.wait(5 * MINUTE, 20 * MINUTE)
            except MotorPoolError:
                break
            if self.stage.world.where(trip.ring) != place:
                return  # somebody took it since
        self.stage.did["leaves_a_question_open"] += 1

    async def say(self, trip: Trip) -> None:
        """Declare the trip, and what was noticed about the car, as far as they care to."""
        car = self.stage.cars[trip.ring]
        flaw = self.stage.flaws.get(car)
        if flaw is not None and not self.does("hides_defects") and self.does("reports_defects"):
            severity = "critical" if flaw == "brakes soft" else self.chance.choice(("minor", "major"))
            if await self._try(
                lambda: self.stage.kiosk.report_defect(
                    car, reporter=self.badge, code=flaw, severity=severity, text="noticed on the road"
                )
            ):
                self.stage.flaws.pop(car, None)
        if self.does("declares"):
            km = round(self.stage.world.car(car).odometer_km, 1)
            await self._try(
                lambda: self.stage.kiosk.declare_return(
                    trip.checkout, officer=self.badge, odometer_km=km, bay="yard"
                )
            )

    async def _try(self, ask: Callable[[], Awaitable[object]]) -> bool:
        """Ask the station for something; tells whether it did it."""
        try:
            await ask()
        except NO:
            return False
        return True

    def command(self) -> str:
        """An id for one request, so that it can be sent again."""
        return f"c-{self.officer.id}-{self.chance.randrange(10**9)}"

    async def insist(self, ask: Callable[[], Awaitable[T]]) -> T | None:
        """Ask again while nobody answers; None when the station says no, or stays dark."""
        for _ in range(INSISTS):
            try:
                return await ask()
            except StationDark:
                await self.wait(30, 90)
            except MotorPoolError:
                self.stage.did["was_refused"] += 1
                return None
        return None

    async def hand_over(self, trip: Trip, colleague: Person) -> None:
        """Give the ring to a colleague who goes on with it, and tell the station."""
        kiosk = self.stage.kiosk
        said = dict(to=colleague.badge, by=self.badge, command_id=self.command())
        await self.insist(lambda: kiosk.hand_over(trip.checkout, **said))
