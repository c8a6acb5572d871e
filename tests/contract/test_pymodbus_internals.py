"""pymodbus calls its framers and decoder internal; each call that keycabinet.modbus relies on is pinned here."""

from __future__ import annotations

import pytest
from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU, ExceptionResponse
from pymodbus.pdu.bit_message import (
    ReadCoilsRequest,
    ReadCoilsResponse,
    ReadDiscreteInputsRequest,
    ReadDiscreteInputsResponse,
    WriteSingleCoilResponse,
)
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    WriteSingleRegisterRequest,
)

from keycabinet.modbus import WriteCoilWord


def test_registering_a_class_stays_in_the_instance() -> None:
    ours, other = DecodePDU(False), DecodePDU(False)
    ours.register(WriteCoilWord)
    assert ours.lookupPduClass(b"\x01\x05\x00") is WriteCoilWord
    assert other.lookupPduClass(b"\x01\x05\x00") is WriteSingleCoilResponse
    assert DecodePDU(False).lookupPduClass(b"\x01\x05\x00") is WriteSingleCoilResponse


def test_lookup_by_function_code() -> None:
    decoder = DecodePDU(False)
    assert decoder.lookupPduClass(b"\x01\x83") is ExceptionResponse
    assert decoder.lookupPduClass(b"\x01\x63") is None


@pytest.mark.parametrize(
    ("kind", "head", "size"),
    [
        (ReadCoilsResponse, "010102", 7),
        (ReadDiscreteInputsResponse, "010201", 6),
        (ReadHoldingRegistersResponse, "010304", 9),
        (WriteCoilWord, "0105", 8),
        (ExceptionResponse, "0181", 5),
        (ReadHoldingRegistersResponse, "0103", 0),
    ],
)
def test_frame_size(kind: type[ReadCoilsResponse], head: str, size: int) -> None:
    assert kind.calculateRtuFrameSize(bytes.fromhex(head)) == size


def test_crc() -> None:
    assert FramerRTU.check_CRC(bytes.fromhex("010200000008"), 0x79CC)
    assert not FramerRTU.check_CRC(bytes.fromhex("010200000008"), 0xCC79)


@pytest.mark.parametrize(
    ("pdu", "rtu", "tcp"),
    [
        (ReadCoilsRequest(dev_id=1, address=0, count=8), "0101000000083dcc", "000000000006010100000008"),
        (
            ReadDiscreteInputsRequest(dev_id=1, address=0, count=8),
            "01020000000879cc",
            "000000000006010200000008",
        ),
        (
            ReadHoldingRegistersRequest(dev_id=1, address=0x1000, count=8),
            "01031000000840cc",
            "000000000006010310000008",
        ),
        (
            WriteSingleRegisterRequest(dev_id=1, address=0x1000, registers=[1]),
            "0106100000014cca",
            "000000000006010610000001",
        ),
        (WriteCoilWord(0x0200, 7, 1), "0105020000078db0", "000000000006010502000007"),
    ],
)
def test_building_frames(pdu: ReadCoilsRequest, rtu: str, tcp: str) -> None:
    assert FramerRTU(DecodePDU(False)).buildFrame(pdu).hex() == rtu
    assert FramerSocket(DecodePDU(False)).buildFrame(pdu).hex() == tcp


def test_decoding_bodies() -> None:
    registers = ReadHoldingRegistersResponse()
    registers.decode(bytes.fromhex("0400c80001"))
    assert list(registers.registers) == [200, 1]
    coil = WriteCoilWord()
    coil.decode(bytes.fromhex("02000007"))
    assert (coil.address, coil.word) == (0x0200, 7)


def test_counts_are_checked_when_encoding() -> None:
    for kind, most in ((ReadCoilsRequest, 2000), (ReadHoldingRegistersRequest, 125)):
        with pytest.raises(ValueError, match="count"):
            kind(address=0, count=most + 1).encode()
