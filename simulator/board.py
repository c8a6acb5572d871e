"""What the station's board shows, held against what a scenario says it must show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lifecycle import MotorPool
from lifecycle.errors import UnknownThing
from lifecycle.model import KeySetView
from simulator.process import StationDark
from simulator.scenario import BoardCheck

if TYPE_CHECKING:
    from simulator.play import Play


@dataclass(frozen=True, slots=True)
class BoardReading:
    """One look at the board."""

    must: str
    shows: str
    as_it_must: bool

    def __str__(self) -> str:
        return f"the board must show {self.must}; it shows {self.shows}"


def read_board(check: BoardCheck, play: Play) -> BoardReading:
    """Look at the board as anybody can, through the motor pool's own reads."""
    if check.event is not None:
        return _count(check, play.seen(check.event))
    try:
        return _read(check, play.process.pool)
    except (StationDark, UnknownThing) as error:
        return BoardReading(_must(check), str(error), as_it_must=False)


def _count(check: BoardCheck, seen: int) -> BoardReading:
    least = check.times if check.times is not None else check.at_least
    most = check.times if check.times is not None else check.at_most
    fits = (least is None or seen >= least) and (most is None or seen <= most)
    wanted = f"{least or 0} to {'any' if most is None else most}"
    return BoardReading(f"{check.event} {wanted} times", f"{seen} times", fits)


def _must(check: BoardCheck) -> str:
    given = check.model_dump(exclude_none=True, exclude={"at"})
    return ", ".join(f"{name} {value}" for name, value in given.items())


def _read(check: BoardCheck, pool: MotorPool) -> BoardReading:
    if check.health is not None:
        health = pool.health()
        shows = "ok" if health.ok else "; ".join(health.problems) or "not ok"
        return BoardReading(_must(check), shows, (check.health == "ok") == health.ok)
    if check.every_set is not None:
        others = [each for each in _sets(pool) if each.custody != check.every_set]
        shows = ", ".join(f"{each.id} {each.custody}" for each in others) or f"every set {check.every_set}"
        return BoardReading(_must(check), shows, not others)
    if check.set is not None:
        found = next((each for each in _sets(pool) if each.id == check.set), None)
        if found is None:
            raise UnknownThing("key_set", check.set)
        return _compare(check, found.custody, found.slot, found.holder)
    vehicle = pool.vehicle(str(check.car))
    slot = next((each.slot for each in vehicle.key_sets if each.slot is not None), None)
    defects = len(pool.defects(vehicle=vehicle.id))
    reading = _compare(check, vehicle.availability, slot, vehicle.holder)
    fits = reading.as_it_must and (check.defects is None or check.defects == defects)
    return BoardReading(reading.must, f"{reading.shows}, {defects} open defects", fits)


def _sets(pool: MotorPool) -> list[KeySetView]:
    return [each for vehicle in pool.vehicles() for each in vehicle.key_sets]


def _compare(check: BoardCheck, shows: str, slot: str | None, holder: str | None) -> BoardReading:
    fits = (
        check.shows in (None, shows)
        and check.slot in (None, slot)
        and check.holder in (None, holder or "nobody")
    )
    return BoardReading(_must(check), f"{shows}, slot {slot or 'none'}, holder {holder or 'nobody'}", fits)
