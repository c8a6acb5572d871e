"""Kerong lock boards with latch feedback and item sensors: CU16, and CU48B (0x60). Tried on simulated boards only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from keycabinet.boards.base import BoardKind, BoardShape
from keycabinet.boards.lock_board import LockBoard, Timing
from keycabinet.boards.lock_settings import LockSettings, settings_of, settings_problems, timing_of
from keycabinet.config import BoardConfig
from keycabinet.errors import Problem
from keycabinet.line import Line
from keycabinet.protocols import kerong
from keycabinet.protocols.framing import Framing, Question

PULSE_S = 0.5
"""Not published. `pulse_ms` says what the board is set to; nothing is written into it."""
EVERY_BOARD = 0x0A
"""One source addresses every CU48 board at once with it."""
_TRIED = "simulated boards only; never tried on hardware"
CU48_TIMING = Timing(reply_s=0.3, unlock_s=0.1, gap_s=0.05, rest_s=0.2, settle_s=0.05)
CU16_TIMING = Timing(reply_s=0.3, unlock_s=0.1, gap_s=0.05, rest_s=0.3, settle_s=0.025)
"""Not published; 300 ms between polls and 25 ms from pulse to reading are what fielded drivers leave."""


def _shape(locks: int) -> BoardShape:
    return BoardShape(locks, 2 * locks, latches=locks, lamps=False, reads_outputs=False)


CU48_SHAPE = _shape(48)
CU16_SHAPE = _shape(16)


@dataclass(frozen=True, slots=True)
class Cu48:
    """What one CU48B is asked."""

    address: int
    shape: BoardShape = CU48_SHAPE
    framing: Framing = kerong.CU48

    def states(self, device: str) -> Question[int]:
        """Command 60."""
        return kerong.ask_cu48(device, self.address)

    def unlock(self, device: str, lock: int) -> Question[int]:
        """Command 61."""
        return kerong.unlock_cu48(device, self.address, lock)

    def pushed(self, frame: bytes) -> bool:
        """It never talks unasked."""
        return False


@dataclass(frozen=True, slots=True)
class Cu16:
    """What one CU16 is asked."""

    address: int
    shape: BoardShape = CU16_SHAPE
    framing: Framing = kerong.CU16

    def states(self, device: str) -> Question[int]:
        """Command 30."""
        return kerong.ask_cu16(device, self.address)

    def unlock(self, device: str, lock: int) -> Question[int]:
        """Command 31."""
        return kerong.unlock_cu16(device, self.address, lock)

    def pushed(self, frame: bytes) -> bool:
        """It never talks unasked."""
        return False


KINDS = {
    "kerong-cu48-60": BoardKind(
        CU48_SHAPE,
        "Kerong CU48B and newer (commands 60/61), 48 locks, 48 item sensors",
        "AshurkovAV/KerongConsole: captured traffic with notes",
        "simulated boards and published captures only; never tried on hardware",
        addresses=range(256),
    ),
    "kerong-cu16": BoardKind(
        CU16_SHAPE,
        "Kerong CU16, KR-CU16, NCU16L, 16 locks, 16 item sensors",
        "jin0949/KR-CU16_locker, julio-alv/lkaas-kerong, xaleel/locker: agreeing drivers; no capture of a status reply",
        _TRIED,
        addresses=range(16),
    ),
}


class KerongFamily:
    """`kerong-cu48-60` and `kerong-cu16`."""

    def kinds(self) -> Mapping[str, BoardKind]:
        """Both dialects."""
        return KINDS

    def problems(self, config: BoardConfig) -> Sequence[Problem]:
        """Settings, and the address that may mean every board."""
        wrong = list(settings_problems(LockSettings, config))
        if config.profile == "kerong-cu48-60" and config.address == EVERY_BOARD:
            wrong.append(
                Problem(
                    ("address",), config.address, "0 to 255 but 10, which means every board on some firmware"
                )
            )
        return wrong

    def build(self, line: Line, config: BoardConfig, label: str) -> LockBoard:
        """A board on an opened line."""
        settings = settings_of(LockSettings, config)
        dialect, usual = (
            (Cu16(config.address), CU16_TIMING)
            if config.profile == "kerong-cu16"
            else (Cu48(config.address), CU48_TIMING)
        )
        pulse_s = config.pulse_ms / 1000 if config.pulse_ms is not None else PULSE_S
        return LockBoard(line, dialect, timing_of(config, settings, usual), pulse_s, label, config.address)
