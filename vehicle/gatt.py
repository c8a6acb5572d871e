"""GATT profiles of ELM327-compatible adapters, as data.

A matching UUID makes a device a candidate and no more: the same services are found on thermal printers and
bare serial modules, so an adapter is identified by asking it (`ATI`), never by this table alone.

Sources: vendors' pages (OBDLink CX), the Bluetooth SIG's assigned numbers for the base UUID, and the tables
of open-source apps for the same adapters. None of the profiles was tried on hardware by this project.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

_BASE = "0000{:04x}-0000-1000-8000-00805f9b34fb"
_TIO = "{:08x}-0000-1000-8000-008025000000"


def short_uuid(value: int) -> str:
    """A 16-bit UUID in its 128-bit form (Bluetooth Core, Vol 3, Part B, 2.5.1)."""
    return _BASE.format(value)


class Bond(Enum):
    """What an adapter of a family may want before it talks."""

    NONE = "none"
    JUST_WORKS = "a bond without a passkey"
    PASSKEY = "a bond with a passkey"


@dataclass(frozen=True, slots=True)
class GattProfile:
    """Where the byte stream of an adapter family lives: `write` towards the adapter, `notify` from it.

    `credits`, where flow is controlled by them, are the characteristics for granting and for being granted.
    """

    name: str
    service: str
    write: str
    notify: str
    seen_on: str
    bond: Bond = Bond.NONE
    credits: tuple[str, str] | None = None


PROFILES: tuple[GattProfile, ...] = (
    GattProfile("ffe0", short_uuid(0xFFE0), short_uuid(0xFFE1), short_uuid(0xFFE1), "LELink, HM-10 clones"),
    GattProfile(
        "ffe0-split", short_uuid(0xFFE0), short_uuid(0xFFE2), short_uuid(0xFFE1), "some HM-10 clones"
    ),
    GattProfile(
        "fff0",
        short_uuid(0xFFF0),
        short_uuid(0xFFF2),
        short_uuid(0xFFF1),
        "OBDLink CX (needs a bond), Veepeak, NEXAS",
        Bond.JUST_WORKS,
    ),
    GattProfile(
        "18f0", short_uuid(0x18F0), short_uuid(0x2AF1), short_uuid(0x2AF0), "Vgate iCar Pro, vLinker"
    ),
    GattProfile(
        "e781",
        "e7810a71-73ae-499d-8c15-faa9aef0c3f2",
        "bef8d6c9-9c21-4c9e-b632-bd58c1009f9f",
        "bef8d6c9-9c21-4c9e-b632-bd58c1009f9f",
        "Vgate, second service",
    ),
    GattProfile(
        "nus",
        "6e400001-b5a3-f393-e0a9-e50e24dcca9e",
        "6e400002-b5a3-f393-e0a9-e50e24dcca9e",
        "6e400003-b5a3-f393-e0a9-e50e24dcca9e",
        "ESP32 and nRF builds",
    ),
    GattProfile(
        "issc",
        "49535343-fe7d-4ae5-8fa9-9fafd205e455",
        "49535343-8841-43f4-a8d4-ecbe34729bb3",
        "49535343-1e4d-4bd9-ba61-23c647249616",
        "some vLinker and UniCarScan devices",
    ),
    GattProfile(
        "tio",
        short_uuid(0xFEFB),
        _TIO.format(1),
        _TIO.format(2),
        "Telit Terminal I/O modules",
        credits=(_TIO.format(3), _TIO.format(4)),
    ),
    GattProfile(
        "fee0",
        short_uuid(0xFEE0),
        short_uuid(0xFEE1),
        short_uuid(0xFEE1),
        "WiCAN (needs a bond)",
        Bond.PASSKEY,
    ),
)


SEALED = GattProfile(
    "sealed",
    "6d700001-8a4e-4c53-9d1b-2f7a5c3e9b60",
    "6d700002-8a4e-4c53-9d1b-2f7a5c3e9b60",
    "6d700003-8a4e-4c53-9d1b-2f7a5c3e9b60",
    "terminals of docs/sealed-terminal.md",
)
"""No adapter's: what speaks here proves who it is."""
EVERY_PROFILE = (*PROFILES, SEALED)


def profile_named(name: str) -> GattProfile:
    """The profile of that name. Raises KeyError with the names there are."""
    for profile in EVERY_PROFILE:
        if profile.name == name:
            return profile
    raise KeyError(f"no GATT profile {name!r}; there are {', '.join(p.name for p in EVERY_PROFILE)}")
