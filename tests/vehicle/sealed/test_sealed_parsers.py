"""Every parser takes any bytes: it gives a value that encodes to the same bytes, or refuses in its own way."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import cbor2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sealed_vectors import GRANT, LIST, TICKET

from vehicle.sealed import cbor
from vehicle.sealed.cbor import BadCbor
from vehicle.sealed.codes import Refused
from vehicle.sealed.commands import (
    Admission,
    Answer,
    Enrolment,
    Entry,
    Greeting,
    Measured,
    Remembered,
    Request,
    State,
)
from vehicle.sealed.framing import FrameReader, FrameType, encode_frame
from vehicle.sealed.grant import read_grant
from vehicle.sealed.keys import BadKey, PublicKey
from vehicle.sealed.label import Label
from vehicle.sealed.revocation import read_revocations, read_ticket
from vehicle.sealed.signed import Signed, parse_signed

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.binary(max_size=40)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.integers(-70_005, 20), inner, max_size=6),
    max_leaves=12,
)
BODIES: tuple[Callable[[cbor.Cbor], object], ...] = (
    Admission.of,
    Enrolment.of,
    Entry.of,
    Greeting.of,
    Measured.of,
    Remembered.of,
    State.of,
    PublicKey.from_cose,
)


@given(st.binary(max_size=80))
@example(b"\x83\x01")
@example(b"\xa2\x01\x01\x01\x02")
@example(b"\x9f\x01\xff")
@example(b"\x18\x01")
@example(b"\xd8\x23\x61(")
@example(b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff")
@example(b"\x81" * 500)
def test_cbor_of_any_bytes(data: bytes) -> None:
    try:
        value = cbor.decode(data)
    except BadCbor:
        return
    assert cbor.encode(value) == data


@given(VALUES)
def test_cbor_of_any_value(value: cbor.Cbor) -> None:
    try:
        assert cbor.decode(cbor.encode(value)) == value
    except BadCbor:  # too deep
        assert depth(value) > cbor.DEEPEST


def depth(value: cbor.Cbor) -> int:
    inner = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


@given(VALUES)
@pytest.mark.parametrize("parse", BODIES)
def test_bodies_of_any_value(parse: Callable[[cbor.Cbor], object], value: cbor.Cbor) -> None:
    with suppress(BadCbor, BadKey):
        parse(value)


@given(st.binary(max_size=120))
@pytest.mark.parametrize("parse", [Request.parse, Answer.parse, parse_signed, PublicKey.from_credential])
def test_messages_of_any_bytes(parse: Callable[[bytes], object], data: bytes) -> None:
    with suppress(BadCbor, BadKey):
        parse(data)


@given(st.data())
@pytest.mark.parametrize(
    ("read", "payload"),
    [(read_grant, GRANT.claims), (read_revocations, LIST.payload), (read_ticket, TICKET.payload)],
)
def test_signed_payloads_with_one_value_changed(
    read: Callable[[Signed], object], payload: dict[int, cbor.Cbor], data: st.DataObject
) -> None:
    changed = {**payload, data.draw(st.sampled_from(sorted(payload))): data.draw(VALUES)}
    with suppress(BadCbor):
        read(Signed(b"", -8, b"", "", cbor.encode(changed)))


@given(st.lists(st.binary(max_size=60), max_size=6), st.data())
def test_frames_at_any_cut(bodies: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(encode_frame(FrameType.RECORD, body) for body in bodies)
    reader, found, at = FrameReader(), [], 0
    while at < len(stream):
        size = data.draw(st.integers(1, 40))
        found += reader.feed(stream[at : at + size], 0.0)
        at += size
    assert [frame.body for frame in found] == bodies
    assert reader.pending == 0


@given(st.lists(st.binary(max_size=300), max_size=8))
def test_frames_of_any_bytes(pieces: list[bytes]) -> None:
    reader = FrameReader()
    try:
        for piece in pieces:
            reader.feed(piece, 0.0)
            assert reader.pending <= 1026
    except Refused:
        assert reader.feed(b"\x00\x01\x20", 0.0) == []


@given(st.text(max_size=60))
def test_labels_of_any_text(text: str) -> None:
    try:
        label = Label.parse(text)
    except ValueError:
        return
    assert Label.parse(str(label)) == label


def test_a_frame_above_the_cap_is_not_made() -> None:
    with pytest.raises(ValueError, match="1024"):
        encode_frame(FrameType.RECORD, bytes(1024))


TAGS = (*range(48), 100, 256, 257, 258, 260, 261, 1004, 28_000, 43_000, 55_799)
INSIDE = (None, -1, 0, 2**63, b"\xff", "(", "2026", [1, 0], [-1, "x"], [2**63, 2**63], {})


@pytest.mark.parametrize("inside", INSIDE, ids=repr)
def test_a_tag_is_refused_whatever_is_in_it(inside: object) -> None:
    """Decoders make dates, fractions, patterns and more of tags, and each class behind them has errors of its own."""
    for tag in TAGS:
        tagged = cbor2.CBORTag(tag, inside)
        for value in (tagged, [cbor2.CBORTag(4, tagged)]):
            with pytest.raises(BadCbor):
                cbor.decode(cbor2.dumps(value))
