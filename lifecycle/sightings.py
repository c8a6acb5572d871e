"""Turns what readers of fobs report into steps: who came, who is where they do not belong, which fob fell silent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Protocol

from keycabinet import Cabinet, FobsChanged, Presence, Proof, Sighting
from lifecycle import identity
from lifecycle.book import Book, Draft
from lifecycle.custody import OPEN_RELEASES, Place, set_in
from lifecycle.identity import Seen
from lifecycle.ledger import Event, Row
from lifecycle.model import KeySet


class Observer(Protocol):
    """What a station offers for this."""

    book: Book
    cabinets: dict[str, Cabinet]

    def place(self, cabinet: str, slot: int) -> Place:
        """A slot with what its wiring can prove."""

    def attending(self, cabinet: str) -> str | None:
        """Who stands there."""

    def visit_after_move(self, key_set: Row | None) -> None:
        """A set moved."""

    def record(self, build: Callable[[Draft], None]) -> Awaitable[tuple[Event, ...]]:
        """Enter what was observed."""

    def fobs(self) -> Mapping[str, KeySet]:
        """The roster's key sets by fob."""


class Sightings:
    """One a station."""

    def __init__(self, station: Observer) -> None:
        self._station = station
        self._book = station.book

    async def filled(self, cabinet: str, slot: int, sighting: Sighting) -> None:
        """Something is in a slot, and a reader looked: whatever follows from that, also if it is known already."""
        seen = await self.came(cabinet, slot, sighting)
        place, enrolled = self._station.place(cabinet, slot), self._enrolled()
        if seen.proof is Proof.PROVED:
            now = self._book.clock()
            await self._record(lambda draft: identity.not_here(draft, place, seen, enrolled, now))

    async def came(self, cabinet: str, slot: int, sighting: Sighting) -> Seen:
        """The sets that a reader found here come home, or are where they were not looked for; odd fobs are told."""
        place, attending = self._station.place(cabinet, slot), self._station.attending(cabinet)
        seen = await self._believed(Seen.of(sighting, self._station.fobs()), place)
        now = self._book.clock
        for key_set in seen.sets:
            before = self._hangs_elsewhere(key_set, place)
            events = await self._record(
                lambda draft, key_set=key_set: identity.set_came(  # type: ignore[misc]
                    draft, key_set, place, seen.proof, attending, now()
                )
            )
            if any(event.kind == "KeySetReturned" for event in events):
                self._station.visit_after_move(self._book.row("key_set", key_set.id))
            if before is not None:
                await self._record(partial(identity.left_behind, place=before, now=now()))
        if seen.unknown or len(seen.sets) > 1:
            await self._record(lambda draft: identity.odd_fobs(draft, place, seen, now()))
        elif not seen.sets:
            await self._unread(place, attending)
        return seen

    async def _believed(self, seen: Seen, place: Place) -> Seen:
        """Without sets that only seem to have come here: something still hangs where the book has them, or here.

        A fob that was silent reads again while another slot is filled, or while the sense of one only wavers, and an
        inventory takes it for the one that came.
        """
        if seen.proof is Proof.PROVED:
            return seen
        believed = []
        for key_set in seen.sets:
            other = self._hangs_elsewhere(key_set, place)
            if other is not None:
                await self._record(partial(identity.fob_reads_again, place=other, key_set=key_set))
            elif await self._room_for(key_set, place, seen):
                believed.append(key_set)
            else:
                await self._record(partial(identity.seen_somewhere, cabinet=place.cabinet, key_set=key_set))
        return replace(seen, sets=tuple(believed))

    async def _room_for(self, key_set: KeySet, place: Place, seen: Seen) -> bool:
        """Whether the book has no other set here, or one that has left: its fob is not in the cabinet any more."""
        booked = set_in(self._book.rows("key_set"), place.cabinet, place.slot)
        if booked is None or booked.id == key_set.id:
            return True
        enrolled = self._enrolled()
        read = [str(fob) for fob in self._station.cabinets[place.cabinet].inventory]
        if enrolled.get(booked.id) in (None, *read):
            return False
        now = self._book.clock()
        await self._record(lambda draft: identity.not_here(draft, place, seen, enrolled, now))
        return True

    def _hangs_elsewhere(self, key_set: KeySet, place: Place) -> Place | None:
        """The other slot in which the book has the set, if something is sensed there."""
        row = self._book.row("key_set", key_set.id)
        if row is None or row.state not in identity.HERE or identity.is_at(row, place):
            return None
        if str(row.data["cabinet"]) not in self._station.cabinets:
            return None
        other = self._station.place(str(row.data["cabinet"]), int(str(row.data["slot"])))
        there = self._station.cabinets[other.cabinet].snapshot().slot(other.slot)
        return other if there.presence is Presence.PRESENT else None

    async def _unread(self, place: Place, attending: str | None) -> None:
        def build(draft: Draft) -> None:
            case, rows = self._book.row("found", place.label), self._book.rows("key_set")
            if case is None or case.state != "open":
                identity.came_unread(draft, rows, place, attending, self._book.clock(), self._enrolled())

        if any(event.kind == "KeySetReturned" for event in await self._record(build)):
            row = next(
                (row for row in self._book.rows("key_set") if row.data.get("last_slot") == place.label), None
            )
            self._station.visit_after_move(row)

    async def changed(self, cabinet: Cabinet, event: FobsChanged) -> None:
        """Other fobs are read than before, without a slot that was seen to change."""
        if event.slot is None:
            await self._inventory_changed(cabinet, event)
            return
        presence = cabinet.snapshot().slot(event.slot).presence
        place, roster = self._station.place(cabinet.name, event.slot), self._station.fobs()
        silent = not event.fobs and presence is Presence.PRESENT
        for fob in event.previous:
            key_set = roster.get(str(fob))
            if key_set is None or fob in event.fobs:
                continue
            if silent:
                await self._record(partial(identity.fob_silent, place=place, key_set=key_set))
            else:
                await self._record(partial(self._left, place, key_set))
        if not event.fobs:
            return
        key_set = roster.get(str(event.fobs[0]))
        booked = None if key_set is None else self._book.row("key_set", key_set.id)
        if (
            key_set is not None
            and not event.previous
            and booked is not None
            and identity.is_at(booked, place)
        ):
            await self._record(lambda draft: identity.fob_reads_again(draft, place, key_set))
        await self.filled(cabinet.name, event.slot, Sighting(event.fobs, Proof.PROVED))

    async def _inventory_changed(self, cabinet: Cabinet, event: FobsChanged) -> None:
        roster, name = self._station.fobs(), cabinet.name
        for fob in (*event.previous, *event.fobs):
            if fob in event.previous and fob in event.fobs:
                continue
            came, key_set = fob in event.fobs, roster.get(str(fob))
            if key_set is None:
                if came:
                    await self._record(partial(identity.strange_fob, cabinet=name, fob=fob))
                continue
            place = self._booked_in(name, key_set)
            if place is None:
                if came:
                    await self._record(partial(identity.seen_somewhere, cabinet=name, key_set=key_set))
            elif came:
                await self._record(partial(identity.fob_reads_again, place=place, key_set=key_set))
            elif cabinet.snapshot().slot(place.slot).presence is not Presence.ABSENT:
                await self._record(partial(identity.fob_silent, place=place, key_set=key_set))

    def _booked_in(self, cabinet: str, key_set: KeySet) -> Place | None:
        row = self._book.row("key_set", key_set.id)
        if row is None or row.state not in identity.HERE or row.data["cabinet"] != cabinet:
            return None
        return self._station.place(cabinet, int(str(row.data["slot"])))

    def _left(self, place: Place, key_set: KeySet, draft: Draft) -> None:
        sessions = tuple(
            row
            for row in self._book.rows("checkout")
            if row.state in OPEN_RELEASES and row.data["cabinet"] == place.cabinet
        )
        rows, now = self._book.rows("key_set"), self._book.clock()
        identity.set_left(draft, rows, place, sessions, now, key_set)

    def _enrolled(self) -> dict[str, str]:
        return {each.id: fob for fob, each in self._station.fobs().items()}

    async def _record(self, build: Callable[[Draft], None]) -> tuple[Event, ...]:
        return await self._station.record(build)
