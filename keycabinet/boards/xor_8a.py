"""8A lock boards of 2 to 50 locks. They feed latches back and sense no keys. Tried on simulated boards only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from keycabinet.boards.base import BoardKind, BoardShape
from keycabinet.boards.lock_board import LockBoard, Timing
from keycabinet.boards.lock_settings import LockSettings, settings_of, settings_problems, timing_of
from keycabinet.config import BoardConfig
from keycabinet.errors import Problem
from keycabinet.line import Line
from keycabinet.protocols.framing import Framing, Question
from keycabinet.protocols.xor_8a import FRAMING_8A, AskStates, Head, MapOrder, Unlock

LOCKS = {2: 3, 8: 3, 12: 3, 18: 3, 24: 3, 32: 4, 50: 7}
"""Locks of each board, and the bytes of its map with the usual firmware (captured on 8-way, printed for 24, 32, 50)."""
TIMING = Timing(reply_s=0.2, unlock_s=1.5, gap_s=0.005, rest_s=0.05)
"""States come within 50 ms, the answer to a pulse after about 500 ms (up to 1 s); 1.5 s as Open-Locker allows."""
PULSE_S = 0.3
"""The board's own; with `pulse_ms` (whole seconds, 1 to 9) the request asks for longer, which one source knows."""


class XorSettings(LockSettings):
    """`map_bytes`: length of the map of states, as the firmware sends it. `unlock_code`: 0x33 for CM06 boards."""

    map_bytes: Literal[3, 4, 7] | None = None
    map_order: MapOrder = "high_first"
    unlock_code: Literal[0x11, 0x33] = 0x11


class XorDialect:
    """What one 8A board is asked."""

    framing: Framing = FRAMING_8A

    def __init__(self, address: int, locks: int, settings: XorSettings, seconds: int | None) -> None:
        self.shape = _shape(locks)
        self._address = address
        self._settings = settings
        self._map_bytes = settings.map_bytes or LOCKS[locks]
        self._seconds = seconds

    def states(self, device: str) -> Question[int]:
        """Query of all locks."""
        return AskStates(device, self._address, self.shape.outputs, self._map_bytes, self._settings.map_order)

    def unlock(self, device: str, lock: int) -> Question[int]:
        """Pulse of one lock."""
        return Unlock(device, self._address, lock, self._seconds, self._settings.unlock_code)

    def pushed(self, frame: bytes) -> bool:
        """Head 81, on some firmware."""
        return frame[0] == Head.PUSH and frame[1] == self._address


class XorFamily:
    """`xor-8a-2` to `xor-8a-50`."""

    def kinds(self) -> Mapping[str, BoardKind]:
        """One for each number of locks."""
        return {f"xor-8a-{locks}": _kind(locks) for locks in LOCKS}

    def problems(self, config: BoardConfig) -> Sequence[Problem]:
        """Settings, a map too short for the locks, a pulse that the board cannot be asked for."""
        wrong = list(settings_problems(XorSettings, config))
        if config.pulse_ms is not None and (config.pulse_ms % 1000 or config.pulse_ms > 9000):
            wrong.append(
                Problem(("pulse_ms",), config.pulse_ms, "1000 to 9000 in whole seconds, or none for 300 ms")
            )
        locks, given = _locks(config), config.settings.get("map_bytes")
        if not wrong and isinstance(given, int) and given * 8 < locks:
            wrong.append(
                Problem(("settings", "map_bytes"), given, f"at least {-(-locks // 8)} for {locks} locks")
            )
        return wrong

    def build(self, line: Line, config: BoardConfig, label: str) -> LockBoard:
        """A board on an opened line."""
        settings = settings_of(XorSettings, config)
        seconds = config.pulse_ms // 1000 if config.pulse_ms is not None else None
        dialect = XorDialect(config.address, _locks(config), settings, seconds)
        return LockBoard(
            line, dialect, timing_of(config, settings, TIMING), seconds or PULSE_S, label, config.address
        )


def _locks(config: BoardConfig) -> int:
    return int(config.profile.rpartition("-")[2])


def _shape(locks: int) -> BoardShape:
    return BoardShape(locks, locks, latches=locks, lamps=False, reads_outputs=False)


def _kind(locks: int) -> BoardKind:
    return BoardKind(
        _shape(locks),
        f"8A lock board, {locks} locks (485 lock control board, XOR check value)",
        'Guangzhou Shuoming, "485 lock control board protocol" 2024A1; captures of an 8-way board in Open-Locker',
        "simulated boards and published captures only; never tried on hardware",
        addresses=range(1, 201),
    )
