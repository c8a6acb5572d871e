"""The motor pool of one station: its verbs, and what can be asked of it.

What happens when an officer takes a car: `check_out` asks the policy, commits *authorised and intended* to the ledger,
and only then the station opens door and slot (`station.py`); the slot's senses say that the set left, and the ledger
says *taken*, with its proof (`custody.py`). Everything that comes home is observed the same way; nobody has to say so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from keycabinet import Opener, Pacer, Presence, open_link
from lifecycle import custody, releases, repairs
from lifecycle.book import Book, Draft
from lifecycle.clock import Clock, IdFactory, random_id, system_clock
from lifecycle.custody import Place
from lifecycle.errors import InvalidRequest, StationUnavailable, UnknownThing
from lifecycle.ledger import Ledger
from lifecycle.model import CheckOutView, Vehicle, VehicleView, slot_label
from lifecycle.people import RosterBook
from lifecycle.policy import HandOverFacts
from lifecycle.releases import Request
from lifecycle.remote import Remote
from lifecycle.roster import Roster
from lifecycle.site import Site, load_site
from lifecycle.site_problems import check_home
from lifecycle.states import CLOSED
from lifecycle.station import Hardware, Station
from lifecycle.terminals import host_access, host_radio
from vehicle.link import RadioPort

if TYPE_CHECKING:
    from vehicle.sealed.access import Access


class CheckOutHandle:
    """A release that is under way. `seq` is where its events begin: `events(after=handle.seq - 1)` shows them all."""

    def __init__(self, pool: MotorPool, checkout: str, seq: int) -> None:
        self._pool = pool
        self.id = checkout
        self.seq = seq
        view = self.view
        self.vehicle: VehicleView = pool.vehicle(view.vehicle)
        self.key_set = view.key_set
        self.cabinet = view.cabinet
        self.slot = view.slot
        self.take_by = datetime.fromisoformat(view.take_by)
        self.because = view.because

    @property
    def view(self) -> CheckOutView:
        return self._pool.checkout(self.id)

    @property
    def state(self) -> str:
        return self.view.state

    async def taken(self, within: float) -> CheckOutView:
        """Wait at most `within` seconds until the set was taken.

        Raises NotTaken (time is up, or the release came to nothing), OtherSetTaken, ReleaseFailed.
        """
        return await self._pool.taken(self.id, within)


class MotorPool(Remote):
    """One station, its hardware and its book. `open` it once; use it as an async context manager."""

    @classmethod
    async def open(
        cls,
        site: Site | str | Path,
        *,
        opener: Opener = open_link,
        urls: Mapping[str, str] | None = None,
        radio: RadioPort | None = None,
        access: Access | None = None,
        pacers: Mapping[str, Pacer] | None = None,
        ledger: Callable[..., Any] = Ledger.open,
        clock: Clock = system_clock,
        ids: IdFactory = random_id,
        holder: str = "motorpool",
    ) -> MotorPool:
        """Open the ledger, the lines and the cabinets of a site, and settle what an earlier run left open.

        `urls` replaces a line's URL, `opener` how it is opened, `radio` how terminals are reached, and `access` has
        the key and the grants for sealed ones. Raises SiteError, LedgerHeld, LedgerBroken, and the line's errors
        when another program holds it.
        """
        if not isinstance(site, Site):
            site = await asyncio.get_running_loop().run_in_executor(None, load_site, site)
        opened = await ledger(
            site.ledger_path, station=site.station.code, holder=holder, clock=clock, closed=CLOSED
        )
        try:
            book = Book(opened, clock, ids)
            people = RosterBook(book)
            await people.upsert(site.roster)
            # From here on what the host program added counts too, which is in the book alone.
            radio = radio or host_radio(people.roster, site.radios)
            access = access or await host_access(site, clock, lambda: people.roster)
            hardware = Hardware(opener, urls or {}, radio, pacers or {}, access)
            station = Station(site, book, hardware, holder, lambda: people.roster)
        except BaseException:
            await opened.close()
            raise
        pool = cls(site, book, people, station)
        try:
            await station.open()
        except BaseException:
            await pool.close()
            raise
        return pool

    async def close(self) -> None:
        """Stop observing, let go of the hardware, close the ledger."""
        await self._station.close()
        await self._book.ledger.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # Taking

    async def check_out(
        self,
        *,
        officer: str,
        vehicle: str | None = None,
        vehicle_class: str | None = None,
        purpose: str = "patrol",
        incident: str | None = None,
        command_id: str | None = None,
    ) -> CheckOutHandle:
        """Give this officer (id or badge) a vehicle: the named one, or one of the class. Returns at once.

        When it returns, the release is durable in the ledger and door, lamp and slot follow by themselves. Raises
        Refused with every reason, UnknownThing, InvalidRequest, CommandConflict, StationUnavailable.
        """
        person = self._people.roster.officer(officer)
        candidates = self._candidates(vehicle, vehicle_class)
        content = {
            "verb": "check_out", "officer": person.id, "vehicle": vehicle and candidates[0].id,
            "vehicle_class": vehicle_class,
            "purpose": purpose, "incident": incident,
        }  # fmt: skip
        return await self._release(Request(person, purpose, incident), candidates, content, command_id)

    async def open_slot(
        self, cabinet: str, slot: int, *, officer: str, reason: str, command_id: str | None = None
    ) -> CheckOutHandle:
        """Release the set that the book has in this slot, under the same rules as any check-out."""
        person = self._people.roster.officer(officer)
        self._slot(cabinet, slot)
        row = custody.set_in(self._book.rows("key_set"), cabinet, slot)
        if row is None and not await self._book.knows(self._command(command_id)):
            raise UnknownThing("key_set", slot_label(cabinet, slot), "the book has no key set in this slot")
        content = {
            "verb": "open_slot",
            "slot": slot_label(cabinet, slot),
            "officer": person.id,
            "reason": reason,
        }
        candidates = [] if row is None else [self._people.roster.vehicles[str(row.data["vehicle"])]]
        request = Request(person, reason, key_set=None if row is None else row.id)
        return await self._release(request, candidates, content, command_id)

    async def hand_to_workshop(
        self, order_id: str, *, by: str, command_id: str | None = None
    ) -> CheckOutHandle:
        """Release the key set of an ordered vehicle to the person who takes it to the workshop."""
        person = self._people.roster.officer(by)
        order = self._row("order", order_id)
        content = {"verb": "hand_to_workshop", "order": order_id, "by": person.id}
        candidates = [self._people.roster.vehicles[str(order.data["vehicle"])]]
        return await self._release(
            Request(person, "workshop", None, order_id), candidates, content, command_id
        )

    async def identify(self, *, officer: str, cabinet: str) -> None:
        """A known badge at a cabinet: its door opens for a set that comes home, even while the store is down.

        Raises StationUnavailable when the door was not opened, UnknownThing.
        """
        person = self._people.roster.officer(officer)
        self._cabinet(cabinet)
        await self._station.welcome(cabinet, person.id)

    # Coming home, handing over

    async def declare_return(
        self,
        checkout_id: str,
        *,
        officer: str,
        odometer_km: float | None = None,
        bay: str | None = None,
        slot: str | None = None,
        items_missing: Sequence[str] = (),
        defects: Sequence[Mapping[str, str]] = (),
        command_id: str | None = None,
    ) -> CheckOutView:
        """What the officer says about the trip, beside what was observed. `slot` tells where the set hangs.

        `slot` settles a return that the cabinet could not identify or cannot sense. Each defect has `code` and
        `severity` and perhaps `text`. Raises Refused, UnknownThing, InvalidRequest.
        """
        person = self._people.roster.officer(officer)
        release = self._row("checkout", checkout_id)
        if odometer_km is not None and not 0 <= odometer_km <= 5_000_000:
            raise InvalidRequest("odometer_km", odometer_km, "0 to 5,000,000 km")
        known = self._people.roster.key_sets[str(release.data["key_set"])].items
        for item in items_missing:
            if item not in known:
                raise InvalidRequest("items_missing", item, "of this set: " + ", ".join(known))
        for each in defects:
            if not each.get("code"):
                raise InvalidRequest("defects.code", each.get("code"), "what is wrong, in a word")
            repairs.check_severity(each.get("severity", ""))
        said: dict[str, Any] = {
            "odometer_km": odometer_km, "bay": bay, "slot": slot, "items_missing": list(items_missing),
            "defects": [dict(each) for each in defects],
        }  # fmt: skip
        place = None if slot is None else self._station.place(*self._label(slot))

        def build(draft: Draft) -> str:
            now = self._book.clock()
            if place is not None:
                self._must_be_possible(place)
            custody.declare(draft, self._row("checkout", checkout_id), person.id, said, place, now)
            found = [
                repairs.Found(self._book.new_id("df"), each["code"], each["severity"], each.get("text", ""))
                for each in defects
            ]
            if found:
                vehicle = str(release.data["vehicle"])
                repairs.report(draft, vehicle, found, source=f"officer:{person.id}", now=now)
            return checkout_id

        content = {"verb": "declare_return", "checkout": checkout_id, "officer": person.id, **said}
        try:
            await self._book.command(self._command(command_id), content, build)
        except StationUnavailable:
            self._station.performer.look_again()
            raise
        return self.checkout(checkout_id)

    async def hand_over(
        self, checkout_id: str, *, to: str, by: str, command_id: str | None = None
    ) -> CheckOutView:
        """Move a set that is out from its holder to another officer, away from the cabinet. Raises Refused."""
        receiver, giver = self._people.roster.officer(to), self._people.roster.officer(by)
        self._row("checkout", checkout_id)

        def build(draft: Draft) -> str:
            release = self._row("checkout", checkout_id)
            vehicle = self._people.roster.vehicles[str(release.data["vehicle"])]
            facts = HandOverFacts(giver.id, str(release.data["holder"]), receiver, vehicle)
            custody.hand_over(draft, release, facts, self._book.clock())
            return checkout_id

        content = {"verb": "hand_over", "checkout": checkout_id, "to": receiver.id, "by": giver.id}
        await self._book.command(self._command(command_id), content, build)
        return self.checkout(checkout_id)

    def _must_be_possible(self, place: Place) -> None:
        """The sensor is the truth, as far as it reaches: nothing is declared into a slot that senses no set."""
        sensed = self._station.senses(place.cabinet, place.slot)
        if sensed.senses_keys and sensed.presence is not Presence.PRESENT:
            raise InvalidRequest(
                "slot", place.label, f"a slot that holds a set; its sensor says {sensed.presence.value}"
            )

    # The roster, and how a release begins

    async def upsert_roster(self, delta: Roster) -> None:
        """Add or change units, officers, vehicles and key sets, under the host's own ids.

        Raises InvalidRequest for a set whose home is no slot of this site or whose vehicle is in no roster, and
        StationUnavailable.
        """
        whole, slots = self._people.roster.merged(delta), self.site.slots()
        for each in delta.key_sets.values():
            check_home(f"key_sets.{each.id}.home", each.home, slots)
            if each.vehicle not in whole.vehicles:
                raise InvalidRequest(
                    f"key_sets.{each.id}.vehicle", each.vehicle, "the id of a vehicle in the roster"
                )
        await self._people.upsert(delta)
        await self._station.enrol()

    async def _release(
        self,
        request: Request,
        candidates: Sequence[Vehicle],
        content: Mapping[str, Any],
        command_id: str | None,
    ) -> CheckOutHandle:
        new = self._book.new_id("co")
        take_within = timedelta(seconds=self.site.station.take_within_s)

        def build(draft: Draft) -> str:
            releases.intend(
                draft, request, candidates, self._people.roster, self._station.senses,
                checkout=new, now=self._book.clock(), take_within=take_within,
            )  # fmt: skip
            draft.then(lambda: self._station.sessions.begin(new))
            return new

        asked = self._command(command_id)
        try:
            checkout, events = await self._book.command(asked, content, build)
        except (StationUnavailable, asyncio.CancelledError):
            self._station.sessions.look_for(new)
            raise
        if events:
            return CheckOutHandle(self, checkout, events[0].seq)
        self._station.sessions.settle(checkout)
        return CheckOutHandle(self, checkout, await self._intent_seq(asked))

    async def _intent_seq(self, command_id: str) -> int:
        """Where the release was intended that this command asked for: among the events recorded with it."""
        known = await self._book.ledger.command(command_id)
        seq = 0 if known is None else known.seq
        while seq:
            (event,) = await self._book.ledger.events(after=seq - 1, limit=1)
            if event.kind == "ReleaseIntended":
                return event.seq
            seq -= 1
        raise UnknownThing("command", command_id)

    def _candidates(self, vehicle: str | None, vehicle_class: str | None) -> list[Vehicle]:
        if (vehicle is None) == (vehicle_class is None):
            raise InvalidRequest("vehicle", vehicle, "either a vehicle or a vehicle_class")
        if vehicle is not None:
            return [self._people.roster.vehicle(vehicle)]
        found = [
            each for each in self._people.roster.vehicles.values() if each.vehicle_class == vehicle_class
        ]
        if not found:
            known = dict.fromkeys(each.vehicle_class for each in self._people.roster.vehicles.values())
            raise InvalidRequest("vehicle_class", vehicle_class, "one of " + ", ".join(known))
        return found
