"""The book as it stands on the disk: read from the file after each commit, by a hand of its own.

Nothing here asks the running program. Each event is checked against the chain as it comes.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lifecycle.ledger.chain import genesis, link

_EVENTS = "SELECT seq, body, hash FROM events WHERE seq > ? ORDER BY seq"
_ROW = "SELECT state, data FROM state WHERE kind = ? AND id = ?"
_HASH = "SELECT hash FROM events WHERE seq = ?"
KINDS = ("key_set", "checkout", "found", "vehicle", "order")
CLOSED = ("returned", "lapsed", "failed", "accepted", "closed")
"""States of things that nothing happens to any more: they are not kept in memory."""
CLOSED_REMEMBERED = 256


@dataclass(frozen=True, slots=True)
class Recorded:
    """An event as it stands in the file; `at` is when it was found there (loop time, s)."""

    at: float
    seq: int
    kind: str
    ids: Mapping[str, str]
    actor: str | None
    proof: str | None
    because: tuple[str, ...]
    data: Mapping[str, Any]
    writes: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        ids = ", ".join(f"{name} {value}" for name, value in self.ids.items())
        return f"#{self.seq} {self.kind} ({ids})"


@dataclass(frozen=True, slots=True)
class Fact:
    """A state row as it stands in the file."""

    state: str
    data: Mapping[str, Any]


class DurableBook:
    """Follows the ledger's file. `broken` hears what is wrong with the chain, `recorded` of each event."""

    def __init__(
        self,
        path: Callable[[], Path],
        station: str,
        *,
        now: Callable[[], float],
        broken: Callable[[str], None],
        recorded: Callable[[Recorded], None],
    ) -> None:
        self._path = path
        self._station = station
        self._now = now
        self._broken = broken
        self._recorded = recorded
        self._connection: sqlite3.Connection | None = None
        self.seq = 0
        self.hash = genesis(station)
        self.facts: dict[tuple[str, str], Fact] = {}
        """What is open, by kind and id."""
        self._closed: dict[str, None] = {}

    def fact(self, kind: str, row_id: str) -> Fact | None:
        return self.facts.get((kind, row_id))

    def was_closed(self, row_id: str) -> bool:
        """Whether a thing was closed not long ago."""
        return row_id in self._closed

    def read(self) -> None:
        """Read on from where the last reading ended."""
        if self._connection is None:
            if not self._path().exists():
                return
            self._connection = sqlite3.connect(f"file:{self._path()}?mode=ro", uri=True)
        try:
            found = self._connection.execute(_EVENTS, (self.seq,)).fetchall()
        except sqlite3.OperationalError:
            return  # its tables are being made
        if not found:
            return
        events = [self._follow(seq, body, own) for seq, body, own in found]
        for key in dict.fromkeys(write for event in events for write in event.writes):
            self._look_up(*key)
        for event in events:
            self._recorded(event)

    def _follow(self, seq: int, body: str, own: bytes) -> Recorded:
        if seq != self.seq + 1:
            self._broken(f"event #{self.seq} is followed by #{seq}")
        if link(self.hash, body.encode()) != own:
            self._broken(f"event #{seq} does not follow from the one before it")
        self.seq, self.hash = seq, own
        said = json.loads(body)
        if said["seq"] != seq:
            self._broken(f"event #{seq} calls itself #{said['seq']}")
        writes = tuple((kind, row_id) for kind, row_id, *_ in said["writes"] if kind in KINDS)
        return Recorded(
            self._now(), seq, said["kind"], said["ids"], said["actor"], said["proof"],
            tuple(said["because"]), said["data"], writes,
        )  # fmt: skip

    def _look_up(self, kind: str, row_id: str) -> None:
        assert self._connection is not None
        state, data = self._connection.execute(_ROW, (kind, row_id)).fetchone()
        if state in CLOSED:
            self.facts.pop((kind, row_id), None)
            self._closed[row_id] = None
            if len(self._closed) > CLOSED_REMEMBERED:
                del self._closed[next(iter(self._closed))]
        else:
            self.facts[kind, row_id] = Fact(state, json.loads(data))

    def turn_back(self) -> None:
        """The station starts again: see that nothing is missing that was there."""
        self.close()
        if not self.seq:
            return
        connection = sqlite3.connect(f"file:{self._path()}?mode=ro", uri=True)
        row = connection.execute(_HASH, (self.seq,)).fetchone()
        connection.close()
        if row is None:
            self._broken(f"event #{self.seq} was recorded and is gone")
        elif row[0] != self.hash:
            self._broken(f"event #{self.seq} was recorded and is another one now")

    def close(self) -> None:
        """Let go of the file."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
