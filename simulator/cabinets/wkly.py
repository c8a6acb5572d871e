"""Device side of WKLY lock boards, which tell of changed locks unasked.

Written from the frames of the public test file ExampleUnitTest.kt: 57 4B 4C 59, length of the whole frame, board,
command, data, XOR; status 00 or FF first in replies, lock state 00 open and 01 shut.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

from simulator.cabinets.lock_device import Answer, Heard, LockDevice

MARK = b"WKLY"
PULSE_S = 0.5
SHUT, OPEN = 1, 0


class WklyDevice(LockDevice):
    """One board; `refuses` holds channels for which it answers status FF."""

    pushes = True

    def __init__(
        self,
        address: int,
        locks: int,
        *,
        sense: Callable[[int], bool] = lambda _channel: False,
        switched: Callable[[int, bool], None] = lambda _channel, _on: None,
    ) -> None:
        super().__init__(address, locks, sense=sense, switched=switched, pulse_s=PULSE_S)
        self.refuses: list[int] = []
        self._seen: list[int] | None = None

    def find(self, burst: bytes) -> Heard | None:
        """The first frame of this board with a right length and XOR."""
        start = burst.find(MARK)
        while start >= 0:
            frame = burst[start : start + (burst[start + 4] if start + 4 < len(burst) else 0)]
            if len(frame) >= 8 and frame[5] == self.address and _xor(frame[:-1]) == frame[-1]:
                return lambda: self._act(frame[6], frame[7:-1])
            start = burst.find(MARK, start + 1)
        return None

    def said(self, frame: bytes) -> bool:
        """By the sixth byte."""
        return frame[5:6] == bytes((self.address,))

    def look(self) -> None:
        """Tell of every channel that changed since the last look."""
        now = self._states()
        before, self._seen = self._seen, now
        if before is None or not self.powered:
            return
        for channel, (old, new) in enumerate(zip(before, now, strict=True), 1):
            if old != new:
                self.tell(self._frame(0x85, bytes((channel, new))))

    def _act(self, command: int, data: bytes) -> Answer | None:
        if self._seen is None:
            self._seen = self._states()
        if command == 0x84:
            return Answer(0.0, lambda: self._frame(0x84, bytes((0, self.locks, *self._states()))))
        channel = data[0] if len(data) == 1 else 0
        if command not in (0x82, 0x83) or not 1 <= channel <= self.locks:
            return None
        if channel in self.refuses:
            return Answer(
                0.0, lambda: self._frame(command, bytes((0xFF, channel, self._states()[channel - 1])))
            )
        if command == 0x82:
            self.pulse(channel)
        return Answer(0.0, lambda: self._frame(command, bytes((0, channel, self._states()[channel - 1]))))

    def _states(self) -> list[int]:
        return [SHUT if self.sense(channel) else OPEN for channel in range(1, self.locks + 1)]

    def _frame(self, command: int, data: bytes) -> bytes:
        body = MARK + struct.pack("BBB", 8 + len(data), self.address, command) + data
        return body + bytes((_xor(body),))


def _xor(data: bytes) -> int:
    value = 0
    for byte in data:
        value ^= byte
    return value
