"""A TCP port behind which every connection finds a Bluetooth controller of its own, on the simulated air.

What travels is HCI with the packet indicator before each packet (Bluetooth Core, Vol 4, Part A, 2), as bumble's
`tcp-client` transport speaks it. The controller is bumble's: legacy advertising and scanning, LE only.
"""

from __future__ import annotations

import asyncio
import logging
from typing import cast

from bumble import core
from bumble.transport.common import PacketParser, StreamPacketSink

from simulator.terminals.air import Air, AirController

_LOG = logging.getLogger(__name__)
LOOPBACK = "127.0.0.1"
_FIRST_ADDRESS = 0xC00000000100


class HciPort:
    """The port. A process that hangs up takes its controller, and that one's connections, with it."""

    def __init__(self, air: Air) -> None:
        self.air = air
        self.port = 0
        self._server: asyncio.Server | None = None
        self._seats: dict[_Seat, None] = {}
        self._given = 0

    async def listen(self, port: int = 0) -> None:
        """Listen on loopback; port 0 takes a free one. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Seat(self), LOOPBACK, port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Hang up on everybody."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for seat in list(self._seats):
            seat.close()
        if server is not None:
            await server.wait_closed()

    def take_seat(self, seat: _Seat) -> AirController:
        """A controller for a connection that has just been made; its public address is unique."""
        self._seats[seat] = None
        address = (_FIRST_ADDRESS + self._given).to_bytes(6, "big").hex(":").upper()
        self._given += 1
        return AirController(f"hci {address}", self.air, address, lambda: True)

    def leave_seat(self, seat: _Seat, controller: AirController) -> None:
        """The connection has ended."""
        self._seats.pop(seat, None)
        controller.host = None
        self.air.remove(controller)


class _Seat(asyncio.Protocol):
    """One connection and its controller."""

    def __init__(self, port: HciPort) -> None:
        self._port = port
        self._transport: asyncio.Transport | None = None
        self._controller: AirController | None = None
        self._parser = PacketParser()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._controller = self._port.take_seat(self)
        self._controller.host = StreamPacketSink(self._transport)
        self._parser.set_packet_sink(self._controller)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except core.InvalidPacketError:
            _LOG.warning("what arrives at the HCI port is not HCI; hanging up")
            self.close()

    def connection_lost(self, _: Exception | None) -> None:
        controller, self._controller = self._controller, None
        if controller is not None:
            self._port.leave_seat(self, controller)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()
