"""What can be asked of a motor pool. Reads answer at once from what is known; only waiting waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Literal

from keycabinet import Cabinet
from lifecycle import views
from lifecycle.book import Book
from lifecycle.custody import OPEN_RELEASES
from lifecycle.errors import (
    AheadOfLedger,
    InvalidRequest,
    NotTaken,
    OtherSetTaken,
    ReleaseFailed,
    StationUnavailable,
    UnknownThing,
)
from lifecycle.ledger import Event, Row
from lifecycle.model import (
    CabinetView,
    CheckOutView,
    DefectView,
    Health,
    LineHealth,
    OrderView,
    VehicleView,
    parse_slot_label,
)
from lifecycle.people import RosterBook
from lifecycle.roster import Roster
from lifecycle.site import Site
from lifecycle.station import Station

Until = Literal["taken", "returned"]
_PENDING = {"taken": OPEN_RELEASES, "returned": (*OPEN_RELEASES, "out")}


class Inquiry:
    """The reading half of a motor pool."""

    def __init__(self, site: Site, book: Book, people: RosterBook, station: Station) -> None:
        self.site = site
        self._book = book
        self._people = people
        self._station = station

    @property
    def roster(self) -> Roster:
        return self._people.roster

    def vehicles(self) -> list[VehicleView]:
        """Every vehicle with its availability, explained; by fleet number."""
        found = sorted(self.roster.vehicles.values(), key=lambda each: each.fleet_number)
        return [self.vehicle(each.id) for each in found]

    def vehicle(self, ref: str) -> VehicleView:
        """By id or fleet number. Raises UnknownThing."""
        senses = self._station.senses
        return views.vehicle_view(
            self.roster.vehicle(ref), self._shown, self.roster, senses, self._book.clock()
        )

    def cabinets(self) -> list[CabinetView]:
        return [self.cabinet(name) for name in self._station.cabinets]

    def cabinet(self, name: str) -> CabinetView:
        """What a cabinet senses and what the book has in it. Raises UnknownThing."""
        cabinet = self._cabinet(name)
        place = self.site.cabinets[name].place
        return views.cabinet_view(name, place, cabinet.snapshot(), self._book.rows("key_set"), self.roster)

    def checkouts(self, *, open_only: bool = True) -> list[CheckOutView]:
        wanted = _PENDING["returned"]
        rows = self._book.rows("checkout", closed=not open_only)
        return [self._checkout_view(row) for row in rows if not open_only or row.state in wanted]

    def checkout(self, checkout_id: str) -> CheckOutView:
        return self._checkout_view(self._row("checkout", checkout_id))

    def _checkout_view(self, row: Row) -> CheckOutView:
        return views.checkout_view(row, self.roster, self._shown)

    def _shown(self, kind: str, id: str) -> Row | None:  # noqa: A002
        """A row for a view, which is given without what the file would have to be asked for while it cannot."""
        try:
            return self._book.row(kind, id)
        except StationUnavailable:
            return None

    def defects(self, *, vehicle: str | None = None, open_only: bool = True) -> list[DefectView]:
        wanted = None if vehicle is None else self.roster.vehicle(vehicle).id
        rows = self._book.rows("defect", closed=not open_only)
        found = [views.defect_view(row) for row in rows if not open_only or row.state == "open"]
        return [each for each in found if wanted in (None, each.vehicle)]

    def defect(self, defect_id: str) -> DefectView:
        return views.defect_view(self._row("defect", defect_id))

    def orders(self, *, open_only: bool = True) -> list[OrderView]:
        rows = self._book.rows("order", closed=not open_only)
        return [views.order_view(row) for row in rows if not open_only or row.state != "accepted"]

    def order(self, order_id: str) -> OrderView:
        return views.order_view(self._row("order", order_id))

    def health(self) -> Health:
        head = self._book.ledger.head
        cabinets = {name: each.snapshot().online for name, each in self._station.cabinets.items()}
        lines = tuple(
            LineHealth(each.name, str(each.url), each.connected) for each in self._station.lines.values()
        )
        return Health(
            station=self.site.station.code,
            ok=all(cabinets.values()) and not self._station.problems,
            ledger_seq=head.seq,
            ledger_head=head.hash,
            lines=lines,
            cabinets=cabinets,
            problems=tuple(f"{what}: {why}" for what, why in self._station.problems.items()),
        )

    # Events and waiting

    async def events_page(self, after: int, limit: int) -> list[Event]:
        """Recorded events with a sequence number greater than `after`, at most `limit`. Raises AheadOfLedger."""
        self.check_after(after)
        return await self._book.ledger.events(after, limit)

    async def wait_event(self, after: int) -> None:
        """Return when an event later than `after` is recorded. Raises AheadOfLedger."""
        self.check_after(after)
        await self._book.ledger.wait(after)

    async def events(self, after: int = 0, *, vehicle: str | None = None) -> AsyncIterator[Event]:
        """Every event after a sequence number, stored ones first, then as they come; of one vehicle, if named."""
        self.check_after(after)
        wanted = None if vehicle is None else self.roster.vehicle(vehicle).id
        while True:
            for event in await self._book.ledger.events(after, 200):
                after = event.seq
                if wanted is None or event.ids.get("vehicle") == wanted:
                    yield event
            await self._book.ledger.wait(after)

    def check_after(self, after: int) -> None:
        """Raises InvalidRequest, AheadOfLedger unless events can be read after this sequence number."""
        if after < 0:
            raise InvalidRequest("after", after, "a sequence number, from 0")
        head = self._book.ledger.head.seq
        if after > head:
            raise AheadOfLedger(after, head)

    async def wait_checkout(self, checkout_id: str, *, until: Until, within: float) -> CheckOutView:
        """The check-out once it is past waiting for `until`, or as it is after `within` seconds."""
        if until not in _PENDING:
            raise InvalidRequest("wait", until, "taken or returned")
        self._row("checkout", checkout_id)
        try:
            async with asyncio.timeout(within):
                await self._book.until(
                    lambda: self._row("checkout", checkout_id).state not in _PENDING[until]
                )
        except TimeoutError:
            pass
        return self.checkout(checkout_id)

    async def taken(self, checkout_id: str, within: float) -> CheckOutView:
        """Wait until the set was taken. Raises NotTaken, OtherSetTaken, ReleaseFailed."""

        def settled() -> bool:
            row = self._row("checkout", checkout_id)
            return row.state not in OPEN_RELEASES or row.data.get("other_set") is not None

        try:
            async with asyncio.timeout(within):
                await self._book.until(settled)
        except TimeoutError:
            slot = self.checkout(checkout_id).slot
            raise NotTaken(f"nobody took the key set from {slot} within {within:g} s") from None
        return self._taken(self._row("checkout", checkout_id))

    def _taken(self, row: Row) -> CheckOutView:
        view = self._checkout_view(row)
        if row.state == "failed":
            raise ReleaseFailed(view.slot, view.outcome or "unknown", view.outcome_reason)
        if row.state == "lapsed":
            raise NotTaken(f"nobody took the key set from {view.slot} by {view.take_by}")
        if row.state in OPEN_RELEASES:
            other = str(row.data["other_set"])
            left = self._book.row("key_set", other)
            raise OtherSetTaken(view.key_set, other, str(left.data["last_slot"]) if left else view.slot)
        return view

    # Looking things up

    def _row(self, kind: str, ref: str) -> Row:
        row = self._book.row(kind, ref)
        if row is None:
            raise UnknownThing(kind, ref)
        return row

    def _cabinet(self, name: str) -> Cabinet:
        found = self._station.cabinets.get(name)
        if found is None:
            raise UnknownThing("cabinet", name, "this station has " + ", ".join(self._station.cabinets))
        return found

    def _label(self, label: str) -> tuple[str, int]:
        """Cabinet and number of a slot of this station. Raises InvalidRequest, UnknownThing."""
        try:
            cabinet, slot = parse_slot_label(label)
        except ValueError as error:
            raise InvalidRequest("slot", label, str(error)) from error
        self._slot(cabinet, slot)
        return cabinet, slot

    def _slot(self, cabinet: str, slot: int) -> None:
        numbers = [each.slot for each in self._cabinet(cabinet).snapshot().slots]
        if slot not in numbers:
            raise UnknownThing("slot", slot, f"cabinet {cabinet} has {min(numbers)} to {max(numbers)}")

    def _command(self, command_id: str | None) -> str:
        if command_id is None:
            return self._book.new_id("cmd")
        if not 1 <= len(command_id) <= 128 or not command_id.isprintable():
            raise InvalidRequest("command_id", command_id, "1 to 128 printable characters")
        return command_id
