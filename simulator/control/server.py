"""Runs the control API beside a running simulated station, on its event loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn

from simulator.control.app import create_app
from simulator.control.guard import is_loopback
from simulator.control.hand import Hand
from simulator.control.journal import Journal
from simulator.control.routes import Control
from simulator.control.state import Picture
from simulator.faults import Injection, Moment
from simulator.model import Change
from simulator.station import SimulatedStation

GRACE_S = 5
IDLE_S = 7 * 86_400
"""Idle connections stay: an hour that passes at once must not end them."""


class Exposed(Exception):
    """Another address than loopback was asked for without a token."""


class Server(uvicorn.Server):
    """uvicorn's server without signal handlers and without a tick: whoever runs the station stops it."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.stopping = asyncio.Event()
        self.up = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    async def main_loop(self) -> None:
        await self.stopping.wait()


@contextmanager
def controlled(station: SimulatedStation) -> Iterator[Control]:
    """What the control API works on, while the block lasts. The station runs; its faults end with the block."""
    hand, journal = Hand(station), Journal(station.world)

    def met(moment: Moment, injection: Injection) -> None:
        if moment is Moment.MET and injection.met_at is not None:
            journal.add(Change(injection.met_at, "fault_met", (injection.kind.name, injection.target)))

    leave = hand.faults.subscribe(met)
    try:
        yield Control(hand, journal, Picture(hand, journal))
    finally:
        leave()
        hand.faults.clear_all()
        journal.close()


@asynccontextmanager
async def serving(
    station: SimulatedStation, *, host: str = "127.0.0.1", port: int = 0, token: str | None = None
) -> AsyncIterator[str]:
    """The control API of a running station; gives its URL. Port 0: any free one.

    Raises Exposed for another address than loopback without a token, and OSError when the address cannot be used.
    """
    if token is None and not is_loopback(host):
        raise Exposed(f"control on {host}: without a token only on a loopback address, such as 127.0.0.1")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family) as sock, controlled(station) as control:
        config = uvicorn.Config(
            create_app(control, token=token),
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=IDLE_S,
            timeout_graceful_shutdown=GRACE_S,
        )
        server = Server(config)
        running = asyncio.create_task(server.serve(sockets=[sock]), name="control")
        up = asyncio.create_task(server.up.wait())
        try:
            await asyncio.wait((running, up), return_when=asyncio.FIRST_COMPLETED)
            yield _url(sock)
        finally:
            up.cancel()
            control.journal.close()  # lets go of whoever waits, who would hold the server for as long
            server.stopping.set()
            await running


def _url(sock: socket.socket) -> str:
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
