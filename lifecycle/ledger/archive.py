"""The state rows that memory let go, read from the file beside the writer."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from .errors import LedgerUnavailable
from .image import look_up, look_up_all
from .model import Row
from .schema import open_reader

T = TypeVar("T")

WAIT_S = 0.05
"""How long a look-up waits for the file. In write-ahead mode a reader waits for nobody, save while SQLite recovers."""


class Archive:
    """Reads rows of a ledger that this process writes.

    It reads at once, in the caller's own thread: a row is a few pages, as a rule in memory (about 20 us), and rules
    that ask for one must decide on what is true at that moment.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._cursor: sqlite3.Cursor | None = None

    def row(self, kind: str, row_id: str) -> Row | None:
        """Raises LedgerUnavailable."""
        found = self._ask(lambda cursor: look_up(cursor, kind, row_id))
        return None if found is None else found[1]

    def rows(self, kind: str) -> list[Row]:
        """Every row of a kind, in the order in which they were first written. Raises LedgerUnavailable."""
        return self._ask(lambda cursor: list(look_up_all(cursor, kind)))

    def close(self) -> None:
        """Let go of the file; the next question opens it again."""
        cursor, self._cursor = self._cursor, None
        if cursor is not None:
            cursor.connection.close()

    def _ask(self, question: Callable[[sqlite3.Cursor], T]) -> T:
        try:
            if self._cursor is None:
                self._cursor = open_reader(self._path, WAIT_S, written=True).cursor()
            return question(self._cursor)
        except sqlite3.Error as error:
            self.close()
            raise LedgerUnavailable(self._path, str(error)) from error
