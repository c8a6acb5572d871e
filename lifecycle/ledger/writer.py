"""Puts batches of steps on the disk: one transaction, one fsync, however many steps wait.

Synchronous and without a clock: the ledger calls it from one executor thread, one batch at a time. The SQL goes
straight to the driver's cursor of the Core connection, since Core's own layer costs half as much as the fsync.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from .chain import FORMAT, Prepared, genesis, instant, link, made, parse
from .errors import CommandConflict, DuplicateCommand, LedgerBroken, LedgerUnavailable, VersionConflict
from .image import Closed, Image, load, look_up
from .model import Command, Event, Row
from .schema import Connect, driver_of, open_writer

_UPDATE = "UPDATE state SET version = ?, state = ?, data = ?, seq = ? WHERE number = ? AND version = ?"
_INSERT = "INSERT INTO state (version, state, data, seq, number, kind, id) VALUES (?, ?, ?, ?, ?, ?, ?)"
_AT_ONCE = 16
"""Events that one statement inserts: a statement costs about as much as a row."""
_EVENT = "INSERT INTO events (seq, body, hash) VALUES (?, ?, ?)"
_EVENTS = _EVENT + ", (?, ?, ?)" * (_AT_ONCE - 1)
_COMMAND = "INSERT INTO commands (seq, id, digest, answer) VALUES (?, ?, ?, ?)"
_OUTBOX = "INSERT INTO outbox (seq, hash) SELECT seq, hash FROM events WHERE seq > ?"
_HEAD = "SELECT seq, hash FROM outbox ORDER BY seq DESC LIMIT 1"
_ASK = "SELECT id, digest, answer, seq FROM commands WHERE id IN ({})"
_READ = "SELECT seq, body, hash FROM events WHERE seq >= ? ORDER BY seq LIMIT ?"
_VARIABLES = 500
"""How many ids one question asks for; SQLite allows no more than 999 in its older builds."""

Refusal = VersionConflict | DuplicateCommand | CommandConflict
Outcome = tuple[Event, ...] | Refusal


@dataclass(slots=True)
class Batch:
    """What one transaction will write, and what becomes of each step, worked out before anything is written."""

    seq: int
    hash: bytes
    recorded_at: datetime
    stamp: str
    outcomes: list[Outcome] = field(default_factory=list)
    known: dict[str, Command] = field(default_factory=dict)
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    events: list[tuple[int, str, bytes]] = field(default_factory=list)
    inserts: list[tuple[int, str, str, int, int, str, str]] = field(default_factory=list)
    updates: list[tuple[int, str, str, int, int, int]] = field(default_factory=list)
    commands: list[tuple[int, str, str, str]] = field(default_factory=list)

    def add(self, step: Prepared) -> tuple[Event, ...]:
        """Give the events of a step their places in the chain."""
        command = None if step.command is None else step.command.id
        seq, own, recorded_at = self.seq, self.hash, self.recorded_at
        left = len(step.events)
        events = []
        for event, at, head in step.events:
            left -= 1
            seq += 1
            body = f'{head}{self.stamp}","seq":{seq},"writes":{"[]" if left else step.tail}}}'
            previous, own = own, link(own, body.encode())
            self.events.append((seq, body, own))
            about = event.kind, event.ids, event.actor, event.proof, event.because, event.policy, event.data
            chained = command, () if left else step.writes, FORMAT, previous.hex(), own.hex()
            events.append(made(Event, (seq, at, recorded_at, *about, *chained)))
        self.seq, self.hash = seq, own
        return tuple(events)


class Writer:
    """The only hand that writes a ledger's file. `image` is what is on the disk, no more and no less."""

    def __init__(self, path: Path, connecting: Connect, closed: Closed) -> None:
        """Open the file, which exists and verifies. Raises LedgerUnavailable."""
        self.path = path
        self._connecting = connecting
        self._closed = closed
        self._connection: Connection | None = None
        self.image = Image("", 0, b"", closed)
        with self._storing():
            self._connected()

    def write(self, steps: Sequence[Prepared], recorded_at: datetime) -> Batch:
        """Put every step that is not refused on the disk. Raises LedgerUnavailable: then none of them was."""
        with self._storing():
            cursor = self._connected()
            cursor.execute("BEGIN IMMEDIATE")
            batch = self._plan(cursor, steps, recorded_at)
            self._execute(cursor, batch)
            cursor.connection.commit()
        return batch

    def adopt(self, batch: Batch) -> None:
        """Take a written batch into the image. Apart from `write`, so that the loop's own thread does it."""
        image = self.image
        image.seq, image.hash = batch.seq, batch.hash
        for key, row in batch.rows.items():
            image.adopt(row, batch.numbers[key])

    def command(self, command_id: str) -> Command | None:
        """The recorded command of that id. Raises LedgerUnavailable."""
        with self._storing():
            return _ask(self._connected(), [command_id]).get(command_id)

    def events(self, after: int, limit: int) -> list[Event]:
        """Recorded events later than `after`. Raises LedgerUnavailable."""
        with self._storing():
            cursor = self._connected()
            rows = cursor.execute(_READ, (after, limit + 1)).fetchall()
        if after == 0:
            rows.insert(0, (0, "", genesis(self.image.station)))
        return [
            parse(body, previous, own)
            for (_, _, previous), (_, body, own) in itertools.pairwise(rows[: limit + 1])
        ]

    def close(self) -> None:
        """Close the file; SQLite folds its write-ahead log into it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error, SQLAlchemyError):  # what is on the disk is on the disk
                connection.close()

    @contextlib.contextmanager
    def _storing(self) -> Iterator[None]:
        """Whatever goes wrong ends the connection: the next call opens the file anew and reads what it holds."""
        try:
            yield
        except (sqlite3.Error, SQLAlchemyError) as error:
            self.close()
            raise LedgerUnavailable(self.path, str(error)) from error
        except BaseException:
            self.close()
            raise

    def _connected(self) -> sqlite3.Cursor:
        if self._connection is None:
            connection = open_writer(self.path, self._connecting)
            self._connection = connection
            self._cursor = driver_of(connection).cursor()
            image = self._load(self._cursor)
            if image.seq < self.image.seq:
                raise LedgerBroken(self.path, image.seq + 1, "it was recorded, and is gone")
            self.image = image
        return self._cursor

    def _load(self, cursor: sqlite3.Cursor) -> Image:
        (code,) = cursor.execute("SELECT code FROM station").fetchone()
        seq, own = cursor.execute(_HEAD).fetchone() or (0, genesis(code))
        return load(cursor, code, seq, own, self._closed)

    def _plan(self, cursor: sqlite3.Cursor, steps: Sequence[Prepared], recorded_at: datetime) -> Batch:
        batch = Batch(self.image.seq, self.image.hash, recorded_at, instant(recorded_at))
        batch.known = _ask(cursor, [step.command.id for step in steps if step.command is not None])
        for step in steps:
            refusal = self._refusal(cursor, batch, step)
            batch.outcomes.append(self._place(batch, step) if refusal is None else refusal)
        return batch

    def _refusal(self, cursor: sqlite3.Cursor, batch: Batch, step: Prepared) -> Refusal | None:
        command = step.command
        if command is not None and (earlier := batch.known.get(command.id)) is not None:
            if earlier.digest == command.digest:
                return DuplicateCommand(self.path, earlier)
            return CommandConflict(self.path, command.id)
        for row, _ in step.rows:
            found = self._version(cursor, batch, row)
            if found != row.version - 1:
                return VersionConflict(self.path, row.kind, row.id, row.version - 1, found)
        return None

    def _version(self, cursor: sqlite3.Cursor, batch: Batch, row: Row) -> int:
        """Which version of the row is there; 0 for none. Its primary key is noted in the batch."""
        key = row.kind, row.id
        current, number = batch.rows.get(key), batch.numbers.get(key)
        if current is None and (current := self.image.row(*key)) is not None:
            number = self.image.numbers[key]
        if current is None and row.kind in self._closed:
            number, current = look_up(cursor, *key) or (None, None)
        if number is not None:
            batch.numbers[key] = number
        return 0 if current is None else current.version

    def _place(self, batch: Batch, step: Prepared) -> tuple[Event, ...]:
        made = batch.add(step)
        for row, data in step.rows:
            key = (row.kind, row.id)
            batch.rows[key] = row
            if row.version > 1:
                number = batch.numbers[key]
                batch.updates.append((row.version, row.state, data, batch.seq, number, row.version - 1))
            else:
                number = batch.numbers[key] = self.image.last_number + len(batch.inserts) + 1
                batch.inserts.append((1, row.state, data, batch.seq, number, row.kind, row.id))
        if step.command is not None:
            batch.known[step.command.id] = step.command
            batch.commands.append((batch.seq, step.command.id, step.command.digest, step.answer))
        return made

    def _execute(self, cursor: sqlite3.Cursor, batch: Batch) -> None:
        before = self.image.seq
        if batch.seq == before:
            return
        whole = len(batch.events) // _AT_ONCE * _AT_ONCE
        for start in range(0, whole, _AT_ONCE):
            some = batch.events[start : start + _AT_ONCE]
            cursor.execute(_EVENTS, list(itertools.chain.from_iterable(some)))
        cursor.executemany(_EVENT, batch.events[whole:])
        if batch.inserts:
            cursor.executemany(_INSERT, batch.inserts)
        if batch.updates:
            cursor.executemany(_UPDATE, batch.updates)
            if cursor.rowcount != len(batch.updates):
                raise LedgerBroken(self.path, batch.seq, "a state row was changed by another hand")
        if batch.commands:
            cursor.executemany(_COMMAND, batch.commands)
        cursor.execute(_OUTBOX, (before,))


def _ask(cursor: sqlite3.Cursor, ids: Sequence[str]) -> dict[str, Command]:
    known: dict[str, Command] = {}
    for start in range(0, len(ids), _VARIABLES):
        some = ids[start : start + _VARIABLES]
        for command_id, digest, answer, seq in cursor.execute(_ASK.format(",".join("?" * len(some))), some):
            known[command_id] = Command(command_id, digest, json.loads(answer), seq)
    return known
