"""The runtime of one station: lines and cabinets are opened, and what they sense goes into the book.

One observer a cabinet turns its events into steps, in order; when the store is full it waits with what it has, so
that nothing observed is lost. Doors, boards and power are entered in `equipment.py`, releases are seen through in
`session.py`, terminals are read in `visits.py` and told what to do in `performing.py`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from keycabinet import (
    BadgeRead,
    BoardLost,
    BoardRecovered,
    Cabinet,
    CabinetEvent,
    DoorChanged,
    FobsChanged,
    KeyCabinetError,
    Line,
    LineUrl,
    Opener,
    Pacer,
    PowerChanged,
    Presence,
    PresenceChanged,
    Proof,
    Sighting,
    TwoBoardsAtAddress,
)
from lifecycle import custody
from lifecycle.book import Book, Draft
from lifecycle.custody import OPEN_RELEASES, Place
from lifecycle.equipment import Equipment, noted
from lifecycle.errors import StationClosed, StationUnavailable
from lifecycle.ledger import Event, LedgerBroken, Row
from lifecycle.model import KeySet, parse_slot_label, slot_label
from lifecycle.performing import Performer
from lifecycle.releases import Sensed
from lifecycle.roster import Roster
from lifecycle.session import STORE_RETRY_S, Sessions
from lifecycle.sightings import Sightings
from lifecycle.site import Site
from lifecycle.terminals import Terminals
from lifecycle.visits import Visits
from lifecycle.welcome import welcome
from lifecycle.wobbles import Wobbles
from vehicle.link import RadioPort

if TYPE_CHECKING:
    from vehicle.sealed.access import Access

_log = logging.getLogger(__name__)
ATTENDING_S = 120.0
"""How long a badge that opened a cabinet counts as the person standing there."""


@dataclass(frozen=True, slots=True)
class Hardware:
    """How the station reaches its hardware; every part can be given by a simulator or a host program."""

    opener: Opener
    urls: Mapping[str, str] = field(default_factory=dict)
    radio: RadioPort | None = None
    pacers: Mapping[str, Pacer] = field(default_factory=dict)
    access: Access | None = None


class Station:
    """Opened once; every task it starts ends with `close`."""

    def __init__(
        self, site: Site, book: Book, hardware: Hardware, holder: str, roster: Callable[[], Roster]
    ) -> None:
        self.site = site
        self.book = book
        self.lines: dict[str, Line] = {}
        self.cabinets: dict[str, Cabinet] = {}
        self.problems: dict[str, str] = {}
        self._hardware = hardware
        self._holder = holder
        self._roster = roster
        self.closing = False
        self._tasks: dict[asyncio.Task[None], None] = {}
        self._attending: dict[str, tuple[str, float]] = {}
        self.terminals = Terminals(hardware.radio, hardware.access)
        self.visits = Visits(book, self.terminals, self.spawn)
        self.sessions = Sessions(self)
        self.sightings = Sightings(self)
        self.equipment = Equipment(self)
        self._wobbles = Wobbles(self)
        self.performer = Performer(self, site.actions, roster)

    async def open(self) -> None:
        """Open every line and cabinet, settle what the last run left open, and start observing.

        A line that another program holds raises; a cabinet that does not answer or is refused stays offline, is
        named in `problems`, and does not keep the others from working.
        """
        for name, url in self.site.lines.items():
            self.lines[name] = await Line.open(
                name,
                LineUrl.parse(self._hardware.urls.get(name, url)),
                opener=self._hardware.opener,
                holder=self._holder,
                patient=True,
            )
        for name, config in self.site.cabinets.items():
            pacer = {"pacer": self._hardware.pacers[name]} if name in self._hardware.pacers else {}
            self.cabinets[name] = Cabinet(name, config, self.lines, **pacer)
        for name, cabinet in self.cabinets.items():
            try:
                await cabinet.open()
            except KeyCabinetError as error:
                self.problems[f"cabinet {name}"] = str(error)
                _log.error("cabinet %s: %s", name, error)
        self._recall_attendance()
        observed = {name: cabinet.events() for name, cabinet in self.cabinets.items()}
        await self.reconcile(*self.cabinets.values())
        for name, cabinet in self.cabinets.items():
            await self.equipment.power(name, cabinet.snapshot().power)
            self.spawn(self._observe(cabinet, observed[name]), f"observe {name}")
        self.sessions.settle_all()
        self.performer.settle_all()
        for row in self.book.rows("key_set"):
            self._catch_up(row)

    async def close(self) -> None:
        """Stop every task, then the cabinets, then the lines. Nothing on the wire is cut in half."""
        self.closing = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.visits.close()
        await self.terminals.close()
        for cabinet in self.cabinets.values():
            await cabinet.close()
        for line in self.lines.values():
            await line.close()

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run a task of the station's; what it raises is logged and shown in `problems`, not lost."""
        task = asyncio.create_task(work, name=name)
        self._tasks[task] = None
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task, None)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self.problems[task.get_name()] = f"{type(error).__name__}: {error}"
            _log.error("%s failed", task.get_name(), exc_info=error)

    # What the cabinets sense

    def senses(self, cabinet: str, slot: int) -> Sensed:
        """What is known of a slot now, without asking."""
        found = self.cabinets.get(cabinet)
        if found is None or slot not in self.slots(cabinet):  # the book is older than the site
            return Sensed(online=False, senses_keys=True, presence=Presence.UNKNOWN)
        presence = found.snapshot().slot(slot).presence
        return Sensed(found.answers_for(slot), found.tells_presence, presence)

    def place(self, cabinet: str, slot: int) -> Place:
        """A slot, and how well a set is known to be in it; a latch alone never tells that."""
        found = self.cabinets[cabinet]
        return Place(cabinet, slot, found.proof if found.tells_presence else Proof.ASSUMED)

    def attend(self, cabinet: str, person: str, seconds: float = ATTENDING_S) -> None:
        """Somebody known stands at this cabinet now."""
        until = asyncio.get_running_loop().time() + seconds
        self._attending[cabinet] = (person, until)
        self.cabinets[cabinet].attend(seconds)

    def _recall_attendance(self) -> None:
        """Whoever badged shortly before a restart still stands there; what appears next is theirs."""
        for row in self.book.rows("attendance"):
            age_s = (self.book.clock() - datetime.fromisoformat(str(row.data["at"]))).total_seconds()
            if row.id in self.cabinets and 0 <= age_s < ATTENDING_S:
                self.attend(row.id, str(row.data["officer"]), ATTENDING_S - age_s)

    def attending(self, cabinet: str) -> str | None:
        person, until = self._attending.get(cabinet, (None, 0.0))
        return person if asyncio.get_running_loop().time() < until else None

    async def welcome(self, cabinet: str, person: str) -> None:
        """A known badge: the door opens for a set that comes home, even while the store takes no entry."""
        await welcome(self, cabinet, person)

    async def record(self, build: Callable[[Draft], None]) -> tuple[Event, ...]:
        """Enter what was observed, however long the store takes to come back. Observations are never dropped."""
        tries = 0
        while True:
            try:
                recorded = await self.book.step(build)
            except StationClosed:
                raise
            except StationUnavailable as error:
                _log.warning("%s", error)
            else:
                if tries:
                    self.performer.settle_all()  # an order may stand in a book that said it had not taken it
                return recorded
            await asyncio.sleep(STORE_RETRY_S[min(tries, len(STORE_RETRY_S) - 1)])
            tries += 1

    async def reconcile(self, *cabinets: Cabinet) -> None:
        """Put book and cabinets side by side, slot by slot, and enter every difference that can be told.

        What left comes first: a set that moved while nobody looked must be away before it can come home.
        """
        for cabinet in cabinets:
            await self._enrol_sets(cabinet)
        seen = [(cabinet.name, state) for cabinet in cabinets for state in cabinet.snapshot().slots]
        for name, state in seen:
            if state.presence is Presence.ABSENT and self._holds(name, state.slot):
                await self._entered(name, self._emptied(name, state.slot))
        for name, state in seen:
            sighting = self.cabinets[name].sighting(state.slot)
            if state.presence is Presence.PRESENT and sighting is not None:
                # Before any set is thought missing.
                await self._entered(name, self.sightings.came(name, state.slot, sighting))
        for name, state in seen:
            if state.presence is Presence.PRESENT:
                sighting = self.cabinets[name].sighting(state.slot)
                await self._entered(name, self._filled(name, state.slot, sighting))

    async def enrol(self) -> None:
        """Enter the sets that the roster has and the book has not."""
        for cabinet in self.cabinets.values():
            await self._enrol_sets(cabinet)

    def slots(self, cabinet: str) -> tuple[int, ...]:
        """The slots of a cabinet as the site has it now; none for one that it has not."""
        found = self.cabinets.get(cabinet)
        return () if found is None else tuple(each.slot for each in found.snapshot().slots)

    async def _enrol_sets(self, cabinet: Cabinet) -> None:
        snapshot = cabinet.snapshot()
        for key_set in self._roster().key_sets.values():
            home, slot = parse_slot_label(key_set.home)
            here = home == cabinet.name and slot in self.slots(home)
            if here and self.book.row("key_set", key_set.id) is None:
                assumed = not cabinet.tells_presence
                there = assumed or snapshot.slot(slot).presence is Presence.PRESENT
                await self.record(self._enrolment(key_set, self.place(home, slot), there))

    def _enrolment(self, key_set: KeySet, place: Place, there: bool) -> Callable[[Draft], None]:
        return lambda draft: custody.enrol(draft, key_set, place, there=there, now=self.book.clock())

    async def _observe(self, cabinet: Cabinet, observed: Any) -> None:
        async for event in observed:
            await self._entered(cabinet.name, self._enter(cabinet, event))

    async def _entered(self, cabinet: str, entering: Awaitable[object]) -> None:
        """Enter one observation. One that cannot be entered is told, and keeps no later one out of the book."""
        try:
            await entering
        except (LedgerBroken, StationClosed):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, what is sensed next must reach the book
            _log.exception("cabinet %s: something that was observed could not be entered", cabinet)
            self.problems[f"an observation of cabinet {cabinet}"] = (
                f"not entered: {type(error).__name__}: {error}"
            )

    async def _enter(self, cabinet: Cabinet, event: CabinetEvent) -> None:
        match event:
            case PresenceChanged(presence=Presence.ABSENT):
                self._wobbles.changed(event.cabinet, event.slot)
                hung = self._holds(event.cabinet, event.slot) or event.previous is Presence.PRESENT
                if hung and not await self._wobbles.hold_back(event.cabinet, event.slot):
                    await self._emptied(event.cabinet, event.slot)
            case PresenceChanged(presence=Presence.PRESENT):
                self._wobbles.changed(event.cabinet, event.slot)
                await self._filled(event.cabinet, event.slot, event.sighting)
            case PresenceChanged():
                if cabinet.snapshot().online:  # a lost board says so once, not for each of its slots
                    place, presence = self.place(event.cabinet, event.slot), event.presence.value
                    await self.record(
                        lambda draft: custody.sense_lost(draft, self.book.rows("key_set"), place, presence)
                    )
            case FobsChanged() | BadgeRead():
                await self._read(cabinet, event)
            case DoorChanged() | PowerChanged() | BoardLost() | TwoBoardsAtAddress() | BoardRecovered():
                await self.equipment.enter(cabinet, event)

    async def _read(self, cabinet: Cabinet, event: FobsChanged | BadgeRead) -> None:
        """A reader found another fob, or a card: known people are let in to bring a set home."""
        if isinstance(event, FobsChanged):
            await self.sightings.changed(cabinet, event)
            return
        person = self._roster().by_card(str(event.badge))
        if person is None:
            await self.record(noted("UnknownBadgeRead", cabinet=event.cabinet, reader=event.reader))
            return
        try:
            await self.welcome(event.cabinet, person.id)
        except StationUnavailable as error:
            _log.warning("%s", error)

    def _holds(self, cabinet: str, slot: int) -> bool:
        """Whether something hangs there as far as the book knows, with a name or without."""
        if custody.set_in(self.book.rows("key_set"), cabinet, slot) is not None:
            return True
        case = self.book.row("found", slot_label(cabinet, slot))
        return case is not None and case.state == "open"

    async def _emptied(self, cabinet: str, slot: int) -> None:
        place = self.place(cabinet, slot)

        def build(draft: Draft) -> None:
            sessions = tuple(
                row
                for row in self.book.rows("checkout")
                if row.state in OPEN_RELEASES and row.data["cabinet"] == cabinet
            )
            custody.slot_emptied(draft, self.book.rows("key_set"), place, sessions, self.book.clock())

        self._wobbles.entered(cabinet, slot, await self.record(build))
        await self._look_again()

    async def look_at(self, cabinet: str, slot: int) -> None:
        """Enter what a slot senses now, if it is not known yet."""
        presence = self.cabinets[cabinet].snapshot().slot(slot).presence
        if presence is Presence.ABSENT and self._holds(cabinet, slot):
            await self._emptied(cabinet, slot)
        elif presence is Presence.PRESENT:
            await self._filled(cabinet, slot, self.cabinets[cabinet].sighting(slot))

    def fobs(self) -> Mapping[str, KeySet]:
        """The roster's key sets by fob."""
        return self._roster().by_fob()

    async def _filled(self, cabinet: str, slot: int, sighting: Sighting | None) -> None:
        if sighting is not None:
            await self.sightings.filled(cabinet, slot, sighting)
            await self._look_again()
            return
        place, attending = self.place(cabinet, slot), self.attending(cabinet)

        def build(draft: Draft) -> None:
            case = self.book.row("found", place.label)
            if case is None or case.state != "open":
                custody.slot_filled(draft, self.book.rows("key_set"), place, attending, self.book.clock())

        if any(event.kind == "KeySetReturned" for event in await self.record(build)):
            self.visit_after_move(custody.set_in(self.book.rows("key_set"), cabinet, slot))
            await self._look_again()

    async def _look_again(self) -> None:
        """Sets that hang somewhere and could not be named: each change elsewhere may tell which they are."""
        for case in [row for row in self.book.rows("found") if row.state == "open"]:
            cabinet, slot = str(case.data["cabinet"]), int(str(case.data["slot"]))
            if slot not in self.slots(cabinet):
                continue
            place = self.place(cabinet, slot)
            sighting = self.cabinets[place.cabinet].sighting(place.slot)
            if sighting is not None and sighting.fobs:
                continue  # its fob is known, and is nobody's
            named = await self.record(
                lambda draft, place=place: custody.look_again(  # type: ignore[misc]
                    draft, self.book.rows("key_set"), place, self.book.clock()
                )
            )
            if named:
                self.visit_after_move(custody.set_in(self.book.rows("key_set"), place.cabinet, place.slot))

    def visit_after_move(self, key_set: Row | None) -> None:
        """A set moved: its car's terminal has something to tell."""
        if key_set is None:
            return
        vehicle = self._roster().vehicles.get(str(key_set.data["vehicle"]))
        last = key_set.data.get("last_release")
        if vehicle is not None:
            self.performer.see_to(vehicle.id)  # before the reading: somebody stands at the car
            self.visits.request(vehicle, None if last is None else str(last))

    def _catch_up(self, key_set: Row) -> None:
        """A car whose set moved after its terminal was last read still has something to tell."""
        read = self.book.row("telemetry", str(key_set.data["vehicle"]))
        read_at = "" if read is None else max(str(each["at"]) for each in read.data.values())  # type: ignore[index,call-overload]
        if key_set.data.get("last_release") and str(key_set.data["since"]) > read_at:
            self.visit_after_move(key_set)
