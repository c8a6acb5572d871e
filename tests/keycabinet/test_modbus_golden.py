"""Frames from vendor documents and published captures, both directions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from modbus_peer import RawCoil, server_decoder
from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.bit_message import WriteMultipleCoilsRequest
from pymodbus.pdu.register_message import WriteMultipleRegistersRequest

from keycabinet.errors import BadChecksum, ExceptionReply
from keycabinet.mbap import MbapSplitter
from keycabinet.modbus import (
    Query,
    ReadBits,
    ReadRegisters,
    WriteCoil,
    WriteRegister,
    checksum_fits,
    frame_size,
    rtu_frame,
)

GOLDEN = Path(__file__).parent.parent / "golden" / "cabinet-vectors.json"
MODBUS = ("waveshare-relay-rtu", "lctech-relay-rtu", "eletechsup-r4d", "modbus-tcp")
VECTORS = [v for v in json.loads(GOLDEN.read_text(encoding="utf-8")) if v["protocol"] in MODBUS]


def names(vectors: list[dict[str, str]]) -> list[str]:
    return [f"{vector['protocol']}: {vector['name']}" for vector in vectors]


RTU = [v for v in VECTORS if v["protocol"] != "modbus-tcp" and v["kind"] == "valid"]
TCP = [v for v in VECTORS if v["protocol"] == "modbus-tcp"]
BAD = [v for v in VECTORS if v["kind"] == "bad_published"]


def query_for(pdu: ModbusPDU) -> Query[int] | Query[tuple[int, ...]] | None:
    """The query that asks what a decoded request asks; None for one that only the board's maker's tools send."""
    unit = pdu.dev_id
    if isinstance(pdu, RawCoil):
        return WriteCoil("board", unit, pdu.address, pdu.word)
    if pdu.function_code in (1, 2):
        return ReadBits("board", unit, pdu.function_code, pdu.address, pdu.count)
    if pdu.function_code == 3:
        return ReadRegisters("board", unit, pdu.address, pdu.count)
    if pdu.function_code == 6:
        return WriteRegister("board", unit, pdu.address, pdu.registers[0])
    return None


@pytest.mark.parametrize(
    "vector", [v for v in RTU if v["request_hex"]], ids=names([v for v in RTU if v["request_hex"]])
)
def test_rtu_request_is_encoded_as_published(vector: dict[str, str]) -> None:
    published = bytes.fromhex(vector["request_hex"])
    used, pdu = FramerRTU(server_decoder()).handleFrame(published, 0, 0)
    assert used == len(published)
    assert pdu is not None
    query = query_for(pdu)
    if query is not None:
        assert query.rtu == published
    else:
        assert isinstance(pdu, WriteMultipleCoilsRequest | WriteMultipleRegistersRequest)
        assert rtu_frame(pdu) == published


@pytest.mark.parametrize(
    "vector", [v for v in RTU if v["reply_hex"]], ids=names([v for v in RTU if v["reply_hex"]])
)
def test_rtu_reply_is_cut_and_matched(vector: dict[str, str]) -> None:
    reply = bytes.fromhex(vector["reply_hex"])
    assert frame_size(reply, 0) == len(reply)
    assert checksum_fits(reply)
    if not vector["request_hex"]:
        with pytest.raises(ExceptionReply) as refused:
            WriteCoil("board", 1, 0, 0xFF00).reader().feed(reply)
        assert refused.value.code == 3
        return
    _, pdu = FramerRTU(server_decoder()).handleFrame(bytes.fromhex(vector["request_hex"]), 0, 0)
    assert pdu is not None
    query = query_for(pdu)
    if query is None:
        return
    value = query.reader().feed(reply)
    word = int.from_bytes(reply[-4:-2], "big")
    assert value == {1: reply[3], 2: reply[3], 3: (word,)}.get(pdu.function_code, word)


@pytest.mark.parametrize("vector", BAD, ids=names(BAD))
def test_wrong_published_reply_is_refused(vector: dict[str, str]) -> None:
    query = ReadBits("board", 1, 1, 0, 8)
    reader = query.reader()
    assert reader.feed(bytes.fromhex(vector["reply_hex"])) is None
    assert isinstance(reader.failure(0.3), BadChecksum)


@pytest.mark.parametrize("vector", TCP, ids=names(TCP))
def test_tcp_frames(vector: dict[str, str]) -> None:
    published = bytes.fromhex(vector["request_hex"])
    used, pdu = FramerSocket(server_decoder()).handleFrame(published, 0, 0)
    assert used == len(published)
    assert pdu is not None
    query = query_for(pdu)
    assert query is not None
    assert published[:2] + query.tcp_tail == published
    reply = bytes.fromhex(vector["reply_hex"])
    for transaction, adu in MbapSplitter("board").feed(reply):
        assert transaction == pdu.transaction_id
        assert query.feed(adu) == int.from_bytes(reply[-2:], "big")


def test_flash_word_is_sent_raw() -> None:
    """pymodbus' own FC05 would send FF00, which this board takes for 6528 seconds."""
    assert WriteCoil("board", 1, 0x0200, 7).rtu.hex() == "0105020000078db0"
