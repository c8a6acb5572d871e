"""One pulse, read back: what became of a command to open."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar

from keycabinet.boards.base import Board
from keycabinet.errors import (
    BoardRefused,
    CommandReused,
    DeviceRefused,
    DriverFailed,
    ExceptionReply,
    KeyCabinetError,
)
from keycabinet.exchange import Priority
from keycabinet.model import LatchState, Release, ReleaseOutcome

log = logging.getLogger(__name__)

T = TypeVar("T")
REMEMBERED_COMMANDS = 1024
LATCH_TIME_S = 1.0
"""How long after the pulse a latch may take to be seen open."""

LatchReader = Callable[[], Awaitable[LatchState]]


async def pulse_and_read_back(
    board: Board, channel: int, latch: LatchReader | None = None
) -> tuple[ReleaseOutcome, str | None]:
    """Give one pulse and find out what it did; returns the outcome and, short of `confirmed`, the reason.

    Never pulses twice, whatever happens. A latch that was seen locked before must be seen unlocked; without one the
    relay must be read on while the pulse lasts, on boards that tell. What a board answers to a pulse proves nothing.
    """
    before = await latch() if latch is not None else LatchState.UNKNOWN
    was_locked = before is LatchState.LOCKED
    doubt: str | None = None
    try:
        await _of_driver(board, board.pulse(channel))
    except BoardRefused as error:
        return ReleaseOutcome.NOT_SENT, str(error)
    except DeviceRefused as error:
        if isinstance(error, ExceptionReply) and error.perhaps_done:
            doubt = str(error)
        elif latch is not None and was_locked and await latch() is LatchState.UNLOCKED:
            return ReleaseOutcome.CONFIRMED, None  # it says no, and the latch has moved all the same
        else:
            return ReleaseOutcome.REJECTED, str(error)
    except KeyCabinetError as error:
        if not error.sent:
            return ReleaseOutcome.NOT_SENT, str(error)
        doubt = str(error)
    if latch is not None and was_locked:
        confirmed = await _latch_opens(latch, board.pulse_s)
    elif board.shape.reads_outputs:
        confirmed = await _relay_is_on(board, channel)
    else:
        confirmed = _nothing_tells(board, channel, before, wired=latch is not None)
    if confirmed is None:
        return ReleaseOutcome.CONFIRMED, None
    return ReleaseOutcome.UNCONFIRMED, f"{doubt}; {confirmed}" if doubt else confirmed


async def _of_driver(board: Board, work: Awaitable[T]) -> T:
    """What a driver says. Whatever it must not raise becomes DriverFailed: one bad driver holds up no other lock."""
    try:
        return await work
    except KeyCabinetError:
        raise
    except Exception as error:
        log.exception("%s: its driver failed", board.name)
        raise DriverFailed(board.name, error) from error


async def _relay_is_on(board: Board, channel: int) -> str | None:
    """None when the relay is read on, else why not."""
    try:
        outputs = await _of_driver(board, board.read_outputs(Priority.RELEASE))
    except KeyCabinetError as error:
        return f"it could not be read back: {error}"
    if outputs >> (channel - 1) & 1:
        return None
    return f"{board.name}: relay {channel} was read back off; look at the slot before trying again"


def _nothing_tells(board: Board, channel: int, before: LatchState, *, wired: bool) -> str:
    """Why no reading can confirm the pulse."""
    if wired:
        return f"the latch read {before.value} before the pulse, so that nothing shows whether it moved"
    return f"{board.name}: nothing senses lock {channel}; wire its latch (latches in the site file)"


async def _latch_opens(latch: LatchReader, pulse_s: float) -> str | None:
    """None as soon as the latch is seen open, else why not."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + pulse_s + LATCH_TIME_S
    while True:
        state = await latch()
        if state is LatchState.UNLOCKED:
            return None
        if loop.time() >= deadline:
            return f"the latch still reads {state.value}; it may be jammed"
        await asyncio.sleep(0.02)


class Releaser:
    """Runs each command id once, also when its caller gives up or asks again meanwhile."""

    __slots__ = ("_cabinet", "_commands", "_many")

    def __init__(self, cabinet: str) -> None:
        self._cabinet = cabinet
        self._commands: dict[str, tuple[int, asyncio.Task[Release]]] = {}
        self._many: dict[str, tuple[int, ...]] = {}

    async def run(self, slot: int, command_id: str, work: Callable[[], Awaitable[Release]]) -> Release:
        """The release of this command id: a new one, the one under way, or the one that is over."""
        if command_id in self._many:
            raise CommandReused(
                self._cabinet, f"command {command_id!r} opened many slots and cannot open one; use a new id"
            )
        known = self._commands.get(command_id)
        if known is not None:
            if known[0] != slot:
                raise CommandReused(
                    self._cabinet,
                    f"command {command_id!r} opened slot {known[0]} and cannot open slot {slot}; use a new id",
                )
            return await asyncio.shield(known[1])
        task = asyncio.get_running_loop().create_task(_run(work), name=f"release {command_id}")
        self._commands[command_id] = (slot, task)
        self._forget()
        return await asyncio.shield(task)

    def _forget(self) -> None:
        """The oldest; those of a command for many slots go with that."""
        if len(self._commands) <= REMEMBERED_COMMANDS:
            return
        over = [
            key for key, (_, task) in self._commands.items() if task.done() and not self._one_of_many(key)
        ]
        for command_id in over[: max(0, len(over) - REMEMBERED_COMMANDS)]:
            del self._commands[command_id]

    def _one_of_many(self, command_id: str) -> bool:
        return command_id.rpartition("/")[0] in self._many

    def claim(self, command_id: str, slots: tuple[int, ...]) -> None:
        """Remember that this id is for these slots; CommandReused when it is for others."""
        if self._many.get(command_id, slots) != slots or command_id in self._commands:
            raise CommandReused(
                self._cabinet,
                f"command {command_id!r} opened other slots and cannot open these; use a new id",
            )
        self._many[command_id] = slots
        while len(self._many) > REMEMBERED_COMMANDS:
            oldest = next(iter(self._many))
            for slot in self._many.pop(oldest):
                self._commands.pop(f"{oldest}/{slot}", None)

    async def finish(self) -> None:
        """Wait for the releases under way; each ends by its own time-outs."""
        running = [task for _, task in self._commands.values() if not task.done()]
        if running:
            await asyncio.wait(running)


async def _run(work: Callable[[], Awaitable[Release]]) -> Release:
    return await work()


async def side_by_side(works: Iterable[Coroutine[Any, Any, T]]) -> tuple[T, ...]:
    """The results of all, side by side; the rest is given up when one fails or the caller does."""
    loop = asyncio.get_running_loop()
    tasks = [loop.create_task(work) for work in works]
    try:
        return tuple(await asyncio.gather(*tasks))
    finally:
        running = [task for task in tasks if not task.done()]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
