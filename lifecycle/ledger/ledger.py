"""The book of one station: steps are committed to it, state and events are read from it."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self, TypeVar, TypeVarTuple, Unpack

from sqlalchemy.exc import SQLAlchemyError

from .archive import Archive
from .chain import Prepared, prepare
from .errors import LedgerBroken, LedgerClosed, LedgerUnavailable, WrongStation
from .image import Closed
from .lock import WriterLock
from .model import Command, Event, Head, Row, Step
from .schema import Connect, connect, create
from .verify import verify
from .worker import Worker
from .writer import Batch, Writer

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

_RECENT = 1024
"""How many of the last events stay in memory for those who follow the book."""

Clock = Callable[[], datetime]
_Waiting = tuple[Prepared, "asyncio.Future[tuple[Event, ...]]"]


class Ledger:
    """One station's book, open for writing by this process alone. Use it as an async context manager.

    All file work is done by one worker, one piece at a time. Steps that arrive while a transaction is
    being written wait together and share the next one, and its fsync.
    """

    def __init__(self, writer: Writer, lock: WriterLock, clock: Clock, worker: Worker) -> None:
        """Use `open`."""
        self._writer, self._lock, self._clock, self._worker = writer, lock, clock, worker
        self._loop = asyncio.get_running_loop()
        self._waiting: list[_Waiting] = []
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = self._shut = False
        self._broken: LedgerBroken | None = None
        self._recent: deque[Event] = deque(maxlen=_RECENT)
        self._news = asyncio.Event()
        self._told = writer.image.seq
        self._archive = Archive(writer.path)

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        station: str,
        holder: str,
        clock: Clock,
        closed: Closed | None = None,
        connect: Connect = connect,
    ) -> Self:
        """Open the ledger of `station`, or begin it where there is none. `holder`: who others are told has it.

        `closed`: by kind of row, the states in which memory lets it go, sooner or later.

        A file that exists is verified whole first (about 8 us an event) and never written to if it does not hold.
        `connect` opens the database file. Raises LedgerHeld, LedgerBroken, WrongStation, LedgerUnavailable.
        """
        worker = Worker()
        try:
            writer, lock = await worker.run(_open, path, station, holder, connect, closed or {})
        except BaseException:
            await worker.close()
            raise
        return cls(writer, lock, clock, worker)

    async def commit(self, step: Step) -> tuple[Event, ...]:
        """Record the step; when this returns it is on the disk.

        Raises VersionConflict, DuplicateCommand, CommandConflict, LedgerUnavailable, LedgerClosed; LedgerBroken,
        and again at every later step, when another hand changed the file; ValueError for what canonical JSON
        cannot say. A caller that is cancelled may still find its step recorded.
        """
        self._refuse_if_closed()
        if self._broken is not None:
            raise self._broken
        prepared = prepare(step, self._clock())
        waiting: asyncio.Future[tuple[Event, ...]] = self._loop.create_future()
        self._waiting.append((prepared, waiting))
        if self._idle.is_set():
            self._idle.clear()
            self._loop.call_soon(self._write)  # whoever else is about to commit in this turn joins the batch
        return await waiting

    def rows(self, kind: str) -> Mapping[str, Row]:
        """The committed state rows of a kind that memory holds, by id: all that are not closed, and some that are.

        A live, read-only view.
        """
        return MappingProxyType(self._writer.image.rows.setdefault(kind, {}))

    def row(self, kind: str, id: str) -> Row | None:  # noqa: A002
        """One committed state row, closed ones too. Its `data` is not to be changed. Raises LedgerUnavailable."""
        image = self._writer.image
        found = image.row(kind, id)
        return self._archive.row(kind, id) if found is None and kind in image.closed else found

    def all_rows(self, kind: str) -> Sequence[Row]:
        """Every committed state row of a kind, in the order in which they came to be. Raises LedgerUnavailable."""
        image = self._writer.image
        return self._archive.rows(kind) if kind in image.closed else tuple(self.rows(kind).values())

    async def command(self, id: str) -> Command | None:  # noqa: A002
        """The recorded command of that id, however old. Raises LedgerUnavailable, LedgerClosed."""
        return await self._run(self._writer.command, id)

    async def events(self, after: int = 0, limit: int = 200) -> list[Event]:
        """At most `limit` events later than `after`, in order. Raises LedgerUnavailable, LedgerClosed."""
        self._refuse_if_closed()
        recent = self._recent
        if recent and recent[0].seq <= after + 1 and recent[-1].seq == self._writer.image.seq:
            start = max(after + 1 - recent[0].seq, 0)
            return list(itertools.islice(recent, start, start + limit))
        return await self._run(self._writer.events, after, limit)

    async def wait(self, after: int) -> None:
        """Return when an event later than `after` is recorded. Raises LedgerClosed."""
        while self._writer.image.seq <= after:
            self._refuse_if_closed()
            await self._news.wait()

    @property
    def head(self) -> Head:
        """Last recorded sequence number and its hash."""
        return self._writer.image.head

    async def close(self) -> None:
        """Record what was handed in, then close and let the lock go. Calling it again is harmless."""
        if self._closed:
            return
        self._closed = True
        self._news.set()
        try:
            await self._idle.wait()
        finally:
            self._shut = True
            self._archive.close()
            await self._worker.run(self._release)
            await self._worker.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _write(self) -> None:
        """Send everybody who waits to the disk together."""
        waiting = [one for one in self._waiting if not one[1].done()]
        self._waiting = []
        if self._shut:
            _fail(waiting, LedgerClosed(self._writer.path))
        elif waiting:
            steps = [step for step, _ in waiting]
            written = self._worker.run(self._writer.write, steps, self._clock())
            written.add_done_callback(lambda batch: self._written(waiting, batch))
            return
        self._idle.set()

    def _written(self, waiting: Sequence[_Waiting], written: asyncio.Future[Batch]) -> None:
        """Tell everybody what became of their step; then the next batch, joined by those who commit at once."""
        error = written.exception()
        if error is not None:
            if isinstance(error, LedgerBroken):
                self._broken = error  # nothing more is added to what cannot be trusted
            _fail(waiting, error)
        else:
            batch, recent = written.result(), self._recent
            if recent and recent[-1].seq != self._writer.image.seq:
                recent.clear()  # a step landed whose commit had failed: what is in memory has a gap
            self._writer.adopt(batch)
            for (_, future), outcome in zip(waiting, batch.outcomes, strict=True):
                if isinstance(outcome, tuple):
                    recent.extend(outcome)
                    if not future.done():
                        future.set_result(outcome)
                elif not future.done():
                    future.set_exception(outcome)
        self._tell()
        self._loop.call_soon(self._write)

    def _tell(self) -> None:
        if self._writer.image.seq != self._told:
            self._told = self._writer.image.seq
            self._news.set()
            self._news.clear()

    async def _run(self, work: Callable[[Unpack[Arguments]], T], *arguments: *Arguments) -> T:
        self._refuse_if_closed()
        result = await self._worker.run(work, *arguments)
        self._tell()
        return result

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise LedgerClosed(self._writer.path)

    def _release(self) -> None:
        self._writer.close()
        self._lock.release()


def _fail(waiting: Sequence[_Waiting], error: BaseException) -> None:
    for _, future in waiting:
        if not future.done():
            future.set_exception(error)


def _open(
    path: Path, station: str, holder: str, connecting: Connect, closed: Closed
) -> tuple[Writer, WriterLock]:
    lock = WriterLock.take(path, holder)
    try:
        if not path.exists():
            _begin(path, station, connecting)
        found = verify(path).station
        if found != station:
            raise WrongStation(path, station, found)
        return Writer(path, connecting, closed), lock
    except BaseException:
        lock.release()
        raise


def _begin(path: Path, station: str, connecting: Connect) -> None:
    log = path.with_name(path.name + "-wal")
    if log.exists() and log.stat().st_size:
        raise LedgerBroken(path, 0, f"{log.name} is there but the ledger itself is gone")
    try:
        create(path, station, connecting)
    except (OSError, sqlite3.Error, SQLAlchemyError) as error:
        raise LedgerUnavailable(path, str(error)) from error
