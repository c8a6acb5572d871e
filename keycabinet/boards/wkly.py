"""WKLY lock boards of 4 to 24 channels: latch feedback, and changes pushed unasked. Tried on simulated boards only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keycabinet.boards.base import BoardKind, BoardShape
from keycabinet.boards.lock_board import LockBoard, Timing
from keycabinet.boards.lock_settings import LockSettings, settings_of, settings_problems, timing_of
from keycabinet.config import BoardConfig
from keycabinet.errors import Problem
from keycabinet.line import Line
from keycabinet.protocols.framing import Framing, Question
from keycabinet.protocols.wkly import FRAMING_WKLY, AskStates, Unlock, push_of

CHANNELS = (4, 8, 12, 16, 24)
TIMING = Timing(reply_s=0.3, unlock_s=1.0, gap_s=0.005, rest_s=0.5)
"""Not published; proposals. Pushes make fast polls needless."""
PULSE_S = 0.5
"""Not published. `pulse_ms` says what the board does; nothing is written into it."""


class WklyDialect:
    """What one WKLY board is asked."""

    framing: Framing = FRAMING_WKLY

    def __init__(self, board: int, channels: int) -> None:
        self.shape = _shape(channels)
        self._board = board

    def states(self, device: str) -> Question[int]:
        """Query of all channels."""
        return AskStates(device, self._board, self.shape.outputs, self.pushed)

    def unlock(self, device: str, lock: int) -> Question[int]:
        """Pulse of one channel."""
        return Unlock(device, self._board, lock, self.pushed)

    def pushed(self, frame: bytes) -> bool:
        """Command 85 of this board, for a channel that it has."""
        push = push_of(frame, self._board)
        return push is not None and 1 <= push[0] <= self.shape.outputs


class WklyFamily:
    """`wkly-4` to `wkly-24`."""

    def kinds(self) -> Mapping[str, BoardKind]:
        """One for each number of channels."""
        return {f"wkly-{channels}": _kind(channels) for channels in CHANNELS}

    def problems(self, config: BoardConfig) -> Sequence[Problem]:
        """Settings."""
        return settings_problems(LockSettings, config)

    def build(self, line: Line, config: BoardConfig, label: str) -> LockBoard:
        """A board on an opened line."""
        settings = settings_of(LockSettings, config)
        dialect = WklyDialect(config.address, int(config.profile.rpartition("-")[2]))
        pulse_s = config.pulse_ms / 1000 if config.pulse_ms is not None else PULSE_S
        return LockBoard(line, dialect, timing_of(config, settings, TIMING), pulse_s, label, config.address)


def _shape(channels: int) -> BoardShape:
    return BoardShape(channels, channels, latches=channels, lamps=False, reads_outputs=False)


def _kind(channels: int) -> BoardKind:
    return BoardKind(
        _shape(channels),
        f"WKLY lock board, {channels} channels (head 57 4B 4C 59), pushes changes",
        "ExampleUnitTest.kt (xyz.junerver.android.lockdemo), agreeing with a C and a Python client",
        "simulated boards and published test frames only; never tried on hardware",
        addresses=range(256),
    )
