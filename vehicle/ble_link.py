"""A GATT connection as a pipe of bytes: bonds where an adapter wants one, credits where a profile has them.

A bond is made once and never removed as a repair: an OBDLink CX keeps its side, ignores every further attempt to pair
and has to be unplugged for half a minute. So pairing is tried once an address, only after the adapter has refused
what it should allow, and only where nobody has to type a passkey.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.service import BleakGATTService
from bleak.exc import BleakBluetoothNotAvailableError, BleakDBusError, BleakError, BleakGATTProtocolError

from vehicle.credits import Credits
from vehicle.errors import ConnectFailed, ConnectionDropped, LinkError, PairingRequired, RadioUnavailable
from vehicle.gatt import EVERY_PROFILE, Bond, GattProfile

SMALLEST_WRITE = 20
"""Bytes that every connection carries: the default ATT MTU of 23 less the header (Bluetooth Core, Vol 3, Part
F)."""
DISCONNECT_S = 5.0
GATT_S = 10.0
"""Longest wait for one acknowledgement; a stack may wait half a minute and more."""
PAIR_S = 30.0
_NEEDS_BOND = (0x05, 0x08, 0x0F)
NOT_PAIRED = "Not paired"
"""What BlueZ makes of ATT errors 0x05, 0x0C and 0x0F, under the name org.bluez.Error.NotPermitted."""
_WRITES = ("write", "write-without-response")
_NOTIFIES = ("notify", "indicate")


@dataclass(frozen=True, slots=True)
class _Ends:
    """The characteristics of one profile: towards the adapter, from it, and for granting and being granted."""

    outlet: BleakGATTCharacteristic
    inlet: BleakGATTCharacteristic
    grants: BleakGATTCharacteristic | None = None
    granted: BleakGATTCharacteristic | None = None


class BleLink:
    """A GATT connection used as a pipe of bytes; see `vehicle.link.Link`."""

    def __init__(self, terminal: str, may_pair: Callable[[], bool] = lambda: True) -> None:
        """`may_pair` is asked before the one attempt to pair."""
        self._terminal = terminal
        self._may_pair = may_pair
        self._client: BleakClient | None = None
        self._offered: dict[GattProfile, _Ends] = {}
        self._lost: Callable[[], None] | None = None
        self._ends: _Ends | None = None
        self._credits = Credits()
        self._moved = asyncio.Event()
        self._granter: asyncio.Task[None] | None = None

    def attach(self, client: BleakClient) -> None:
        """Take the connected client and see what it offers. Raises ConnectionDropped if it is gone."""
        self._client = client
        try:
            services = list(client.services)
        except BleakError as error:
            raise ConnectionDropped(self._terminal, "right after connecting") from error
        for profile in EVERY_PROFILE:
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
        """Notifications of `profile` to `received`, in order; bleak calls back in the order of arrival.

        Raises PairingRequired when a bond is needed that this program cannot or must not make.
        """
        ends = self._offered.get(profile)
        if ends is None:
            self._connected()
            raise ConnectFailed(self._terminal, f"it does not offer {profile.name}")
        self._ends, self._lost = ends, lost

        def notified(_: BleakGATTCharacteristic, data: bytearray) -> None:
            received(bytes(data))
            if ends.grants is not None:
                self._credits.received()
                self._moved.set()

        if ends.grants is None or ends.granted is None:
            await self._listen(profile, ends.inlet, notified)
            return
        self._credits = Credits()
        await self._listen(profile, ends.granted, self._granted)
        await self._listen(profile, ends.inlet, notified)
        await self._grant(ends.grants)
        self._granter = asyncio.create_task(self._keep_granting(ends.grants))

    async def unsubscribe(self) -> None:
        """Stop the notifications."""
        ends, self._ends, self._lost = self._ends, None, None
        await self._stop_granting()
        for characteristic in () if ends is None else (ends.inlet, ends.granted):
            if characteristic is not None:
                async with self._bounded():
                    await self._connected().stop_notify(characteristic)

    async def write(self, data: bytes) -> None:
        """Send `data` in pieces of what one packet carries, acknowledged where the adapter can."""
        self._connected()
        ends = self._ends
        if ends is None:
            raise ConnectionDropped(self._terminal, "nothing is subscribed")
        with_credits = ends.grants is not None
        size = SMALLEST_WRITE if with_credits else ends.outlet.max_write_without_response_size
        size = max(SMALLEST_WRITE, size)
        acknowledged = "write" in ends.outlet.properties
        for at in range(0, len(data), size):
            async with self._bounded():
                while with_credits and not self._credits.spend():
                    self._moved.clear()
                    await self._moved.wait()
                client = self._connected()
                await client.write_gatt_char(ends.outlet, data[at : at + size], response=acknowledged)

    async def close(self) -> None:
        """Disconnect; the far end may be gone already, so whatever bleak then says is of no interest."""
        client, self._client, self._lost = self._client, None, None
        await self._stop_granting()
        if client is not None:
            with contextlib.suppress(BleakError, OSError, EOFError, TimeoutError):
                async with asyncio.timeout(DISCONNECT_S):
                    await client.disconnect()

    # -- bonds

    async def _listen(
        self,
        profile: GattProfile,
        characteristic: BleakGATTCharacteristic,
        notified: Callable[[BleakGATTCharacteristic, bytearray], None],
    ) -> None:
        """Have a characteristic notify, making the bond that it wants if that can be done."""
        try:
            async with self._bounded():
                await self._connected().start_notify(characteristic, notified)
            return
        except PairingRequired:
            if profile.bond is Bond.PASSKEY:
                text = "it has a passkey: pair it once by hand, as with bluetoothctl, and keep the bond"
                raise PairingRequired(self._terminal, text) from None
            if profile.bond is Bond.NONE or not self._may_pair():
                raise
        await self._pair()
        async with self._bounded():
            await self._connected().start_notify(characteristic, notified)

    async def _pair(self) -> None:
        client = self._connected()
        try:
            async with asyncio.timeout(PAIR_S):
                await client.pair()
        except (BleakError, OSError, EOFError, TimeoutError) as error:
            why = str(error) or f"no answer for {PAIR_S:g} s"
            raise PairingRequired(self._terminal, f"pairing failed, {why}") from error

    # -- credits

    def _granted(self, _: BleakGATTCharacteristic, data: bytearray) -> None:
        self._credits.granted(bytes(data))
        self._moved.set()

    async def _keep_granting(self, grants: BleakGATTCharacteristic) -> None:
        """As long as the profile is in use: the far end stops when it has no credit left."""
        with contextlib.suppress(LinkError):  # the reader is told of a lost connection by itself
            while True:
                await self._moved.wait()
                self._moved.clear()
                await self._grant(grants)

    async def _grant(self, grants: BleakGATTCharacteristic) -> None:
        grant = self._credits.grant()
        if grant is not None:
            async with self._bounded():
                await self._connected().write_gatt_char(grants, grant, response=True)

    async def _stop_granting(self) -> None:
        granter, self._granter = self._granter, None
        if granter is not None:
            granter.cancel()
            await asyncio.wait({granter})

    # -- bleak

    @contextlib.asynccontextmanager
    async def _bounded(self) -> AsyncIterator[None]:
        """One GATT operation: bounded, with bleak's errors as ours."""
        try:
            async with asyncio.timeout(GATT_S):
                yield
        except TimeoutError:
            raise ConnectionDropped(self._terminal, f"no acknowledgement for {GATT_S:g} s") from None
        except (BleakError, OSError, EOFError) as error:
            raise link_error(self._terminal, error, ConnectionDropped) from error

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
        grants = granted = None
        if profile.credits is not None:
            grants, granted = map(service.get_characteristic, profile.credits)
            if grants is None or granted is None:
                continue
        for outlet, inlet in ((first, second), (second, first)):
            if _has(outlet, _WRITES) and _has(inlet, _NOTIFIES):
                return _Ends(outlet, inlet, grants, granted)
    return None


def _has(characteristic: BleakGATTCharacteristic, names: tuple[str, ...]) -> bool:
    return any(name in characteristic.properties for name in names)


def link_error(terminal: str, error: Exception, otherwise: type[LinkError]) -> LinkError:
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
