"""One end of a TCP connection carried in memory: ordered, with latency, back-pressure, half close and reset.

Semantics are those of asyncio sockets over a Linux kernel: an end learns that its peer is gone when a byte of
its own reaches the closed end.
"""

from __future__ import annotations

import asyncio
import enum
import errno
import socket
import warnings
from collections import deque
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Iterable

Address = tuple[str, int]


class Carrier(Protocol):
    """What a transport needs of the network it is part of."""

    loop: asyncio.AbstractEventLoop
    latency: float


class Listener(Protocol):
    """What a transport tells the server that accepted it."""

    def detach(self, transport: MemoryTransport) -> None: ...


# What a kernel would take off a writer's hands before the writer feels a slow reader, bytes.
KERNEL_BUFFER = 65536
DEFAULT_HIGH_WATER = 65536


class _Mark(enum.Enum):
    """What ends a stream, queued behind its last byte."""

    FIN = "fin"
    RESET = "reset"


class MemorySocket:
    """As much of a socket as `get_extra_info("socket")` users look at."""

    family = socket.AF_INET
    type = socket.SOCK_STREAM
    proto = socket.IPPROTO_TCP

    def __init__(self, local: Address, remote: Address | None = None) -> None:
        self._local = local
        self._remote = remote

    def getsockname(self) -> Address:
        return self._local

    def getpeername(self) -> Address:
        if self._remote is None:
            raise OSError(errno.ENOTCONN, "not connected")
        return self._remote

    def fileno(self) -> int:
        """Return -1: there is no descriptor behind it."""
        return -1

    def setsockopt(self, *_: object) -> None:
        """Accept any option; none has a meaning here."""


class MemoryTransport(asyncio.Transport):
    """One end of a connection. Made in pairs by `Network.connect`."""

    peer: MemoryTransport  # set by whoever makes the pair

    def __init__(
        self, network: Carrier, protocol: asyncio.BaseProtocol, local: Address, remote: Address
    ) -> None:
        super().__init__({"sockname": local, "peername": remote, "socket": MemorySocket(local, remote)})
        self._loop = network.loop
        self._network = network
        self.server: Listener | None = None
        self._inbox: deque[tuple[float, bytes | _Mark]] = deque()
        self._unread = 0
        self._last_due = 0.0
        self._pumping = self._paused = False
        self._closing = self._lost = self._eof_sent = self._writer_paused = False
        self._high, self._low = DEFAULT_HIGH_WATER, DEFAULT_HIGH_WATER // 4
        self.set_protocol(protocol)

    def __repr__(self) -> str:
        state = "closed" if self._lost else "closing" if self._closing else "open"
        local, remote = self.get_extra_info("sockname"), self.get_extra_info("peername")
        return f"<{type(self).__name__} {local} to {remote} {state}>"

    def __del__(self) -> None:
        # An end whose peer has closed would have closed itself, had its loop gone on running.
        if not self._closing and not self.peer._closing:
            warnings.warn(f"unclosed transport {self!r}", ResourceWarning, source=self, stacklevel=1)

    # -- reading

    def is_reading(self) -> bool:
        return not self._paused and not self._closing

    def pause_reading(self) -> None:
        if not self._closing:
            self._paused = True

    def resume_reading(self) -> None:
        if not self._closing and self._paused:
            self._paused = False
            self._schedule_pump()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol
        self._buffered = isinstance(protocol, asyncio.BufferedProtocol)

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def _arrive(self, item: bytes | _Mark) -> None:
        """Take an item that the peer sent now."""
        if self._closing:
            if isinstance(item, bytes):
                self._loop.call_later(self._network.latency, self.peer._reset)
            return
        # A latency that was lowered since must not let a later byte overtake an earlier one.
        self._last_due = max(self._last_due, self._loop.time() + self._network.latency)
        self._inbox.append((self._last_due, item))
        if isinstance(item, bytes):
            self._unread += len(item)
        self._schedule_pump()

    def _schedule_pump(self) -> None:
        if self._pumping or self._paused or not self._inbox:
            return
        self._pumping = True
        due = self._inbox[0][0]
        if due <= self._loop.time():
            self._loop.call_soon(self._pump)
        else:
            self._loop.call_at(due, self._pump)

    def _pump(self) -> None:
        self._pumping = False
        if self._paused or self._closing:
            return
        now = self._loop.time()
        chunks: list[bytes] = []
        mark: _Mark | None = None
        while self._inbox and self._inbox[0][0] <= now and mark is None:
            item = self._inbox[0][1]
            if isinstance(item, bytes):
                chunks.append(item)
            elif chunks:
                break
            else:
                mark = item
            self._inbox.popleft()
        if chunks:
            self._deliver(chunks[0] if len(chunks) == 1 else b"".join(chunks))
        elif mark is not None:
            self._end_of_stream(mark)
        self._schedule_pump()

    def _deliver(self, data: bytes) -> None:
        self._unread -= len(data)
        try:
            if self._buffered:
                _feed_buffered(cast("asyncio.BufferedProtocol", self._protocol), data)
            else:
                cast("asyncio.Protocol", self._protocol).data_received(data)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - a protocol's mistake ends its connection, not the loop
            self._fatal(error)
        self.peer._taken()

    def _end_of_stream(self, mark: _Mark) -> None:
        if mark is _Mark.RESET:
            self._reset()
            return
        keep_open: bool | None = False
        try:
            keep_open = cast("asyncio.Protocol", self._protocol).eof_received()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - as above
            self._fatal(error)
        if not keep_open:
            self.close()

    # -- writing

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"data must be bytes-like, not {type(data).__name__}")
        if self._eof_sent:
            raise RuntimeError("Cannot call write() after write_eof()")
        if self._closing or not data:
            return
        self.peer._arrive(bytes(data))
        if not self._writer_paused and self.get_write_buffer_size() > self._high:
            self._writer_paused = True
            self._protocol.pause_writing()

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        if not self._closing and not self._eof_sent:
            self._eof_sent = True
            self.peer._arrive(_Mark.FIN)

    def get_write_buffer_size(self) -> int:
        return max(0, self.peer._unread - KERNEL_BUFFER)

    def get_write_buffer_limits(self) -> tuple[int, int]:
        return self._low, self._high

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        if high is None:
            high = DEFAULT_HIGH_WATER if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
        self._high, self._low = high, low

    def _taken(self) -> None:
        """Notice that the peer took bytes off our hands."""
        if self._lost:
            return
        left = self.get_write_buffer_size()
        if self._writer_paused and left <= self._low:
            self._writer_paused = False
            self._protocol.resume_writing()
        if self._closing and not left:
            self._lose(None)

    # -- ending

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        """Send what is under way, then end.

        With received bytes left unread the peer sees a reset, as on Linux.
        """
        if self._closing:
            return
        self._closing = True
        unread = self._unread
        self._drop_inbox()
        if unread or not self._eof_sent:
            self.peer._arrive(_Mark.RESET if unread else _Mark.FIN)
        if not self.get_write_buffer_size() or self.peer._closing:
            self._lose(None)

    def abort(self) -> None:
        """End without waiting for a slow reader; what the kernel would hold already still arrives."""
        self.close()
        self._lose(None)

    def _drop_inbox(self) -> None:
        dropped, self._unread = self._unread, 0
        self._inbox.clear()
        if dropped:
            self.peer._taken()

    def _reset(self) -> None:
        if not self._lost:
            self._closing = True
            self._drop_inbox()
            self._lose(ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"))

    def _fatal(self, error: BaseException) -> None:
        self._loop.call_exception_handler(
            {
                "message": "Fatal error: protocol callback failed.",
                "exception": error,
                "transport": self,
                "protocol": self._protocol,
            }
        )
        if not self._lost:
            self._closing = True
            self._drop_inbox()
            self.peer._arrive(_Mark.RESET)
            self._lose(error if isinstance(error, Exception) else None)

    def _lose(self, error: Exception | None) -> None:
        if not self._lost:
            self._lost = True
            self._loop.call_soon(self._finish, error)

    def _finish(self, error: Exception | None) -> None:
        try:
            self._protocol.connection_lost(error)
        finally:
            if self.server is not None:
                self.server.detach(self)


def _feed_buffered(protocol: asyncio.BufferedProtocol, data: bytes) -> None:
    view = memoryview(data)
    while view:
        room = memoryview(protocol.get_buffer(len(view)))
        if not room:
            raise RuntimeError("get_buffer() returned an empty buffer")
        size = min(len(room), len(view))
        room[:size] = view[:size]
        protocol.buffer_updated(size)
        view = view[size:]
