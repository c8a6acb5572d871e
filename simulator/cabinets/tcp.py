"""Cabinets on a network: boards that speak Modbus TCP, and a serial line behind a gateway that passes RTU through."""

from __future__ import annotations

import asyncio
import errno
import math
from collections.abc import Callable, Sequence
from typing import cast

from pymodbus.constants import ExcCodes
from pymodbus.pdu import ExceptionResponse

from simulator.cabinets.board import RelayBoard
from simulator.cabinets.frames import Mbap, MbapSplitter, encode_reply
from simulator.cabinets.log import Frame, FrameLog
from simulator.cabinets.wire import Wire
from simulator.memory_network import MemoryServer

TURNAROUND_S = 0.001
NOT_SIGNIFICANT = (
    0x00,
    0xFF,
)  # unit ids of a device addressed by its IP alone; Messaging on TCP/IP V1.0b, 4.4.1.2


class _Port:
    """A listening socket and its connections.

    What goes wrong with it: `refusals` are told of each attempt to connect, which then fails; `delays` say by how many
    seconds what it sends is late; connections in `deaf` neither hear nor are heard, and its function is told.
    """

    def __init__(self) -> None:
        self._server: asyncio.AbstractServer | None = None
        self._transports: dict[asyncio.Transport, None] = {}
        self._empty = asyncio.Event()
        self._empty.set()
        self.changed: Callable[[], None] = lambda: None
        self.host, self.port = "", 0
        self.refusals: list[Callable[[], None]] = []
        self.delays: list[Callable[[], float]] = []
        self.deaf: dict[asyncio.Transport, Callable[[], None]] = {}

    @property
    def connected(self) -> bool:
        """Whether anybody is connected; `changed` is called when that may have changed."""
        return bool(self._transports)

    async def listen(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Listen; port 0 picks a free one. Raises OSError when the address is in use."""
        server = await asyncio.get_running_loop().create_server(self._accept, host, port)
        self._server = server
        self.host, self.port = server.sockets[0].getsockname()[:2]

    async def close(self) -> None:
        """Stop listening and drop every connection."""
        if self._server is None:
            return
        self._server.close()
        for transport in tuple(self._transports):
            transport.abort()
        await self._server.wait_closed()
        await self._empty.wait()  # each connection is told in a turn of its own
        self._server = None

    def cut(self) -> None:
        """Drop every connection; new ones are welcome."""
        for transport in tuple(self._transports):
            transport.abort()

    def deafen(self, told: Callable[[], None]) -> Callable[[], None]:
        """Let every present connection fall silent without ending; return what resets those that are left."""
        deafened = tuple(self._transports)
        self.deaf.update(dict.fromkeys(deafened, told))

        def reset() -> None:
            for transport in deafened:
                if self.deaf.pop(transport, None) is not None:
                    transport.abort()

        return reset

    def hears(self, transport: asyncio.Transport | None) -> bool:
        """Tell whether bytes pass on a connection."""
        told = self.deaf.get(transport) if transport is not None and self.deaf else None
        if told is not None:
            told()
        return told is None

    def join(self, transport: asyncio.Transport) -> None:
        """Count a connection in."""
        self._transports[transport] = None
        self._empty.clear()
        self.changed()

    def leave(self, transport: asyncio.Transport) -> None:
        """Count a connection out."""
        del self._transports[transport]
        self.deaf.pop(transport, None)
        if not self._transports:
            self._empty.set()
        self.changed()

    def _accept(self) -> asyncio.Protocol:
        for told in self.refusals:
            told()
        if not self.refusals:
            return self._connection()
        if isinstance(self._server, MemoryServer):
            raise ConnectionRefusedError(errno.ECONNREFUSED, "the simulated gateway takes no connection")
        return _Refusal()  # a kernel has accepted already

    def _connection(self) -> asyncio.Protocol:
        raise NotImplementedError


class _Refusal(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.Transport", transport).abort()


class _Connection(asyncio.Protocol):
    def __init__(self, port: _Port) -> None:
        self._port = port
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._port.join(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._port.leave(self._transport)
        self._transport = None


class ModbusTcpPort(_Port):
    """Boards behind one Modbus TCP address, told apart by their unit ids; requests are answered one after another."""

    def __init__(
        self, boards: Sequence[RelayBoard], *, turnaround_s: float = TURNAROUND_S, log: FrameLog | None = None
    ) -> None:
        super().__init__()
        self.boards = list(boards)
        self.turnaround_s = turnaround_s
        self.log = log or FrameLog()

    def _connection(self) -> asyncio.Protocol:
        return _MbapConnection(self)

    def lateness(self, unit: int) -> float:
        """Return by how many seconds the answer of a unit is late."""
        board = self._board(unit)
        boards = () if board is None else board.delays
        return math.fsum(delay() for delay in (*self.delays, *boards))

    def answer(self, request: Mbap) -> Mbap | None:
        """Act on a request; None when the board is mute. A unit that is not there gets exception 0B."""
        board = self._board(request.unit)
        if board is None:
            error = ExceptionResponse(request.pdu[0], ExcCodes.GATEWAY_NO_RESPONSE)
            return Mbap(request.transaction, request.unit, encode_reply(error))
        reply = board.handle(request.pdu)
        return None if reply is None else Mbap(request.transaction, request.unit, reply)

    def _board(self, unit: int) -> RelayBoard | None:
        for board in self.boards:
            if board.address == unit:
                return board
        return self.boards[0] if unit in NOT_SIGNIFICANT and len(self.boards) == 1 else None


class _MbapConnection(_Connection):
    def __init__(self, port: ModbusTcpPort) -> None:
        super().__init__(port)
        self._gateway = port
        self._loop = asyncio.get_running_loop()
        self._splitter = MbapSplitter()
        self._free_at = 0.0

    def data_received(self, data: bytes) -> None:
        if not self._gateway.hears(self._transport):
            return
        now = self._loop.time()
        try:
            for request in self._splitter.feed(data):
                self._gateway.log.add(Frame(now, True, request.encode()))
                busy_s = self._gateway.turnaround_s + self._gateway.lateness(request.unit)
                self._free_at = max(self._free_at, now) + busy_s
                self._loop.call_at(self._free_at, self._answer, request)
        except ValueError:
            self._gateway.log.bad_frames += 1
            if self._transport is not None:
                self._transport.abort()

    def _answer(self, request: Mbap) -> None:
        reply = self._gateway.answer(request)
        if reply is None or not self._gateway.hears(self._transport):
            return
        data = reply.encode()
        verdict = "ok" if self._transport is not None else "nobody is connected"
        self._gateway.log.add(Frame(self._loop.time(), False, data, verdict))
        if self._transport is not None:
            self._transport.write(data)


class RtuTcpPort(_Port):
    """A serial line behind a gateway that passes bytes through; every connection hears every reply."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self.wire = wire
        wire.deliver = self._deliver

    async def close(self) -> None:
        """Stop listening, drop every connection and whatever is on the wire."""
        await super().close()
        self.wire.close()

    def _connection(self) -> asyncio.Protocol:
        return _RtuConnection(self)

    def _deliver(self, data: bytes) -> None:
        late_s = math.fsum(delay() for delay in self.delays)
        if late_s > 0:
            asyncio.get_running_loop().call_later(late_s, self._send, data)
        else:
            self._send(data)

    def _send(self, data: bytes) -> None:
        for transport in tuple(self._transports):
            if self.hears(transport):
                transport.write(data)


class _RtuConnection(_Connection):
    def __init__(self, port: RtuTcpPort) -> None:
        super().__init__(port)
        self._gateway = port

    def data_received(self, data: bytes) -> None:
        if self._gateway.hears(self._transport):
            self._gateway.wire.transmit(data)
