"""Steps, clocks and database connections that the ledger's tests share."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lifecycle.ledger import Command, Ledger, NewEvent, Row, Step

STATION = "330108-04"


@dataclass
class Clock:
    """Goes on by a millisecond whenever somebody looks; can be set."""

    now: datetime = datetime(2026, 11, 21, 20, 2, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now


def take(number: int, version: int = 0, command: Command | None = None) -> Step:
    """Key set `number`, whose row is at `version`, leaves."""
    key_set = f"ks-{number}"
    data = {"cabinet": "A", "slot": number}
    event = NewEvent("KeySetTaken", {"key_set": key_set}, "o-7", data, "proved", ("ready", "even_wear"), "p1")
    return Step((event,), (Row("key_set", key_set, version, "out", {"holder": "o-7"}),), command)


async def open_ledger(path: Path, **changes: object) -> Ledger:
    """The station's ledger at `path`."""
    options: dict[str, object] = {"station": STATION, "holder": "test", "clock": Clock()}
    return await Ledger.open(path, **(options | changes))


class Disk:
    """Opens real connections to a disk that can fill up, or fail before or after it has written a commit."""

    def __init__(self) -> None:
        self.fails_before = self.fails_after = False
        self.pages: int | None = None
        self.connections: list[sqlite3.Connection] = []

    def __call__(self, path: Path) -> sqlite3.Connection:
        disk = self

        class Connection(sqlite3.Connection):
            def commit(self) -> None:
                if disk.fails_before:
                    raise sqlite3.OperationalError("disk I/O error")
                super().commit()
                if disk.fails_after:
                    raise sqlite3.OperationalError("disk I/O error")

        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=Connection)
        if self.pages is not None:
            connection.execute(f"PRAGMA max_page_count={self.pages}")
        self.connections.append(connection)
        return connection
