"""What a simulated cabinet is made of: bolts, a door, hooks, lamps."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulator.model import Bolt, Hinge, Place


@dataclass(slots=True, eq=False)
class Lock:
    """A bolt that a solenoid draws; `unlock_at` and `relock_at` say when it moves next by itself."""

    place: Place
    has_bolt: bool
    unlocked: bool
    energised_at: float | None = None
    unlock_at: float | None = None
    relock_at: float | None = None
    pulses: int = 0
    trouble: Bolt | None = None
    needs_s: float | None = None


@dataclass(slots=True)
class Cabinet:
    """A cabinet: its bolts by slot, its door, and what hangs and shines in it."""

    locks: dict[int, Lock]
    has_door: bool
    door_open: bool
    ajar: bool = False
    hinge: Hinge | None = None
    hanging: dict[int, str] = field(default_factory=dict)
    lamps: dict[int, bool] = field(default_factory=dict)
