"""A link over a serial port: opened by pyserial, read and written by the event loop.

pymodbus' own serial transport is not used: it sends nothing before the loop's next turn, which costs silence precision,
and does not report a port that hangs up without an error.
"""

from __future__ import annotations

import asyncio
import errno
import os
import termios
from collections.abc import Callable

import serial

from keycabinet.errors import LineHeld, PortUnavailable
from keycabinet.timerfd import TimerFd
from keycabinet.transport import Cancellable, LineUrl, Link

READ_SIZE = 4096
MAX_UNSENT = 64 * 1024


class SerialLink:
    """Bytes of one open port. A read error or end of file is the loss of the port."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, port: serial.Serial, protocol: asyncio.Protocol
    ) -> None:
        self._loop = loop
        self._port = port
        self._protocol = protocol
        self._descriptor: int = port.fileno()
        self._unsent = b""
        self._closed = False
        self._fine_timer = TimerFd.create(loop)
        self._coarse_timer: asyncio.TimerHandle | None = None
        loop.add_reader(self._descriptor, self._readable)

    def _readable(self) -> None:
        try:
            data = os.read(self._descriptor, READ_SIZE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(error)
            return
        if data:
            self._protocol.data_received(data)
        else:
            self._lose(OSError(errno.EIO, "the port hung up"))

    def write(self, data: bytes) -> None:
        """Send now; what the driver does not take at once follows when it can."""
        if self._closed:
            return
        if self._unsent:
            self._unsent += data
        else:
            self._push(data)
        if len(self._unsent) > MAX_UNSENT:
            self._lose(OSError(errno.ENOBUFS, "the port takes no more bytes"))

    def _push(self, data: bytes) -> None:
        try:
            taken = os.write(self._descriptor, data)
        except (BlockingIOError, InterruptedError):
            taken = 0
        except OSError as error:
            self._lose(error)
            return
        self._unsent = data[taken:]
        if self._unsent:
            self._loop.add_writer(self._descriptor, self._writable)

    def _writable(self) -> None:
        self._loop.remove_writer(self._descriptor)
        self._push(self._unsent)

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Cancellable:
        """One shot, to the microsecond where the platform can."""
        if self._fine_timer is not None:
            return self._fine_timer.call_later(delay_s, callback)
        if self._coarse_timer is not None:
            self._coarse_timer.cancel()
        self._coarse_timer = self._loop.call_later(delay_s, callback)
        return self._coarse_timer

    def close(self) -> None:
        """Close the port; `connection_lost(None)` follows in the loop's next turn."""
        self._lose(None)

    def _lose(self, error: OSError | None) -> None:
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._descriptor)
        self._loop.remove_writer(self._descriptor)
        if self._fine_timer is not None:
            self._fine_timer.close()
        if self._coarse_timer is not None:
            self._coarse_timer.cancel()
        self._port.close()
        self._loop.call_soon(self._protocol.connection_lost, error)


def _open_port(url: LineUrl) -> serial.Serial:
    """Open exclusively (blocking), raw, and drop what was waiting in the driver."""
    port = None
    try:
        port = serial.Serial(
            url.path,
            baudrate=url.baudrate,
            parity=url.parity,
            stopbits=url.stopbits,
            timeout=0,
            write_timeout=0,
            exclusive=True,
        )
        port.reset_input_buffer()
    except (serial.SerialException, OSError, termios.error) as error:
        if port is not None:
            port.close()
        number = getattr(error, "errno", None)
        if number in (errno.EBUSY, errno.EAGAIN):
            raise LineHeld(str(url), "another program that has the port open exclusively") from error
        raise PortUnavailable(str(url), f"cannot be opened: {error}; {_advice(number)}") from error
    return port


def _advice(number: int | None) -> str:
    if number in (errno.EACCES, errno.EPERM):
        return "give this user access to it (group dialout)"
    if number in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return "check the device's name and that the adapter is plugged in"
    return "check that it is a serial port and supports these settings"


def _close_when_opened(opening: asyncio.Future[serial.Serial]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


async def open_serial(url: LineUrl, protocol: asyncio.Protocol) -> Link:
    """Open the port off the loop; PortUnavailable or LineHeld says why not."""
    loop = asyncio.get_running_loop()
    opening = loop.run_in_executor(None, _open_port, url)
    try:
        port = await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close_when_opened)
        raise
    link = SerialLink(loop, port, protocol)
    protocol.connection_made(asyncio.BaseTransport({"serial": port}))
    return link
