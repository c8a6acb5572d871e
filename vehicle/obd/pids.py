"""Parameter ids of service 01 as a table, and the other values of SAE J1979 that have a form of their own.

Every formula in the table is linear: value = raw x numerator / denominator + offset, where raw is the
unsigned big-endian number of `size` bytes. Source: SAE J1979 / ISO 15031-5, Annex B.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pid:
    """One row: how many bytes, and how they become a value in `unit`. `most` is the largest plausible
    value."""

    pid: int
    name: str
    size: int
    unit: str
    numerator: int = 1
    denominator: int = 1
    offset: int = 0
    most: float | None = None

    @property
    def request(self) -> str:
        """The request that asks for it, as sent to an adapter."""
        return f"01{self.pid:02X}"

    @property
    def formula(self) -> str:
        """The formula in words, for documents."""
        text = "raw"
        if self.numerator != 1:
            text += f" * {self.numerator}"
        if self.denominator != 1:
            text += f" / {self.denominator}"
        return text + (f" {self.offset:+d}" if self.offset else "")

    def decode(self, data: bytes) -> float | None:
        """The value of `data`, or None when its length is wrong or the value is beyond `most`."""
        if len(data) != self.size:
            return None
        raw = int.from_bytes(data, "big")
        if self.denominator == 1:
            value: float = raw * self.numerator + self.offset
        else:
            value = raw * self.numerator / self.denominator + self.offset
        return None if self.most is not None and value > self.most else value


PIDS: Mapping[int, Pid] = {
    row.pid: row
    for row in (
        Pid(0x04, "calculated engine load", 1, "%", 100, 255),
        Pid(0x05, "coolant temperature", 1, "degC", offset=-40),
        Pid(0x0B, "intake manifold pressure", 1, "kPa"),
        Pid(0x0C, "engine speed", 2, "rpm", 1, 4),
        Pid(0x0D, "vehicle speed", 1, "km/h"),
        Pid(0x0F, "intake air temperature", 1, "degC", offset=-40),
        Pid(0x11, "throttle position", 1, "%", 100, 255),
        Pid(0x1F, "time since engine start", 2, "s"),
        Pid(0x21, "distance with MIL on", 2, "km"),
        Pid(0x2F, "fuel level", 1, "%", 100, 255),
        Pid(0x30, "warm-ups since codes cleared", 1, "1"),
        Pid(0x31, "distance since codes cleared", 2, "km"),
        Pid(0x42, "control module voltage", 2, "V", 1, 1000),
        Pid(0x46, "ambient temperature", 1, "degC", offset=-40),
        Pid(0x4D, "time with MIL on", 2, "min"),
        Pid(0x4E, "time since codes cleared", 2, "min"),
        Pid(0x5B, "hybrid pack charge", 1, "%", 100, 255),
        Pid(0x5E, "fuel rate", 2, "L/h", 1, 20),
        # Ten million kilometres: beyond it the four bytes are a fill pattern, not a distance.
        Pid(0xA6, "odometer", 4, "km", 1, 10, most=10_000_000),
    )
}

_VIN = re.compile(r"[0-9A-HJ-NPR-Z]{17}")


@dataclass(frozen=True, slots=True)
class MonitorStatus:
    """Service 01 PID 01: is the malfunction lamp on, how many codes are stored, and how the engine
    ignites."""

    mil: bool
    dtc_count: int
    compression_ignition: bool


def decode_monitor_status(data: bytes) -> MonitorStatus | None:
    """The first two of the four bytes of PID 01; None when the length is wrong."""
    if len(data) != 4:
        return None
    return MonitorStatus(bool(data[0] & 0x80), data[0] & 0x7F, bool(data[1] & 0x08))


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


def decode_vin(data: bytes) -> str | None:
    """A vehicle identification number: 17 characters of 0-9 and A-Z without I, O and Q (ISO 3779), after zero
    bytes of padding. None for anything else."""
    text = data.strip(b"\0").decode("latin-1")
    return text if _VIN.fullmatch(text) else None
