"""One vehicle and its terminal; usable alone.

The radio itself is `vehicle.ble.Radio`, which needs the `ble` extra; everything here installs without it.
"""

from vehicle.actions import Action, ActionOrder, ActionOutcome, ActionResult, VehicleState
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
    "Action",
    "ActionOrder",
    "ActionOutcome",
    "ActionResult",
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
    "VehicleState",
    "open_terminal",
]
