"""A serial port that any program can open: a wire behind a pseudo-terminal, paced to the baud rate."""

from __future__ import annotations

import asyncio
import os
import tty

from keycabinet.timerfd import TimerFd
from simulator.cabinets.wire import Wire

READ_SIZE = 4096


class PtyLine:
    """The pty of one wire. `path` is the device file to open; it stays the same however often it is opened."""

    def __init__(self, wire: Wire, timer: TimerFd | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self.wire = wire
        self._timer = timer
        # The slave stays open here, so that the master does not hang up between two programs that open it.
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self.bytes_dropped = 0
        wire.deliver = self._deliver
        self._loop.add_reader(self._master, self._readable)

    def close(self) -> None:
        """Hang up."""
        if self._master < 0:
            return
        self._loop.remove_reader(self._master)
        self.wire.close()
        if self._timer is not None:
            self._timer.close()
        os.close(self._slave)
        os.close(self._master)
        self._master = self._slave = -1

    def _readable(self) -> None:
        try:
            data = os.read(self._master, READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        self.wire.transmit(data)

    def _deliver(self, data: bytes) -> None:
        try:
            taken = os.write(self._master, data)
        except BlockingIOError:
            taken = 0  # nobody reads, and the driver's buffer is full: a real adapter loses them too
        self.bytes_dropped += len(data) - taken
