"""Tells a moved key from a bouncing contact. Knows no I/O and no clock: time comes with each reading."""

from __future__ import annotations

CLOCK_SLACK_S = 1e-6
MAX_FLIPS = 10
"""Changes without a calm moment in between, after which an input is no longer believed."""
FAULT_CALM_S = 2.0
"""How long a faulty input must hold still to be believed again."""


class Debouncer:
    """Settled values of a board's inputs as bit masks.

    A new value counts once two readings at least `hold_s` seconds apart, and all between them, agree. Bits outside
    `known` have not settled since the last `reset`; bits in `faulty` never come to rest.
    """

    __slots__ = ("_all", "_hold_s", "_moving", "_raw", "_restless", "faulty", "known", "value")

    def __init__(self, count: int, hold_s: float) -> None:
        self._all = (1 << count) - 1
        self._hold_s = hold_s
        self._moving: dict[int, tuple[float, int]] = {}
        """Bits that have moved and not come to rest: when last, and how often."""
        self._raw: int | None = None
        self._restless = 0
        self.known = 0
        self.value = 0
        self.faulty = 0

    @property
    def restless(self) -> bool:
        """Whether an input is about to settle, so that it is worth reading again soon."""
        return bool(self._restless & ~self.faulty)

    def reset(self) -> int:
        """Forget everything; returns the bits that were known or faulty until now."""
        changed = self.known | self.faulty
        self._raw = None
        self._restless = self.known = self.value = self.faulty = 0
        self._moving = {}
        return changed

    def feed(self, raw: int, now: float) -> int:
        """One reading, taken at `now` (s); returns the bits whose settled state changed."""
        raw &= self._all
        moved = self._all if self._raw is None else raw ^ self._raw
        self._raw = raw
        if not moved and not self._restless:
            return 0
        changed = 0
        rest = moved | self._restless
        while rest:
            bit = rest & -rest
            rest ^= bit
            changed |= self._moved(bit, now) if moved & bit else self._calm(bit, raw, now)
        if not self._restless:
            self._moving = {}
        return changed

    def _moved(self, bit: int, now: float) -> int:
        self._restless |= bit
        flips = self._moving.get(bit, (0.0, 0))[1] + 1
        self._moving[bit] = now, flips
        if flips <= MAX_FLIPS or self.faulty & bit:
            return 0
        self.faulty |= bit
        return bit

    def _calm(self, bit: int, raw: int, now: float) -> int:
        hold = FAULT_CALM_S if self.faulty & bit else self._hold_s
        if now - self._moving[bit][0] < hold - CLOCK_SLACK_S:
            return 0
        self._restless &= ~bit
        del self._moving[bit]
        if self.known & bit and not self.faulty & bit and not (raw ^ self.value) & bit:
            return 0
        self.faulty &= ~bit
        self.known |= bit
        self.value = (self.value & ~bit) | (raw & bit)
        return bit
