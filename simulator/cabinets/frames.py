"""Modbus frames as a device sees them: checked and cut off before, sealed after. PDUs and CRC are pymodbus'.

pymodbus' own server is not used: it handles one frame a read, answers the last of several requests that arrive
together, empties its buffer when it replies, and echoes FF00 for any word that FC05 carries.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU, ModbusPDU

LEAST_RTU_FRAME = 4  # address, function, CRC
MBAP_LENGTHS = range(2, 255)  # unit and PDU; Modbus Messaging on TCP/IP V1.0b, 4.1


class WriteCoilWord(ModbusPDU):
    """FC05 with its word as it came: boards give meanings to words other than FF00 and 0000."""

    function_code = 5
    rtu_frame_size = 8

    def __init__(self, address: int = 0, word: int = 0) -> None:
        super().__init__(address=address)
        self.word = word

    def encode(self) -> bytes:
        """Encode address and word."""
        return struct.pack(">HH", self.address, self.word)

    def decode(self, data: bytes) -> None:
        """Decode address and word."""
        self.address, self.word = struct.unpack(">HH", data[:4])


_REQUESTS = DecodePDU(True)
_REQUESTS.register(WriteCoilWord)


def decode_request(pdu: bytes) -> ModbusPDU | None:
    """Return the request that the bytes hold; None when they hold none."""
    return _REQUESTS.decode(pdu)


def encode_reply(reply: ModbusPDU) -> bytes:
    """Return a reply's function code and data."""
    return bytes((reply.function_code,)) + reply.encode()


def open_rtu(frame: bytes) -> tuple[int, bytes] | None:
    """Return address and PDU of a frame; None when it is too short or its CRC is wrong."""
    if len(frame) < LEAST_RTU_FRAME:
        return None
    if FramerRTU.compute_CRC(frame[:-2]) != int.from_bytes(frame[-2:], "big"):
        return None
    return frame[0], frame[1:-2]


def seal_rtu(address: int, pdu: bytes) -> bytes:
    """Return the frame of a PDU."""
    body = bytes((address,)) + pdu
    return body + FramerRTU.compute_CRC(body).to_bytes(2, "big")


@dataclass(frozen=True, slots=True)
class Mbap:
    """A Modbus TCP frame taken apart."""

    transaction: int
    unit: int
    pdu: bytes

    def encode(self) -> bytes:
        """Return the bytes of the frame."""
        return struct.pack(">HHHB", self.transaction, 0, len(self.pdu) + 1, self.unit) + self.pdu


class MbapSplitter:
    """Cuts a byte stream into frames. ValueError for a stream that is no Modbus TCP."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[Mbap]:
        """Yield each frame that is whole by now."""
        self._buffer += data
        while len(self._buffer) >= 7:
            transaction, protocol, length, unit = struct.unpack_from(">HHHB", self._buffer)
            if protocol != 0 or length not in MBAP_LENGTHS:
                raise ValueError(f"protocol {protocol}, length {length}: not a Modbus TCP frame")
            end = 6 + length
            if len(self._buffer) < end:
                return
            pdu, self._buffer = self._buffer[7:end], self._buffer[end:]
            yield Mbap(transaction, unit, pdu)
