"""The book: state rows moved by the state tables, each step committed whole or not at all.

A step is built by a plain function that reads the rows, decides and drafts; when another step got there first it is
built again on what is true now. So every rule is looked at under the same version that it is written on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any

import rfc8785

from lifecycle import states
from lifecycle.clock import Clock, IdFactory
from lifecycle.engine import Engine, Moved, NotMoved
from lifecycle.errors import CommandConflict, InvalidRequest, Refused, StationClosed, StationUnavailable
from lifecycle.ledger import (
    Command,
    DuplicateCommand,
    Event,
    Ledger,
    LedgerClosed,
    LedgerUnavailable,
    NewEvent,
    Row,
    Step,
    VersionConflict,
)
from lifecycle.ledger import CommandConflict as LedgerCommandConflict
from lifecycle.policy import GUARDS, POLICY

CUSTODY = Engine(states.CUSTODY, GUARDS)
RELEASE = Engine(states.RELEASE, GUARDS)
SERVICEABILITY = Engine(states.SERVICEABILITY, GUARDS)
ACTION = Engine(states.ACTION, GUARDS)
_TABLES = {"key_set": CUSTODY, "checkout": RELEASE, "vehicle": SERVICEABILITY, "action": ACTION}
_TRIES = 32
LookUp = Callable[[str, str], Row | None]
"""A row of the book by kind and id."""


class Draft:
    """One step in the making: what moves, what is written, and the event or events that say so."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._rows: dict[tuple[str, str], Row] = {}
        self._kinds: list[str] = []
        self._beside: list[NewEvent] = []
        self._then: list[Callable[[], None]] = []
        self._command: Command | None = None
        self.actor: str | None = None
        self.proof: str | None = None
        self.because: tuple[str, ...] = ()
        self.policy: str | None = None
        self.ids: dict[str, str] = {}
        self.data: dict[str, Any] = {}

    def row(self, kind: str, id: str) -> Row | None:  # noqa: A002
        """The row as this step would leave it, or as it is."""
        return self._rows.get((kind, id)) or self._book.row(kind, id)

    def rows(self, kind: str) -> Iterable[Row]:
        """The committed rows of a kind, without those that were closed long ago."""
        return self._book.rows(kind)

    def moved(self, kind: str) -> list[Row]:
        """The rows of a kind that this step brings into another state, as it leaves them."""
        known = self._book.row
        return [
            row
            for row in self._rows.values()
            if row.kind == kind and ((old := known(kind, row.id)) is None or old.state != row.state)
        ]

    def put(self, kind: str, id: str, state: str, /, **data: Any) -> None:  # noqa: A002
        """Write a row: new, or with `data` laid over what it holds."""
        old = self._book.row(kind, id)
        drafted = self.row(kind, id)
        version = 0 if old is None else old.version
        merged = {**({} if drafted is None else drafted.data), **data}
        self._rows[kind, id] = Row(kind, id, version, state, merged)

    def move(self, kind: str, id: str, trigger: str, facts: object = None, /, **data: Any) -> str:  # noqa: A002
        """Move a record by its state table and return its new state. Raises Refused with every reason."""
        decision = self.decide(kind, id, trigger, facts)
        self.put(kind, id, decision.state, **data)
        if decision.event is not None:
            self.note(decision.event)
        return decision.state

    def decide(self, kind: str, id: str, trigger: str, facts: object = None) -> Moved:  # noqa: A002
        """Where the state table moves a record; nothing is drafted. Raises Refused with every reason."""
        engine = _TABLES[kind]
        row = self.row(kind, id)
        decision = engine.decide(engine.table.initial if row is None else row.state, trigger, facts)
        if isinstance(decision, NotMoved):
            raise Refused(decision.reasons)
        return decision

    def note(self, kind: str) -> None:
        """Record an event of this kind (once a step), with the step's ids, data and proof."""
        if kind not in self._kinds:
            self._kinds.append(kind)

    def beside(
        self,
        kind: str,
        *,
        ids: Mapping[str, str],
        data: Mapping[str, Any],
        actor: str | None = None,
        because: tuple[str, ...] = (),
    ) -> None:
        """Record an event with ids and data of its own in the same step."""
        told = NewEvent(kind=kind, ids=dict(sorted(ids.items())), actor=actor, data=data, because=because)
        self._beside.append(told)

    def then(self, call: Callable[[], None]) -> None:
        """Have something called once the step is durable, even if whoever asked for it has given up by then."""
        self._then.append(call)

    def answer(self, command_id: str, digest: str, answer: Any) -> None:
        """Remember what this command was answered, for whoever sends the same id again."""
        self._command = Command(command_id, digest, answer)

    @property
    def empty(self) -> bool:
        return not self._kinds and not self._beside

    @property
    def follow_up(self) -> Callable[[], None] | None:
        """What `then` asked for."""
        return self._follow_up if self._then else None

    def _follow_up(self) -> None:
        for call in self._then:
            call()

    def step(self, at: datetime) -> Step:
        event = dict(actor=self.actor, proof=self.proof, because=self.because, policy=self.policy, at=at)
        ids = dict(sorted(self.ids.items()))
        return Step(
            events=(
                *(NewEvent(kind=kind, ids=ids, data=self.data, **event) for kind in self._kinds),  # type: ignore[arg-type]
                *(replace(each, policy=self.policy, at=at) for each in self._beside),
            ),
            rows=tuple(self._rows.values()),
            command=self._command,
        )


class Book:
    """The ledger with the state tables laid over it."""

    def __init__(self, ledger: Ledger, clock: Clock, ids: IdFactory) -> None:
        self.ledger = ledger
        self.clock = clock
        self.new_id = ids
        self.consequences: list[Callable[[Draft], None]] = []
        """Each looks at every drafted step, and may add what follows from it; both are recorded, or neither."""

    def row(self, kind: str, id: str) -> Row | None:  # noqa: A002
        """The committed row of that id. Raises StationUnavailable when the file has to be asked and cannot."""
        try:
            return self.ledger.row(kind, id)
        except LedgerUnavailable as error:
            raise _unavailable(error) from error

    def rows(self, kind: str, *, closed: bool = False) -> Iterable[Row]:
        """The committed rows of a kind: those that are open and some others; with `closed`, all that ever were.

        Raises StationUnavailable when the file has to be asked and cannot.
        """
        try:
            return self.ledger.all_rows(kind) if closed else self.ledger.rows(kind).values()
        except LedgerUnavailable as error:
            raise _unavailable(error) from error

    async def step(self, build: Callable[[Draft], None]) -> tuple[Event, ...]:
        """Build a step and commit it; durable when this returns. A step without an event is not committed.

        Raises what `build` raises, DuplicateCommand, CommandConflict, and StationUnavailable (nothing recorded).
        """
        for _ in range(_TRIES):
            draft = Draft(self)
            draft.policy = POLICY
            build(draft)
            if draft.empty:
                return ()
            for follow in self.consequences:
                follow(draft)
            try:
                return await self._commit(draft)
            except VersionConflict:
                continue
            except LedgerUnavailable as error:
                raise StationUnavailable(
                    f"the ledger takes no entry now ({error}); nothing was done"
                ) from error
            except LedgerClosed as error:
                raise StationClosed from error
        raise StationUnavailable("the same records changed too often while this was decided; try again")

    async def _commit(self, draft: Draft) -> tuple[Event, ...]:
        commit = self.ledger.commit(draft.step(self.clock()))
        follow_up = draft.follow_up
        if follow_up is None:
            return await commit
        committing = asyncio.ensure_future(commit)

        def committed(_: object) -> None:
            if not committing.cancelled() and committing.exception() is None:
                follow_up()

        committing.add_done_callback(committed)
        return await asyncio.shield(committing)

    async def command(
        self, command_id: str, content: Mapping[str, Any], build: Callable[[Draft], Any]
    ) -> tuple[Any, tuple[Event, ...]]:
        """A step asked for under a command id: `build(draft)` drafts it and returns its answer.

        The same id again answers the same and does nothing; with other content it raises CommandConflict.
        """
        digest = _digest(content)
        known = await self._known(command_id)
        if known is not None:
            return _same(known, digest), ()
        answer: Any = None

        def built(draft: Draft) -> None:
            nonlocal answer
            answer = build(draft)
            draft.answer(command_id, digest, answer)

        try:
            events = await self.step(built)
        except DuplicateCommand as error:
            return _same(error.command, digest), ()
        except LedgerCommandConflict as error:
            raise CommandConflict(command_id) from error
        return answer, events

    async def knows(self, command_id: str) -> bool:
        """Whether a command of this id is recorded. Raises StationUnavailable."""
        return await self._known(command_id) is not None

    async def _known(self, command_id: str) -> Command | None:
        try:
            return await self.ledger.command(command_id)
        except LedgerUnavailable as error:
            raise _unavailable(error) from error
        except LedgerClosed as error:
            raise StationClosed from error

    async def until(self, done: Callable[[], bool]) -> None:
        """Return once `done()` holds; it is looked at after every recorded event."""
        while True:
            seq = self.ledger.head.seq
            if done():
                return
            await self.ledger.wait(seq)


def _unavailable(error: LedgerUnavailable) -> StationUnavailable:
    return StationUnavailable(f"the ledger cannot be read now ({error}); nothing was done")


def _digest(content: Mapping[str, Any]) -> str:
    """What tells two commands of one id apart. Raises InvalidRequest for what canonical JSON cannot say."""
    try:
        return sha256(rfc8785.dumps(content)).hexdigest()
    except (rfc8785.CanonicalizationError, UnicodeEncodeError):
        for name, value in content.items():
            try:
                rfc8785.dumps(value)
            except (rfc8785.CanonicalizationError, UnicodeEncodeError):
                raise InvalidRequest(
                    name, value, "text in Unicode without lone surrogates, and finite numbers"
                ) from None
        raise


def _same(known: Command, digest: str) -> Any:
    if known.digest != digest:
        raise CommandConflict(known.id)
    return known.answer
