"""TCP network inside one event loop: who listens where, and how long a byte travels."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable, Iterable
from typing import Any

from simulator.memory_transport import Address, MemorySocket, MemoryTransport

ProtocolFactory = Callable[[], asyncio.BaseProtocol]

FIRST_EPHEMERAL_PORT = 49152  # RFC 6335 section 6
WILDCARDS = ("0.0.0.0", "::", "")  # noqa: S104 - compared with, never bound


class MemoryServer(asyncio.AbstractServer):
    """A listener. `wait_closed` waits for its connections too, as asyncio does since 3.12."""

    def __init__(self, network: Network, factory: ProtocolFactory, addresses: tuple[Address, ...]) -> None:
        self._network = network
        self._factory = factory
        self._addresses = addresses
        self._serving = self._closed = False
        self._transports: dict[MemoryTransport, None] = {}
        self._waiters: list[asyncio.Future[None]] = []
        self._forever: asyncio.Future[None] | None = None

    @property
    def sockets(self) -> tuple[MemorySocket, ...]:
        return () if self._closed else tuple(MemorySocket(address) for address in self._addresses)

    def get_loop(self) -> asyncio.AbstractEventLoop:
        return self._network.loop

    def is_serving(self) -> bool:
        return self._serving

    async def start_serving(self) -> None:
        if self._closed:
            raise RuntimeError(f"server {self!r} is closed")
        self._serving = True

    async def serve_forever(self) -> None:
        if self._forever is not None:
            raise RuntimeError(f"server {self!r} is already being awaited on serve_forever()")
        await self.start_serving()
        self._forever = self._network.loop.create_future()
        try:
            await self._forever
        except asyncio.CancelledError:
            self.close()
            await self.wait_closed()
            raise
        finally:
            self._forever = None

    def close(self) -> None:
        if self._closed:
            return
        self._closed, self._serving = True, False
        self._network._forget(self._addresses)
        if self._forever is not None and not self._forever.done():
            self._forever.cancel()
        if not self._transports:
            self._wake()

    def close_clients(self) -> None:
        for transport in list(self._transports):
            transport.close()

    def abort_clients(self) -> None:
        for transport in list(self._transports):
            transport.abort()

    async def wait_closed(self) -> None:
        if self._closed and not self._transports:
            return
        waiter = self._network.loop.create_future()
        self._waiters.append(waiter)
        await waiter

    def _accept(self, local: Address, remote: Address) -> MemoryTransport:
        transport = MemoryTransport(self._network, self._factory(), local, remote)
        transport.server = self
        self._transports[transport] = None
        return transport

    def detach(self, transport: MemoryTransport) -> None:
        del self._transports[transport]
        if self._closed and not self._transports:
            self._wake()

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)


class Network:
    """Listeners by address. `latency` is seconds one way and may be changed at any time."""

    def __init__(self, loop: asyncio.AbstractEventLoop, latency: float = 0.0) -> None:
        self.loop = loop
        self.latency = latency
        self._listeners: dict[Address, MemoryServer] = {}
        self._next_port = FIRST_EPHEMERAL_PORT

    async def connect(
        self, factory: ProtocolFactory, host: str, port: int, local: Address | None = None
    ) -> tuple[MemoryTransport, Any]:
        """Connect to whoever listens there. Raises ConnectionRefusedError when nobody does."""
        remote = (resolve(host), port)
        await asyncio.sleep(2 * self.latency)  # SYN there and back; also one turn when there is no latency
        server = self._find(remote)
        if server is None or not server.is_serving():
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"Connect call failed {remote}")
        source = (local or ("127.0.0.1", 0))[0], (local or ("", 0))[1] or self._ephemeral()
        protocol = factory()
        accepted = server._accept(remote, source)  # a server that is out of service refuses here
        client = MemoryTransport(self, protocol, source, remote)
        client.peer, accepted.peer = accepted, client
        accepted.get_protocol().connection_made(accepted)
        client.get_protocol().connection_made(client)
        return client, client.get_protocol()

    def listen(self, factory: ProtocolFactory, hosts: Iterable[str | None], port: int) -> MemoryServer:
        """Reserve the addresses. Port 0 picks a free one. Raises OSError (EADDRINUSE)."""
        port = port or self._ephemeral()
        addresses = tuple((resolve(host or WILDCARDS[0]), port) for host in hosts)
        for address in addresses:
            if self._taken(address):
                raise OSError(errno.EADDRINUSE, f"error while attempting to bind on address {address!r}")
        server = MemoryServer(self, factory, addresses)
        for address in addresses:
            self._listeners[address] = server
        return server

    def _taken(self, address: Address) -> bool:
        host, port = address
        return any(
            used_port == port and (used == host or used in WILDCARDS or host in WILDCARDS)
            for used, used_port in self._listeners
        )

    def _find(self, address: Address) -> MemoryServer | None:
        for host in (address[0], *WILDCARDS):
            server = self._listeners.get((host, address[1]))
            if server is not None:
                return server
        return None

    def _forget(self, addresses: tuple[Address, ...]) -> None:
        for address in addresses:
            self._listeners.pop(address, None)

    def _ephemeral(self) -> int:
        self._next_port += 1
        return self._next_port - 1


def resolve(host: str) -> str:
    """Return the address of `localhost` or of a numeric host. Raises socket.gaierror for any other name."""
    if host in ("localhost", *WILDCARDS):
        return "127.0.0.1" if host == "localhost" else host
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return host
    raise socket.gaierror(
        socket.EAI_NONAME, f"a network in memory knows numeric addresses only, not {host!r}"
    )
