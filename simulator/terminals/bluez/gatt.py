"""The GATT objects of a connected device: services, characteristics, descriptors."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.exc import BleakError

from simulator.terminals.bluez.errors import failed, in_progress, not_supported, of_gatt, refused
from simulator.terminals.bluez.tree import Call, Interface, Method, ObjectTree
from simulator.terminals.radio import BumbleClient
from vehicle.gatt import short_uuid

SERVICE = "org.bluez.GattService1"
CHARACTERISTIC = "org.bluez.GattCharacteristic1"
DESCRIPTOR = "org.bluez.GattDescriptor1"
_CONFIGURATION = short_uuid(0x2902)
_SERVICE_TYPES = {"UUID": "s", "Device": "o", "Primary": "b", "Includes": "ao"}
_CHARACTERISTIC_TYPES = {
    "UUID": "s",
    "Service": "o",
    "Value": "ay",
    "Notifying": "b",
    "Flags": "as",
    "MTU": "q",
}
_DESCRIPTOR_TYPES = {"UUID": "s", "Characteristic": "o", "Value": "ay"}


class GattObjects:
    """All of one connection. They are in the tree before the device says that its services are resolved."""

    def __init__(self, tree: ObjectTree, device: str, client: BumbleClient) -> None:
        self._tree = tree
        self._device = device
        self._client = client
        self._paths: list[str] = []
        self._characteristics: list[_Characteristic] = []

    def add(self) -> None:
        """Put them into the tree."""
        for service in self._client.services or ():
            path = f"{self._device}/service{service.handle:04x}"
            values = {"UUID": service.uuid, "Device": self._device, "Primary": True, "Includes": []}
            self._add(path, Interface(SERVICE, _SERVICE_TYPES, values))
            for found in service.characteristics:
                # BlueZ names a characteristic by its declaration, which stands right before its value.
                below = f"{path}/char{found.handle - 1:04x}"
                characteristic = _Characteristic(self._tree, below, path, found, self._client)
                self._characteristics.append(characteristic)
                self._add(below, characteristic.interface)
                for each in found.descriptors:
                    end = f"{below}/desc{each.handle:04x}"
                    self._add(end, _Descriptor(self._tree, end, below, each, self._client).interface)

    def remove(self) -> None:
        """Take them out, the inner ones first."""
        while self._paths:
            self._tree.remove(self._paths.pop())

    async def left(self, sender: str) -> None:
        """A program left the bus: nobody listens for it any more."""
        for characteristic in self._characteristics:
            await characteristic.left(sender)

    def _add(self, path: str, interface: Interface) -> None:
        self._paths.append(path)
        self._tree.add(path, interface)


class _Values:
    """Reading and writing as BlueZ has it: one of each at a time, and a second one is told to wait."""

    def __init__(self, tree: ObjectTree, path: str, name: str) -> None:
        self._tree = tree
        self._path = path
        self._name = name
        self._reading = False
        self._writing = False

    async def _read(self, call: Call) -> tuple[Any, ...]:
        if self._reading:
            raise in_progress()
        self._reading = True
        try:
            value = await self._fetch()
        except BleakError as error:
            raise of_gatt(error) from error
        finally:
            self._reading = False
        self.show(value)
        offset = call.arguments[0]["offset"].value if "offset" in call.arguments[0] else 0
        if offset > len(value):
            raise refused("InvalidArguments", "Invalid offset")
        return (value[offset:],)

    async def _write(self, call: Call) -> tuple[Any, ...]:
        if self._writing:
            raise in_progress()
        data, options = call.arguments
        self._writing = True
        try:
            await self._store(bytes(data), options["type"].value if "type" in options else "")
        except BleakError as error:
            raise of_gatt(error) from error
        finally:
            self._writing = False
        return ()

    def show(self, value: bytes | bytearray) -> None:
        """The value as last read or notified; told even if it is the same again."""
        self._tree.change(self._path, self._name, {"Value": bytes(value)})

    async def _fetch(self) -> bytes:
        raise NotImplementedError

    async def _store(self, data: bytes, kind: str) -> None:
        raise NotImplementedError


class _Characteristic(_Values):
    def __init__(
        self,
        tree: ObjectTree,
        path: str,
        service: str,
        characteristic: BleakGATTCharacteristic,
        client: BumbleClient,
    ) -> None:
        super().__init__(tree, path, CHARACTERISTIC)
        self._characteristic = characteristic
        self._client = client
        self._listeners: dict[str, None] = {}
        self._switch = asyncio.Lock()
        self._notifies = bool({"notify", "indicate"}.intersection(characteristic.properties))
        self.interface = Interface(
            CHARACTERISTIC,
            _CHARACTERISTIC_TYPES,
            {
                "UUID": characteristic.uuid,
                "Service": service,
                "Flags": list(characteristic.properties),
                "MTU": client.mtu_size,
            }
            | ({"Notifying": False} if self._notifies else {}),
            {
                "ReadValue": Method("a{sv}", "ay", self._read),
                "WriteValue": Method("aya{sv}", "", self._write),
                "StartNotify": Method("", "", self._start_notify),
                "StopNotify": Method("", "", self._stop_notify),
            },
        )

    async def _fetch(self) -> bytes:
        return bytes(await self._client.read_gatt_char(self._characteristic))

    async def _store(self, data: bytes, kind: str) -> None:
        flags = self._characteristic.properties
        if kind not in ("", "request", "command"):  # "reliable" too: no simulated device offers it
            raise not_supported()
        acknowledged = kind == "request" or (not kind and "write" in flags)
        if not acknowledged and "write-without-response" not in flags:
            raise not_supported()
        if not acknowledged and len(data) > self._client.mtu_size - 3:
            raise failed("Failed to initiate write")
        await self._client.write_gatt_char(self._characteristic, data, acknowledged)

    async def _start_notify(self, call: Call) -> tuple[Any, ...]:
        if not self._notifies:
            raise not_supported()
        async with self._switch:
            if not self._listeners:
                try:
                    await self._client.start_notify(self._characteristic, self.show)
                except BleakError as error:
                    raise of_gatt(error) from error
                self._tree.change(self._path, CHARACTERISTIC, {"Notifying": True})
            self._listeners[call.sender] = None
        return ()

    async def _stop_notify(self, call: Call) -> tuple[Any, ...]:
        if call.sender not in self._listeners:
            raise failed("No notify session started")
        try:
            await self._unsubscribe(call.sender)
        except BleakError as error:
            raise of_gatt(error) from error
        return ()

    async def left(self, sender: str) -> None:
        """A program left the bus; the link may be lost too, which ends notifications as well."""
        with contextlib.suppress(BleakError):
            await self._unsubscribe(sender)

    async def _unsubscribe(self, sender: str) -> None:
        async with self._switch:
            if sender not in self._listeners:
                return
            del self._listeners[sender]
            if not self._listeners:
                self._tree.change(self._path, CHARACTERISTIC, {"Notifying": False})
                await self._client.stop_notify(self._characteristic)


class _Descriptor(_Values):
    def __init__(
        self,
        tree: ObjectTree,
        path: str,
        characteristic: str,
        descriptor: BleakGATTDescriptor,
        client: BumbleClient,
    ) -> None:
        super().__init__(tree, path, DESCRIPTOR)
        self._descriptor = descriptor
        self._client = client
        self.interface = Interface(
            DESCRIPTOR,
            _DESCRIPTOR_TYPES,
            {"UUID": descriptor.uuid, "Characteristic": characteristic},
            {
                "ReadValue": Method("a{sv}", "ay", self._read),
                "WriteValue": Method("aya{sv}", "", self._write),
            },
        )

    async def _fetch(self) -> bytes:
        return bytes(await self._client.read_gatt_descriptor(self._descriptor))

    async def _store(self, data: bytes, kind: str) -> None:
        if self._descriptor.uuid == _CONFIGURATION:  # StartNotify and StopNotify write it
            raise refused("NotPermitted", "Write not permitted")
        await self._client.write_gatt_descriptor(self._descriptor, data)
