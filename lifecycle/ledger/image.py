"""What memory keeps of a ledger's file: the head, and the state rows of what still goes on.

Things come to an end by the thousand: trips, defects, orders. What is closed leaves memory when enough has been closed
after it, and is read from the file by whoever still asks; so a book takes the memory of its station, not of its years.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from .model import Head, Json, Row

Closed: TypeAlias = Mapping[str, tuple[str, ...]]
"""By kind of row, the states in which a thing is closed: little happens to it any more."""
KEPT = 256
"""How many closed rows stay in memory: those who closed them ask for them once more."""

_ROWS = "SELECT number, kind, id, version, state, data FROM state WHERE {} ORDER BY number"
_ONE = _ROWS.format("kind = ? AND id = ?")
_ALL = _ROWS.format("kind = ?")


@dataclass(slots=True)
class Image:
    """A file's content, as far as memory keeps it."""

    station: str
    seq: int
    hash: bytes
    closed: Closed
    rows: dict[str, dict[str, Row]] = field(default_factory=dict)
    numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    """Primary keys of the rows kept here."""
    last_number: int = 0
    """The highest primary key in the file."""
    _ended: dict[tuple[str, str], None] = field(default_factory=dict)
    """The closed rows kept here, the one closed first at the front."""

    @property
    def head(self) -> Head:
        return Head(self.seq, self.hash.hex())

    def row(self, kind: str, row_id: str) -> Row | None:
        of_kind = self.rows.get(kind)
        return None if of_kind is None else of_kind.get(row_id)

    def adopt(self, row: Row, number: int) -> None:
        """Keep a row that was written; let one go that was closed long ago."""
        key = row.kind, row.id
        self.rows.setdefault(row.kind, {})[row.id] = row
        self.numbers[key] = number
        self.last_number = max(self.last_number, number)
        if row.kind not in self.closed:
            return
        self._ended.pop(key, None)
        if row.state in self.closed[row.kind]:
            self._ended[key] = None
            if len(self._ended) > KEPT:
                self._let_go()

    def _let_go(self) -> None:
        kind, row_id = key = next(iter(self._ended))
        del self._ended[key], self.numbers[key], self.rows[kind][row_id]


def load(cursor: sqlite3.Cursor, station: str, seq: int, own: bytes, closed: Closed) -> Image:
    """Read what is not closed from the file."""
    image = Image(station, seq, own, closed)
    ended = [(kind, *states) for kind, states in closed.items() if states]
    marks = [",".join("?" * len(states)) for _, *states in ended]
    still_open = " AND ".join(("1", *(f"NOT (kind = ? AND state IN ({each}))" for each in marks)))
    rows = cursor.execute(_ROWS.format(still_open), list(itertools.chain.from_iterable(ended)))
    for number, row in _parsed(rows):
        image.adopt(row, number)
    image.last_number = cursor.execute("SELECT coalesce(max(number), 0) FROM state").fetchone()[0]
    return image


def look_up(cursor: sqlite3.Cursor, kind: str, row_id: str) -> tuple[int, Row] | None:
    """A row of the file with its primary key."""
    return next(_parsed(cursor.execute(_ONE, (kind, row_id))), None)


def look_up_all(cursor: sqlite3.Cursor, kind: str) -> Iterator[Row]:
    """Every row of a kind in the file, in the order in which they were first written."""
    return (row for _, row in _parsed(cursor.execute(_ALL, (kind,))))


def _parsed(rows: sqlite3.Cursor) -> Iterator[tuple[int, Row]]:
    for number, kind, row_id, version, state, data in rows:
        fields = json.loads(data, object_pairs_hook=_sharing_keys)
        yield number, Row(sys.intern(kind), row_id, version, sys.intern(state), fields)


def _sharing_keys(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    """Thousands of rows name the same fields: each name is kept once."""
    return {sys.intern(name): value for name, value in pairs}
