"""What an adapter says of itself: who it is, the voltage it measures, the protocol it speaks with the car.

Source: ELM327DSL data sheet v2.3, "AT Command Descriptions"; the names of makers as their devices print them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType

PROTOCOLS: Mapping[str, str] = MappingProxyType(
    {
        "1": "SAE J1850 PWM 41.6 kbit/s",
        "2": "SAE J1850 VPW 10.4 kbit/s",
        "3": "ISO 9141-2",
        "4": "ISO 14230-4 KWP, 5-baud init",
        "5": "ISO 14230-4 KWP, fast init",
        "6": "ISO 15765-4 CAN 11 bit 500 kbit/s",
        "7": "ISO 15765-4 CAN 29 bit 500 kbit/s",
        "8": "ISO 15765-4 CAN 11 bit 250 kbit/s",
        "9": "ISO 15765-4 CAN 29 bit 250 kbit/s",
        "A": "SAE J1939 CAN 29 bit 250 kbit/s",
        "B": "CAN, user 1",
        "C": "CAN, user 2",
    }
)
"""By the number that `AT DPN` prints."""

_IDENTITY = re.compile(r"ELM327|STN|OBDLINK", re.IGNORECASE)
_VOLTAGE = re.compile(r"([0-9]{1,2}\.[0-9]{1,2})\s*V?", re.IGNORECASE)
_NUMBER = re.compile(r"A?([1-9A-C])")
_NAMES = (
    ("J1850PWM", "1"),
    ("J1850VPW", "2"),
    ("ISO9141", "3"),
    ("5BAUD", "4"),
    ("KWPFAST", "5"),
    ("CAN11/500", "6"),
    ("CAN29/500", "7"),
    ("CAN11/250", "8"),
    ("J1939", "A"),
    ("CAN29/250", "9"),
)
"""What `AT DP` prints of each protocol, blanks removed: for clones that do not know `AT DPN`."""


def read_identity(lines: Sequence[str]) -> str | None:
    """The line in which an adapter names itself; None if it is something else."""
    return next((line for line in lines if _IDENTITY.search(line)), None)


def read_voltage(lines: Sequence[str]) -> float | None:
    """The voltage (V) that `AT RV` prints in the first line, if that is one."""
    measured = _VOLTAGE.fullmatch(lines[0]) if lines else None
    return float(measured[1]) if measured else None


def read_protocol(lines: Sequence[str]) -> tuple[str, bool] | None:
    """The number of the protocol that `AT DPN` prints, and whether the adapter found it by itself."""
    named = _NUMBER.fullmatch(lines[0]) if lines else None
    return (named[1], len(named[0]) > 1) if named else None


def read_protocol_name(lines: Sequence[str]) -> str | None:
    """The number of the protocol whose name `AT DP` prints."""
    bare = re.sub(r"[\s()]|AUTO,?|-4", "", lines[0].upper()) if lines else ""
    return next((number for name, number in _NAMES if name in bare), None)
