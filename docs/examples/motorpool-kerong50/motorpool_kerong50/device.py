"""The device side, so that stations can be simulated with this board; the entry point `motorpool.devices` names it.

Written from the layout, not from the driver: a mistake made twice in the same words would never be found.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from keycabinet.config import BoardConfig
from simulator.cabinets.lock_device import Answer, Heard, LockDevice


class Cu50Device(LockDevice):
    """One board of 48 locks; it never answers an unlock."""

    def __init__(
        self, config: BoardConfig, *, sense: Callable[[int], bool], switched: Callable[[int, bool], None]
    ) -> None:
        super().__init__(config.address, 48, sense=sense, switched=switched, pulse_s=0.5)

    def find(self, burst: bytes) -> Heard | None:
        """The first request of six bytes to this address."""
        for start in range(len(burst) - 5):
            stx, address, lock, command, etx, total = burst[start : start + 6]
            right = stx == 2 and etx == 3 and (stx + address + lock + command + etx) % 256 == total
            if not right or address != self.address:
                continue
            if command == 0x50:
                return partial(Answer, 0.0, partial(self._states, lock))
            if command == 0x51 and lock < 48:
                return partial(self._open, lock + 1)
        return None

    def _open(self, lock: int) -> None:
        self.pulse(lock)

    def _states(self, lock: int) -> bytes:
        data = bytes(self.bits(1 + 8 * group, 8) for group in range(6))
        body = bytes((2, self.address, lock, 0x65)) + data + b"\x03"
        return body + bytes((sum(body) % 256,))
