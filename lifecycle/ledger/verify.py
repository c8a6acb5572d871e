"""Reads a whole ledger and says whether it holds; never writes.

What is checked: every sequence number from 1 on is there once; every hash follows from the one before it and the
event's bytes; the outbox has every event and none more, so that events taken off the end are missed; every state row
and every command's answer is what the chain says was last written, none missing, none more; the pages of the file
are sound. What no file can show about itself is that its end was taken off everywhere in it: for that, keep a head
elsewhere and pass it as `known`.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .chain import FORMAT, canonical, command_digest, genesis, link, parse, row_digest
from .errors import LedgerBroken, LedgerUnavailable, LedgerUnreadable
from .model import COMMAND, Event, Head, Verified
from .schema import REVISION, open_reader

_EVENTS = (
    "SELECT e.seq, e.body, e.hash, o.hash FROM events e LEFT JOIN outbox o ON o.seq = e.seq ORDER BY e.seq"
)
_STATE = "SELECT kind, id, version, state, data, seq FROM state"
_COMMANDS = "SELECT seq, id, digest, answer FROM commands ORDER BY seq"


def verify(path: Path, *, known: Head | None = None) -> Verified:
    """Check the whole ledger, also while a station writes it (about 8 us an event).

    `known`: a head of this ledger kept elsewhere, which its chain must contain. Raises LedgerBroken with the
    first sequence number that cannot be trusted, LedgerUnavailable when the file cannot be read.
    """
    check = _Check(path, known)
    with _reading(check) as driver:
        return check.run(driver)


def export(path: Path, after: int = 0) -> Iterator[str]:
    """The events later than `after` as lines of canonical JSON, for others to verify and keep.

    First line: `{"after": a, "format": 1, "prev_hash": h, "station": s}`; each further line
    `{"event": e, "hash": h}`. To verify with nothing but SHA-256 and RFC 8785: for a = 0, `prev_hash` is the
    SHA-256 of the canonical `{"format": 1, "station": s}`; then, line by line, `hash` is the SHA-256 of the 32
    bytes of the hash before it followed by the canonical bytes of `event`, and `event.seq` counts up by one.

    Raises LedgerBroken at the event where the chain does not follow, LedgerUnavailable.
    """
    check = _Check(path, None)
    with _reading(check) as driver:
        station = check.station(driver)
        for seq, body, own, previous in check.chain(driver, station):
            if seq == after + 1:
                yield _header(after, previous, station)
            if seq > after:
                yield f'{{"event":{body.decode()},"hash":"{own.hex()}"}}'
        if check.seq <= after:
            yield _header(check.seq, check.hash, station)


def _header(after: int, previous: bytes, station: str) -> str:
    return canonical({"after": after, "format": FORMAT, "prev_hash": previous.hex(), "station": station})


@contextlib.contextmanager
def _reading(check: _Check) -> Iterator[sqlite3.Connection]:
    path = check.path
    if not path.is_file():
        raise LedgerUnavailable(path, "there is no such file")
    if path.stat().st_size == 0:
        raise LedgerBroken(path, 0, "the file is empty")
    driver = None
    try:
        driver = open_reader(path)
        driver.text_factory = bytes  # whatever the bytes of an altered file are, they can be looked at
        driver.execute("BEGIN")
        yield driver
    except sqlite3.Error as error:
        if _is_damage(error):
            raise LedgerBroken(path, check.seq + 1, f"the file is damaged ({error})") from error
        raise LedgerUnavailable(path, str(error)) from error
    finally:
        if driver is not None:
            driver.close()


def _text(value: object) -> str:
    """A value of a TEXT column; in an altered file it may be anything."""
    return value.decode(errors="replace") if isinstance(value, bytes) else repr(value)


def _is_damage(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    return code == sqlite3.SQLITE_IOERR_SHORT_READ or code & 0xFF not in _PASSING


_PASSING = (
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
)
"""Result codes of SQLite that say nothing about the content of the file."""


class _Check:
    """One reading of a ledger; `seq` and `hash` are how far the chain has held."""

    def __init__(self, path: Path, known: Head | None) -> None:
        self.path = path
        self.seq = 0
        self.hash = b""
        self._known = known
        self._left: dict[tuple[str, str], tuple[int, str, int]] = {}
        """Of every state row what the chain says last: version, digest, sequence number."""

    def run(self, driver: sqlite3.Connection) -> Verified:
        station = self.station(driver)
        if self._known is not None and self._known.seq == 0 and self._known.hash != genesis(station).hex():
            raise self._broken(0, "it does not begin with the hash that was kept elsewhere")
        answers = driver.cursor().execute(_COMMANDS)
        commands = 0
        for seq, body, own, previous in self.chain(driver, station):
            event = self._event(seq, body, previous, own)
            commands += self._writes(event, answers)
            if self._known is not None and seq == self._known.seq and own.hex() != self._known.hash:
                raise self._broken(seq, "it is not the event whose hash was kept elsewhere")
        self._end(driver)
        for seq, command_id, _, _ in answers:
            raise self._broken(seq, f"it recorded no command {_text(command_id)}, yet there is an answer")
        rows = self._state(driver)
        self._pages(driver)
        return Verified(station, Head(self.seq, self.hash.hex()), rows, commands)

    def station(self, driver: sqlite3.Connection) -> str:
        """Whose book it is; refuses what is not a ledger of ours."""
        try:
            revision = driver.execute("SELECT version_num FROM alembic_version").fetchall()
            found = driver.execute("SELECT code, format FROM station").fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_ERROR:
                raise
            raise LedgerUnreadable(self.path, 0, f"it is not a ledger ({error})") from error
        tables = " and ".join(_text(value) for (value,) in revision)
        if tables != REVISION:
            raise LedgerUnreadable(
                self.path, 0, f"its tables are of revision {tables or 'none'}, not {REVISION}"
            )
        if len(found) != 1:
            raise self._broken(0, f"it names {len(found)} stations")
        code, number = found[0]
        if number != FORMAT:
            raise LedgerUnreadable(self.path, 0, f"it is of format {number}, not {FORMAT}")
        try:
            return str(code, "utf-8")
        except (TypeError, UnicodeDecodeError):
            raise self._broken(0, f"its station code is {code!r}") from None

    def chain(self, driver: sqlite3.Connection, station: str) -> Iterator[tuple[int, bytes, bytes, bytes]]:
        """Every event as (seq, body, hash, hash before it), each once it is known to follow."""
        self.hash = genesis(station)
        for seq, body, own, queued in driver.execute(_EVENTS):
            if seq != self.seq + 1:
                raise self._broken(self.seq + 1, f"it is missing, the next is {seq}")
            if not isinstance(body, bytes) or link(self.hash, body) != own:
                raise self._broken(seq, "its hash does not follow from the event before it and its content")
            if queued != own:
                raise self._broken(seq, "it is missing or altered in the outbox")
            previous, self.seq, self.hash = self.hash, seq, own
            yield seq, body, own, previous

    def _event(self, seq: int, body: bytes, previous: bytes, own: bytes) -> Event:
        try:
            event = parse(body, previous, own)
        except ValueError as error:
            raise LedgerUnreadable(self.path, seq, str(error)) from error
        if event.seq != seq:
            raise self._broken(seq, f"it says that it is event {event.seq}")
        return event

    def _writes(self, event: Event, answers: Iterator[Any]) -> int:
        """Hold the commands of the event against the file, note its state rows; the number of commands."""
        commands = 0
        for write in event.writes:
            if write.kind == COMMAND:
                commands += 1
                self._answer(event.seq, write.id, write.digest, next(answers, None))
                continue
            version = self._left.get((write.kind, write.id), (0, "", 0))[0]
            if write.version != version + 1:
                raise self._broken(
                    event.seq, f"{write.kind} {write.id} goes from version {version} to {write.version}"
                )
            self._left[write.kind, write.id] = (write.version, write.digest, event.seq)
        return commands

    def _answer(self, seq: int, command_id: str, digest: str, found: Any) -> None:
        at, *texts = (None, b"", b"", b"") if found is None else found
        kept, content, answer = [_text(text) for text in texts]
        if (at, kept, command_digest(kept, content, answer)) != (seq, command_id, digest):
            raise self._broken(seq, f"the answer to its command {command_id} is missing or altered")

    def _end(self, driver: sqlite3.Connection) -> None:
        (head,) = driver.execute("SELECT max(seq) FROM outbox").fetchone()
        if (head or 0) != self.seq:
            raise self._broken(self.seq + 1, f"it is gone, and what followed it, up to event {head}")
        if self._known is not None and self._known.seq > self.seq:
            raise self._broken(self.seq + 1, f"event {self._known.seq} was known elsewhere, it is gone")

    def _state(self, driver: sqlite3.Connection) -> int:
        """Every state row is what the chain says was written last."""
        left = dict(self._left)
        for kind, row_id, version, state, data, seq in driver.execute(_STATE):
            key = (_text(kind), _text(row_id))
            digest = row_digest(*key, version, _text(state), _text(data))
            if (version, digest, seq) != left.pop(key, None):
                last = self._left[key][2] if key in self._left else self.seq + 1
                raise self._broken(last, f"the state of {' '.join(key)} is not what the event left")
        for key, (_, _, seq) in left.items():
            raise self._broken(seq, f"the state of {' '.join(key)} is missing")
        return len(self._left)

    def _pages(self, driver: sqlite3.Connection) -> None:
        found = driver.execute("PRAGMA integrity_check(1)").fetchone()[0]
        if found != b"ok":
            raise self._broken(self.seq + 1, f"the pages of the file are damaged ({found.decode()})")

    def _broken(self, seq: int, reason: str) -> LedgerBroken:
        return LedgerBroken(self.path, seq, reason)
