"""Runs the application with uvicorn; a signal ends long polls and streams first, then the server."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from .stream import Waits

GRACE_S = 10
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class CannotListen(Exception):
    """The address cannot be listened on; the text says why."""


def bind(host: str, port: int) -> socket.socket:
    """A listening socket, bound before any hardware is touched. Raises `CannotListen`."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise CannotListen(
            f"cannot listen on {host}:{port}: {error.strerror or error}; stop what uses it or take another"
        ) from error


def address(sock: socket.socket) -> str:
    """The URL that reaches a bound socket."""
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """uvicorn's server, except that a signal only asks it to stop and never kills the process."""

    def __init__(self, app: FastAPI) -> None:
        self._waits: Waits = app.state.waits
        super().__init__(
            uvicorn.Config(
                app,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=GRACE_S,
            )
        )

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """uvicorn raises the signal again at the end, before the motor pool could close: here it is spent."""
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in SIGNALS:
                loop.remove_signal_handler(number)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let go of waiting clients first: they would hold the server for the length of their wait."""
        self._waits.close()
        await super().shutdown(sockets)


async def serve(app: FastAPI, sock: socket.socket) -> None:
    """Serve until a signal comes. The socket is closed on the way out."""
    await Server(app).serve(sockets=[sock])


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, where it is installed; otherwise asyncio's own."""
    try:
        import uvloop  # noqa: PLC0415 - optional
    except ModuleNotFoundError:
        return None
    return uvloop.new_event_loop
