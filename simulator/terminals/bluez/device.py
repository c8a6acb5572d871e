"""One remote device as BlueZ shows it: heard, connected, gone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from bleak.exc import BleakError
from bumble import core
from bumble.device import Advertisement
from dbus_fast import DBusError, Variant

from simulator.terminals.bluez.errors import failed, in_progress, not_connected, refused
from simulator.terminals.bluez.gatt import GattObjects
from simulator.terminals.bluez.tree import Call, Interface, Method, ObjectTree
from simulator.terminals.radio import BumbleClient, advertised_services

DEVICE = "org.bluez.Device1"
CONNECT_S = 20.0
"""How long a device is waited for, as by the Linux kernel."""
TEMPORARY_S = 30.0
"""A device that is neither heard nor connected nor paired is forgotten after so long (BlueZ: TemporaryTimeout)."""
REPEAT_S = 1.0
"""Advertisements that say nothing new are told no more often, unless a client asks for duplicates."""
_TYPES = {
    "Address": "s",
    "AddressType": "s",
    "Name": "s",
    "Alias": "s",
    "Adapter": "o",
    "Paired": "b",
    "Bonded": "b",
    "Trusted": "b",
    "Blocked": "b",
    "LegacyPairing": "b",
    "Connected": "b",
    "ServicesResolved": "b",
    "RSSI": "n",
    "UUIDs": "as",
    "ManufacturerData": "a{qv}",
    "AdvertisingFlags": "ay",
}


class BluezDevice:
    """`forget` is called when nothing keeps the device in the tree any more."""

    def __init__(
        self,
        tree: ObjectTree,
        path: str,
        adapter: str,
        advertisement: Advertisement,
        backend: type[BumbleClient],
        forget: Callable[[BluezDevice], None],
    ) -> None:
        self.path = path
        self.address = advertisement.address.to_string(False)
        self._tree = tree
        self._backend = backend
        self._forget = forget
        self._client: BumbleClient | None = None
        self._gatt: GattObjects | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._closed = False
        self._told_at = asyncio.get_running_loop().time()
        tree.add(path, self._interface(adapter, advertisement))
        self._expect()

    @property
    def connected(self) -> bool:
        """Whether it is connected."""
        return self._client is not None

    @property
    def services(self) -> list[str]:
        """The UUIDs of its services, as far as they are known."""
        return list(self._interface_now.values["UUIDs"])

    def heard(self, advertisement: Advertisement, *, duplicates: bool) -> None:
        """It advertised again; whoever scans is told."""
        self._expect()
        now = asyncio.get_running_loop().time()
        values = self._interface_now.values
        known = _said(advertisement, values["UUIDs"])
        changed = {name: value for name, value in known.items() if values.get(name) != value}
        if changed or duplicates or now - self._told_at >= REPEAT_S:
            self._told_at = now
            self._tree.change(self.path, DEVICE, changed | {"RSSI": known["RSSI"]})

    def unheard(self) -> None:
        """Discovery has ended: its signal strength means nothing any more."""
        if "RSSI" in self._interface_now.values:
            self._tree.change(self.path, DEVICE, {}, gone=("RSSI",))

    async def left(self, sender: str) -> None:
        """A program left the bus. A connection stays, as with BlueZ."""
        if self._gatt is not None:
            await self._gatt.left(sender)

    async def close(self) -> None:
        """Disconnect, and show it no more."""
        self._closed = True
        await self._hang_up()
        if self._expiry is not None:
            self._expiry.cancel()
        self._tree.remove(self.path)

    # -- what programs call

    async def _connect(self, _: Call) -> tuple[Any, ...]:
        self._must_exist()
        if self._client is not None:
            return ()
        if self._attempt is not None:
            raise in_progress("Operation already in progress")
        client = self._backend(self.address, disconnected_callback=self._gone, timeout=CONNECT_S)
        attempt = asyncio.get_running_loop().create_task(client.connect(False))
        self._attempt = attempt
        try:
            await asyncio.wait({attempt})
        finally:
            self._attempt = None
            attempt.cancel()
        if attempt.cancelled() or attempt.exception() is not None or not client.is_connected:
            raise self._not_connected(attempt)
        try:
            self._must_exist()
        except DBusError:
            await client.disconnect()
            raise
        self._client = client
        self._tree.change(self.path, DEVICE, {"Connected": True})
        self._gatt = GattObjects(self._tree, self.path, client)
        self._gatt.add()
        uuids = dict.fromkeys([*self.services, *(service.uuid for service in client.services or ())])
        self._tree.change(self.path, DEVICE, {"UUIDs": list(uuids), "ServicesResolved": True})
        return ()

    def _must_exist(self) -> None:
        """It may have been removed while a call waited."""
        if self._closed:
            raise refused("DoesNotExist", "Does Not Exist")

    def _not_connected(self, attempt: asyncio.Task[None]) -> BaseException:
        """Why, in BlueZ's words; it shows a connection that broke at once, and clients wait for its end."""
        error = None if attempt.cancelled() else attempt.exception()
        if error is not None and not isinstance(error, BleakError):
            return error
        self._tree.change(self.path, DEVICE, {"Connected": True})
        self._tree.change(self.path, DEVICE, {"Connected": False})
        return failed("le-connection-abort-by-local")

    async def _disconnect(self, _: Call) -> tuple[Any, ...]:
        if self._client is None and self._attempt is None:
            raise not_connected()
        await self._hang_up()
        return ()

    async def _pair(self, call: Call) -> tuple[Any, ...]:
        if self._interface_now.values["Paired"]:
            raise refused("AlreadyExists", "Already Exists")
        await self._connect(call)
        assert self._client is not None
        try:
            await self._client.pair()
        except BleakError as error:
            raise refused("AuthenticationFailed", "Authentication Failed") from error
        self._tree.change(self.path, DEVICE, {"Paired": True, "Bonded": True})
        return ()

    async def _cancel_pairing(self, _: Call) -> tuple[Any, ...]:
        raise refused("DoesNotExist", "Does Not Exist")

    # -- the link

    async def _hang_up(self) -> None:
        attempt, client = self._attempt, self._client
        if attempt is not None:
            attempt.cancel()
            await asyncio.wait({attempt})
        if client is not None:
            await client.disconnect()
            self._gone()

    def _gone(self) -> None:
        """The connection has ended, whoever ended it."""
        if self._client is None:
            return
        self._client = None
        if self._gatt is not None:
            self._gatt.remove()
            self._gatt = None
        self._tree.change(self.path, DEVICE, {"ServicesResolved": False, "Connected": False})
        self._expect()

    def _expect(self) -> None:
        """Keep it for a while from now on."""
        if self._expiry is not None:
            self._expiry.cancel()
        self._expiry = asyncio.get_running_loop().call_later(TEMPORARY_S, self._expire)

    def _expire(self) -> None:
        kept = self._interface_now.values["Paired"] or self._interface_now.values["Trusted"]
        if self._client is None and self._attempt is None and not kept:
            self._forget(self)

    @property
    def _interface_now(self) -> Interface:
        return self._tree.interface(self.path, DEVICE)

    def _interface(self, adapter: str, advertisement: Advertisement) -> Interface:
        values = _said(advertisement, ())
        return Interface(
            DEVICE,
            _TYPES,
            {
                "Address": self.address,
                "AddressType": "public" if advertisement.address.is_public else "random",
                "Alias": self.address.replace(":", "-"),  # BlueZ's name for what has none
                "Adapter": adapter,
                "Paired": False,
                "Bonded": False,
                "Trusted": False,
                "Blocked": False,
                "LegacyPairing": False,
                "Connected": False,
                "ServicesResolved": False,
            }
            | values,
            {
                "Connect": Method("", "", self._connect),
                "Disconnect": Method("", "", self._disconnect),
                "Pair": Method("", "", self._pair),
                "CancelPairing": Method("", "", self._cancel_pairing),
            },
            writable=("Trusted", "Blocked", "Alias"),
        )


def _said(advertisement: Advertisement, known: list[str] | tuple[str, ...]) -> dict[str, Any]:
    """What an advertisement says, as properties; service UUIDs are added to those `known`."""
    data, kinds = advertisement.data, core.AdvertisingData.Type
    said: dict[str, Any] = {
        "RSSI": advertisement.rssi,
        "UUIDs": list(dict.fromkeys([*known, *advertised_services(data)])),
    }
    name = data.get(kinds.COMPLETE_LOCAL_NAME) or data.get(kinds.SHORTENED_LOCAL_NAME)
    if isinstance(name, str):
        said |= {"Name": name, "Alias": name}
    maker = data.get(kinds.MANUFACTURER_SPECIFIC_DATA)
    if isinstance(maker, tuple):
        said["ManufacturerData"] = {maker[0]: Variant("ay", bytes(maker[1]))}
    flags = data.get(kinds.FLAGS, raw=True)
    if flags:
        said["AdvertisingFlags"] = bytes(flags)
    return said
