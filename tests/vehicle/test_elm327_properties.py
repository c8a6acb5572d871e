"""Whatever arrives, in whatever pieces: no foreign exception, no wrong value, bounded memory."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from vehicle.obd import dtc, pids
from vehicle.obd.elm327 import MAX_REPLY, ReplyStream, read_reply
from vehicle.obd.frames import Answer, Framing, crc8_j1850, parse_answer

REQUESTS = ("0100", "010C", "01A6", "0902", "03", "07", "04", "0104050B0C")
VIN = b"1D4GP00R55B123456"
PRINTED = st.text(alphabet="0123456789ABCDEF :>\r\n.?<OKNSTPEDRUFL\0", max_size=200).map(str.encode)
framings = st.sampled_from(list(Framing))
vins = st.text(alphabet="ABCDEFGHJKLMNPRSTUVWXYZ0123456789", min_size=17, max_size=17)


def _texts(data: bytes, cuts: list[int]) -> list[bytes | None]:
    stream = ReplyStream()
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [text for a, b in itertools.pairwise(edges) for text in stream.feed(data[a:b])]


def _everything(data: bytes, request: str, framing: Framing) -> list[Answer]:
    return [parse_answer(read_reply(text, request), request, framing) for text in ReplyStream().feed(data)]


@given(st.binary(max_size=300) | PRINTED, st.lists(st.integers(0, 300), max_size=6))
def test_cuts_do_not_matter(data: bytes, cuts: list[int]) -> None:
    assert _texts(data, cuts) == _texts(data, [])


@given(st.binary(max_size=300) | PRINTED, st.sampled_from(REQUESTS), framings)
def test_anything_is_survived(data: bytes, request: str, framing: Framing) -> None:
    for answer in _everything(data + b">", request, framing):
        for message in answer.messages:
            assert message.payload[0] == bytes.fromhex(request)[0] | 0x40
            pids.decode_vin(message.payload)
            pids.decode_supported(0, message.payload[2:])
            pids.decode_monitor_status(message.payload[2:])
            pids.split_values(message.payload, tuple(bytes.fromhex(request)))
            dtc.decode_codes(message.payload, counted=framing is Framing.CAN11)


@given(st.lists(st.binary(max_size=3000).map(lambda b: b.replace(b">", b"")), max_size=20))
def test_memory_is_bounded_without_a_prompt(pieces: list[bytes]) -> None:
    stream = ReplyStream()
    for piece in pieces:
        assert stream.feed(piece) == ()
        assert len(stream.partial) <= MAX_REPLY
    total = sum(len(piece.replace(b"\0", b"")) for piece in pieces)
    (text,) = stream.feed(b">")
    assert (text is None) == (total > MAX_REPLY)


def _can_text(ecu: str, payload: bytes, pad: bool, spaced: bool) -> bytes:
    if len(payload) <= 7:
        frames = [bytes([len(payload)]) + payload]
    else:
        frames = [bytes([0x10 | len(payload) >> 8, len(payload) & 0xFF]) + payload[:6]]
        for n, at in enumerate(range(6, len(payload), 7), start=1):
            frames.append(bytes([0x20 | n & 0x0F]) + payload[at : at + 7])
    if pad:
        frames = [frame.ljust(8, b"\xaa") for frame in frames]
    join = " " if spaced else ""
    return (
        "".join(f"{ecu}{join}{f.hex(join) if spaced else f.hex()}{join}\r" for f in frames).upper().encode()
    )


@given(
    st.binary(min_size=1, max_size=600), st.booleans(), st.booleans(), st.sampled_from(["7E8", "18DAF110"])
)
def test_iso_tp_round_trip(data: bytes, pad: bool, spaced: bool, ecu: str) -> None:
    payload = b"\x49\x02" + data
    framing = Framing.CAN11 if len(ecu) == 3 else Framing.CAN29
    (answer,) = _everything(_can_text(ecu, payload, pad, spaced) + b"\r>", "0902", framing)
    assert [message.payload for message in answer.messages] == [payload]
    assert answer.faults == ()


@given(vins, st.integers(0, 120), st.booleans(), st.booleans())
def test_a_reply_cut_short_gives_the_vin_or_nothing(vin: str, keep: int, pad: bool, spaced: bool) -> None:
    text = _can_text("7E8", b"\x49\x02\x01" + vin.encode(), pad, spaced)
    (answer,) = _everything(text[:keep] + b"\r>", "0902", Framing.CAN11)
    for message in answer.messages:
        assert message.payload[3:] == vin.encode()


@given(vins, st.integers(0, 2), st.integers(0, 2))
def test_frames_swapped_or_lost_give_the_vin_or_nothing(vin: str, a: int, b: int) -> None:
    lines = _can_text("7E8", b"\x49\x02\x01" + vin.encode(), True, True).split(b"\r")[:-1]
    lines[a], lines[b] = lines[b], lines[a]
    for kept in (lines, lines[:a] + lines[a + 1 :]):
        (answer,) = _everything(b"\r".join(kept) + b"\r\r>", "0902", Framing.CAN11)
        for message in answer.messages:
            assert message.payload[3:] == vin.encode()


@given(st.sampled_from([Framing.J1850, Framing.ISO]), st.integers(0, 6), st.integers(1, 255))
def test_one_wrong_byte_on_a_legacy_bus_gives_nothing(framing: Framing, at: int, flip: int) -> None:
    frame = bytes.fromhex("486B10410C0D48")
    check = crc8_j1850(frame) if framing is Framing.J1850 else sum(frame) & 0xFF
    broken = bytearray(frame + bytes([check]))
    broken[at] ^= flip
    (answer,) = _everything(broken.hex(" ").upper().encode() + b"\r\r>", "010C", framing)
    assert answer.messages == ()


@given(st.integers(0, 255), st.integers(0, 255))
def test_codes_are_five_characters(high: int, low: int) -> None:
    code = dtc.decode_word(high, low)
    assert len(code) == 5
    assert code[0] in "PCBU"
    assert int(code[1:], 16) == (high & 0x3F) << 8 | low


@given(st.binary(max_size=6))
def test_a_value_has_exactly_its_bytes(data: bytes) -> None:
    for row in pids.PIDS.values():
        if len(data) != row.size:
            assert row.decode(data) is None
