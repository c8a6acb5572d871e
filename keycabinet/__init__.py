"""One key cabinet and its wiring; usable alone.

line = await Line.open("a", LineUrl.parse("serial:///dev/ttyUSB0?baudrate=9600"))
config = CabinetConfig(boards=[{"line": "a", "address": 1, "profile": "waveshare-relay-d-8", "slots": "1-8"}])
async with Cabinet("A", config, {"a": line}) as cabinet:
    print(cabinet.snapshot(), await cabinet.open_slot(7, command_id="first"))
"""

from keycabinet.cabinet import Cabinet
from keycabinet.config import BoardConfig, CabinetConfig, find_problems, resolve
from keycabinet.errors import KeyCabinetError
from keycabinet.exchange import LineStats, Priority
from keycabinet.fobs import Fob
from keycabinet.line import Line
from keycabinet.modbus_device import ModbusDevice
from keycabinet.model import (
    BadgeRead,
    BoardLost,
    BoardRecovered,
    BoardState,
    CabinetEvent,
    DoorChanged,
    DoorState,
    FobsChanged,
    LatchState,
    Mains,
    Power,
    PowerChanged,
    Presence,
    PresenceChanged,
    Proof,
    Release,
    ReleaseOutcome,
    Sense,
    Sighting,
    SlotReleased,
    SlotState,
    Snapshot,
    TwoBoardsAtAddress,
)
from keycabinet.pacing import Pacer, RealPacer
from keycabinet.transport import LineUrl, Link, Opener, open_link

__all__ = [
    "BadgeRead",
    "BoardConfig",
    "BoardLost",
    "BoardRecovered",
    "BoardState",
    "Cabinet",
    "CabinetConfig",
    "CabinetEvent",
    "DoorChanged",
    "DoorState",
    "Fob",
    "FobsChanged",
    "KeyCabinetError",
    "LatchState",
    "Line",
    "LineStats",
    "LineUrl",
    "Link",
    "Mains",
    "ModbusDevice",
    "Opener",
    "Pacer",
    "Power",
    "PowerChanged",
    "Presence",
    "PresenceChanged",
    "Priority",
    "Proof",
    "RealPacer",
    "Release",
    "ReleaseOutcome",
    "Sense",
    "Sighting",
    "SlotReleased",
    "SlotState",
    "Snapshot",
    "TwoBoardsAtAddress",
    "find_problems",
    "open_link",
    "resolve",
]
