"""Cuts a Modbus TCP stream into frames (Messaging on TCP/IP V1.0b, 3.1.3)."""

from __future__ import annotations

import struct

from keycabinet.errors import LyingLength
from keycabinet.modbus import MAX_MBAP_LENGTH

_MBAP = struct.Struct(">HHHB")


class MbapSplitter:
    """Cuts a Modbus TCP stream into (transaction id, unit and PDU).

    A stream whose header is wrong cannot be trusted again: LyingLength then means "close and reconnect".
    """

    __slots__ = ("_buffer", "_device")

    def __init__(self, device: str) -> None:
        self._device = device
        self._buffer = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Every whole frame; the rest (less than one frame) is kept."""
        buffer = self._buffer + data if self._buffer else data
        frames: list[tuple[int, bytes]] = []
        position, end = 0, len(buffer)
        while end - position >= 7:
            transaction, protocol, length, _ = _MBAP.unpack_from(buffer, position)
            if protocol or not 3 <= length <= MAX_MBAP_LENGTH:
                self._buffer = b""
                raise LyingLength(
                    self._device,
                    f"a Modbus TCP header with protocol id {protocol} and length {length}; reconnecting",
                )
            stop = position + 6 + length
            if stop > end:
                break
            frames.append((transaction, buffer[position + 6 : stop]))
            position = stop
        self._buffer = buffer[position:]
        return frames
