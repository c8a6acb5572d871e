"""The lock boards' own protocols: published frames byte for byte, and what a bad wire makes of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keycabinet.errors import BadChecksum, DeviceRefused, KeyCabinetError, ReplyError, UnsupportedBoard
from keycabinet.protocols import kerong, wkly, xor_8a
from keycabinet.protocols.framing import FrameReader, Hunter, Question

VECTORS = json.loads(
    (Path(__file__).parent.parent / "golden" / "cabinet-vectors.json").read_text(encoding="utf-8")
)
DECODE: dict[str, Callable[[bytes], xor_8a.Frame | kerong.Frame | wkly.Frame]] = {
    "xor-8a": xor_8a.decode,
    "kerong-cu48-60": kerong.CU48.decode,
    "kerong-cu16": kerong.CU16.decode,
    "wkly": wkly.decode,
}
OURS = [vector for vector in VECTORS if vector["protocol"] in DECODE]
VALID = [vector for vector in OURS if vector["kind"] == "valid"]
BAD = [vector for vector in OURS if vector["kind"] == "bad_published"]


def names(vectors: list[dict[str, str]]) -> list[str]:
    return [f"{vector['protocol']}: {vector['name']}" for vector in vectors]


def frames(vector: dict[str, str]) -> list[bytes]:
    return [bytes.fromhex(vector[key]) for key in ("request_hex", "reply_hex") if vector[key]]


@pytest.mark.parametrize("vector", VALID, ids=names(VALID))
def test_every_published_frame_is_taken_apart_and_built_again(vector: dict[str, str]) -> None:
    assert frames(vector)
    for frame in frames(vector):
        assert DECODE[vector["protocol"]](frame).encode() == frame


@pytest.mark.parametrize("vector", BAD, ids=names(BAD))
def test_wrongly_published_frames_are_refused(vector: dict[str, str]) -> None:
    for frame in frames(vector):
        with pytest.raises(BadChecksum):
            DECODE[vector["protocol"]](frame)


def question_for(protocol: str, request: bytes, reply: bytes) -> Question[int] | None:
    """What asks exactly this; None for what is not ours to send."""
    if protocol == "xor-8a":
        board, lock, function = request[1:4]
        if request[0] == 0x80 and function == 0x33 and not lock:
            return xor_8a.AskStates("x", board, 8 * max(len(reply) - 4, 3), max(len(reply) - 4, 3))
        return xor_8a.Unlock("x", board, lock) if request[0] == 0x8A and lock else None
    if protocol == "kerong-cu48-60":
        _, address, lock, command, *_ = request
        return (
            kerong.ask_cu48("x", address) if command == 0x60 else kerong.unlock_cu48("x", address, lock + 1)
        )
    if protocol == "kerong-cu16":
        _, where, command, *_ = request
        if command == 0x30:
            return kerong.ask_cu16("x", where >> 4)
        return kerong.unlock_cu16("x", where >> 4, (where & 15) + 1) if command == 0x31 else None
    if request[6] == wkly.Command.ASK_ALL:
        return wkly.AskStates("x", request[5], reply[8])
    return wkly.Unlock("x", request[5], request[7]) if request[6] == wkly.Command.OPEN else None


ASKED = [vector for vector in VALID if vector["request_hex"]]


@pytest.mark.parametrize("vector", ASKED, ids=names(ASKED))
def test_what_is_ours_to_send_is_sent_as_published_and_its_reply_understood(vector: dict[str, str]) -> None:
    request, reply = bytes.fromhex(vector["request_hex"]), bytes.fromhex(vector["reply_hex"])
    question = question_for(vector["protocol"], request, reply)
    if question is None:
        assert vector["name"].startswith(("query one", "open", "hold", "firmware", "status all"))
        return
    assert question.request == request
    if reply:
        assert question.reader().feed(reply) is not None


def test_maps_are_read_as_printed() -> None:
    def states(reply: str, locks: int, size: int, order: xor_8a.MapOrder = "high_first") -> int | None:
        return xor_8a.AskStates("x", 1, locks, size, order).reader().feed(bytes.fromhex(reply))

    assert states("800100000233B0", 24, 3) == 0b10
    assert states("800100000233B0", 24, 3, "low_first") == 0b10 << 16
    assert states("8001FFFFFFFF33B2", 32, 4) == (1 << 32) - 1
    assert states("8001FFFFFFFF33B2", 18, 4) == (1 << 18) - 1
    kerong_reply = bytes.fromhex("02000075010000000000010000000000037C")
    assert kerong.ask_cu48("x", 0).reader().feed(kerong_reply) == 1 | 1 << 48
    assert kerong.ask_cu16("x", 2).reader().feed(bytes.fromhex("022035FFFF00000358")) == 0xFFFF
    assert wkly.AskStates("x", 0, 4).reader().feed(bytes.fromhex("574B4C590E008400040001010087")) == 0b0110


def test_a_map_of_another_length_says_what_to_set() -> None:
    reader = xor_8a.AskStates("A/a1", 1, 24, 3).reader()
    assert reader.feed(bytes.fromhex("8001FFFFFFFF33B2")) is None
    error = reader.failure(0.2)
    assert isinstance(error, UnsupportedBoard)
    assert "map_bytes = 4" in str(error)
    fewer = wkly.AskStates("A/a1", 0, 8).reader()
    assert fewer.feed(bytes.fromhex("574B4C590E008400040001010087")) is None
    assert "4 channels" in str(fewer.failure(0.3))


def test_a_wkly_board_that_says_no_is_refused() -> None:
    reader = wkly.Unlock("A/a1", 0, 1).reader()
    with pytest.raises(DeviceRefused, match="status FF"):
        reader.feed(wkly.Frame(0, wkly.Command.OPEN, bytes((0xFF, 1, 1))).encode())


def test_locks_that_would_be_somebody_elses_cannot_be_named() -> None:
    for unlock, lock in ((kerong.unlock_cu48, 49), (kerong.unlock_cu16, 17), (kerong.unlock_cu16, 0)):
        with pytest.raises(ValueError, match="locks 1 to"):
            unlock("x", 1, lock)


# -- what a bad wire makes of it


def xor_reply(mask: int) -> bytes:
    return xor_8a.Frame(xor_8a.Head.QUERY, 1, mask.to_bytes(3, "big") + b"\x33").encode()


def cu48_reply(mask: int) -> bytes:
    return kerong.Frame(bytes((1, 0)), 0x75, mask.to_bytes(12, "little")).encode()


def cu16_reply(mask: int) -> bytes:
    return kerong.Frame(bytes((0x10,)), 0x35, mask.to_bytes(4, "little")).encode()


def wkly_reply(mask: int) -> bytes:
    states = bytes(mask >> index & 1 for index in range(8))
    return wkly.Frame(1, wkly.Command.ASK_ALL, bytes((0, 8)) + states).encode()


CASES = {
    "xor-8a": (lambda: xor_8a.AskStates("x", 1, 24, 3), xor_reply, 24),
    "kerong-cu48-60": (lambda: kerong.ask_cu48("x", 1), cu48_reply, 96),
    "kerong-cu16": (lambda: kerong.ask_cu16("x", 1), cu16_reply, 32),
    "wkly": (lambda: wkly.AskStates("x", 1, 8), wkly_reply, 8),
}
FOREIGN = {
    "xor-8a": [bytes.fromhex(each) for each in ("8002FFFFFF334E", "8A01021198", "8101010081")],
    "kerong-cu48-60": [kerong.Frame(bytes((2, 0)), 0x75, bytes(12)).encode()],
    "kerong-cu16": [kerong.Frame(bytes((0x20,)), 0x35, b"\xff" * 4).encode()],
    "wkly": [
        wkly.Frame(2, wkly.Command.ASK_ALL, bytes((0, 8)) + bytes(8)).encode(),
        wkly.Frame(1, wkly.Command.PUSH, bytes((3, 1))).encode(),
        wkly.Frame(1, wkly.Command.ASK, bytes((0, 3, 1))).encode(),
    ],
}
protocols = pytest.mark.parametrize("protocol", CASES)


def fed(reader: FrameReader[int], chunks: list[bytes]) -> int | None:
    """Feed until there is a value; the memory that it keeps is bounded all the way."""
    for chunk in chunks:
        value = reader.feed(chunk)
        assert len(reader._buffer) <= reader._question.framing.longest
        if value is not None:
            return value
    return None


def chopped(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(edges)]


CUTS = st.lists(st.integers(0, 400), max_size=6)


@protocols
@given(mask=st.integers(0, (1 << 96) - 1), cuts=CUTS)
def test_a_reply_in_any_pieces_is_one(protocol: str, mask: int, cuts: list[int]) -> None:
    ask, reply, bits = CASES[protocol]
    mask &= (1 << bits) - 1
    assert fed(ask().reader(), chopped(reply(mask), cuts)) == mask


@protocols
@given(mask=st.integers(0, (1 << 96) - 1), cuts=CUTS, noise=st.binary(max_size=3), data=st.data())
def test_foreign_frames_and_echoes_before_the_reply_are_left_out(
    protocol: str, mask: int, cuts: list[int], noise: bytes, data: st.DataObject
) -> None:
    ask, reply, bits = CASES[protocol]
    mask &= (1 << bits) - 1
    before = data.draw(st.lists(st.sampled_from([*FOREIGN[protocol], ask().request]), max_size=4))
    quiet = bytes(byte & 0x1F | 0xE0 for byte in noise)  # no head of any protocol
    stream = quiet + b"".join(before) + reply(mask) + reply(mask)
    assert fed(ask().reader(), chopped(stream, cuts)) == mask


@protocols
@given(mask=st.integers(0, (1 << 96) - 1), bit=st.integers(0, 400), cuts=CUTS)
def test_one_wrong_bit_is_never_a_state(protocol: str, mask: int, bit: int, cuts: list[int]) -> None:
    ask, reply, bits = CASES[protocol]
    frame = bytearray(reply(mask & (1 << bits) - 1))
    frame[bit // 8 % len(frame)] ^= 1 << bit % 8
    reader = ask().reader()
    assert fed(reader, chopped(bytes(frame), cuts)) is None
    assert isinstance(reader.failure(0.1), KeyCabinetError)


@protocols
@given(mask=st.integers(0, (1 << 96) - 1), cut=st.integers(1, 40), cuts=CUTS)
def test_a_cut_reply_is_never_a_state_and_the_next_one_is_right(
    protocol: str, mask: int, cut: int, cuts: list[int]
) -> None:
    ask, reply, bits = CASES[protocol]
    whole = reply(mask & (1 << bits) - 1)
    part = whole[: max(1, len(whole) - cut)]
    reader = ask().reader()
    assert fed(reader, chopped(part, cuts)) is None
    failure = reader.failure(0.1)
    assert isinstance(failure, KeyCabinetError)
    assert failure.sent
    assert fed(ask().reader(), [whole]) == mask & (1 << bits) - 1


@protocols
@given(chunks=st.lists(st.binary(max_size=80), max_size=30))
def test_anything_at_all_is_a_state_or_an_error_of_ours(protocol: str, chunks: list[bytes]) -> None:
    ask, _, bits = CASES[protocol]
    reader = ask().reader()
    try:
        value = fed(reader, chunks)
    except KeyCabinetError:
        return
    assert value is None or 0 <= value < 1 << bits
    assert isinstance(reader.failure(0.1), KeyCabinetError)


@protocols
@given(frame=st.binary(max_size=100))
def test_decoding_anything_ends_in_a_frame_or_in_a_reason(protocol: str, frame: bytes) -> None:
    with suppress(ReplyError):
        assert DECODE[protocol](frame).encode() == frame


@given(chunks=st.lists(st.binary(max_size=30), max_size=10), cuts=CUTS, count=st.integers(1, 3))
def test_pushes_are_found_between_anything(chunks: list[bytes], cuts: list[int], count: int) -> None:
    hunter = Hunter(wkly.FRAMING_WKLY)
    push = wkly.Frame(1, wkly.Command.PUSH, bytes((3, 1))).encode()
    for chunk in chunks:
        assert not list(hunter.feed(chunk.replace(b"W", b"w")))
        assert len(hunter.buffer) <= wkly.FRAMING_WKLY.longest
    assert [frame for piece in chopped(push * count, cuts) for frame in hunter.feed(piece)] == [push] * count


def test_the_reply_of_another_lock_is_no_reply() -> None:
    for question, other in (
        (xor_8a.Unlock("x", 1, 1), xor_8a.Frame(xor_8a.Head.UNLOCK, 1, bytes((2, 0)))),
        (wkly.Unlock("x", 0, 1), wkly.Frame(0, wkly.Command.OPEN, bytes((0, 2, 0)))),
    ):
        reader = question.reader()
        assert reader.feed(other.encode()) is None
        assert isinstance(reader.failure(1.0), ReplyError)
