"""Any cut, glue, noise, garbage or lie on the wire: a right value, a typed error, or patience; bounded memory."""

from __future__ import annotations

import contextlib
import itertools
import struct

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU
from pymodbus.pdu.bit_message import ReadDiscreteInputsResponse

from keycabinet.errors import (
    BadChecksum,
    DeviceSilent,
    ExceptionReply,
    ForeignReply,
    KeyCabinetError,
    LyingLength,
    ReplyError,
    WrongReply,
)
from keycabinet.mbap import MbapSplitter
from keycabinet.modbus import MAX_RTU_FRAME, ReadBits, ReadRegisters, RtuReader, WriteCoil

SERVER = FramerRTU(DecodePDU(True))


def bits_reply(mask: int, *, address: int = 1, count: int = 16) -> bytes:
    bits = [bool(mask >> n & 1) for n in range(count)]
    return SERVER.buildFrame(ReadDiscreteInputsResponse(dev_id=address, bits=bits))


def query(address: int = 1, count: int = 16) -> ReadBits:
    return ReadBits("board 1", address, 2, 0, count)


def feed_cut(reader: RtuReader[int], data: bytes, cuts: list[int]) -> int | None:
    """Feed in pieces; stops at the value, like a line does."""
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for begin, end in itertools.pairwise(edges):
        value = reader.feed(data[begin:end])
        if value is not None:
            return value
    return None


masks = st.integers(0, 0xFFFF)
cuts = st.lists(st.integers(0, 400), max_size=8)


@given(masks, cuts)
def test_any_cut_gives_the_value(mask: int, where: list[int]) -> None:
    assert feed_cut(query().reader(), bits_reply(mask), where) == mask


@given(masks, st.binary(max_size=40), cuts)
@example(0x1234, bytes.fromhex("010204"), [])  # noise that looks like the head of a longer reply
@example(0x1234, b"\x01\x02\x02", [])
@example(0x1234, b"\x01\x02\x02\x00", [1, 2, 3])
@example(0, b"\x01", [])
def test_noise_before_the_reply_is_skipped(mask: int, noise: bytes, where: list[int]) -> None:
    reader = query().reader()
    assert feed_cut(reader, noise + bits_reply(mask), where) == mask
    assert reader.noise + 7 * reader.stale <= len(noise) + 7


@given(masks, masks, st.integers(2, 247), cuts)
def test_glued_after_a_foreign_reply(mask: int, other: int, address: int, where: list[int]) -> None:
    reader = query().reader()
    assert feed_cut(reader, bits_reply(other, address=address) + bits_reply(mask), where) == mask
    assert reader.stale == 1


def test_two_glued_replies_of_ours_give_the_first() -> None:
    assert query().reader().feed(bits_reply(0x00FF) + bits_reply(0xFF00)) == 0x00FF


@given(st.lists(st.binary(max_size=300), max_size=12))
def test_garbage_never_gives_a_value_and_memory_is_bounded(chunks: list[bytes]) -> None:
    reader = query(address=200).reader()
    for chunk in chunks:
        try:
            value = reader.feed(chunk)
        except ExceptionReply:
            return  # a right check value by chance: 1 in 65536
        assert value is None
        assert len(reader._buffer) <= MAX_RTU_FRAME
    assert isinstance(reader.failure(0.3), KeyCabinetError)


@given(masks, st.integers(0, 6), st.integers(1, 255))
def test_one_flipped_byte_is_never_a_value(mask: int, where: int, flip: int) -> None:
    damaged = bytearray(bits_reply(mask))
    damaged[where] ^= flip
    reader = query().reader()
    assert reader.feed(bytes(damaged)) is None
    assert isinstance(reader.failure(0.3), ReplyError | DeviceSilent)


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (b"", DeviceSilent),
        (b"\xff\xfe\x00", DeviceSilent),
        (bits_reply(1)[:-1] + b"\x00", BadChecksum),
        (bits_reply(1, address=2), ForeignReply),
        (bits_reply(1, count=8), WrongReply),
        (bits_reply(1)[:5], LyingLength),
        (b"\x01\x02\xf0\x00\x00", LyingLength),
    ],
)
def test_what_is_said_when_no_reply_comes(reply: bytes, error: type[KeyCabinetError]) -> None:
    reader = query().reader()
    assert reply == b"" or reader.feed(reply) is None
    failure = reader.failure(0.3)
    assert type(failure) is error
    assert failure.device == "board 1"
    assert failure.retryable


def test_reply_of_another_coil_or_word_is_no_echo() -> None:
    for other in (WriteCoil("x", 1, 0x0201, 2), WriteCoil("x", 1, 0x0200, 3)):
        reader = WriteCoil("board 1", 1, 0x0200, 2).reader()
        assert reader.feed(other.rtu) is None
        assert isinstance(reader.failure(0.3), WrongReply)


def test_exception_of_another_function_is_stale() -> None:
    reader = WriteCoil("board 1", 1, 0x0200, 2).reader()
    frame = b"\x01\x82\x02"
    assert reader.feed(frame + FramerRTU.compute_CRC(frame).to_bytes(2, "big")) is None
    assert reader.stale == 1


@given(st.lists(st.tuples(st.integers(1, 0xFFFF), st.binary(min_size=2, max_size=253)), max_size=6), cuts)
def test_mbap_any_cut(frames: list[tuple[int, bytes]], where: list[int]) -> None:
    stream = b"".join(struct.pack(">HHH", tid, 0, len(adu) + 1) + b"\x01" + adu for tid, adu in frames)
    edges = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in where)})
    splitter = MbapSplitter("board")
    found = [frame for begin, end in itertools.pairwise(edges) for frame in splitter.feed(stream[begin:end])]
    assert found == [(tid, b"\x01" + adu) for tid, adu in frames]
    assert len(splitter._buffer) == 0


@given(st.lists(st.binary(max_size=700), max_size=8))
def test_mbap_garbage_is_refused_or_kept_small(chunks: list[bytes]) -> None:
    splitter = MbapSplitter("board")
    for chunk in chunks:
        with contextlib.suppress(LyingLength):
            splitter.feed(chunk)
        assert len(splitter._buffer) < 260


@pytest.mark.parametrize(
    "head", ["000100010006", "000100000000", "000100000002", "0001000000ff", "00010000ffff"]
)
def test_mbap_lies_are_refused(head: str) -> None:
    with pytest.raises(LyingLength):
        MbapSplitter("board").feed(bytes.fromhex(head) + b"\x01\x02\x01\x00")


@given(st.binary(min_size=2, max_size=254))
def test_any_tcp_payload_gives_a_value_or_our_error(adu: bytes) -> None:
    for asked in (ReadBits("b", 1, 2, 0, 9), ReadRegisters("b", 1, 0, 3), WriteCoil("b", 1, 0, 1)):
        try:
            value = asked.feed(adu)
        except KeyCabinetError:
            continue
        assert adu[0] == 1
        assert value is not None
