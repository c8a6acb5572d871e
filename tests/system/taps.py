"""Taps in the middle of a line: the host talks to a pty or a socket of the tap's, which passes every byte on to the
device's own pty or socket and keeps a copy. Nothing of the product takes part in it."""

from __future__ import annotations

import asyncio
import os
import socket
import tty
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

READ_SIZE = 4096


@dataclass(frozen=True, slots=True)
class Crossing:
    """Bytes that crossed together, and when (loop time, s)."""

    at: float
    from_host: bool
    data: bytes


class Tap:
    """Carries bytes between descriptors. Must be made while an event loop runs."""

    def __init__(self) -> None:
        self.crossings: list[Crossing] = []
        self._loop = asyncio.get_running_loop()
        self._joined: dict[int, Callable[[], None]] = {}

    def stream(self, *, from_host: bool) -> bytes:
        """Everything that crossed one way."""
        return b"".join(each.data for each in self.crossings if each.from_host is from_host)

    def join(self, host: int, device: int, parted: Callable[[], None] = lambda: None) -> None:
        """Carry between two descriptors until one of them ends; `parted` is called then."""
        for end, other in ((host, device), (device, host)):
            os.set_blocking(end, False)
            self._loop.add_reader(end, self._carry, host, device, end, other)
        self._joined[host] = partial(self._part, host, device, parted)

    def part(self) -> None:
        """Let go of everything."""
        for part in tuple(self._joined.values()):
            part()

    def _carry(self, host: int, device: int, end: int, other: int) -> None:
        try:
            data = os.read(end, READ_SIZE)
            if data:
                self.crossings.append(Crossing(self._loop.time(), end == host, data))
                os.write(other, data)
                return
        except OSError:
            pass  # hung up
        self._joined[host]()

    def _part(self, host: int, device: int, parted: Callable[[], None]) -> None:
        del self._joined[host]
        self._loop.remove_reader(host)
        self._loop.remove_reader(device)
        parted()


@contextmanager
def raw_pty() -> Iterator[tuple[int, str]]:
    """A pseudo-terminal: the descriptor of its master, and the device file of its slave."""
    master, slave = os.openpty()
    try:
        tty.setraw(slave)
        yield master, os.ttyname(slave)
    finally:
        os.close(slave)
        os.close(master)


@contextmanager
def pty_before(tap: Tap, device: int) -> Iterator[str]:
    """A serial port whose bytes cross to the descriptor `device`."""
    with raw_pty() as (master, path):
        tap.join(master, device)
        try:
            yield path
        finally:
            tap.part()


@contextmanager
def opened(path: str) -> Iterator[int]:
    """A descriptor of a serial port."""
    descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def socket_before(tap: Tap, connect: Callable[[ExitStack], int]) -> Iterator[int]:
    """A port on 127.0.0.1. `connect` makes the descriptor that each connection to it crosses to."""
    loop = asyncio.get_running_loop()

    def accept() -> None:
        connection = ExitStack()
        host = connection.enter_context(listener.accept()[0])
        tap.join(host.fileno(), connect(connection), connection.close)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        loop.add_reader(listener, accept)
        try:
            yield listener.getsockname()[1]
        finally:
            loop.remove_reader(listener)
            tap.part()


def port_of(host: str, port: int) -> Callable[[ExitStack], int]:
    """Connects each time anew to a port of a device."""
    return lambda connection: connection.enter_context(socket.create_connection((host, port))).fileno()
