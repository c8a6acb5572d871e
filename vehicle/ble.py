"""Bluetooth Low Energy by bleak: the only module of this package that imports it.

How an absent car delays nobody: there is one scan at a time, as BlueZ demands, and everyone who looks for a
terminal shares it. Each has a deadline of its own; the scan begins with the first and ends with the last. No
lock is held while a car is waited for, only for the moment it takes to start or stop the scan. Connecting
begins when a terminal was heard, and is bounded too.

Bonding, agents and caches are the operating system's. Not tried on a radio; tried with bleak 3.1 on simulated
ones.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TypeAlias

from bleak import BleakClient, BleakScanner
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.backends.service import BleakGATTService
from bleak.exc import BleakBluetoothNotAvailableError, BleakDBusError, BleakError, BleakGATTProtocolError
from bleak_retry_connector import (
    BleakNotFoundError,
    close_stale_connections_by_address,
    establish_connection,
)

from vehicle.errors import (
    ConnectFailed,
    ConnectionDropped,
    LinkError,
    OutOfRange,
    PairingRequired,
    RadioUnavailable,
)
from vehicle.gatt import PROFILES, GattProfile

SMALLEST_WRITE = 20
"""Bytes that every connection carries: the default ATT MTU of 23 less the header (Bluetooth Core, Vol 3, Part
F)."""
DISCONNECT_S = 5.0
GATT_S = 10.0
"""Longest wait for one acknowledgement; a stack may wait half a minute and more."""
_NEEDS_BOND = (0x05, 0x08, 0x0F)
NOT_PAIRED = "Not paired"
"""What BlueZ makes of ATT errors 0x05, 0x0C and 0x0F, under the name org.bluez.Error.NotPermitted."""
_WRITES = ("write", "write-without-response")
_NOTIFIES = ("notify", "indicate")
_Ends: TypeAlias = tuple[BleakGATTCharacteristic, BleakGATTCharacteristic]


class Radio:
    """This host's Bluetooth radio, or whatever stands in for it.

    `backend_client` and `backend_scanner` are bleak's `backend=` classes; None means the operating system's.
    """

    def __init__(
        self,
        backend_client: type[BaseBleakClient] | None = None,
        backend_scanner: type[BaseBleakScanner] | None = None,
    ) -> None:
        self._backend_client = backend_client
        self._ear = _Ear(backend_scanner)
        self._greeted: dict[str, None] = {}

    async def connect(self, terminal: str, address: str, *, find_s: float, connect_s: float) -> BleLink:
        """A link to `address`; see `vehicle.link.RadioPort`."""
        await self._free_stale(address)
        device = await self._ear.hear(terminal, address, find_s)
        link = BleLink(terminal)
        try:
            async with asyncio.timeout(connect_s):
                client = await establish_connection(
                    BleakClient,
                    device,
                    terminal,
                    disconnected_callback=link.disconnected,
                    max_attempts=3,
                    backend=self._backend_client,
                )
        except TimeoutError:
            raise ConnectFailed(terminal, f"not within {connect_s:g} s") from None
        except BleakNotFoundError as error:
            raise OutOfRange(terminal, "it went away while connecting") from error
        except (BleakError, OSError, EOFError) as error:
            raise _link_error(terminal, error, ConnectFailed) from error
        try:
            link.attach(client)
        except ConnectionDropped:
            await link.close()
            raise
        return link

    async def close(self) -> None:
        """Stop listening. Links that are open stay so."""
        await self._ear.close()

    async def _free_stale(self, address: str) -> None:
        """BlueZ keeps connections of a process that died, and a connected adapter does not advertise."""
        if self._backend_client is None and address not in self._greeted:
            self._greeted[address] = None
            await close_stale_connections_by_address(address)


class _Ear:
    """One scan, shared by everyone who looks for a terminal."""

    def __init__(self, backend: type[BaseBleakScanner] | None) -> None:
        self._backend = backend
        self._scanner: BleakScanner | None = None
        self._switch = asyncio.Lock()
        self._waiting: dict[str, list[asyncio.Future[BLEDevice]]] = {}

    async def hear(self, terminal: str, address: str, limit_s: float) -> BLEDevice:
        """The terminal as soon as it advertises. Raises OutOfRange after `limit_s`, and RadioUnavailable."""
        future: asyncio.Future[BLEDevice] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(address.upper(), []).append(future)
        try:
            async with asyncio.timeout(limit_s):
                await self._start()
                return await future
        except TimeoutError:
            raise OutOfRange(terminal, f"{address} for {limit_s:g} s") from None
        except (BleakError, OSError, EOFError) as error:
            raise _link_error(terminal, error, RadioUnavailable) from error
        finally:
            self._forget(address.upper(), future)
            if not self._waiting:
                await self.close()

    async def close(self) -> None:
        """Stop the scan if nobody waits any more."""
        async with self._switch:
            if self._scanner is not None and not self._waiting:
                scanner, self._scanner = self._scanner, None
                with contextlib.suppress(BleakError, OSError, EOFError):
                    await scanner.stop()

    async def _start(self) -> None:
        async with self._switch:
            if self._scanner is None:
                scanner = BleakScanner(self._heard, backend=self._backend)
                await scanner.start()
                self._scanner = scanner

    def _heard(self, device: BLEDevice, _: AdvertisementData) -> None:
        for future in self._waiting.get(device.address.upper(), ()):
            if not future.done():
                future.set_result(device)

    def _forget(self, address: str, future: asyncio.Future[BLEDevice]) -> None:
        waiting = self._waiting[address]
        waiting.remove(future)
        if not waiting:
            del self._waiting[address]


class BleLink:
    """A GATT connection used as a pipe of bytes; see `vehicle.link.Link`."""

    def __init__(self, terminal: str) -> None:
        self._terminal = terminal
        self._client: BleakClient | None = None
        self._offered: dict[GattProfile, _Ends] = {}
        self._lost: Callable[[], None] | None = None
        self._inlet: BleakGATTCharacteristic | None = None
        self._outlet: BleakGATTCharacteristic | None = None

    def attach(self, client: BleakClient) -> None:
        """Take the connected client and see what it offers. Raises ConnectionDropped if it is gone."""
        self._client = client
        try:
            services = list(client.services)
        except BleakError as error:
            raise ConnectionDropped(self._terminal, "right after connecting") from error
        for profile in PROFILES:
            ends = _ends(services, profile)
            if ends is not None:
                self._offered[profile] = ends

    def disconnected(self, _: BleakClient) -> None:
        """bleak says that the connection ended."""
        if self._lost is not None:
            lost, self._lost = self._lost, None
            lost()

    @property
    def profiles(self) -> tuple[GattProfile, ...]:
        """The profiles of the table that the device offers."""
        return tuple(self._offered)

    async def subscribe(
        self, profile: GattProfile, received: Callable[[bytes], None], lost: Callable[[], None]
    ) -> None:
        """Notifications of `profile` to `received`, in order; bleak calls back in the order of arrival."""
        ends = self._offered.get(profile)
        client = self._connected()
        if ends is None:
            raise ConnectFailed(self._terminal, f"it does not offer {profile.name}")
        self._outlet, self._inlet = ends
        self._lost = lost

        def notified(_: BleakGATTCharacteristic, data: bytearray) -> None:
            received(bytes(data))

        async with self._bounded():
            await client.start_notify(self._inlet, notified)

    async def unsubscribe(self) -> None:
        """Stop the notifications."""
        inlet, self._inlet, self._outlet, self._lost = self._inlet, None, None, None
        if inlet is not None:
            async with self._bounded():
                await self._connected().stop_notify(inlet)

    async def write(self, data: bytes) -> None:
        """Send `data` in pieces of what one packet carries, acknowledged where the adapter can."""
        client, outlet = self._connected(), self._outlet
        if outlet is None:
            raise ConnectionDropped(self._terminal, "nothing is subscribed")
        size = max(SMALLEST_WRITE, outlet.max_write_without_response_size)
        acknowledged = "write" in outlet.properties
        for at in range(0, len(data), size):
            async with self._bounded():
                await client.write_gatt_char(outlet, data[at : at + size], response=acknowledged)

    async def close(self) -> None:
        """Disconnect; the far end may be gone already, so whatever bleak then says is of no interest."""
        client, self._client, self._lost = self._client, None, None
        if client is not None:
            with contextlib.suppress(BleakError, OSError, EOFError, TimeoutError):
                async with asyncio.timeout(DISCONNECT_S):
                    await client.disconnect()

    @contextlib.asynccontextmanager
    async def _bounded(self) -> AsyncIterator[None]:
        """One GATT operation: bounded, with bleak's errors as ours."""
        try:
            async with asyncio.timeout(GATT_S):
                yield
        except TimeoutError:
            raise ConnectionDropped(self._terminal, f"no acknowledgement for {GATT_S:g} s") from None
        except (BleakError, OSError, EOFError) as error:
            raise _link_error(self._terminal, error, ConnectionDropped) from error

    def _connected(self) -> BleakClient:
        if self._client is None or not self._client.is_connected:
            raise ConnectionDropped(self._terminal)
        return self._client


def _ends(services: list[BleakGATTService], profile: GattProfile) -> _Ends | None:
    """The characteristics towards and from the adapter, if the device has them.

    Clones of one service disagree on which is which, so the properties decide where the table is wrong.
    """
    for service in services:
        if service.uuid != profile.service:
            continue
        first = service.get_characteristic(profile.write)
        second = service.get_characteristic(profile.notify)
        if first is None or second is None:
            continue
        for outlet, inlet in ((first, second), (second, first)):
            if _has(outlet, _WRITES) and _has(inlet, _NOTIFIES):
                return outlet, inlet
    return None


def _has(characteristic: BleakGATTCharacteristic, names: tuple[str, ...]) -> bool:
    return any(name in characteristic.properties for name in names)


def _link_error(terminal: str, error: Exception, otherwise: type[LinkError]) -> LinkError:
    """Our leaf for what bleak, D-Bus or the operating system said."""
    if isinstance(error, BleakGATTProtocolError) and error.code in _NEEDS_BOND:
        return PairingRequired(terminal)
    if isinstance(error, BleakDBusError) and error.dbus_error_details == NOT_PAIRED:
        return PairingRequired(terminal)
    if isinstance(error, BleakBluetoothNotAvailableError):
        return RadioUnavailable(terminal, error.reason.name.lower().replace("_", " "))
    if isinstance(error, BleakDBusError) and error.dbus_error.endswith((".ServiceUnknown", ".AccessDenied")):
        return RadioUnavailable(terminal, "the system's Bluetooth service does not answer")
    return otherwise(terminal, str(error) or type(error).__name__)
