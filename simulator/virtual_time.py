"""Event loop whose clock jumps to the next timer: a day passes in seconds, and the same way each time.

TCP is carried in memory (`loop.network`), executors run inline, nothing touches the kernel and no thread can
wake it.
"""

from __future__ import annotations

import asyncio
import heapq
import random
import socket
import weakref
from asyncio import base_events
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Context
from datetime import datetime, timedelta
from types import FrameType
from typing import Any, TypeVar

from simulator.memory_network import MemoryServer, Network, ProtocolFactory, resolve
from simulator.memory_transport import MemoryTransport

T = TypeVar("T")

# Rebuild the timer heap once this many cancelled timers sit in it and they are the majority.
CANCELLED_TIMERS_TOLERATED = 100


class Deadlock(RuntimeError):
    """Nothing is ready, no timer is set, and the main coroutine is not done.

    `waiting` has a line for each task: its name, its coroutine, and the innermost frame with what it awaits.
    """

    def __init__(self, at: float, waiting: Sequence[str]) -> None:
        self.at = at
        self.waiting = tuple(waiting)
        lines = "".join(f"\n  {line}" for line in self.waiting)
        super().__init__(f"deadlock at {at:.6f} s of virtual time; these tasks wait for ever:{lines}")


class _Timer(asyncio.TimerHandle):
    __slots__ = ()

    _scheduled: (
        bool  # of TimerHandle, which typeshed does not describe; cancel() asks the loop only while set
    )


class VirtualTimeLoop(base_events.BaseEventLoop):
    """asyncio event loop in virtual time.

    `time()` starts at `start` seconds and moves only when nothing is ready. Timers for the same instant fire
    in the order they were set. `random` is seeded by `seed`, for whoever needs randomness that replays.
    """

    # Of BaseEventLoop, which typeshed does not describe.
    _ready: deque[asyncio.Handle]
    _stopping: bool

    def __init__(self, *, seed: int = 0, start: float = 0.0) -> None:
        super().__init__()
        self.random = random.Random(seed)
        self.network = Network(self)
        self.work_takes: Callable[[], float] | None = None
        self._now = start
        self._timers: list[tuple[float, int, _Timer]] = []
        self._timers_set = 0
        self._worked_until = start
        self._timers_cancelled = 0
        self._born: list[weakref.ref[asyncio.Task[Any]]] = []
        self._born_limit = 1024

    # -- clock and callbacks

    def time(self) -> float:
        return self._now

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        if self.is_closed():
            raise RuntimeError("Event loop is closed")
        timer = _Timer(when, callback, args, self, context)
        timer._scheduled = True
        self._timers_set += 1
        heapq.heappush(self._timers, (when, self._timers_set, timer))
        return timer

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Same as `call_soon`: only the loop's own thread exists."""
        return self.call_soon(callback, *args, context=context)

    def _timer_handle_cancelled(self, handle: _Timer) -> None:
        if not handle._scheduled:  # it is on its way to being called
            return
        self._timers_cancelled += 1
        if self._timers_cancelled > CANCELLED_TIMERS_TOLERATED and self._timers_cancelled * 2 > len(
            self._timers
        ):
            self._timers[:] = [entry for entry in self._timers if not entry[2]._cancelled]
            heapq.heapify(self._timers)
            self._timers_cancelled = 0

    def _run_once(self) -> None:
        """Run one turn: timers that are due, then everything that was ready when the turn began."""
        ready, timers = self._ready, self._timers
        while timers and timers[0][2]._cancelled:
            heapq.heappop(timers)
            self._timers_cancelled -= 1
        if not ready and not self._stopping:
            if not timers:
                raise Deadlock(self._now, self._describe_tasks())
            self._now = max(self._now, timers[0][0])
        now = self._now
        while timers and timers[0][0] <= now:
            timer = heapq.heappop(timers)[2]
            timer._scheduled = False
            if timer._cancelled:
                self._timers_cancelled -= 1
            else:
                ready.append(timer)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()

    def close(self) -> None:
        if self.is_running():
            raise RuntimeError("Cannot close a running event loop")
        super().close()
        self._timers.clear()

    # -- tasks

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = super().create_task(coro, **options)
        # asyncio.all_tasks() is a set ordered by address; reports and cancellation need the order of birth.
        self._born.append(weakref.ref(task))
        if len(self._born) > self._born_limit:
            self._born = [
                known for known in self._born if (task_ := known()) is not None and not task_.done()
            ]
            self._born_limit = max(1024, 2 * len(self._born))
        return task

    def open_tasks(self) -> list[asyncio.Task[Any]]:
        """Return the tasks that are not done, oldest first."""
        tasks = (known() for known in self._born)
        return [task for task in tasks if task is not None and not task.done()]

    def _describe_tasks(self) -> list[str]:
        return [_describe(task) for task in self.open_tasks()]

    # -- executors, signals

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Run `func` inline, in a turn of its own; cancelling the future before that turn prevents it.

        With `work_takes` set, each piece takes so long (s) before it is done, as on a slow disk.
        """
        future: asyncio.Future[T] = self.create_future()
        takes_s = 0.0 if self.work_takes is None else self.work_takes()
        if takes_s > 0 or self._worked_until > self._now:
            self._worked_until = max(self._worked_until, self._now) + takes_s  # one piece after the other
            self.call_at(self._worked_until, _work, future, func, args)
        else:
            self.call_soon(_work, future, func, args)
        return future

    def set_default_executor(self, executor: Any) -> None:
        """Accept and ignore: everything runs inline."""

    def add_signal_handler(  # type: ignore[override]
        self, sig: int, callback: Callable[..., object], *args: Any
    ) -> None:
        """Accept and ignore: no signal reaches virtual time."""

    def remove_signal_handler(self, sig: int) -> bool:
        """Return False: there never is a handler."""
        return False

    # -- network

    async def getaddrinfo(
        self,
        host: Any,
        port: Any,
        *,
        family: int = 0,
        type: int = 0,  # noqa: A002 - the name is asyncio's
        proto: int = 0,
        flags: int = 0,
    ) -> list[tuple[Any, ...]]:
        """Resolve `localhost` and numeric addresses. Raises socket.gaierror for any other name."""
        name = host.decode() if isinstance(host, bytes) else host
        address = resolve(name)
        found = socket.AF_INET6 if ":" in address else socket.AF_INET
        if family not in (0, found):
            raise socket.gaierror(socket.EAI_ADDRFAMILY, f"{address} is of another address family")
        where = (address, int(port or 0)) if found == socket.AF_INET else (address, int(port or 0), 0, 0)
        return [(found, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", where)]

    async def create_connection(
        self,
        protocol_factory: ProtocolFactory,
        host: str | None = None,
        port: int | None = None,
        *,
        ssl: Any = None,
        sock: Any = None,
        local_addr: tuple[str, int] | None = None,
        **_ignored: Any,
    ) -> tuple[MemoryTransport, Any]:
        """Connect over the network in memory. Raises ConnectionRefusedError, socket.gaierror."""
        if ssl or sock is not None or host is None or port is None:
            raise NotImplementedError("in virtual time a connection has host and port, no TLS, no socket")
        return await self.network.connect(protocol_factory, host, int(port), local_addr)

    async def create_server(  # type: ignore[override]
        self,
        protocol_factory: ProtocolFactory,
        host: str | Sequence[str] | None = None,
        port: int | None = None,
        *,
        ssl: Any = None,
        sock: Any = None,
        start_serving: bool = True,
        **_ignored: Any,
    ) -> MemoryServer:
        """Listen on the network in memory; port 0 or None picks a free one. Raises OSError (EADDRINUSE)."""
        if ssl or sock is not None:
            raise NotImplementedError("in virtual time a server has host and port, no TLS, no socket")
        hosts = [host] if host is None or isinstance(host, str) else list(host)
        server = self.network.listen(protocol_factory, hosts, int(port or 0))
        if start_serving:
            await server.start_serving()
            await asyncio.sleep(0)
        return server

    async def create_datagram_endpoint(self, *_: Any, **__: Any) -> Any:
        """Raise NotImplementedError: the network in memory carries TCP."""
        raise NotImplementedError("in virtual time there is no UDP")


def wall_clock(start: datetime) -> Callable[[], datetime]:
    """A wall clock that goes with the running loop's time: `start` plus the seconds since the loop's zero."""
    loop = asyncio.get_running_loop()
    return lambda: start + timedelta(seconds=loop.time())


def run(main: Coroutine[Any, Any, T], *, seed: int = 0, start: float = 0.0) -> T:
    """Run `main` in virtual time and return its result, as `asyncio.run` does in real time.

    The clock begins at `start` seconds. Tasks left over are cancelled, oldest first. Raises Deadlock.
    """
    if not asyncio.iscoroutine(main):
        raise ValueError(f"a coroutine was expected, got {main!r}")
    if asyncio._get_running_loop() is not None:
        main.close()
        raise RuntimeError("virtual_time.run() cannot be called from a running event loop")
    loop = VirtualTimeLoop(seed=seed, start=start)
    try:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(main)
    finally:
        try:
            _cancel_left_over(loop)
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            asyncio.set_event_loop(None)
            loop.close()


def _cancel_left_over(loop: VirtualTimeLoop) -> None:
    tasks = loop.open_tasks()
    for task in tasks:
        task.cancel()
    if not tasks:
        return
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    for task in tasks:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            loop.call_exception_handler(
                {"message": "unhandled exception at the end of run()", "exception": error, "task": task}
            )


def _work(future: asyncio.Future[T], func: Callable[..., T], args: tuple[Any, ...]) -> None:
    if future.cancelled():
        return
    try:
        result = func(*args)
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as error:  # noqa: BLE001 - it belongs to whoever awaits the work
        future.set_exception(_through_a_future(error))
    else:
        future.set_result(result)


def _through_a_future(error: BaseException) -> BaseException:
    if not isinstance(error, StopIteration):
        return error
    wrapped = RuntimeError("work in an executor raised StopIteration, which a future cannot carry")
    wrapped.__cause__ = error
    return wrapped


def _describe(task: asyncio.Task[Any]) -> str:
    """Say where a suspended task waits: the innermost frame of its coroutines, and the future it awaits."""
    coroutine: Any = task.get_coro()
    awaited, frame = coroutine, None
    while awaited is not None:
        frame = _frame_of(awaited) or frame
        awaited = _awaited_by(awaited)
    place = "not started"
    if frame is not None:
        place = f"{frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"
    name = getattr(coroutine, "__qualname__", repr(coroutine))
    return f"{task.get_name()} ({name}) at {place}, awaiting {getattr(task, '_fut_waiter', None)!r}"


def _frame_of(awaitable: Any) -> FrameType | None:
    for attribute in ("cr_frame", "gi_frame", "ag_frame"):
        frame = getattr(awaitable, attribute, None)
        if isinstance(frame, FrameType):
            return frame
    return None


def _awaited_by(awaitable: Any) -> Any:
    for attribute in ("cr_await", "gi_yieldfrom", "ag_await"):
        inner = getattr(awaitable, attribute, None)
        if inner is not None:
            return inner
    return None
