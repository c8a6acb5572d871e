"""File work beside the loop: one piece at a time, in one executor thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from threading import get_ident
from typing import Any, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")

_LINGER_S = 0.001
"""How long the thread waits for more before its shift ends."""

_Piece = tuple["asyncio.Future[Any]", Callable[..., Any], tuple[Any, ...]]


class Worker:
    """Runs functions in the order in which they are handed in.

    What an executor asks for a job and its result is half of what a small transaction costs. So a job is a whole
    shift: as long as pieces keep coming, the thread takes them from a queue and hands each result to the loop.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._thread = get_ident()
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        self._pieces: SimpleQueue[_Piece | None] = SimpleQueue()
        self._shift: asyncio.Future[None] | None = None

    def run(self, work: Callable[[Unpack[Arguments]], T], *arguments: *Arguments) -> asyncio.Future[T]:
        """Run `work` when it is its turn, even if the future is cancelled meanwhile."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._pieces.put((future, work, arguments))
        if self._shift is None:
            self._begin()
        return future

    async def close(self) -> None:
        """Let the thread go, once everything that was handed in is done."""
        if self._shift is not None:
            self._pieces.put(None)
        while self._shift is not None:
            await asyncio.wait([self._shift])  # gives `_ended` its turn, also when the shift is over already
        self._executor.shutdown(wait=False)

    def _begin(self) -> None:
        self._shift = self._loop.run_in_executor(self._executor, self._work)
        self._shift.add_done_callback(self._ended)

    def _ended(self, _: asyncio.Future[None]) -> None:
        self._shift = None
        if not self._pieces.empty():
            self._begin()

    def _work(self) -> None:
        inline = get_ident() == self._thread  # in virtual time: who would bring more is waiting for us
        while True:
            try:
                piece = self._pieces.get(timeout=_LINGER_S)
            except Empty:
                return
            if piece is None:
                return
            self._do(*piece)
            if inline:
                return

    def _do(self, future: asyncio.Future[Any], work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        try:
            result = work(*arguments)
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever awaits the work
            self._loop.call_soon_threadsafe(_fail, future, error)
        else:
            self._loop.call_soon_threadsafe(_settle, future, result)


def _settle(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)
