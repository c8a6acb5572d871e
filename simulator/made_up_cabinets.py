"""Cabinets of every board that there is, for a made-up station: small ones, each board at least once.

Lines are shared and alone, serial, behind gateways and over Modbus TCP; some cabinets have readers of fobs. What a
cabinet can sense differs with its boards: keys, latches and compartments, latches alone, or nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from keycabinet.readers.onewire import crc8
from lifecycle.model import slot_label

Home = tuple[str, str | None]
"""The label of a slot, and the fob of the set that hangs there at first."""
Tables = dict[str, dict[str, Any]]

LINES: dict[str, str] = {
    "a": "serial:///dev/ttyS1?baudrate=19200",
    "b": "modbus+tcp://10.0.0.2:502",
    "c": "rtu+tcp://10.0.0.3:4196",
    "e": "serial:///dev/ttyS2?baudrate=9600",
    "f": "modbus+tcp://10.0.0.4:502",
    "g": "serial:///dev/ttyS3?baudrate=9600",
    "h": "serial:///dev/ttyS4?baudrate=19200",
    "j": "serial:///dev/ttyS5?baudrate=9600",
    "ra": "serial:///dev/ttyS6?baudrate=19200&parity=E",
    "rb": "rtu+tcp://10.0.0.5:6000",
    "rd": "serial:///dev/ttyS7?baudrate=9600",
}
REREAD_S = 300.0
"""Readers look for fobs that moved unseen as seldom as this, for polls are what slows a simulation down."""

_A = "waveshare-relay-d-8"
_B = "waveshare-io-8ch"

_CABINETS: Tables = {
    "A": {  # two boards of one kind, and another maker's (cabinet D) on the same line; a reader at each slot
        "boards": [
            {"name": "a1", "line": "a", "address": 1, "profile": _A, "slots": "1-4"},
            {"name": "a2", "line": "a", "address": 2, "profile": _A, "slots": "5-8"},
        ],
        "readers": [{"name": "ra", "line": "ra", "kind": "rs485-125k-ascii", "slots": "1-8"}],
        "reread_s": REREAD_S,
    },
    "B": {  # with a door, its contact, lamps, mains and battery; one reader for the whole cabinet
        "boards": [
            {"name": "b1", "line": "b", "address": 1, "profile": _B, "slots": "1-8"},
            {
                "name": "b2", "line": "b", "address": 2, "profile": _B, "lamps": "1-7@2",
                "door_lock": 1, "door_contact": 1, "mains": 2, "battery_low": 3,
            },
        ],
        "readers": [{"name": "rb", "line": "rb", "kind": "uhf-crc8408"}],
        "reread_s": REREAD_S,
    },
    "C": {  # behind a gateway that passes the bytes of a serial line through, which cabinet K shares
        "boards": [{"name": "c1", "line": "c", "address": 1, "profile": "eletechsup-n4d3e16", "slots": "1-12"}],
    },
    "D": {  # on the line of cabinet A; a 1-Wire bridge reads the whole cabinet
        "boards": [{"name": "d1", "line": "a", "address": 3, "profile": "eletechsup-n4d8b08", "slots": "1-8"}],
        "readers": [{"name": "rd", "line": "rd", "kind": "ds2480b"}],
        "reread_s": REREAD_S,
    },
    "E": {  # relays that sense nothing, with key switches on an input module of another maker
        "boards": [
            {"name": "e1", "line": "e", "address": 1, "profile": "eletechsup-r421a08", "locks": "1-8"},
            {"name": "e2", "line": "f", "address": 1, "profile": "advantech-adam-6050", "keys": "1-8"},
        ],
    },
    "F": {
        "boards": [
            {"name": "f1", "line": "e", "address": 2, "profile": "waveshare-relay-16", "locks": "1-10"},
            {"name": "f2", "line": "f", "address": 2, "profile": "moxa-iologik-e1210", "keys": "1-10"},
        ],
    },
    "G": {  # latches only: what was taken is inferred, what came home assumed
        "boards": [
            {"name": "g1", "line": "g", "address": 1, "profile": "xor-8a-8", "slots": "1-3"},
            {"name": "g2", "line": "g", "address": 2, "profile": "xor-8a-12", "slots": "4-12"},
        ],
    },
    "H": {  # latches and compartments; cabinet I shares the line
        "boards": [{"name": "h1", "line": "h", "address": 1, "profile": "kerong-cu48-60", "slots": "1-10"}],
    },
    "I": {"boards": [{"name": "i1", "line": "h", "address": 2, "profile": "kerong-cu16", "slots": "1-8"}]},
    "J": {  # boards that tell of changes unasked
        "boards": [
            {"name": "j1", "line": "j", "address": 1, "profile": "wkly-8", "slots": "1-6"},
            {"name": "j2", "line": "j", "address": 2, "profile": "wkly-8", "slots": "7-12"},
        ],
    },
    "K": {  # nothing can be sensed
        "boards": [{"name": "k1", "line": "c", "address": 2, "profile": "waveshare-relay-32", "locks": "1-8"}],
    },
}  # fmt: skip
PACE = {"poll_idle_s": 2.0, "poll_active_s": 0.25}
"""Slower than a station's own, for the same reason."""
CABINETS: Tables = {name: {**cabinet, **PACE} for name, cabinet in _CABINETS.items()}
HUNG = {"A": 5, "B": 5, "C": 7, "D": 5, "E": 5, "F": 6, "G": 6, "H": 6, "I": 4, "J": 6, "K": 4}
"""How many sets hang in each at first."""
SETS = sum(HUNG.values())


def homes() -> Iterator[Home]:
    """Where each set hangs at first, through the cabinets in turn."""
    number = 0
    for slot in range(1, max(HUNG.values()) + 1):
        for cabinet in (each for each, sets in HUNG.items() if slot <= sets):
            number += 1
            yield slot_label(cabinet, slot), fob(cabinet, number)


def fob(cabinet: str, number: int) -> str | None:
    """A fob that the readers of this cabinet can read, different for each set; None where there is no reader."""
    match cabinet:
        case "A":
            return f"em:{0x00A10000 + number:08X}"
        case "B":
            return f"epc:E2003412013F{number:012X}"
        case "D":
            return f"rom:{_rom(number)}"
    return None


def _rom(number: int) -> str:
    """Family 01 (a DS1990A button), serial number and CRC as they cross the wire."""
    body = bytes((0x01,)) + number.to_bytes(6, "little")
    return (body + bytes((crc8(body),))).hex().upper()
