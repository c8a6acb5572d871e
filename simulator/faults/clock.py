"""A wall clock that can be wrong."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from datetime import datetime, timedelta


class WallClock:
    """Shows `start` at the loop's zero and goes with the loop's time, plus what `errors` add (s); a `lifecycle` Clock.

    `ahead_s` is set by hand; `errors` are asked with the loop's time whenever somebody looks.
    """

    def __init__(self, start: datetime) -> None:
        self.start = start
        self.ahead_s = 0.0
        self.errors: list[Callable[[float], float]] = []

    def __call__(self) -> datetime:
        """What it shows."""
        now = asyncio.get_running_loop().time()
        wrong_s = self.ahead_s + math.fsum(error(now) for error in self.errors)
        return self.start + timedelta(seconds=now + wrong_s)

    def true(self) -> datetime:
        """What a right clock would show."""
        return self.start + timedelta(seconds=asyncio.get_running_loop().time())

    def step(self, seconds: float) -> None:
        """Set it forward, or back with a negative number."""
        self.ahead_s += seconds
