"""What goes wrong at a station: kinds of fault as data, and what injects them, counts who meets them, clears them.

`simulator.faults.disk` and `simulator.faults.clock` have the disk and the wall clock that can fail.
"""

from simulator.faults.clock import WallClock
from simulator.faults.errors import FaultError, FaultNotPossible, UnknownFault, UnknownTarget
from simulator.faults.injector import Count, Faults, Injection, Listener, Moment
from simulator.faults.kinds import FAULTS, Aim, FaultKind, Layer, checked_rates, kind_named

__all__ = [
    "FAULTS",
    "Aim",
    "Count",
    "FaultError",
    "FaultKind",
    "FaultNotPossible",
    "Faults",
    "Injection",
    "Layer",
    "Listener",
    "Moment",
    "UnknownFault",
    "UnknownTarget",
    "WallClock",
    "checked_rates",
    "kind_named",
]
