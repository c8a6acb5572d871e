"""The disk under a ledger: full, failing, slow, and what is left on it when the station is killed.

What "as of the last fsync" means here. The ledger commits with `synchronous=FULL`: SQLite returns from a commit only
after it has synced its write-ahead log. Whatever is in the database and its log between two commits is therefore on
the platter, and a kill at any such moment leaves exactly those bytes; a commit under way is rolled back by the next
opening. So a kill is modelled by taking both files as they are, letting the dead program's connections go, and
putting the files back (`DiskImage`). `torn` adds a piece of the write that was under way, which the next opening must
ignore; `cut` shortens the book at a seeded byte, which the next opening must refuse. Disks that acknowledge a sync
and lose it are not modelled.

Since that is the model, this host's own fsync adds nothing to a simulation but its time: connections that `Disk`
opens leave it out (`syncs` True keeps it).
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.virtual_time import VirtualTimeLoop

Told = Callable[[], None]
FRAME = 4096 + 24
"""One frame of SQLite's write-ahead log: a page and its header (https://www.sqlite.org/fileformat2.html, 4.1)."""


class Disk:
    """A disk. `connect` is for `lifecycle.ledger.Ledger.open(connect=...)`.

    What goes wrong hangs in lists that are empty as a rule: `full` are told of each commit, which fails; `failing` say
    of each commit whether it fails; `slow` by how many seconds work takes longer (in virtual time only); `torn` and
    `cut` are told of a kill that leaves the files so. A failed commit was written or not, which nobody can tell, as on
    a disk that reports an error after the fact. `on_commit` is asked before and after each commit whether the program
    lives past this point.
    """

    def __init__(self, random: random.Random, *, syncs: bool = False) -> None:
        self.random = random
        self.syncs = syncs
        self.commits = 0
        self.full: list[Told] = []
        self.failing: list[Callable[[], bool]] = []
        self.slow: list[Callable[[], float]] = []
        self.torn: list[Told] = []
        self.cut: list[Told] = []
        self.on_commit: Callable[[str], bool] = lambda _point: True
        self._factory = type("DiskConnection", (_Connection,), {"disk": self})

    def connect(self, path: Path) -> sqlite3.Connection:
        """Open the file as `lifecycle.ledger.schema.connect` does."""
        loop = asyncio._get_running_loop()  # none in the thread of a real executor
        if isinstance(loop, VirtualTimeLoop):
            loop.work_takes = self.takes
        return sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=self._factory)

    def takes(self) -> float:
        """Return how long the next piece of work on the disk takes, s."""
        return sum(slow() for slow in self.slow) if self.slow else 0.0

    def commit(self, write: Callable[[], None]) -> None:
        """Do one commit, or what is left of it. Raises sqlite3.OperationalError."""
        if not self.on_commit("before a commit"):
            raise _error("the process is gone", sqlite3.SQLITE_ABORT)
        for told in self.full:
            told()
        if self.full:
            raise _error("database or disk is full", sqlite3.SQLITE_FULL)
        fails = [failing() for failing in self.failing]
        written = not any(fails) or self.random.random() < 0.5
        if written:
            write()
            self.commits += 1
        if any(fails):
            raise _error("disk I/O error", sqlite3.SQLITE_IOERR)
        if not self.on_commit("after a commit"):
            raise _error("the process is gone", sqlite3.SQLITE_ABORT)


class _Connection(sqlite3.Connection):
    disk: Disk

    def commit(self) -> None:
        self.disk.commit(super().commit)

    def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        if sql.startswith("PRAGMA synchronous=") and not self.disk.syncs:
            sql = "PRAGMA synchronous=OFF"
        return super().execute(sql, *arguments)


@dataclass(frozen=True, slots=True)
class DiskImage:
    """A ledger's files at one moment, copied beside them: they grow with the days, memory must not."""

    path: Path
    database: Path | None
    log: Path | None

    @classmethod
    def take(cls, path: Path, disk: Disk | None = None) -> DiskImage:
        """Take the files as a kill leaves them now, with what `disk` does to them on that occasion."""
        image = cls(path, _copied(path), _copied(_log(path)))
        if disk is None or image.database is None:
            return image
        for told in (*disk.torn, *disk.cut):
            told()
        if disk.torn:
            image._tear(disk.random)
        return image._cut(disk.random) if disk.cut else image

    def put_back(self) -> None:
        """Make the files what they were, once. Nobody may have them open."""
        for path, copy in ((self.path, self.database), (_log(self.path), self.log)):
            if copy is None:
                path.unlink(missing_ok=True)
            else:
                copy.replace(path)
        self.path.with_name(self.path.name + "-shm").unlink(missing_ok=True)

    def _tear(self, chance: random.Random) -> None:
        """Leave a piece of a write behind its last fsync: part of a frame whose checksum cannot be right."""
        if self.log is None or not self.log.stat().st_size:
            return
        with self.log.open("r+b") as log:
            log.seek(-min(FRAME, self.log.stat().st_size), os.SEEK_END)
            log.write(log.read()[: chance.randrange(1, FRAME)])

    def _cut(self, chance: random.Random) -> DiskImage:
        """Cut it off at a seeded byte: the database is shorter than its last page, and its log is gone.

        A log that is cut while the database stays is a valid book that ends earlier; nothing at the station can tell.
        """
        if self.database is None or not self.database.stat().st_size:
            return self
        os.truncate(self.database, chance.randrange(1, self.database.stat().st_size))
        if self.log is not None:
            self.log.unlink()
        return DiskImage(self.path, self.database, None)


def _error(text: str, code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return error


def _log(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _copied(path: Path) -> Path | None:
    if not path.exists():
        return None
    names = (path.with_name(f"{path.name}.kept-{number}") for number in itertools.count())
    copy = next(name for name in names if not name.exists())
    shutil.copyfile(path, copy)
    return copy
