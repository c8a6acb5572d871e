"""The frozen vectors: both sides still make the same bytes, and a terminal answers a recorded session byte for byte."""

from __future__ import annotations

import json

from sealed_vectors import FILE, TERMINAL, make, terminal

from vehicle.sealed.channel import DirectionKey, Opener, SessionKeys
from vehicle.sealed.commands import Answer, Request
from vehicle.sealed.framing import FrameReader, FrameType, encode_frame
from vehicle.sealed.grant import parse_grant
from vehicle.sealed.keys import AuthorityKey
from vehicle.sealed.label import Label
from vehicle.sealed.signed import parse_signed, verify

VECTORS = json.loads(FILE.read_text())


def test_the_same_bytes_are_made() -> None:
    assert make() == VECTORS


def test_a_terminal_answers_the_recorded_session() -> None:
    device, handshake = terminal(), VECTORS["handshake"]

    def exchange(frame: bytes) -> bytes:
        device.receive(frame, 0.0)
        return device.take(0.0)

    first = encode_frame(FrameType.MESSAGE_1, bytes.fromhex(handshake["message_1"]))
    assert exchange(first) == encode_frame(FrameType.MESSAGE_2, bytes.fromhex(handshake["message_2"]))
    assert exchange(encode_frame(FrameType.MESSAGE_3, bytes.fromhex(handshake["message_3"]))) == b""
    for record in VECTORS["records"]:
        assert exchange(bytes.fromhex(record["request_frame"])).hex() == record["answer_frame"], record[
            "name"
        ]


def test_every_record_opens_and_parses() -> None:
    handshake = {name: bytes.fromhex(value) for name, value in VECTORS["handshake"].items()}
    keys = SessionKeys(
        DirectionKey(handshake["to_terminal_key"], handshake["to_terminal_nonce"]),
        DirectionKey(handshake["to_holder_key"], handshake["to_holder_nonce"]),
    )
    for side, key, kind in (("request", keys.to_terminal, Request), ("answer", keys.to_holder, Answer)):
        opener = Opener(key)
        for record in VECTORS["records"]:
            frame = bytes.fromhex(record[f"{side}_frame"])
            plaintext = opener.open(FrameReader().feed(frame, 0.0)[0].body)
            assert plaintext.hex() == record[side]
            assert kind.parse(plaintext).encode() == plaintext


def test_what_is_signed_verifies() -> None:
    authority = AuthorityKey(bytes.fromhex(VECTORS["authority"]["public"]))
    for signed in VECTORS["signed"].values():
        verify(parse_signed(bytes.fromhex(signed["cose"])), authority)
    assert parse_grant(bytes.fromhex(VECTORS["signed"]["grant"]["cose"])).number == 4711


def test_the_label() -> None:
    label = Label.parse(VECTORS["terminal"]["label"].lower())
    assert label.fingerprint == TERMINAL.public.thumbprint[:10]
    assert str(label) == VECTORS["terminal"]["label"]
