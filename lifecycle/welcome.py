"""A known badge at a cabinet: entered, and the door opens for a set that comes home."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from typing import Any, Protocol

from keycabinet import Cabinet, ReleaseOutcome
from keycabinet.errors import CabinetClosed
from lifecycle.book import Book, Draft
from lifecycle.errors import StationUnavailable
from lifecycle.ledger import Event

_log = logging.getLogger(__name__)


class Host(Protocol):
    """What a station offers for this."""

    book: Book
    cabinets: dict[str, Cabinet]

    def attend(self, cabinet: str, person: str) -> None:
        """Somebody known stands at this cabinet now."""

    def record(self, build: Callable[[Draft], None]) -> Awaitable[tuple[Event, ...]]:
        """Enter what was observed, however long that takes."""

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run a task."""


async def welcome(station: Host, cabinet: str, person: str) -> None:
    """The store may be down: the badge is entered later then. Raises StationUnavailable for a door that stays shut."""
    station.attend(cabinet, person)
    seen = _identified(cabinet, person, station.book.clock())
    try:
        await station.book.step(seen)
    except StationUnavailable as error:
        _log.warning("%s", error)
        station.spawn(_record_later(station, seen), f"record {cabinet}")
    found = station.cabinets[cabinet]
    if not found.has_door:
        return
    try:
        door = await found.open_door(station.book.new_id("door"))
    except CabinetClosed as error:  # the station is being ended, or the cabinet was refused
        raise StationUnavailable(f"{error}; the door stays as it is") from error
    if door.outcome in (ReleaseOutcome.NOT_SENT, ReleaseOutcome.REJECTED):
        raise StationUnavailable(f"the door of cabinet {cabinet} did not open ({door.reason}); badge again")


async def _record_later(station: Host, build: Callable[[Draft], None]) -> None:
    await station.record(build)


def _identified(cabinet: str, person: str, at: datetime) -> Callable[[Draft], None]:
    def build(draft: Draft) -> None:
        draft.ids.update(cabinet=cabinet, officer=person)
        draft.put("attendance", cabinet, "identified", officer=person, at=at.isoformat())
        draft.note("PersonIdentified")

    return build
