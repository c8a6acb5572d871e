"""The book of one station: steps are committed to it, state and events are read from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from .model import Command, Event, Head, Row, Step


class Ledger:
    """One station's book, open for writing by this process alone. Use it as an async context manager."""

    @classmethod
    async def open(cls, path: Path, *, station: str, holder: str, clock: Callable[[], datetime]) -> Self:
        """Open or create the ledger. Raises LedgerHeld, LedgerBroken, WrongStation, LedgerUnavailable."""
        raise NotImplementedError

    async def commit(self, step: Step) -> tuple[Event, ...]:
        """Record the step; when this returns it is on the disk.

        Raises VersionConflict, DuplicateCommand, CommandConflict, LedgerUnavailable, LedgerClosed; ValueError
        for what canonical JSON cannot say.
        """
        raise NotImplementedError

    def rows(self, kind: str) -> Mapping[str, Row]:
        """The committed state rows of a kind, by id. A live, read-only view."""
        raise NotImplementedError

    def row(self, kind: str, id: str) -> Row | None:  # noqa: A002
        """One committed state row."""
        raise NotImplementedError

    async def command(self, id: str) -> Command | None:  # noqa: A002
        """The recorded command of that id, however old."""
        raise NotImplementedError

    async def events(self, after: int = 0, limit: int = 200) -> list[Event]:
        """At most `limit` events with a sequence number greater than `after`, in order."""
        raise NotImplementedError

    async def wait(self, after: int) -> None:
        """Return when an event later than `after` is recorded. Raises LedgerClosed."""
        raise NotImplementedError

    @property
    def head(self) -> Head:
        """Last recorded sequence number and its hash."""
        raise NotImplementedError

    async def close(self) -> None:
        """Finish what was handed in, then close and let the lock go. Calling it again is harmless."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
