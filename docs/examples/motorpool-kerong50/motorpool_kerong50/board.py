"""The board family that the entry point `motorpool.boards` names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keycabinet.boards.base import BoardKind, BoardShape
from keycabinet.boards.lock_board import LockBoard, Timing
from keycabinet.boards.lock_settings import LockSettings, settings_of, settings_problems, timing_of
from keycabinet.config import BoardConfig
from keycabinet.errors import Problem
from keycabinet.line import Line
from keycabinet.protocols.framing import Framing, Question
from motorpool_kerong50.protocol import FRAMING, LOCKS, AskStates, Unlock

SHAPE = BoardShape(LOCKS, LOCKS, latches=LOCKS, lamps=False, reads_outputs=False)
TIMING = Timing(reply_s=0.3, unlock_s=0.1, gap_s=0.05, rest_s=0.2, settle_s=0.05)
PULSE_S = 0.5


@dataclass(frozen=True, slots=True)
class Cu50:
    """What one board is asked."""

    address: int
    shape: BoardShape = SHAPE
    framing: Framing = FRAMING

    def states(self, device: str) -> Question[int]:
        """Command 50."""
        return AskStates(device, self.address)

    def unlock(self, device: str, lock: int) -> Question[int]:
        """Command 51."""
        return Unlock(device, self.address, lock)

    def pushed(self, frame: bytes) -> bool:
        """It never talks unasked."""
        return False


class Family:
    """One profile: `kerong-cu48-50`."""

    def kinds(self) -> Mapping[str, BoardKind]:
        """What the site file may name, and what the documentation says of it."""
        kind = BoardKind(
            SHAPE,
            "Kerong CU48/CU50, older (commands 50/51), 48 locks",
            '"CU48Driver" (Node.js), one public driver; no capture',
            "simulated boards only; never tried on hardware",
            addresses=range(256),
        )
        return {"kerong-cu48-50": kind}

    def problems(self, config: BoardConfig) -> Sequence[Problem]:
        """What is wrong in `settings`."""
        return settings_problems(LockSettings, config)

    def build(self, line: Line, config: BoardConfig, label: str) -> LockBoard:
        """A board on an opened line."""
        settings = settings_of(LockSettings, config)
        pulse_s = config.pulse_ms / 1000 if config.pulse_ms is not None else PULSE_S
        return LockBoard(line, Cu50(config.address), timing_of(config, settings, TIMING), pulse_s, label)


FAMILY = Family()
