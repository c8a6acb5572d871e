"""Opens the byte pipe under a line from one URL: a serial port, RTU carried over TCP, or Modbus TCP."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import SplitResult, parse_qsl, urlsplit

from keycabinet.errors import LineUrlError, PortUnavailable

SERIAL = "serial"
RTU_OVER_TCP = "rtu+tcp"
MODBUS_TCP = "modbus+tcp"
SCHEMES = (SERIAL, RTU_OVER_TCP, MODBUS_TCP)
BAUDRATES = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400)
CONNECT_TIMEOUT_S = 5.0
UNACKNOWLEDGED_S = 3.0
"""How long bytes may be under way before the connection is given up, and they with it: a cable that is put back must
not deliver a release of minutes ago to a slot where nobody stands (RFC 5482; Linux: TCP_USER_TIMEOUT)."""


@dataclass(frozen=True, slots=True)
class LineUrl:
    """A line's address: `serial:///dev/ttyUSB0?baudrate=9600&parity=N`, `rtu+tcp://host:port`, `modbus+tcp://host`.

    `gap_s` is the least silence between two frames asked for in the URL (`gap_ms=`); 0 leaves it to the medium.
    """

    scheme: str
    path: str = ""
    host: str = ""
    port: int = 0
    baudrate: int = 9600
    parity: str = "N"
    stopbits: int = 1
    gap_s: float = 0.0

    @classmethod
    def parse(cls, text: str) -> LineUrl:
        """Read a URL; LineUrlError names the part that is wrong, its value, and what is allowed there."""
        try:
            parts = urlsplit(text)
        except ValueError as error:
            raise LineUrlError(text, "form", text, f"a URL ({error})") from None
        if parts.scheme not in SCHEMES:
            raise LineUrlError(text, "scheme", parts.scheme, ", ".join(SCHEMES))
        if parts.fragment or parts.username is not None:
            raise LineUrlError(text, "form", text, "no fragment and no user in a line URL")
        return _parse_serial(text, parts) if parts.scheme == SERIAL else _parse_tcp(text, parts)

    @property
    def half_duplex(self) -> bool:
        """True where one exchange at a time crosses the wire and only silence separates frames."""
        return self.scheme != MODBUS_TCP

    @property
    def character_s(self) -> float:
        """Seconds that one character takes on the wire; 0 on a network."""
        if self.scheme != SERIAL:
            return 0.0
        return (9 + self.stopbits + (self.parity != "N")) / self.baudrate

    @property
    def silence_s(self) -> float:
        """Least silence before a frame (s): 3.5 characters, 1.75 ms above 19200 (Modbus Serial Line V1.02, 2.5.1.1)."""
        if self.scheme != SERIAL:
            return self.gap_s
        return max(self.gap_s, 0.00175 if self.baudrate > 19200 else 3.5 * self.character_s)

    @property
    def identity(self) -> str:
        """What two URLs of the same wire have in common, whatever their settings."""
        if self.scheme == SERIAL:
            return f"serial:{os.path.realpath(self.path)}"
        return f"tcp:{self.host.lower()}:{self.port}"

    def __str__(self) -> str:
        if self.scheme == SERIAL:
            extra = f"&stopbits={self.stopbits}" if self.stopbits != 1 else ""
            gap = f"&gap_ms={self.gap_s * 1000:g}" if self.gap_s else ""
            return f"serial://{self.path}?baudrate={self.baudrate}&parity={self.parity}{extra}{gap}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        gap = f"?gap_ms={self.gap_s * 1000:g}" if self.scheme == RTU_OVER_TCP else ""  # 0 is not its default
        return f"{self.scheme}://{host}:{self.port}{gap}"


def _options(text: str, parts: SplitResult, allowed: tuple[str, ...]) -> dict[str, str]:
    options: dict[str, str] = {}
    for key, value in parse_qsl(parts.query, keep_blank_values=True):
        if key not in allowed or key in options:
            raise LineUrlError(text, "option", key, f"each once: {', '.join(allowed)}")
        options[key] = value
    return options


def _choice(text: str, options: dict[str, str], key: str, default: str, allowed: tuple[str, ...]) -> str:
    value = options.get(key, default)
    if value not in allowed:
        raise LineUrlError(text, key, value, ", ".join(allowed))
    return value


def _gap_s(text: str, options: dict[str, str], default_ms: str) -> float:
    value = options.get("gap_ms", default_ms)
    try:
        gap_ms = float(value)
    except ValueError:
        gap_ms = -1.0
    if not 0.0 <= gap_ms <= 1000.0:
        raise LineUrlError(text, "gap_ms", value, "0 to 1000 (ms)")
    return gap_ms / 1000.0


def _parse_serial(text: str, parts: SplitResult) -> LineUrl:
    if parts.netloc:
        raise LineUrlError(text, "host", parts.netloc, "none: serial:///dev/ttyUSB0 has three slashes")
    if len(parts.path) < 2:
        raise LineUrlError(text, "path", parts.path, "the port's device file, such as /dev/ttyUSB0")
    options = _options(text, parts, ("baudrate", "parity", "stopbits", "gap_ms"))
    baudrate = _choice(text, options, "baudrate", "9600", tuple(str(rate) for rate in BAUDRATES))
    parity = _choice(text, options, "parity", "N", ("N", "E", "O"))
    stopbits = _choice(text, options, "stopbits", "1", ("1", "2"))
    return LineUrl(
        SERIAL,
        path=parts.path,
        baudrate=int(baudrate),
        parity=parity,
        stopbits=int(stopbits),
        gap_s=_gap_s(text, options, "0"),
    )


def _parse_tcp(text: str, parts: SplitResult) -> LineUrl:
    if not parts.hostname:
        raise LineUrlError(text, "host", "", "a host name or address")
    try:
        port = parts.port
    except ValueError:
        raise LineUrlError(text, "port", parts.netloc.rpartition(":")[2], "1 to 65535") from None
    if parts.scheme == MODBUS_TCP and port is None:
        port = 502
    if not port:
        raise LineUrlError(text, "port", str(port), "1 to 65535")
    if parts.path not in ("", "/"):
        raise LineUrlError(text, "path", parts.path, "none")
    rtu = parts.scheme == RTU_OVER_TCP
    options = _options(text, parts, ("gap_ms",) if rtu else ())
    gap_s = _gap_s(text, options, "5") if rtu else 0.0
    return LineUrl(parts.scheme, host=parts.hostname, port=port, gap_s=gap_s)


class Cancellable(Protocol):
    """A timer that has not fired yet."""

    def cancel(self) -> None:
        """Make sure that it never fires; harmless when it already has."""


class Link(Protocol):
    """An opened byte pipe. Its protocol object gets `connection_made` before the opener returns, then `data_received`,
    and `connection_lost` exactly once, also after `close()`."""

    def write(self, data: bytes) -> None:
        """Send now, without waiting; never raises for a dead peer (that is `connection_lost`)."""

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Cancellable:
        """The link's own fine timer, for silence. At most one is pending: a later call replaces an earlier one."""

    def close(self) -> None:
        """Let go of the pipe; may be called twice."""


Opener = Callable[[LineUrl, asyncio.Protocol], Awaitable[Link]]


class TcpLink:
    """A link over a socket; silence on it is coarse (the loop's own timer), as a network's is."""

    __slots__ = ("_loop", "_timer", "_transport")

    def __init__(self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport) -> None:
        self._loop = loop
        self._transport = transport
        self._timer: asyncio.TimerHandle | None = None

    def write(self, data: bytes) -> None:
        """Send now."""
        self._transport.write(data)

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Cancellable:
        """One shot on the event loop's clock."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(delay_s, callback)
        return self._timer

    def close(self) -> None:
        """Drop the connection at once: nothing unsent is worth sending later."""
        if self._timer is not None:
            self._timer.cancel()
        self._transport.abort()


async def open_tcp(url: LineUrl, protocol: asyncio.Protocol) -> Link:
    """Connect within 5 s; PortUnavailable says why not."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            transport, _ = await loop.create_connection(lambda: protocol, url.host, url.port)
    except TimeoutError:
        raise PortUnavailable(
            str(url), f"no connection within {CONNECT_TIMEOUT_S:g} s; check address, cable and power"
        ) from None
    except (OSError, UnicodeError) as error:  # UnicodeError: a host name that is none
        why = getattr(error, "strerror", None) or error
        raise PortUnavailable(str(url), f"cannot connect: {why}; check address, cable and power") from error
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        connected = transport.get_extra_info("socket")
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(UNACKNOWLEDGED_S * 1000))
    return TcpLink(loop, transport)  # asyncio and uvloop set TCP_NODELAY by themselves


async def open_link(url: LineUrl, protocol: asyncio.Protocol) -> Link:
    """Open a real port or socket; PortUnavailable or LineHeld when it cannot be had."""
    if url.scheme == SERIAL:
        from keycabinet.serial_link import open_serial  # noqa: PLC0415 - pyserial only where a serial port is used

        return await open_serial(url, protocol)
    return await open_tcp(url, protocol)
