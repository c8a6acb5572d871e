"""What cabinets tell of themselves: doors, boards, mains and battery. It is entered, and shown while it is wrong.

A change of power that nobody can see, since the board that would tell it is lost, changes nothing: the last that was
known stays.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol

from keycabinet import (
    BoardLost,
    BoardRecovered,
    Cabinet,
    DoorChanged,
    Mains,
    Power,
    PowerChanged,
    TwoBoardsAtAddress,
)
from lifecycle.book import Book, Draft, LookUp
from lifecycle.ledger import Event

EquipmentEvent = DoorChanged | PowerChanged | BoardLost | TwoBoardsAtAddress | BoardRecovered
GOOD = Power(Mains.ON, battery_low=False)
"""What is taken for granted until an input says otherwise."""


class Keeper(Protocol):
    """What a station offers for this."""

    book: Book
    problems: dict[str, str]

    def record(self, build: Callable[[Draft], None]) -> Awaitable[tuple[Event, ...]]:
        """Enter what was observed."""

    def reconcile(self, *cabinets: Cabinet) -> Awaitable[None]:
        """Put book and cabinet side by side."""


class Equipment:
    """One a station."""

    def __init__(self, station: Keeper) -> None:
        self._station = station
        self._problems = station.problems

    async def enter(self, cabinet: Cabinet, event: EquipmentEvent) -> None:
        """Enter what a cabinet told."""
        record = self._station.record
        match event:
            case DoorChanged():
                await record(noted(f"CabinetDoor{event.door.value.capitalize()}", cabinet=event.cabinet))
            case PowerChanged():
                await self.power(event.cabinet, event.power)
            case BoardLost() | TwoBoardsAtAddress():
                self._problems[f"board {event.board}"] = event.error
                ids = {}
                if isinstance(event, TwoBoardsAtAddress) and event.address is not None:
                    ids["address"] = str(event.address)
                await record(noted(type(event).__name__, cabinet=event.cabinet, board=event.board, **ids))
            case BoardRecovered():
                self._problems.pop(f"board {event.board}", None)
                self._problems.pop(f"cabinet {event.cabinet}", None)
                await record(noted("BoardRecovered", cabinet=event.cabinet, board=event.board))
                await self._station.reconcile(cabinet)

    async def power(self, cabinet: str, power: Power) -> None:
        """What a cabinet's inputs say of its power now."""
        await self._station.record(partial(_power_changed, cabinet=cabinet, power=power))
        words = _trouble(self._station.book, cabinet)
        if words is None:
            self._problems.pop(f"power of cabinet {cabinet}", None)
        else:
            self._problems[f"power of cabinet {cabinet}"] = words


def noted(kind: str, **ids: str) -> Callable[[Draft], None]:
    """A step that records an event and changes nothing."""

    def build(draft: Draft) -> None:
        draft.ids.update(ids)
        draft.note(kind)

    return build


def _power_changed(draft: Draft, cabinet: str, power: Power) -> None:
    """Enter what changed since it was last known."""
    known = _known(draft.row, cabinet)
    mains, low = known.mains, known.battery_low
    if power.mains not in (Mains.UNKNOWN, mains):
        mains = power.mains
        draft.note("MainsLost" if mains is Mains.LOST else "MainsRestored")
    if power.battery_low not in (None, low):
        low = power.battery_low
        draft.note("BatteryLow" if low else "BatteryRecovered")
    draft.ids["cabinet"] = cabinet
    draft.data.update(mains=mains.value, battery_low=low)
    draft.put("power", cabinet, "known", mains=mains.value, battery_low=low)


def _trouble(book: Book, cabinet: str) -> str | None:
    power = _known(book.row, cabinet)
    low = "its battery is low" if power.battery_low else None
    if power.mains is Mains.LOST:
        return "the mains are lost" + (f", and {low}" if low else "; it lives on its battery")
    return low


def _known(look_up: LookUp, cabinet: str) -> Power:
    row = look_up("power", cabinet)
    return GOOD if row is None else Power(Mains(str(row.data["mains"])), bool(row.data["battery_low"]))
