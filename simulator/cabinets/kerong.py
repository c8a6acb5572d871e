"""Device side of Kerong lock boards: CU48B (60/61) and CU16 (30/31).

Written from captured traffic (AshurkovAV/KerongConsole) and, for CU16, from the layout that four public drivers share.
Both are silent after an unlock, as a rule: `talkative` boards answer it with their states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from simulator.cabinets.lock_device import Answer, Heard, LockDevice

PULSE_S = 0.5


class _KerongDevice(LockDevice):
    """02, address, command, 03, sum of all before."""

    def __init__(
        self,
        address: int,
        locks: int,
        *,
        sense: Callable[[int], bool] = lambda _channel: False,
        switched: Callable[[int, bool], None] = lambda _channel, _on: None,
        talkative: bool = False,
    ) -> None:
        super().__init__(address, locks, sense=sense, switched=switched, pulse_s=PULSE_S)
        self.talkative = talkative

    def _requests(self, burst: bytes, size: int) -> Iterator[bytes]:
        for start in range(len(burst) - size + 1):
            frame = burst[start : start + size]
            if frame[0] == 0x02 and frame[-2] == 0x03 and sum(frame[:-1]) % 256 == frame[-1]:
                yield frame

    def _opened(self, lock: int, states: Callable[[], bytes]) -> Answer | None:
        for each in range(1, self.locks + 1) if lock > self.locks else (lock,):
            self.pulse(each)
        return Answer(0.0, states) if self.talkative else None


class Cu48Device(_KerongDevice):
    """48 locks and 48 item sensors: inputs 1 to 48, and 49 to 96."""

    def find(self, burst: bytes) -> Heard | None:
        """A request of six bytes to this address; lock 48 means all."""
        for frame in self._requests(burst, 6):
            _, address, lock, command, _, _ = frame
            if address != self.address or lock > 48:
                continue
            if command == 0x60:
                return partial(Answer, 0.0, partial(self._states, lock))
            if command == 0x61:
                return partial(self._opened, lock + 1, partial(self._states, lock))
        return None

    def _states(self, lock: int) -> bytes:
        locks = self.bits(1, 48).to_bytes(6, "little")
        items = self.bits(49, 48).to_bytes(6, "little")
        body = bytes((0x02, self.address, lock, 0x75)) + locks + items + b"\x03"
        return body + bytes((sum(body) % 256,))


class Cu16Device(_KerongDevice):
    """16 locks and 16 item sensors: inputs 1 to 16, and 17 to 32; `address` is the board, 0 to 15."""

    def said(self, frame: bytes) -> bool:
        """By the high nibble."""
        return len(frame) > 1 and frame[1] >> 4 == self.address

    def find(self, burst: bytes) -> Heard | None:
        """A request of five bytes whose high nibble is this board."""
        for frame in self._requests(burst, 5):
            _, where, command, _, _ = frame
            if where >> 4 != self.address:
                continue
            if command == 0x30:
                return partial(Answer, 0.0, partial(self._states, where))
            if command == 0x31:
                return partial(self._opened, (where & 15) + 1, partial(self._states, where))
        return None

    def _states(self, where: int) -> bytes:
        inputs = self.bits(1, 32)
        body = bytes((0x02, where, 0x35)) + inputs.to_bytes(4, "little") + b"\x03"
        return body + bytes((sum(body) % 256,))
