"""Carries out what terminals are told, at the next chance and never after its time.

One task a vehicle with open orders: it visits, enters what came of it, and comes back while the vehicle is out of
reach. An order keeps its command id for as long as it is open, also over a restart, and a terminal acts once for an id:
so asking again is always safe, and settles what is in doubt. What was accepted and not sensed is settled by reading.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Protocol

from lifecycle import actions
from lifecycle.actions import Outcome
from lifecycle.book import Book, Draft
from lifecycle.ledger import Event, LedgerUnavailable, Row
from lifecycle.model import Vehicle
from lifecycle.policy import never_immobilised
from lifecycle.roster import Roster
from lifecycle.session import STORE_RETRY_S
from lifecycle.site import ActionsConfig
from lifecycle.terminals import Terminals
from vehicle import Action, ActionOrder, ActionOutcome, Terminal, VehicleError, VehicleState

_log = logging.getLogger(__name__)
FIRST_RETRY_S = 5.0
LAST_RETRY_S = 60.0
UNSENSED = ("not_sensed", "contradiction")
"""Why something accepted is not confirmed, where the same answer would come again: the state is read instead."""


class Worker(Protocol):
    """What a station offers for this."""

    book: Book
    terminals: Terminals
    closing: bool

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run a task."""

    def record(self, build: Callable[[Draft], None]) -> Awaitable[tuple[Event, ...]]:
        """Enter what was observed, however long that takes."""


@dataclass(slots=True)
class _Errand:
    """A vehicle that is seen to. `deadlines` are loop times (s), by the orders' ids; `visit` is under way for `due`."""

    task: asyncio.Task[None] | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)
    deadlines: dict[str, float] = field(default_factory=dict)
    due: tuple[str, ...] = ()
    visit: asyncio.Timeout | None = None


@dataclass(frozen=True, slots=True)
class _Due:
    row: Row
    deadline: float

    @property
    def action(self) -> Action:
        return actions.kind_of(self.row)

    @property
    def unsensed(self) -> bool:
        return self.row.state == "unconfirmed" and self.row.data["reason"] in UNSENSED


class Performer:
    """One a station, made before anything is observed."""

    def __init__(self, station: Worker, config: ActionsConfig, roster: Callable[[], Roster]) -> None:
        self._station = station
        self._book = station.book
        self._config = config
        self._roster = roster
        self._errands: dict[str, _Errand] = {}
        # What the last run did with these is not known: it may have sent them just before it ended.
        self._doubtful = {
            row.id: None
            for acting in self._book.rows("acting")
            for row in self._waiting(acting.id)
            if row.state == "pending"
        }
        self._book.consequences.append(self.follow)

    def follow(self, draft: Draft) -> None:
        """Order what follows from a set that is taken or comes home, in the same step; see to what is ordered."""
        for release in draft.moved("checkout"):
            vehicle = self._roster().vehicles.get(str(release.data["vehicle"]))
            if vehicle is not None and release.state == "out":
                actions.follow_taken(draft, release, vehicle, self._config)
            elif vehicle is not None and release.state == "returned":
                actions.follow_home(draft, release, vehicle, self._config)
        changed = [row for row in draft.moved("action") if row.state in ("pending", "superseded")]
        for each in dict.fromkeys(str(row.data["vehicle"]) for row in changed):
            draft.then(partial(self.see_to, each))

    def settle_all(self) -> None:
        """Go on with every order that is open: after a restart, or after a store that did not say what it took."""
        for acting in list(self._book.rows("acting")):
            self.see_to(acting.id)

    def look_again(self) -> None:
        """The disk did not say whether something was recorded: find out as soon as it can be read, and go on."""
        if not self._station.closing:
            self._station.spawn(self._look_again(), "look for orders")

    async def _look_again(self) -> None:
        for delay in itertools.chain(STORE_RETRY_S, itertools.repeat(STORE_RETRY_S[-1])):
            try:
                await self._book.ledger.command("")  # any question makes the ledger read its file anew
                break
            except LedgerUnavailable:
                await asyncio.sleep(delay)
        self.settle_all()

    def see_to(self, vehicle: str) -> None:
        """A vehicle has other orders than before. Returns at once; while the station closes, nothing is begun."""
        errand = self._errands.setdefault(vehicle, _Errand())
        waiting = tuple(row.id for row in self._waiting(vehicle))
        if errand.visit is not None and waiting == errand.due:
            return
        errand.news.set()
        if errand.visit is not None and any(each not in waiting for each in errand.due):
            visit, errand.visit = errand.visit, None
            visit.reschedule(asyncio.get_running_loop().time())  # what was withdrawn is not sent any more
        if waiting and not self._station.closing and (errand.task is None or errand.task.done()):
            errand.task = self._station.spawn(self._see_to(vehicle, errand), f"actions {vehicle}")

    async def _see_to(self, vehicle: str, errand: _Errand) -> None:
        delay, loop = FIRST_RETRY_S, asyncio.get_running_loop()
        while rows := self._waiting(vehicle):
            errand.news.clear()
            due = self._due(errand, rows)
            if await self._expired(due):
                continue
            await self._attempt(vehicle, due, errand)
            pause = min(delay, *(each.deadline - loop.time() for each in due))
            try:
                async with asyncio.timeout(max(0.0, pause)):
                    await errand.news.wait()
                delay = FIRST_RETRY_S
            except TimeoutError:
                delay = min(2 * delay, LAST_RETRY_S)

    def _waiting(self, vehicle: str) -> tuple[Row, ...]:
        known = self._book.ledger.rows("action")  # what is open is in memory; the rest is not asked for
        return actions.waiting(self._book.row("acting", vehicle), lambda _, each: known.get(each))

    def _due(self, errand: _Errand, rows: Sequence[Row]) -> list[_Due]:
        """A deadline is put on the loop's clock when an order is first seen; a wall clock that is stepped later
        neither stretches nor cuts it."""
        now, wall = asyncio.get_running_loop().time(), self._book.clock()
        known = errand.deadlines
        errand.deadlines = {}
        for row in rows:
            expires = datetime.fromisoformat(str(row.data["expires"]))
            whole = expires - datetime.fromisoformat(str(row.data["ordered_at"]))
            left = min(expires - wall, whole).total_seconds()
            errand.deadlines[row.id] = known.get(row.id, now + max(0.0, left))
        return [_Due(row, errand.deadlines[row.id]) for row in rows]

    async def _expired(self, due: Sequence[_Due]) -> bool:
        """Whether the time of any has passed, which is entered."""
        late = [each.row.id for each in due if asyncio.get_running_loop().time() >= each.deadline]
        for each in late:
            await self._station.record(partial(actions.expire, id=each, doubtful=each in self._doubtful))
            self._doubtful.pop(each, None)
        return bool(late)

    async def _attempt(self, vehicle_id: str, due: Sequence[_Due], errand: _Errand) -> None:
        vehicle = self._roster().vehicles.get(vehicle_id)
        if vehicle is None:
            gone = Outcome(ActionOutcome.REJECTED, "unknown_vehicle")
            found = dict.fromkeys((each.row.id for each in due), gone)
        else:
            found = await self._undisturbed(vehicle, due, errand)
        for each, outcome in found.items():
            await self._station.record(
                partial(actions.conclude, id=each, found=outcome, doubtful=each in self._doubtful)
            )
            row = self._book.row("action", each)
            if row is None or row.state != "pending":
                self._doubtful.pop(each, None)

    async def _undisturbed(
        self, vehicle: Vehicle, due: Sequence[_Due], errand: _Errand
    ) -> dict[str, Outcome]:
        """A visit. It is broken off when something that it is to do is withdrawn; the rest is in doubt then."""
        errand.due = tuple(each.row.id for each in due)
        try:
            async with asyncio.timeout(None) as errand.visit:
                return await self._visit(vehicle, due)
        except TimeoutError:
            waiting = (row.id for row in self._waiting(vehicle.id))
            self._doubtful.update(dict.fromkeys(each for each in waiting if each in errand.due))
            return {}
        finally:
            errand.visit = None

    async def _visit(self, vehicle: Vehicle, due: Sequence[_Due]) -> dict[str, Outcome]:
        """What came of the orders of which there is news."""
        allowed = actions.may_immobilise(vehicle, self._config)
        forbidden = [each for each in due if each.action is Action.IMMOBILISE and not allowed]
        refused = Outcome(ActionOutcome.REJECTED, never_immobilised(vehicle).code)
        found = dict.fromkeys((each.row.id for each in forbidden), refused)
        left = [each for each in due if each not in forbidden]
        try:
            terminal = self._station.terminals.of(vehicle)
            found |= await self._perform(terminal, [each for each in left if not each.unsensed])
            found |= await self._look(terminal, [each for each in left if each.unsensed])
        except VehicleError as error:
            _log.warning("%s", error)
            for each in left:
                found.setdefault(each.row.id, Outcome(ActionOutcome.REJECTED, error.code))
        return found

    async def _perform(self, terminal: Terminal, due: Sequence[_Due]) -> dict[str, Outcome]:
        if not due:
            return {}
        now = asyncio.get_running_loop().time()
        orders = [ActionOrder(each.action, each.row.id, each.deadline - now) for each in due]
        results = await terminal.perform(*orders)
        for each in results:
            _log.info("%s: %s %s (%s)", terminal.name, each.order.action, each.outcome, each.reason)
        return {
            each.order.command_id: Outcome(each.outcome, each.reason, _told(each.state)) for each in results
        }

    async def _look(self, terminal: Terminal, due: Sequence[_Due]) -> dict[str, Outcome]:
        """What was accepted and is sensed by now."""
        if not due:
            return {}
        try:
            state = await terminal.read_state()
        except VehicleError as error:
            _log.info("%s", error)
            return {}
        seen = Outcome(ActionOutcome.CONFIRMED, None, _told(state))
        return {each.row.id: seen for each in due if state.shows(each.action)}


def _told(state: VehicleState) -> dict[str, str] | None:
    return {name: value for name, value in asdict(state).items() if value is not None} or None
