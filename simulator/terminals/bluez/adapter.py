"""The Bluetooth adapter as BlueZ shows it: who is looking, and what has been found."""

from __future__ import annotations

from typing import Any

from bumble.device import Advertisement, Device
from dbus_fast import Variant

from simulator.terminals.bluez.device import BluezDevice
from simulator.terminals.bluez.errors import failed, in_progress, refused
from simulator.terminals.bluez.tree import Call, Interface, Method, ObjectTree
from simulator.terminals.radio import BumbleClient, Central, advertised_services

ADAPTER = "org.bluez.Adapter1"
PATH = "/org/bluez/hci0"
WEAKEST = -127
"""dBm; what HCI can report at least."""
_FILTERS = ("UUIDs", "RSSI", "Pathloss", "Transport", "DuplicateData", "Discoverable", "Pattern")
_TYPES = {
    "Address": "s",
    "AddressType": "s",
    "Name": "s",
    "Alias": "s",
    "Class": "u",
    "Powered": "b",
    "PowerState": "s",
    "Discoverable": "b",
    "DiscoverableTimeout": "u",
    "Pairable": "b",
    "PairableTimeout": "u",
    "Discovering": "b",
    "UUIDs": "as",
    "Modalias": "s",
    "Roles": "as",
}


class BluezAdapter:
    """One adapter over a central. Every program on the bus has its own discovery session and filter."""

    def __init__(self, tree: ObjectTree, central: Central) -> None:
        self._tree = tree
        self._central = central
        self._backend: type[BumbleClient] = type("BluezClient", (BumbleClient,), {"central": central})
        self._devices: dict[str, BluezDevice] = {}
        self._filters: dict[str, dict[str, Any]] = {}
        self._sessions: dict[str, None] = {}
        central.device.on(Device.EVENT_ADVERTISEMENT, self._advertised)
        tree.add(PATH, self._interface())

    async def left(self, sender: str) -> None:
        """A program left the bus: it looks for nothing and listens to nothing any more."""
        self._filters.pop(sender, None)
        if sender in self._sessions:
            await self._stop(sender)
        for device in list(self._devices.values()):
            await device.left(sender)

    async def close(self) -> None:
        """Disconnect everything and stop listening."""
        self._central.device.remove_listener(Device.EVENT_ADVERTISEMENT, self._advertised)
        self._sessions.clear()
        await self._central.ignore(self)
        for device in list(self._devices.values()):
            await self._drop(device)
        self._tree.remove(PATH)

    # -- what programs call

    async def _set_filter(self, call: Call) -> tuple[Any, ...]:
        chosen: dict[str, Variant] = call.arguments[0]
        if any(name not in _FILTERS for name in chosen):
            raise refused("InvalidArguments", "Invalid arguments in method call")
        self._filters[call.sender] = {name: variant.value for name, variant in chosen.items()}
        return ()

    async def _get_filters(self, _: Call) -> tuple[Any, ...]:
        return (list(_FILTERS),)

    async def _start_discovery(self, call: Call) -> tuple[Any, ...]:
        if call.sender in self._sessions:
            raise in_progress("Operation already in progress")
        first = not self._sessions
        self._sessions[call.sender] = None
        if first:
            self._tree.change(PATH, ADAPTER, {"Discovering": True})
            await self._central.listen(self)
        return ()

    async def _stop_discovery(self, call: Call) -> tuple[Any, ...]:
        if call.sender not in self._sessions:
            raise failed("No discovery started")
        await self._stop(call.sender)
        return ()

    async def _remove_device(self, call: Call) -> tuple[Any, ...]:
        device = next((each for each in self._devices.values() if each.path == call.arguments[0]), None)
        if device is None:
            raise refused("DoesNotExist", "Does Not Exist")
        await self._drop(device)
        return ()

    async def _stop(self, sender: str) -> None:
        del self._sessions[sender]
        if self._sessions:
            return
        await self._central.ignore(self)
        for device in self._devices.values():
            device.unheard()
        self._tree.change(PATH, ADAPTER, {"Discovering": False})

    # -- what is heard

    def _advertised(self, advertisement: Advertisement) -> None:
        sessions = [self._filters.get(sender, {}) for sender in self._sessions]
        wanted = [filter_ for filter_ in sessions if _matches(filter_, advertisement)]
        if not wanted:
            return
        address = advertisement.address.to_string(False)
        device = self._devices.get(address)
        if device is not None:
            duplicates = any(filter_.get("DuplicateData", True) for filter_ in wanted)
            device.heard(advertisement, duplicates=duplicates)
            return
        path = f"{PATH}/dev_{address.replace(':', '_')}"
        self._devices[address] = BluezDevice(
            self._tree, path, PATH, advertisement, self._backend, self._forget
        )

    def _forget(self, device: BluezDevice) -> None:
        self._tree.spawn(self._drop(device))

    async def _drop(self, device: BluezDevice) -> None:
        self._devices.pop(device.address, None)
        await device.close()

    def _interface(self) -> Interface:
        values = {
            "Address": self._central.address,
            "AddressType": "random",
            "Name": "motorpool",
            "Alias": "motorpool",
            "Class": 0,
            "Powered": True,
            "PowerState": "on",
            "Discoverable": False,
            "DiscoverableTimeout": 0,
            "Pairable": False,
            "PairableTimeout": 0,
            "Discovering": False,
            "UUIDs": [],
            "Modalias": "",
            "Roles": ["central"],
        }
        methods = {
            "StartDiscovery": Method("", "", self._start_discovery),
            "StopDiscovery": Method("", "", self._stop_discovery),
            "SetDiscoveryFilter": Method("a{sv}", "", self._set_filter),
            "GetDiscoveryFilters": Method("", "as", self._get_filters),
            "RemoveDevice": Method("o", "", self._remove_device),
        }
        return Interface(ADAPTER, _TYPES, values, methods, writable=("Alias",))


def _matches(filter_: dict[str, Any], advertisement: Advertisement) -> bool:
    """Whether a program wants to hear of this one, by service and signal strength; other filters have no effect."""
    uuids = [uuid.lower() for uuid in filter_.get("UUIDs", ())]
    if uuids and not any(uuid in uuids for uuid in advertised_services(advertisement.data)):
        return False
    weakest: int = filter_.get("RSSI", WEAKEST)
    return advertisement.rssi >= weakest
