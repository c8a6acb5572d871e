"""Device side of a DS2480B bridge with fobs on its wire; sources as in the driver."""

from __future__ import annotations

from collections.abc import Iterable

from keycabinet.fobs import FobKind
from keycabinet.readers.onewire import (
    COMMAND_MODE,
    DATA_MODE,
    RESETS,
    SEARCH_OFF,
    SEARCH_ON,
    SEARCH_ROM,
    SEARCH_SIZE,
    Line1W,
)
from simulator.cabinets.readers.wire import Field, Saying

CHIP_VERSION = 3


class Ds2480b:
    """One bridge. After power-up its first byte only sets its timing; `shorted` lays the wire to ground."""

    def __init__(self, field: Field) -> None:
        self.field = field
        self.shorted = False
        self._powered = True
        self._fresh = True
        self._data_mode = False
        self._searching = False
        self._escaped = False
        self._path = bytearray()

    @property
    def powered(self) -> bool:
        """Whether it has supply; it comes up in command mode, waiting for its timing byte."""
        return self._powered

    @powered.setter
    def powered(self, on: bool) -> None:
        if on and not self._powered:
            self._fresh = True
            self._data_mode = self._searching = False
        self._powered = on

    def hear(self, data: bytes) -> Iterable[Saying]:
        """Answer byte for byte."""
        reply = b"".join(self._byte(byte) for byte in data)
        if reply:
            yield 0.0, reply

    def forget(self) -> None:
        """It never forgets: there are no frames."""

    def talk(self) -> Saying | None:
        """It only answers."""
        return None

    def _byte(self, byte: int) -> bytes:
        if self._fresh:
            self._fresh = False
            return b""
        return self._data(byte) if self._data_mode else self._command(byte)

    def _command(self, byte: int) -> bytes:
        if byte == DATA_MODE:
            self._data_mode = True
        elif byte in (SEARCH_ON, SEARCH_OFF):
            self._searching = byte == SEARCH_ON
            self._path.clear()
        elif byte in RESETS:
            return self._reset()
        return b""

    def _reset(self) -> bytes:
        if self.shorted:
            return bytes((0xC0 | CHIP_VERSION << 2 | Line1W.SHORT,))
        line = Line1W.PRESENCE if self._roms() else Line1W.NOTHING
        return bytes((0xC0 | CHIP_VERSION << 2 | line,))

    def _data(self, byte: int) -> bytes:
        if byte == COMMAND_MODE and not self._escaped:
            self._escaped = True  # a data byte, if it comes twice
            return b""
        if self._escaped and byte != COMMAND_MODE:
            self._escaped = self._data_mode = False
            return self._command(byte)
        self._escaped = False
        if not self._searching:
            return bytes((byte,)) if byte == SEARCH_ROM else b"\xff"
        self._path.append(byte)
        return self._search() if len(self._path) == SEARCH_SIZE else b""

    def _search(self) -> bytes:
        """Walk the tree of ROMs as the accelerator does: where fobs disagree, along the path that was asked."""
        path, bits = int.from_bytes(self._path, "little"), 0
        self._path.clear()
        left = self._roms()
        for n in range(64):
            ways = [rom >> n & 1 for rom in left]
            if not ways:
                bits |= 3 << (2 * n)
                continue
            differ = len(dict.fromkeys(ways)) == 2
            way = path >> (2 * n + 1) & 1 if differ else ways[0]
            left = [rom for rom in left if rom >> n & 1 == way]
            bits |= (way << (2 * n + 1)) | (differ << (2 * n))
        return bits.to_bytes(SEARCH_SIZE, "little")

    def _roms(self) -> list[int]:
        roms = (fob.code for fob in self.field() if fob.kind is FobKind.ROM)
        return [int.from_bytes(bytes.fromhex(code), "little") for code in roms]
