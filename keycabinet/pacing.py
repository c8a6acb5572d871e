"""When the next idle poll happens."""

from __future__ import annotations

import asyncio
from typing import Protocol


class Pacer(Protocol):
    """Decides how long to wait between polls; a simulator passes one that skips polls which can see no change."""

    async def wait(self, interval_s: float) -> int:
        """Wait until the next poll is due, `interval_s` seconds by the book; returns how many polls were skipped."""


class RealPacer:
    """Waits as long as it is told."""

    async def wait(self, interval_s: float) -> int:
        """Sleep."""
        await asyncio.sleep(interval_s)
        return 0
