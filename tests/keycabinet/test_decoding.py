"""Frames of every known protocol, taken apart: the published ones, and anything that a line may bring."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keycabinet.decoding import MAX_FRAME, explain, explain_reply, explain_request, protocol, protocols
from keycabinet.errors import BadChecksum, LyingLength, NotAFrame, ReplyError, UnknownProtocol, WrongReply
from keycabinet.vectors import Vector, VectorFileError, parse_vectors, run_vectors

GOLDEN = Path(__file__).parent.parent / "golden" / "cabinet-vectors.json"
TEXT = GOLDEN.read_text(encoding="utf-8")
KNOWN = [vector for vector in parse_vectors(TEXT) if vector.protocol in protocols()]
READ = bytes.fromhex("01020000000879CC")
ANSWER = bytes.fromhex("01020120A050")


@pytest.mark.parametrize("vector", KNOWN, ids=lambda vector: f"{vector.protocol}: {vector.name}")
def test_published_frames(vector: Vector) -> None:
    verdict = run_vectors([vector])
    assert not verdict.failures


@pytest.mark.parametrize("name", protocols())
@given(data=st.data())
def test_any_bytes_are_explained_or_refused(name: str, data: st.DataObject) -> None:
    published = [frame for v in KNOWN if v.protocol == name for frame in (v.request, v.reply) if frame]
    frame = bytearray(
        data.draw(st.one_of(st.binary(min_size=1, max_size=40), st.sampled_from(published or [b"\0"])))
    )
    for _ in range(data.draw(st.integers(0, 2))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    request = data.draw(st.one_of(st.none(), st.sampled_from(published or [b"\0"])))
    with suppress(ReplyError):
        explanation = explain(name, bytes(frame), request)
        assert explanation.frame == bytes(frame)
        assert explanation.summary


@pytest.mark.parametrize("vector", KNOWN, ids=lambda vector: f"{vector.protocol}: {vector.name}")
def test_cut_and_doubled_frames_are_refused(vector: Vector) -> None:
    if (
        vector.kind != "valid" or vector.protocol == "ds2480b"
    ):  # whose answers are single bytes without a check value
        return
    for take_apart, frame in ((explain_request, vector.request), (explain_reply, vector.reply)):
        for wrong in (frame[:-1], frame[1:], frame + frame):
            if frame:
                with pytest.raises(ReplyError):
                    take_apart(vector.protocol, wrong)


def test_a_reply_must_answer_its_request() -> None:
    assert explain("waveshare-relay-rtu", ANSWER, READ).summary.endswith("data on: 5")
    with pytest.raises(WrongReply):
        explain("waveshare-relay-rtu", bytes.fromhex("01050001FF00DDFA"), READ)


def test_a_wrong_checksum_names_the_right_one() -> None:
    with pytest.raises(BadChecksum, match=r"A0 51.*A0 50"):
        explain_reply("waveshare-relay-rtu", ANSWER[:-1] + b"\x51")


def test_a_lying_length() -> None:
    with pytest.raises(LyingLength):
        explain_request("modbus-tcp", bytes.fromhex("123400000007010100000008"))


@pytest.mark.parametrize("frame", [b"", bytes(MAX_FRAME + 1)])
def test_frames_of_no_size(frame: bytes) -> None:
    with pytest.raises(NotAFrame):
        explain("modbus-tcp", frame)


def test_an_unknown_protocol_names_the_known_ones() -> None:
    with pytest.raises(UnknownProtocol, match="modbus-tcp"):
        protocol("modbus-udp")


def test_a_file_is_judged_entry_by_entry() -> None:
    good = {"protocol": "modbus-tcp", "request_hex": "123400000006010100000008"}
    entries = [
        good,
        {**good, "name": "accepted", "kind": "bad_published"},
        {**good, "name": "cut", "request_hex": "1234"},
        {"protocol": "telepathy", "reply_hex": "00"},
    ]
    verdict = run_vectors(parse_vectors(json.dumps(entries)))
    modbus, unknown = verdict.tallies
    assert (modbus.passed, modbus.rebuilt, modbus.failed) == (1, 1, 2)
    assert (unknown.protocol, unknown.unknown) == ("telepathy", 1)
    assert [failure.name for failure in verdict.failures] == ["accepted", "cut"]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "{}",
        "[1]",
        '[{"protocol": 1}]',
        '[{"protocol": "x"}]',
        '[{"protocol": "x", "reply_hex": "0"}]',
        '[{"protocol": "x", "reply_hex": 7}]',
        '[{"protocol": "x", "reply_ascii": 7}]',
        '[{"protocol": "x", "reply_hex": "00", "decoded": [1]}]',
        '[{"protocol": "x", "reply_hex": "00", "name": 3}]',
        "[" * 100_000,
    ],
)
def test_a_file_of_another_form(text: str) -> None:
    with pytest.raises(VectorFileError):
        parse_vectors(text)
