"""What a scenario can script: what somebody does at a given time, and what happens by itself.

Scripted people act as the others do: they ask the station, look, wait and give up; they know nothing of its book.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lifecycle.model import parse_slot_label
from simulator.model import Place
from simulator.people.person import HOUR, Person, Trip
from simulator.timespan import parse_duration, parse_moment

if TYPE_CHECKING:
    from simulator.play import Play

Details = Mapping[str, Any]
Doing = Callable[["Play", Person, Details], Awaitable[None]]
Happening = Callable[["Play", Details], Awaitable[None]]
DARK_S = 600.0
ASKS = 3


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody does, and which further keys a scenario gives for it."""

    do: Doing
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """What happens, and which further keys a scenario gives for it."""

    let: Happening
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()


# -- what people do


async def _takes(play: Play, person: Person, details: Details) -> None:
    """Ask for a car and take its set; when its slot did not give way in time, ask again."""
    wish = dict(
        vehicle=details.get("car"), vehicle_class=details.get("any"), incident=details.get("incident")
    )
    for _ in range(ASKS):
        handle = await person.ask_for_a_car(**wish)
        trip = None if handle is None else await person.collect(handle)
        if trip is not None:
            play.trips.setdefault(person.officer.id, []).append(trip)
            play.keep(person.drive(trip, float(details.get("minutes", 30))), "drives")
            return
        await person.wait(60, 180)


async def _asks(play: Play, person: Person, details: Details) -> None:
    """Send a request under a given id, and collect what it gives; several may send the same one."""
    wish = dict(officer=person.badge, vehicle=details.get("car"), vehicle_class=details.get("any"))
    wish.update(purpose=details.get("purpose", "patrol"), command_id=details["command"])
    handle = await person.insist(lambda: play.kiosk.check_out(**wish))
    if handle is not None and details.get("collects", True):
        trip = await person.collect(handle)
        if trip is not None:
            play.trips.setdefault(person.officer.id, []).append(trip)


async def _comes_home(play: Play, person: Person, details: Details) -> None:
    """Hang up what was taken, where the scenario says or where there is room."""
    for trip in play.trips.pop(person.officer.id, []):
        place = Place(*parse_slot_label(details["slot"])) if "slot" in details else trip.place
        moved = Trip(trip.checkout, trip.ring, place)
        await person.bring_home(moved, badge=bool(details.get("badge", True)))


async def _hands_over(play: Play, person: Person, details: Details) -> None:
    """Give the set to somebody else, and say so unless `said` is false."""
    receiver = play.person(str(details["to"]))
    for trip in play.trips.pop(person.officer.id, []):
        if details.get("said", True):
            await person.hand_over(trip, receiver)
        play.trips.setdefault(receiver.officer.id, []).append(trip)


async def _takes_by_hand(play: Play, person: Person, details: Details) -> None:
    """Take sets out with the mechanical override key."""
    sets = details["set"]
    for ring in [sets] if isinstance(sets, str) else sets:
        place = play.world.where(ring)
        assert place is not None, f"{ring} does not hang"
        play.world.override(ring)
        play.trips.setdefault(person.officer.id, []).append(Trip("", ring, place))
        await person.wait(5, 20)


async def _hangs_up(play: Play, person: Person, details: Details) -> None:
    """Hang up what was taken by hand, as anybody who brings a set home: badge, door, slot."""
    trips = play.trips.pop(person.officer.id, [])
    for trip in trips:
        place = Place(*parse_slot_label(details["slot"])) if "slot" in details else trip.place
        while not await person.hang(trip, place):
            await person.wait(60, 300)


async def _half_seats(play: Play, person: Person, details: Details) -> None:
    """Leave a set that hangs half in its receptor."""
    play.faults.inject("set_half_seated", str(details["slot"]), _lasting(details, HOUR))


async def _reports(play: Play, person: Person, details: Details) -> None:
    """Report a defect."""
    said = dict(code=str(details["code"]), severity=str(details.get("severity", "major")))
    said.update(reporter=person.badge, command_id=person.command())
    await person.insist(lambda: play.kiosk.report_defect(str(details["car"]), **said))


async def _opens_an_order(play: Play, person: Person, details: Details) -> None:
    """Open a work order for what is wrong with a car."""
    said = dict(by=person.badge, workshop="garage 7", command_id=person.command())
    order = await person.insist(lambda: play.kiosk.open_order(str(details["car"]), **said))
    if order is not None:
        play.orders[str(details["car"])] = order.id


async def _repairs(play: Play, person: Person, details: Details) -> None:
    """Take the set of a car that has an order to the workshop, mend it, bring it back."""
    order = play.orders.get(str(details["car"]), "none")
    trip = None
    while trip is None:
        said = dict(by=person.badge, command_id=person.command())
        handle = await person.insist(lambda said=said: play.kiosk.hand_to_workshop(order, **said))  # type: ignore[misc]
        if handle is None:
            return
        trip = await person.collect(handle)
        if trip is None:
            await person.wait(60, 180)  # the slot did not give way in time
    await asyncio.sleep(_lasting(details, HOUR))
    play.stage.change(play.stage.cars[trip.ring], stored_dtcs=(), distance_since_clear_km=0.0)
    play.stage.flaws.pop(play.stage.cars[trip.ring], None)
    await person.bring_home(trip)


async def _accepts(play: Play, person: Person, details: Details) -> None:
    """Accept a repair."""
    order = play.orders.get(str(details["car"]), "none")
    said = dict(by=person.badge, command_id=person.command())
    await person.insist(lambda: play.kiosk.accept_repair(order, **said))


ACTS: Mapping[str, Act] = {
    "takes": Act(_takes, takes=("car", "any", "incident", "minutes")),
    "asks": Act(_asks, needs=("command",), takes=("car", "any", "purpose", "collects")),
    "comes home": Act(_comes_home, takes=("slot", "badge")),
    "hands over": Act(_hands_over, needs=("to",), takes=("said",)),
    "takes by hand": Act(_takes_by_hand, needs=("set",)),
    "hangs up": Act(_hangs_up, takes=("slot",)),
    "half seats": Act(_half_seats, needs=("slot",), takes=("lasts",)),
    "reports": Act(_reports, needs=("car", "code"), takes=("severity",)),
    "opens an order": Act(_opens_an_order, needs=("car",)),
    "repairs": Act(_repairs, needs=("car",), takes=("lasts",)),
    "accepts": Act(_accepts, needs=("car",)),
}


# -- what happens


async def _host_dies(play: Play, details: Details) -> None:
    """The host loses its supply, until it is started again."""
    await play.host.stay_dead(_until(play, details))


async def _host_restarts(play: Play, details: Details) -> None:
    """Somebody restarts the program, in order."""
    await play.host.restart()


async def _car_breaks(play: Play, details: Details) -> None:
    """A car gets a trouble code."""
    car = play.pool_roster.vehicle(str(details["car"])).id
    known = play.world.car(car).stored_dtcs
    play.stage.change(car, stored_dtcs=(*known, str(details["code"])))


HAPPENINGS: Mapping[str, Event] = {
    "host dies": Event(_host_dies, takes=("until", "lasts")),
    "host restarts": Event(_host_restarts),
    "car breaks": Event(_car_breaks, needs=("car", "code")),
}


async def fault(play: Play, kind: str, details: Details) -> None:
    """A fault of the catalogue, at one target or at every one there is."""
    target = details.get("target", "everywhere")
    named = [target] if isinstance(target, str) else list(target)
    lasts = None if "lasts" not in details else parse_duration(str(details["lasts"]))
    for each in play.faults.targets(kind) if named == ["everywhere"] else named:
        play.faults.inject(kind, each, lasts)


def _lasting(details: Details, usual_s: float) -> float:
    return parse_duration(str(details["lasts"])) if "lasts" in details else usual_s


def _until(play: Play, details: Details) -> float:
    """Seconds from now."""
    now = asyncio.get_running_loop().time()
    if "until" in details:
        return max(0.0, parse_moment(str(details["until"])) - now)
    lasts = _lasting(details, DARK_S)
    return lasts if math.isfinite(lasts) else DARK_S
