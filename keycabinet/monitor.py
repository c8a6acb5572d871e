"""Watches one board: checks it before use, reads it, and notices when it is lost or back."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from keycabinet.boards.base import Board, BoardIdentity
from keycabinet.debounce import Debouncer
from keycabinet.errors import (
    AddressTakenTwice,
    BoardRefused,
    BoardUnverified,
    DeviceBackedOff,
    DriverFailed,
    KeyCabinetError,
    LineError,
)
from keycabinet.exchange import Priority

log = logging.getLogger(__name__)

RECHECK_REFUSED_S = 10.0
RECHECK_S = 60.0
"""How long a board is believed to be set as it was: one that lost its supply between two polls comes back as it left
the factory, with its inputs linked to its locks, and answers as if nothing had been."""


class Watcher(Protocol):
    """Who is told; `monitor` says which board."""

    def inputs_changed(self, monitor: BoardMonitor) -> None:
        """Settled inputs differ."""

    def board_lost(self, monitor: BoardMonitor, error: KeyCabinetError) -> None:
        """It stopped answering, or must not be used."""

    def address_contested(self, monitor: BoardMonitor, error: AddressTakenTwice) -> None:
        """It is lost because another board answers at its address; told after `board_lost`, or later."""

    def board_recovered(self, monitor: BoardMonitor) -> None:
        """It answers again and passed its checks."""


class BoardMonitor:
    """One board of a cabinet. A board that was lost is checked anew before anything is believed or opened."""

    __slots__ = (
        "_check_at",
        "_check_due",
        "_loop",
        "_watcher",
        "board",
        "error",
        "identity",
        "inputs",
        "label",
    )

    def __init__(self, label: str, board: Board, hold_s: float, watcher: Watcher) -> None:
        self.label = label
        self.board = board
        self.inputs = Debouncer(board.shape.inputs, hold_s)
        self.identity: BoardIdentity | None = None
        self.error: KeyCabinetError | None = None
        self._watcher = watcher
        self._loop = asyncio.get_running_loop()
        self._check_at = 0.0
        self._check_due = 0.0

    @property
    def online(self) -> bool:
        """Whether it answers and passed its checks."""
        return self.identity is not None and self.error is None

    def require(self) -> Board:
        """The board, for an output to be switched; BoardUnverified while it must not be told anything."""
        if self.online:
            return self.board
        reason = self.error.text if self.error is not None else "it has not been read yet"
        raise BoardUnverified(self.board.name, f"not used before it passes its checks: {reason}")

    async def poll(self, priority: Priority) -> None:
        """Read once (twice, when the first reading fails). Failures are told to the watcher, not raised."""
        if isinstance(self.error, BoardRefused) and self._loop.time() < self._check_at:
            return
        try:
            await self._read_patiently(priority)
        except KeyCabinetError as error:
            self._lose(error)
        except Exception as error:
            if not isinstance(self.error, DriverFailed):  # told once, not at every poll
                log.exception("%s: its driver failed", self.board.name)
            self._lose(DriverFailed(self.board.name, error))

    async def _read_patiently(self, priority: Priority) -> None:
        try:
            await self._read(priority)
        except (LineError, DeviceBackedOff, BoardRefused):
            raise
        except KeyCabinetError:
            self._check_due = 0.0  # perhaps it was restarted meanwhile
            await self._read(priority)

    async def _read(self, priority: Priority) -> None:
        board = self.board
        if self.identity is None:
            await self._check()
        if board.shape.inputs:
            raw = await board.read_inputs(priority)
        else:
            await board.read_outputs(priority)  # nothing to see, but alive
            raw = 0
        if self.error is not None:
            self.error = None
            self._watcher.board_recovered(self)
        if self.inputs.feed(raw, self._loop.time()):
            self._watcher.inputs_changed(self)
        if self._loop.time() >= self._check_due and not self.inputs.restless:
            try:
                await self._check()
            except BoardRefused:
                raise
            except KeyCabinetError:
                return  # its inputs were read just now; it is checked at the next poll

    async def _check(self) -> None:
        self.identity = await self.board.verify()
        self._check_due = self._loop.time() + RECHECK_S

    def _lose(self, error: KeyCabinetError) -> None:
        first, contested = self.error is None, isinstance(self.error, AddressTakenTwice)
        self.error = error
        self.identity = None
        self._check_at = self._loop.time() + RECHECK_REFUSED_S
        changed = self.inputs.reset()
        if first:
            self._watcher.board_lost(self, error)
        if isinstance(error, AddressTakenTwice) and not contested:
            self._watcher.address_contested(self, error)
        if changed:
            self._watcher.inputs_changed(self)
