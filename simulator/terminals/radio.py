"""bleak backends over bumble: unmodified bleak finds and talks to simulated terminals through `backend=`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, TypeVar

from bleak.assigned_numbers import gatt_char_props_to_strs
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from bleak.uuids import normalize_uuid_str
from bumble import att, core, hci
from bumble.device import Advertisement, Connection, Device, Peer
from bumble.gatt_client import CharacteristicProxy
from bumble.hci import Address
from bumble.host import Host
from bumble.keys import MemoryKeyStore
from bumble.transport.common import AsyncPipeSink

from simulator.terminals.air import Air, AirController, just_works

T = TypeVar("T")
CENTRAL_ADDRESS = "C0:00:00:00:00:01"
CLIENT_MTU = 517
INITIATE_S = 1.0
"""Seconds for the packet exchange that follows a heard advertisement."""


class Central:
    """The station's radio: one bumble device, shared by every scanner and client.

    It connects as the Linux kernel does: it listens for the wanted terminals together, and initiates to one
    that it has just heard, one at a time. So a terminal that is not there keeps nobody from connecting.
    """

    def __init__(self, air: Air, address: str = CENTRAL_ADDRESS) -> None:
        self.address = address
        self._controller = AirController("central", air, address, lambda: True)
        host = Host(self._controller, AsyncPipeSink(self._controller))
        self.device = Device(name="station", address=Address(address), host=host)
        self.keys = MemoryKeyStore()
        self.device.keystore = self.keys
        self.device.pairing_config_factory = just_works
        self._listeners: list[object] = []
        self._scanning = asyncio.Lock()
        self._initiating = asyncio.Lock()

    async def start(self) -> None:
        """Switch the radio on."""
        await self.device.power_on()

    async def stop(self) -> None:
        """Switch it off; every connection ends."""
        for connection in list(self.device.connections.values()):
            await connection.disconnect()
        await self.device.power_off()

    async def listen(self, listener: object) -> None:
        """Scan for as long as anybody listens."""
        self._listeners.append(listener)
        await self._follow()

    async def ignore(self, listener: object) -> None:
        """The opposite of `listen`; a listener that is not there is no error."""
        if listener in self._listeners:
            self._listeners.remove(listener)
        await self._follow()

    async def connect(self, address: str) -> Connection:
        """A connection to `address`, however long it takes to be heard; cancel it to give up."""
        while True:
            heard = await self._hear(address)
            async with self._initiating:
                try:
                    return await self._initiate(heard)
                except (core.TimeoutError, core.ConnectionError):
                    continue  # heard, then gone

    async def _hear(self, address: str) -> Address:
        heard: asyncio.Future[Address] = asyncio.get_running_loop().create_future()

        def advertised(advertisement: Advertisement) -> None:
            if advertisement.address.to_string(False) == address and not heard.done():
                heard.set_result(advertisement.address)

        self.device.on(Device.EVENT_ADVERTISEMENT, advertised)
        try:
            await self.listen(heard)
            return await heard
        finally:
            self.device.remove_listener(Device.EVENT_ADVERTISEMENT, advertised)
            await self.ignore(heard)

    async def _initiate(self, address: Address) -> Connection:
        """In a task of its own: bumble leaves a connection attempt behind when it is cancelled."""
        attempt = asyncio.create_task(self.device.connect_le(address, timeout=INITIATE_S))
        try:
            return await asyncio.shield(attempt)
        except asyncio.CancelledError:
            await self._abandon(attempt)
            raise

    async def _abandon(self, attempt: asyncio.Task[Connection]) -> None:
        try:
            connection = await attempt
        except (core.TimeoutError, core.ConnectionError, asyncio.CancelledError):
            return
        await connection.disconnect()

    async def _follow(self) -> None:
        """In a task of its own: bumble loses its place when it is cancelled between command and answer."""
        switching = asyncio.create_task(self._switch_scan())
        try:
            await asyncio.shield(switching)
        except asyncio.CancelledError:
            await asyncio.wait({switching})
            raise

    async def _switch_scan(self) -> None:
        """Make the controller scan if somebody listens, and not otherwise."""
        async with self._scanning:
            if bool(self._listeners) == self.device.scanning:
                return
            if self._listeners:
                await self.device.start_scanning(legacy=True, active=False)
            else:
                await self.device.stop_scanning(legacy=True)


class BumbleScanner(BaseBleakScanner):
    """bleak's scanner over the central of a park; `central` is set by the subclass a park makes."""

    central: ClassVar[Central]

    def __init__(
        self, detection_callback: Any, service_uuids: list[str] | None, scanning_mode: str, **_: Any
    ) -> None:
        super().__init__(detection_callback, service_uuids)

    async def start(self) -> None:
        """Report every advertisement from now on."""
        self.seen_devices.clear()
        self.central.device.on(Device.EVENT_ADVERTISEMENT, self._advertised)
        await self.central.listen(self)

    async def stop(self) -> None:
        """Report no more."""
        self.central.device.remove_listener(Device.EVENT_ADVERTISEMENT, self._advertised)
        await self.central.ignore(self)

    def _advertised(self, advertisement: Advertisement) -> None:
        address = advertisement.address.to_string(False)
        raw = advertisement.data.get(core.AdvertisingData.COMPLETE_LOCAL_NAME)
        name = raw if isinstance(raw, str) else None
        services = advertised_services(advertisement.data)
        data = AdvertisementData(name, {}, {}, services, None, advertisement.rssi, ())
        device = self.create_or_update_device(address, address, name, None, data)
        self.call_detection_callbacks(device, data)


class BumbleClient(BaseBleakClient):
    """bleak's client over the central of a park; `central` is set by the subclass a park makes."""

    central: ClassVar[Central]

    def __init__(self, address_or_ble_device: BLEDevice | str, **options: Any) -> None:
        super().__init__(address_or_ble_device, **options)
        self._connection: Connection | None = None
        self._peer: Peer | None = None
        self._proxies: dict[int, CharacteristicProxy[bytes]] = {}
        self._subscriptions: dict[int, Callable[[bytes], None]] = {}

    @property
    def name(self) -> str:
        """The address: nobody asked the device for its name."""
        return self.address

    @property
    def mtu_size(self) -> int:
        """The agreed ATT MTU."""
        return 23 if self._connection is None else self._connection.att_mtu

    @property
    def is_connected(self) -> bool:
        """Whether the connection stands."""
        return self._connection is not None

    async def connect(self, pair: bool, **options: Any) -> None:
        """Connect, agree on an MTU, discover the services."""
        timeout = options.get("timeout", self._timeout)
        try:
            async with asyncio.timeout(timeout):
                connection = await self.central.connect(self.address)
        except TimeoutError:
            raise BleakDeviceNotFoundError(self.address, f"{self.address} was not found") from None
        self._connection = connection
        connection.on(Connection.EVENT_DISCONNECTION, self._gone)
        try:
            peer = Peer(connection)
            await self._gatt(peer.request_mtu(CLIENT_MTU))
            await self._gatt(peer.discover_services())
            for service in peer.services:
                await self._gatt(service.discover_characteristics())
                for characteristic in service.characteristics:
                    await self._gatt(characteristic.discover_descriptors())
            if await self.central.keys.get(str(connection.peer_address)):
                await self._gatt(connection.encrypt())  # as a system does with whom it has a bond
        except BaseException:
            await self.disconnect()
            raise
        self._peer = peer
        self.services = self._collect(peer)

    async def disconnect(self) -> None:
        """End the connection."""
        connection, self._connection = self._connection, None
        self.services = None
        if connection is not None:
            try:
                await self._gatt(connection.disconnect())
            except (hci.HCI_Error, core.ConnectionError, BleakError):
                return  # the far end was quicker
            finally:
                connection.remove_listener(Connection.EVENT_DISCONNECTION, self._gone)

    async def pair(self, *_: Any, **__: Any) -> None:
        """Pair without anybody confirming (Just Works); simulated terminals let themselves be paired."""
        if self._connection is None:
            raise BleakError("Not connected")
        try:
            await self._gatt(self._connection.pair())
        except core.BaseBumbleError as error:
            raise BleakError(f"pairing failed: {error}") from error

    async def unpair(self) -> None:
        """Simulated terminals keep no bond."""

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, *, use_cached: bool = False, **_: Any
    ) -> bytearray:
        """Read a value."""
        return bytearray(await self._gatt(self._proxy(characteristic).read_value()))

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, *, use_cached: bool = False, **_: Any
    ) -> bytearray:
        """Read a descriptor by its handle."""
        peer = self._peer
        if peer is None or not self.is_connected:
            raise BleakError("Not connected")
        return bytearray(await self._gatt(peer.gatt_client.read_value(descriptor.handle)))

    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: Any, response: bool
    ) -> None:
        """Write a value, acknowledged or not."""
        await self._gatt(self._proxy(characteristic).write_value(bytes(data), with_response=response))

    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: Any) -> None:
        """Write a descriptor by its handle."""
        peer = self._peer
        if peer is None or not self.is_connected:
            raise BleakError("Not connected")
        await self._gatt(peer.gatt_client.write_value(descriptor.handle, bytes(data), with_response=True))

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **_: Any
    ) -> None:
        """Every notification goes to `callback`, in order."""

        def arrived(value: bytes) -> None:
            # bumble keeps a subscriber that was refused, and tells it too once another is not.
            if self._subscriptions.get(characteristic.handle) is arrived:
                callback(bytearray(value))

        self._subscriptions[characteristic.handle] = arrived
        await self._gatt(self._proxy(characteristic).subscribe(arrived))

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        """No more notifications."""
        arrived = self._subscriptions.pop(characteristic.handle, None)
        if arrived is not None:
            await self._gatt(self._proxy(characteristic).unsubscribe(arrived, force=True))

    def _proxy(self, characteristic: BleakGATTCharacteristic) -> CharacteristicProxy[bytes]:
        if not self.is_connected:
            raise BleakError("Not connected")
        return self._proxies[characteristic.handle]

    def _gone(self, _: int) -> None:
        self._connection = None
        self.services = None
        if self._disconnected_callback is not None:
            self._disconnected_callback()

    async def _gatt(self, operation: Awaitable[T]) -> T:
        """Await a bumble operation, with its errors as bleak's.

        bumble cancels what waits for a connection that is lost. That is not the caller being cancelled.
        """
        try:
            return await operation
        except att.ATT_Error as error:
            raise BleakGATTProtocolError(error.error_code) from error
        except core.TimeoutError as error:
            raise BleakError("GATT request timed out") from error
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise BleakError("disconnected") from None

    def _collect(self, peer: Peer) -> BleakGATTServiceCollection:
        collection = BleakGATTServiceCollection()
        for service in peer.services:
            found = BleakGATTService(service, service.handle, _uuid(service.uuid))
            collection.add_service(found)
            for proxy in service.characteristics:
                self._proxies[proxy.handle] = proxy
                characteristic = BleakGATTCharacteristic(
                    proxy,
                    proxy.handle,
                    _uuid(proxy.uuid),
                    sorted(gatt_char_props_to_strs(int(proxy.properties))),
                    lambda: self.mtu_size - 3,
                    found,
                )
                collection.add_characteristic(characteristic)
                for descriptor in proxy.descriptors:
                    collection.add_descriptor(
                        BleakGATTDescriptor(
                            descriptor, descriptor.handle, _uuid(descriptor.type), characteristic
                        )
                    )
        return collection


def advertised_services(data: core.AdvertisingData) -> list[str]:
    """The service UUIDs that an advertisement lists, in their 128-bit form."""
    kinds = core.AdvertisingData.Type
    lists = (
        kinds.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
        kinds.INCOMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS,
        kinds.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
        kinds.INCOMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS,
    )
    found = (data.get(kind) for kind in lists)
    return [_uuid(uuid) for each in found if isinstance(each, list) for uuid in each]


def _uuid(uuid: core.UUID) -> str:
    return normalize_uuid_str(uuid.to_hex_str("-"))
