"""Device side of 8A lock boards.

Written from the tables of Guangzhou Shuoming's "485 lock control board protocol" (2024A1), not from the driver: head,
board, lock, function or state, XOR; a query of all is answered by a map, highest group of eight first.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from simulator.cabinets.lock_device import Answer, Heard, LockDevice

WORK_S = 0.5
"""From a request to open until its answer (printed: about 500 ms)."""
BETWEEN_S = 0.3
MAPS = {24: 3, 32: 4, 56: 7}
"""Bytes of the map by the most locks it holds."""


class XorDevice(LockDevice):
    """One board. `map_bytes` is the length of its firmware's map, whatever locks are fitted."""

    def __init__(
        self,
        address: int,
        locks: int,
        *,
        map_bytes: int | None = None,
        sense: Callable[[int], bool] = lambda _channel: False,
        switched: Callable[[int, bool], None] = lambda _channel, _on: None,
    ) -> None:
        super().__init__(address, locks, sense=sense, switched=switched)
        self.map_bytes = map_bytes or next(size for most, size in MAPS.items() if locks <= most)

    def find(self, burst: bytes) -> Heard | None:
        """Scan for a request with a right XOR, as boards do that hear noise in front of it."""
        for start in range(len(burst) - 4):
            if burst[start + 1] != self.address:
                continue
            for size in (5, 6):
                frame = burst[start : start + size]
                if len(frame) == size and _xor(frame[:-1]) == frame[-1]:
                    heard = self._request(frame)
                    if heard is not None:
                        return heard
        return None

    def _request(self, frame: bytes) -> Heard | None:
        head, _, lock, function = frame[:4]
        if head == 0x8A and function == 0x11:
            seconds = frame[4] if len(frame) == 6 else None
            return self._open_all if lock == 0 else partial(self._open, lock, seconds)
        if head == 0x80 and function == 0x33 and len(frame) == 5:
            return partial(Answer, 0.0, self._map) if lock == 0 else partial(self._state, 0x80, lock, 0.0)
        return None

    def _open(self, lock: int, seconds: int | None) -> Answer | None:
        if lock > self.locks:
            return None
        self.pulse(lock, seconds)
        return self._state(0x8A, lock, max(WORK_S, (seconds or 0) + 0.2))

    def _open_all(self) -> Answer:
        for lock in range(1, self.locks + 1):
            self.pulse(lock)
        return Answer(
            WORK_S + BETWEEN_S * self.locks, lambda: _sealed(0x8A, self.address, 0, self._code(self.locks))
        )

    def _state(self, head: int, lock: int, after_s: float) -> Answer | None:
        if lock > self.locks:
            return None
        return Answer(after_s, lambda: _sealed(head, self.address, lock, self._code(lock)))

    def _code(self, lock: int) -> int:
        return 0x11 if self.sense(lock) else 0x00

    def _map(self) -> bytes:
        groups = [self.bits(1 + 8 * group, 8) for group in range(self.map_bytes)]
        return _sealed(0x80, self.address, *reversed(groups), 0x33)


def _xor(data: bytes) -> int:
    value = 0
    for byte in data:
        value ^= byte
    return value


def _sealed(*body: int) -> bytes:
    return bytes((*body, _xor(bytes(body))))
