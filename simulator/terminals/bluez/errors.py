"""Errors in BlueZ's words, so that programs that read them read the same here.

Source: BlueZ, doc/org.bluez.Device.rst and doc/org.bluez.GattCharacteristic.rst, and what bleak 3.1 makes of them.
"""

from __future__ import annotations

from bleak.exc import BleakError, BleakGATTProtocolError
from dbus_fast import DBusError

_UNLIKELY = 0x0E
_NOT_PAIRED = ("NotPermitted", "Not paired")
_ATT: dict[int, tuple[str, str]] = {
    0x02: ("NotPermitted", "Read not permitted"),
    0x03: ("NotPermitted", "Write not permitted"),
    0x05: _NOT_PAIRED,
    0x06: ("NotSupported", "Operation is not supported"),
    0x07: ("InvalidArguments", "Invalid offset"),
    0x08: ("NotAuthorized", "Operation Not Authorized"),
    0x0C: _NOT_PAIRED,
    0x0D: ("InvalidArguments", "Invalid Length"),
    0x0F: _NOT_PAIRED,
}
"""ATT error codes (Bluetooth Core, Vol 3, Part F, 3.4.1.1) that BlueZ has words for."""


def refused(name: str, text: str) -> DBusError:
    """An error of BlueZ."""
    return DBusError(f"org.bluez.Error.{name}", text)


def failed(text: str) -> DBusError:
    """The general one, told apart by its text."""
    return refused("Failed", text)


def in_progress(text: str = "In Progress") -> DBusError:
    """The same thing is being done already."""
    return refused("InProgress", text)


def not_connected() -> DBusError:
    """The device is not connected."""
    return refused("NotConnected", "Not Connected")


def not_supported() -> DBusError:
    """The characteristic, or this service, does not do that."""
    return refused("NotSupported", "Operation is not supported")


def of_gatt(error: BleakError) -> DBusError:
    """What a GATT operation ended with; a link that was lost under it is an unlikely error (0x0E)."""
    code = int(error.code) if isinstance(error, BleakGATTProtocolError) else _UNLIKELY
    if code in _ATT:
        return refused(*_ATT[code])
    return failed(f"Operation failed with ATT error: 0x{code:02x}")
