"""Sees each release through: door, lamp, slot, verdict, taken or not.

The intent is durable before any of this begins. The slot is pulsed once; what is not known afterwards is read, and
after a restart every release without a verdict is settled by reading. No pulse is ever repeated.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Coroutine
from datetime import datetime
from typing import TYPE_CHECKING, Any

from keycabinet import Cabinet, KeyCabinetError, Presence, Proof, Release, ReleaseOutcome
from keycabinet.errors import CabinetClosed, NotWired
from lifecycle import custody
from lifecycle.book import Draft
from lifecycle.custody import OPEN_RELEASES
from lifecycle.ledger import LedgerUnavailable
from lifecycle.model import parse_slot_label

if TYPE_CHECKING:
    from lifecycle.station import Station

_log = logging.getLogger(__name__)
STORE_RETRY_S = (0.5, 1.0, 2.0, 5.0, 10.0)
"""How long to wait before a store that failed is tried again, time after time."""
SETTLING_S = 120.0
"""How long a cabinet is watched closely after a restart that left a release open."""


class Sessions:
    """The releases of one station that are under way, a task each."""

    def __init__(self, station: Station) -> None:
        self._station = station
        self._book = station.book
        self._under_way: dict[str, None] = {}

    def begin(self, checkout: str) -> None:
        """Start the hardware's part of a release that is intended and durable.

        While the station closes it is left alone: the next start settles it.
        """
        if not self._station.closing:
            self._see_through(checkout, self._release(checkout))

    async def _release(self, checkout: str) -> None:
        row = self._book.row("checkout", checkout)
        assert row is not None
        name, slot = parse_slot_label(str(row.data["slot"]))
        cabinet = self._station.cabinets[name]
        cabinet.attend(self._station.site.station.take_within_s)
        try:
            outcome, reason = await self._unlock(cabinet, slot, checkout)
        except CabinetClosed as error:  # one of its boards was refused when the station started
            outcome, reason = ReleaseOutcome.NOT_SENT, str(error)
        if outcome in (ReleaseOutcome.NOT_SENT, ReleaseOutcome.REJECTED):
            await self._station.record(lambda draft: custody.fail(draft, checkout, outcome.value, reason))
        else:
            await self._station.record(lambda draft: custody.verdict(draft, checkout, outcome.value, reason))
            await self._watch(checkout, cabinet, slot)
        await self._light(cabinet, slot, on=False)

    async def _unlock(self, cabinet: Cabinet, slot: int, checkout: str) -> tuple[ReleaseOutcome, str | None]:
        """Door, lamp and slot; what came of it, and why."""
        door = await self._open_door(cabinet, checkout) if cabinet.has_door else None
        await self._light(cabinet, slot, on=True)
        try:
            release = await cabinet.open_slot(slot, checkout)
        except NotWired:  # kept by the door alone
            if door is None:
                raise
            release = door
        return release.outcome, release.reason

    def settle_all(self) -> None:
        """After a restart: settle every release that the last run left open."""
        for row in list(self._book.rows("checkout")):
            self.settle(row.id)

    def settle(self, checkout: str) -> None:
        """See to it that an open release ends, if nobody does: one whose intent was thought lost but was recorded."""
        if self._open(checkout) and checkout not in self._under_way and not self._station.closing:
            self._see_through(checkout, self._settle(checkout))

    def look_for(self, checkout: str) -> None:
        """The disk did not say whether this intent was recorded: find out as soon as it can be read, and end it."""
        if not self._station.closing:
            self._station.spawn(self._look_for(checkout), f"look for {checkout}")

    async def _look_for(self, checkout: str) -> None:
        for delay in itertools.chain(STORE_RETRY_S, itertools.repeat(STORE_RETRY_S[-1])):
            try:
                await self._book.ledger.command(checkout)  # any question makes the ledger read its file anew
                break
            except LedgerUnavailable:
                await asyncio.sleep(delay)
        self.settle(checkout)

    def _see_through(self, checkout: str, work: Coroutine[Any, Any, None]) -> None:
        task = self._station.spawn(work, f"release {checkout}")
        self._under_way[checkout] = None
        task.add_done_callback(lambda _: self._under_way.pop(checkout, None))

    async def _settle(self, checkout: str) -> None:
        """A release that the last run left open: what became of it is read, never tried again."""
        row = self._book.row("checkout", checkout)
        assert row is not None
        name, slot = parse_slot_label(str(row.data["slot"]))
        cabinet = self._station.cabinets[name]
        cabinet.attend(SETTLING_S)
        reason = "the station restarted; settled by reading"
        await self._station.record(lambda draft: custody.verdict(draft, checkout, "unconfirmed", reason))
        await self._watch(checkout, cabinet, slot)
        await self._light(cabinet, slot, on=False)

    async def _watch(self, checkout: str, cabinet: Cabinet, slot: int) -> None:
        """Until the set is taken or the time to take it has passed and the slot shows that it is still there."""
        if not cabinet.tells_presence:
            await self._station.record(lambda draft: self._assume_taken(draft, checkout, cabinet.proof))
        row = self._book.row("checkout", checkout)
        assert row is not None
        until = (datetime.fromisoformat(str(row.data["take_by"])) - self._book.clock()).total_seconds()
        # A clock that was stepped meanwhile decides nothing.
        left = min(max(0.0, until), self._station.site.station.take_within_s)
        while self._open(checkout):
            try:
                async with asyncio.timeout(left):
                    await self._book.until(lambda: not self._open(checkout))
                break
            except TimeoutError:
                pass
            left = 1.0
            try:
                await cabinet.refresh()
            except KeyCabinetError as error:
                _log.info("%s: %s", checkout, error)
            if self._station.senses(cabinet.name, slot).presence is Presence.PRESENT:
                await self._station.record(lambda draft: custody.lapse(draft, checkout))
        key_set = self._book.row("key_set", str(row.data["key_set"]))
        if key_set is not None and key_set.state == "out":
            self._station.visit_after_move(key_set)

    def _open(self, checkout: str) -> bool:
        row = self._book.row("checkout", checkout)
        return row is not None and row.state in OPEN_RELEASES

    def _assume_taken(self, draft: Draft, checkout: str, proof: Proof) -> None:
        """Where nothing senses a set, it is assumed taken by whom its slot was opened for; an open latch infers it."""
        release = draft.row("checkout", checkout)
        if release is None or release.state not in OPEN_RELEASES:
            return
        key_set = draft.row("key_set", str(release.data["key_set"]))
        if key_set is not None and key_set.state == "releasing":
            proof = proof if release.state == "released" else Proof.ASSUMED
            custody.take(draft, key_set, release, proof, self._book.clock())

    async def _open_door(self, cabinet: Cabinet, checkout: str) -> Release:
        """A door that does not open keeps nobody from asking the slot: it may stand open already."""
        door = await cabinet.open_door(f"{checkout}:door")
        if door.outcome is not ReleaseOutcome.CONFIRMED:
            _log.warning(
                "%s: the door of cabinet %s: %s (%s)", checkout, cabinet.name, door.outcome, door.reason
            )
        return door

    async def _light(self, cabinet: Cabinet, slot: int, *, on: bool) -> None:
        try:
            await cabinet.set_lamp(slot, on)
        except NotWired:
            pass
        except KeyCabinetError as error:
            _log.info("cabinet %s: lamp %d: %s", cabinet.name, slot, error)
