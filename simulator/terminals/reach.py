"""How other processes, and real radios, reach the terminals of a park: D-Bus, HCI over TCP, a dongle.

A way is written `dbus`, `hci-tcp:PORT` (0: any free port) or as a bumble transport, `usb:0` above all, which carries
one terminal; `auto` is D-Bus where this host has it, and `none` is none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import NamedTuple

from bumble.host import Host
from bumble.transport import open_transport

from simulator.terminals import bluez
from simulator.terminals.hci_port import LOOPBACK, HciPort
from simulator.terminals.park import TerminalPark

AUTO, DBUS, NONE, HCI_TCP = "auto", "dbus", "none", "hci-tcp"
TRANSPORTS = ("usb", "pyusb", "serial", "hci-socket", "tcp-client")
"""bumble's transports to a controller that exists elsewhere."""
DONGLE_S = 10.0
LARGEST_PORT = 65535
ALLOWED = (
    "dbus, hci-tcp:PORT, usb:0 (or serial:, hci-socket:, tcp-client: as bumble writes them), or none alone"
)


class Unreachable(OSError):
    """A way that was asked for cannot be had; the text says why and what to do."""


class UnknownWay(ValueError):
    """There is no such way; `way` is what was asked for, `allowed` what there is."""

    def __init__(self, way: str, allowed: str) -> None:
        super().__init__(f"{way!r}: allowed is {allowed}")
        self.way, self.allowed = way, allowed


class Way(NamedTuple):
    """One way that is open: what `motorpool simulate` prints."""

    name: str
    kind: str
    url: str


class Reach:
    """The ways to the terminals of a started park. `terminals` are their addresses by vehicle.

    `ways` are the open ones; `notes` says in sentences what `auto` could not have.
    """

    def __init__(self, park: TerminalPark, terminals: Mapping[str, str]) -> None:
        self.ways: list[Way] = []
        self.notes: list[str] = []
        self._park = park
        self._terminals = terminals
        self._waiting = list(terminals)
        self._stack = AsyncExitStack()

    async def open(self, wanted: Sequence[str]) -> None:
        """Open every way in `wanted`. Raises UnknownWay, and Unreachable with none left open."""
        openers = [self._opener(way) for way in wanted]
        if len(wanted) > 1 and NONE in wanted:
            raise UnknownWay(", ".join(wanted), f"{ALLOWED}: none stands alone")
        try:
            for opener in openers:
                await opener()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Close every way; the terminals on dongles fall silent."""
        await self._stack.aclose()
        self.ways.clear()

    def _opener(self, way: str) -> Callable[[], Awaitable[None]]:
        scheme, _, rest = way.partition(":")
        if way == AUTO:
            return self._open_auto
        if way == DBUS:
            return self._open_dbus
        if way == NONE:
            return self._open_none
        if scheme == HCI_TCP and rest.isdecimal() and int(rest) <= LARGEST_PORT:
            return lambda: self._open_hci(int(rest))
        if scheme in TRANSPORTS and rest:
            return lambda: self._open_dongle(way)
        raise UnknownWay(way, ALLOWED)

    async def _open_none(self) -> None:
        return

    async def _open_auto(self) -> None:
        if not self._terminals:
            return
        lacking = bluez.missing()
        if lacking is None:
            try:
                await self._open_dbus()
                return
            except OSError as error:
                lacking = str(error)
        self.notes.append(f"other processes cannot reach the BLE terminals: {lacking}")

    async def _open_dbus(self) -> None:
        lacking = bluez.missing()
        if lacking is not None:
            raise Unreachable(f"--ble dbus: {lacking}")
        from simulator.terminals.bluez.service import BluezService  # noqa: PLC0415 - needs Linux

        service = await self._stack.enter_async_context(BluezService(self._park.air))
        self.ways.append(Way(bluez.VARIABLE, "BLE over D-Bus", service.address))

    async def _open_hci(self, number: int) -> None:
        port = HciPort(self._park.air)
        try:
            await port.listen(number)
        except OSError as error:
            raise Unreachable(f"--ble hci-tcp:{number}: {error}") from error
        self._stack.push_async_callback(port.close)
        self.ways.append(Way("hci", "Bluetooth HCI over TCP", f"tcp-client:{LOOPBACK}:{port.port}"))

    async def _open_dongle(self, way: str) -> None:
        if not self._waiting:
            raise Unreachable(f"--ble {way}: every terminal of the site is on a dongle already")
        car = self._waiting.pop(0)
        address = self._terminals[car]
        try:
            async with asyncio.timeout(DONGLE_S):
                transport = await self._stack.enter_async_context(await open_transport(way))
                moved = await self._park.move(address, Host(transport.source, transport.sink))
        except TimeoutError:
            raise Unreachable(f"--ble {way}: the controller did not answer within {DONGLE_S:g} s") from None
        except Exception as error:  # a boundary: drivers raise errors of their own kinds
            raise Unreachable(f"--ble {way}: {str(error) or type(error).__name__}") from error
        self._stack.push_async_callback(moved.stop)
        self.ways.append(Way(car, "BLE terminal on the air", f"ble://{address}"))
