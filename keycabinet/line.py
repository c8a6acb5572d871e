"""`Line`: one physical line shared by several devices: turns, silence, priorities, deadlines, back-off, reopening."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

from keycabinet.errors import LineClosed, LinkLost, PortUnavailable
from keycabinet.exchange import Device, Exchange, LineStats, Priority, ReplyReader
from keycabinet.half_duplex import HalfDuplex
from keycabinet.ownership import Ownership
from keycabinet.pipelined import Pipelined
from keycabinet.reconnect import Reconnector
from keycabinet.transport import LineUrl, Opener, open_link

__all__ = ["Device", "Line", "LineStats", "Priority"]

T = TypeVar("T")
CLOSING_S = 1.0


async def _own(name: str, url: LineUrl, holder: str) -> Ownership:
    """Take the lock off the loop; a caller that gives up meanwhile leaves none behind."""
    taking = asyncio.get_running_loop().run_in_executor(None, Ownership.acquire, name, url, holder)
    try:
        return await asyncio.shield(taking)
    except asyncio.CancelledError:
        taking.add_done_callback(_release_when_taken)
        raise


def _release_when_taken(taking: asyncio.Future[Ownership]) -> None:
    if not taking.cancelled() and taking.exception() is None:
        taking.result().release()


class Line:
    """An open line. While its link is down, requests fail at once with LinkLost and it is reopened by itself."""

    def __init__(self, name: str, url: LineUrl, opener: Opener, ownership: Ownership | None) -> None:
        """Use `Line.open`."""
        self.name = name
        self.url = url
        self.stats = LineStats()
        self._opener = opener
        self._ownership = ownership
        self._loop = asyncio.get_running_loop()
        self._connection: HalfDuplex | Pipelined | None = None
        self._reconnector = Reconnector(self._reconnect)
        self._listeners: list[Callable[[bytes], None]] = []
        self._closed = False
        self._gone: asyncio.Future[None] | None = None

    @classmethod
    async def open(
        cls,
        name: str,
        url: LineUrl,
        *,
        opener: Opener = open_link,
        holder: str = "motorpool",
        exclusive: bool | None = None,
        patient: bool = False,
    ) -> Line:
        """Open the line; PortUnavailable when it cannot be had, LineHeld naming the other owner.

        A `patient` caller gets the line also while it cannot be had (an adapter not plugged in yet): it is down, and
        opened by itself as soon as it can be.

        `exclusive` takes the host-wide lock of the wire under the name `holder` for as long as the Line lives. By
        default only real links take it; a line over another opener (a simulator's) leaves no trace on the host.
        """
        ownership: Ownership | None = None
        if exclusive if exclusive is not None else opener is open_link:
            ownership = await _own(name, url, holder)
        line = cls(name, url, opener, ownership)
        try:
            await line._connect()
        except BaseException as error:
            if patient and isinstance(error, PortUnavailable | LinkLost):
                line._reconnector.start(error)
                return line
            line._closed = True
            line._release()
            raise
        return line

    @property
    def half_duplex(self) -> bool:
        """True for serial lines and RTU over TCP: one exchange at a time, RTU frames."""
        return self.url.half_duplex

    @property
    def connected(self) -> bool:
        """Whether the link is up at the moment."""
        return self._connection is not None

    @property
    def echoing(self) -> bool | None:
        """Whether its adapter hands back what is sent; None while no query has shown it, or the link is down."""
        return self._connection.echoing if isinstance(self._connection, HalfDuplex) else None

    def listen(self, listener: Callable[[bytes], None]) -> None:
        """Let a device hear, for as long as the line lives, what comes while nobody waits for a reply.

        Half-duplex lines only: boards that push changes speak serial protocols.
        """
        self._listeners.append(listener)

    def _unasked(self, data: bytes) -> None:
        for listener in self._listeners:
            listener(data)

    def submit(
        self,
        device: Device,
        request: bytes,
        reader: ReplyReader[T],
        priority: int = Priority.COMMAND,
        *,
        timeout_s: float | None = None,
    ) -> asyncio.Future[T]:
        """Queue one request; the future gets the reply's value. `timeout_s` goes before the device's usual one.

        LinkLost or LineClosed at once while the line is down, DeviceBackedOff while the device is not asked. Cancelling
        the future gives the request up; if it is on the wire already, its reply is awaited and dropped first.
        """
        connection = self._connection
        if connection is None:
            raise self._down()
        if device.silences:
            refusal = device.back_off(self._loop.time(), priority)
            if refusal is not None:
                self.stats.backed_off += 1
                raise refusal
        future: asyncio.Future[T] = self._loop.create_future()
        connection.submit(Exchange(device, request, reader, priority, future, timeout_s))
        return future

    def _down(self) -> LineClosed | LinkLost:
        if self._closed:
            return LineClosed(self.name, "the line is closed; open it again")
        last = self._reconnector.last_error
        return LinkLost(
            self.name, f"the link is down and being reopened ({last})" if last else "the link is down"
        )

    async def _connect(self) -> None:
        connection = (
            HalfDuplex(self.name, self.url, self.stats, self._lost, self._unasked)
            if self.url.half_duplex
            else Pipelined(self.name, self.stats, self._lost)
        )
        link = await self._opener(self.url, connection)
        connection.attach(link)
        if connection.lost:
            raise LinkLost(self.name, "the link was lost while it was being opened")
        self._connection = connection

    async def _reconnect(self) -> None:
        await self._connect()
        self.stats.links_reopened += 1

    def _lost(self, connection: HalfDuplex | Pipelined, error: Exception | None) -> None:
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)
        if connection is not self._connection:
            return
        self._connection = None
        if not self._closed:
            self.stats.links_lost += 1
            self._reconnector.start()

    async def close(self) -> None:
        """Fail what is under way, let go of the link and of the lock; may be called twice."""
        if self._closed:
            return
        self._closed = True
        try:
            await self._reconnector.stop()
            if self._connection is not None:
                self._gone = self._loop.create_future()
                self._connection.close()
                await asyncio.wait([self._gone], timeout=CLOSING_S)
        finally:  # also for a caller that gives up: nobody could let go of the lock after that
            if self._connection is not None:
                self._connection.close()
            self._release()

    def __del__(self) -> None:
        if not self._closed:
            warnings.warn(f"line {self.name} was never closed", ResourceWarning, source=self, stacklevel=1)

    def _release(self) -> None:
        ownership, self._ownership = self._ownership, None
        if ownership is not None:
            ownership.release()

    async def __aenter__(self) -> Line:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
