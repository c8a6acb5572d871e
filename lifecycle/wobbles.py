"""A slot whose sense comes and goes by itself, as under a set that hangs half seated: one situation, one alarm.

The first removal that nobody asked for is an alarm at once. When the set is back and gone again right after it, the
slot is called unsteady, once; from then on it counts as emptied only when it has stayed empty for a while, or when it
was opened for somebody. Once it stays as it is, that is entered too, and the next alarm is a new one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Protocol

from lifecycle.book import Book, Draft
from lifecycle.custody import OPEN_RELEASES
from lifecycle.equipment import noted
from lifecycle.ledger import Event
from lifecycle.model import slot_label

SAME_S = 60.0
"""How soon after an alarm about a slot its next one is taken for the same situation."""
STILL_S = 30.0
"""How long an unsteady slot must stay as it is before that counts."""
ALARMS = ("KeySetRemoved", "UnbookedObjectRemoved")


class Observer(Protocol):
    """What this needs of a station."""

    book: Book
    problems: dict[str, str]

    async def record(self, build: Callable[[Draft], None]) -> tuple[Event, ...]: ...
    async def look_at(self, cabinet: str, slot: int) -> None:
        """Enter what the slot senses now."""

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> object: ...


class Wobbles:
    """One a station."""

    def __init__(self, station: Observer) -> None:
        self._station = station
        self._alarmed: dict[str, float] = {}
        """When a slot was last emptied without anybody having been let in, s of the loop."""
        self._moved: dict[str, float] = {}
        """When an unsteady slot last changed."""

    def entered(self, cabinet: str, slot: int, events: Iterable[Event]) -> None:
        """What was entered when a slot was found empty."""
        if any(event.kind in ALARMS for event in events):
            self._alarmed[slot_label(cabinet, slot)] = asyncio.get_running_loop().time()

    def changed(self, cabinet: str, slot: int) -> None:
        """A slot senses something else than before."""
        label = slot_label(cabinet, slot)
        if label in self._moved:
            self._moved[label] = asyncio.get_running_loop().time()

    async def hold_back(self, cabinet: str, slot: int) -> bool:
        """A slot was emptied: whether that is the same situation again, and is not to be entered now."""
        label, now = slot_label(cabinet, slot), asyncio.get_running_loop().time()
        if self._opened_for_somebody(label):
            return False
        if label in self._moved:
            return True
        if label not in self._alarmed or now - self._alarmed[label] > SAME_S:
            return False
        self._moved[label] = now
        self._station.problems[f"slot {label}"] = "what it senses comes and goes; see how the set hangs there"
        await self._station.record(noted("SlotUnsteady", cabinet=cabinet, slot=label))
        self._station.spawn(self._until_still(cabinet, slot), f"unsteady {label}")
        return True

    def _opened_for_somebody(self, label: str) -> bool:
        releases = self._station.book.rows("checkout")
        return any(row.state in OPEN_RELEASES and row.data["slot"] == label for row in releases)

    async def _until_still(self, cabinet: str, slot: int) -> None:
        label, loop = slot_label(cabinet, slot), asyncio.get_running_loop()
        while True:
            left = self._moved[label] + STILL_S - loop.time()
            if left <= 0:
                break
            await asyncio.sleep(left)
        del self._moved[label], self._station.problems[f"slot {label}"]
        self._alarmed.pop(label, None)
        await self._station.record(noted("SlotSteady", cabinet=cabinet, slot=label))
        await self._station.look_at(cabinet, slot)
