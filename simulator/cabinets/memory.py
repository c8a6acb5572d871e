"""A serial port in memory: opens a wire for a `keycabinet` line without any device file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from keycabinet.errors import LineHeld, PortUnavailable
from keycabinet.transport import Cancellable, LineUrl
from simulator.cabinets.wire import Wire


class MemorySerial:
    """The host's port of one wire; one opener at a time has it.

    While there are `refusals` it cannot be opened, as with the adapter pulled out; each is told of an attempt.
    """

    def __init__(self, name: str, wire: Wire) -> None:
        self.name = name
        self.wire = wire
        self.changed: Callable[[], None] = lambda: None
        self.refusals: list[Callable[[], None]] = []
        self._link: _MemoryLink | None = None
        wire.deliver = self._deliver

    @property
    def connected(self) -> bool:
        """Whether somebody has it open; `changed` is called when that may have changed."""
        return self._link is not None

    async def open(self, url: LineUrl, protocol: asyncio.Protocol) -> _MemoryLink:
        """Open the port, as a `keycabinet.transport.Opener`. Raises LineHeld while somebody has it open."""
        for told in self.refusals:
            told()
        if self.refusals:
            raise PortUnavailable(str(url), "the simulated adapter is not plugged in")
        if self._link is not None:
            raise LineHeld(str(url), f"another opener of the simulated line {self.name}")
        self._link = _MemoryLink(self, protocol)
        self.changed()
        protocol.connection_made(asyncio.BaseTransport())
        return self._link

    def unplug(self) -> None:
        """Pull the adapter out: whoever has the port open loses it."""
        if self._link is not None:
            self._link.lose(OSError("the simulated adapter was pulled out"))

    def forget(self, link: _MemoryLink) -> None:
        """Let the next opener in."""
        if self._link is link:
            self._link = None
            self.changed()

    def _deliver(self, data: bytes) -> None:
        if self._link is not None:
            self._link.protocol.data_received(data)


class _MemoryLink:
    """A `keycabinet.transport.Link`."""

    def __init__(self, port: MemorySerial, protocol: asyncio.Protocol) -> None:
        self.protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._port = port
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def write(self, data: bytes) -> None:
        """Send now."""
        if not self._closed:
            self._port.wire.transmit(data)

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Cancellable:
        """One shot on the event loop's clock, which is exact in virtual time."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(delay_s, callback)
        return self._timer

    def close(self) -> None:
        """Let go of the port."""
        self.lose(None)

    def lose(self, error: OSError | None) -> None:
        """End the link; `connection_lost` follows in the loop's next turn."""
        if self._closed:
            return
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._port.forget(self)
        self._loop.call_soon(self.protocol.connection_lost, error)
