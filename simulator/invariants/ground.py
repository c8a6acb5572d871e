"""What every check stands on: the world, the book on the disk, deadlines, and where violations go."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from lifecycle.roster import Roster
from simulator.faults import Faults
from simulator.hardware import SimulatedHardware
from simulator.invariants.calm import Calm
from simulator.invariants.durable import DurableBook, Recorded
from simulator.kiosk import Answered, Unanswered
from simulator.timespan import moment
from simulator.world import Change, World

WITHIN_S = 120.0
"""How long after everything is whole again the book may take to agree with the world. A silent board is asked again
after at most 30 s, a lost line reopened after at most 10 s."""


@dataclass(frozen=True, slots=True)
class Violation:
    """An invariant that did not hold. `at` is the loop's time (s)."""

    invariant: str
    at: float
    text: str

    def __str__(self) -> str:
        return f"{self.invariant} at {moment(self.at)}: {self.text}"


@dataclass(slots=True)
class Ground:
    """Shared by all checks of one run."""

    world: World
    hardware: SimulatedHardware
    faults: Faults
    book: DurableBook
    calm: Calm
    roster: Roster
    now: Callable[[], float]
    violations: list[Violation] = field(default_factory=list)
    checks: Counter[str] = field(default_factory=Counter)
    """How often each invariant was looked at."""
    _deadlines: dict[object, asyncio.TimerHandle] = field(default_factory=dict)

    def violated(self, invariant: str, text: str) -> None:
        self.violations.append(Violation(invariant, self.now(), text))

    def expect(self, invariant: str, holds: bool, text: Callable[[], str]) -> None:
        """Look once; `text` says what is wrong when it does not hold."""
        self.checks[invariant] += 1
        if not holds:
            self.violated(invariant, text())

    def within(
        self, key: object, bound_s: float, since: Callable[[], float], overdue: Callable[[], None]
    ) -> None:
        """Call `overdue` once `bound_s` have passed without disturbance: counted from now and from `since()`."""
        self.settled(key)
        started = self.now()
        loop = asyncio.get_running_loop()

        def look() -> None:
            calm = since()
            due = loop.time() + bound_s if math.isinf(calm) else max(started, calm) + bound_s
            if due > loop.time() + 1e-6:
                self._deadlines[key] = loop.call_at(due, look)
                return
            del self._deadlines[key]
            overdue()

        self._deadlines[key] = loop.call_at(started + bound_s, look)

    def settled(self, key: object) -> None:
        """What a deadline was set for has happened."""
        timer = self._deadlines.pop(key, None)
        if timer is not None:
            timer.cancel()

    def close(self) -> None:
        """Forget every deadline."""
        for timer in self._deadlines.values():
            timer.cancel()
        self._deadlines.clear()


class Check:
    """One or a few invariants. Told of everything that happens, and of nothing that anybody believes."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground

    def changed(self, change: Change) -> None:
        """Something happened in the world."""

    def recorded(self, event: Recorded) -> None:
        """An event stands in the book, with all that it wrote."""

    def answered(self, answer: Answered) -> None:
        """The station promised somebody something."""

    def unanswered(self, request: Unanswered) -> None:
        """The station said nothing."""

    def end(self) -> None:
        """The run is over, and the station is stopped."""
