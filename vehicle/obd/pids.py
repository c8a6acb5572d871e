"""The values of SAE J1979 that have a form of their own: monitors, support bitmaps, several parameters in one answer,
and the VIN. The plain ones are a table, `vehicle.obd.pid_table`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from vehicle.obd.pid_table import PIDS, Field, Form, Pid

__all__ = [
    "PIDS",
    "Field",
    "Form",
    "Monitor",
    "MonitorStatus",
    "Pid",
    "decode_monitor_status",
    "decode_supported",
    "decode_vin",
    "read_texts",
    "split_values",
]

_VIN = re.compile(r"[0-9A-HJ-NPR-Z]{17}")


CONTINUOUS = ("misfire", "fuel system", "components")
SPARK = (
    "catalyst",
    "heated catalyst",
    "evaporative system",
    "secondary air",
    "refrigerant or particulate filter",
    "oxygen sensor",
    "oxygen sensor heater",
    "EGR or VVT",
)
COMPRESSION = (
    "NMHC catalyst",
    "NOx aftertreatment",
    None,
    "boost pressure",
    None,
    "exhaust gas sensor",
    "particulate filter",
    "EGR or VVT",
)
"""The names of bits 0 to 7 of bytes C and D, by the way the engine ignites; two bits are reserved."""


@dataclass(frozen=True, slots=True)
class Monitor:
    """One self-test that the car has: did it end since codes were cleared (PID 01), or this drive cycle (41)?"""

    name: str
    complete: bool


@dataclass(frozen=True, slots=True)
class MonitorStatus:
    """Service 01 PID 01 or 41: is the malfunction lamp on, how many codes are stored, how the engine ignites, and
    the self-tests it has."""

    mil: bool
    dtc_count: int
    compression_ignition: bool
    monitors: tuple[Monitor, ...]


def decode_monitor_status(data: bytes) -> MonitorStatus | None:
    """The four bytes of PID 01 or 41; None when the length is wrong."""
    if len(data) != 4:
        return None
    a, b, has, lacks = data
    compression = bool(b & 0x08)
    monitors = [Monitor(name, not b >> bit + 4 & 1) for bit, name in enumerate(CONTINUOUS) if b >> bit & 1]
    for bit, name in enumerate(COMPRESSION if compression else SPARK):
        if name is not None and has >> bit & 1:
            monitors.append(Monitor(name, not lacks >> bit & 1))
    return MonitorStatus(bool(a & 0x80), a & 0x7F, compression, tuple(monitors))


def decode_supported(base: int, data: bytes) -> tuple[int, ...] | None:
    """The PIDs that a support bitmap (00, 20, ... C0) names: bit 31 is base + 1, bit 0 is base + 20 hex,
    which is itself the next bitmap. None when the length is wrong."""
    if len(data) != 4:
        return None
    bits = int.from_bytes(data, "big")
    return tuple(base + 1 + n for n in range(32) if bits >> (31 - n) & 1)


def split_values(payload: bytes, requested: tuple[int, ...]) -> Mapping[int, bytes] | None:
    """The data of each PID in one answer to a request for several (`41`, PID, data, PID, data, ...).

    None when a PID was not asked for, is asked for but has no row here, comes twice, or is cut.
    """
    values: dict[int, bytes] = {}
    at = 1
    while at < len(payload):
        row = PIDS.get(payload[at])
        if row is None or row.pid not in requested or row.pid in values:
            return None
        data = payload[at + 1 : at + 1 + row.size]
        if len(data) != row.size:
            return None
        values[row.pid] = data
        at += 1 + row.size
    return values


def read_texts(data: bytes) -> tuple[str, ...]:
    """The texts of service 09 after their count, of 16 characters each and filled up with zero bytes: calibrations."""
    pieces = (data[at : at + 16] for at in range(0, len(data), 16))
    return tuple(piece.strip(b"\0").decode("latin-1") for piece in pieces if any(piece))


def decode_vin(data: bytes) -> str | None:
    """A vehicle identification number: 17 characters of 0-9 and A-Z without I, O and Q (ISO 3779), after zero
    bytes of padding. None for anything else."""
    text = data.strip(b"\0").decode("latin-1")
    return text if _VIN.fullmatch(text) else None
