"""One vehicle and its terminal; usable alone.

The radio itself is `vehicle.ble.Radio`, which needs the `ble` extra; everything here installs without it.
"""

from vehicle.config import TerminalConfig
from vehicle.errors import VehicleError
from vehicle.model import (
    Absence,
    Capability,
    ClearOrder,
    ClearOutcome,
    Codes,
    CodesCleared,
    Reading,
    Telemetry,
)
from vehicle.obd_terminal import ObdTerminal
from vehicle.opening import open_terminal
from vehicle.terminal import NoTerminal, Terminal

__all__ = [
    "Absence",
    "Capability",
    "ClearOrder",
    "ClearOutcome",
    "Codes",
    "CodesCleared",
    "NoTerminal",
    "ObdTerminal",
    "Reading",
    "Telemetry",
    "Terminal",
    "TerminalConfig",
    "VehicleError",
    "open_terminal",
]
