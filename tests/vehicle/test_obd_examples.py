"""Replies in words, and examples held against what is read."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vehicle.obd.examples import WORDS, Differs, Example, check
from vehicle.obd.explained import Direction, Framing, NotAReply, explain, explain_code, explain_request

ENTRIES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "golden" / "elm327-vectors.json").read_text()
)


def example(entry: dict[str, Any]) -> Example:
    reply = entry["reply_ascii"].encode() if "reply_ascii" in entry else bytes.fromhex(entry["reply_hex"])
    return Example(entry["name"], entry.get("request_ascii", "").encode(), reply, entry["decoded"])


@pytest.mark.parametrize("entry", ENTRIES, ids=[entry["name"] for entry in ENTRIES])
def test_every_value_of_a_golden_entry_is_compared(entry: dict[str, Any]) -> None:
    compared = len(entry["decoded"].keys() - WORDS)
    assert check(example(entry)) == (1 if "strict" in entry["decoded"] else compared)


@pytest.mark.parametrize("entry", ENTRIES, ids=[entry["name"] for entry in ENTRIES])
def test_another_value_is_seen(entry: dict[str, Any]) -> None:
    for key in entry["decoded"].keys() - WORDS - {"meaning", "strict"}:
        if "strict" in entry["decoded"] or entry["name"] == "VIN with the first consecutive frame missing":
            continue  # refused, as they must be
        with pytest.raises((Differs, NotAReply)):
            check(example({**entry, "decoded": {**entry["decoded"], key: "something else"}}))


def test_what_must_be_refused_and_is_not() -> None:
    read = Example("wrong", b"010C\r", b"41 0C 1A F8 \r\r>", {"strict": "reject"})
    with pytest.raises(Differs, match="1726 rpm"):
        check(read)


def test_a_name_that_is_not_known_and_a_request_that_is_built_otherwise() -> None:
    with pytest.raises(Differs, match="colour"):
        check(Example("odd", b"010C\r", b"41 0C 1A F8 \r\r>", {"colour": "red"}))
    with pytest.raises(Differs, match="010C"):
        check(Example("odd", b"010c\r", b"41 0C 1A F8 \r\r>", {}))


@pytest.mark.parametrize(
    ("printed", "request_", "words"),
    [
        ("41 0C 1A F8", None, "any: engine speed 1726 rpm"),
        ("7E8 04 41 0C 40 80\r7E9 04 41 0C 40 84", "010C", "7E8: engine speed 4128 rpm | 7E9: engine speed 4129 rpm"),
        ("7E8 04 41 0C 40 80\r7E9 04 41 0C 40", "010C", "7E8: engine speed 4128 rpm; not used: not a frame"),
        ("41 01 00 00 00 00", None, "any: malfunction lamp no; stored codes 0; ignition spark; incomplete none"),
        ("43 00", None, "any: stored codes none"),
        ("43 01 33 00 00 00 00", None, "any: stored codes P0133"),
        ("47 01 04 20", None, "any: pending codes P0420"),
        ("44", None, "any: cleared yes"),
        ("7F 04 22", None, "any: refused, code 22"),
        ("41 02 01 33", None, "any: code that stored the freeze frame P0133"),
        ("41 51 04", None, "any: fuel type diesel"),
        ("41 51 7E", None, "any: fuel type 7E, not in the table"),
        ("41 1C 06", None, "any: OBD standard EOBD"),
        ("41 13 03", None, "any: oxygen sensors present, two banks 03"),
        ("41 A6 FF FF FF FF", None, "any: odometer not plausible"),
        ("41 FE 01", None, "any: parameter FE 01"),
        ("41 14 5A 80", None, "any: oxygen sensor 1, narrow, voltage 0.45 V; oxygen sensor 1, narrow, fuel trim 0 %"),
        ("49 02 01 31 44 34 47 50 30 30 52 35 35 42 31 32 33 34 35 36", None, "any: VIN 1D4GP00R55B123456"),
        ("49 02 01 31", None, "any: VIN not 17 characters of a VIN"),
        ("49 00 01 55 40 00 00", None, "any: information 00 01 55 40 00 00"),
        ("12.6V", None, "voltage 12.6 V"),
        ("STN2255 v5.6.19", None, "identity STN2255 v5.6.19"),
        ("A6", "ATDPN", "protocol 6; name ISO 15765-4 CAN 11 bit 500 kbit/s; automatic yes"),
        ("OK", "ATSP6", "ok yes"),
        ("AUTO, ISO 15765-4 (CAN 11/500)", "ATDP", "text AUTO, ISO 15765-4 (CAN 11/500)"),
        ("NO DATA", "010C", "NO DATA: no control unit answered in time, or none supports this"),
    ],
)  # fmt: skip
def test_a_reply_in_words(printed: str, request_: str | None, words: str) -> None:
    explained = explain(printed.encode(), request_)
    assert (explained.direction, explained.summary) == (Direction.REPLY, words)


@pytest.mark.parametrize(
    ("printed", "request_", "words"),
    [
        ("", None, "no text"),
        ("garbage", None, "not what an adapter prints"),
        ("61 A6 00 00", None, "its first byte is 61"),
        ("41 0C 1A", None, "has 1 bytes, not 2"),
        ("41 0C 1A F8", "010D", "answers something else"),
        ("41 0C 1A F8", "speed", "is no request"),
        ("48 6B 10 41 0C 0D 48 94", "010C", "wrong checksum"),
        ("7E8 03 7F 09 78", "0902", "7E8 asked for more time and never answered"),
        ("7E8 10 14 49 02 01 31 44 34\r7E8 22 42 31 32 33 34 35 36", None, "missing or out of order"),
        ("7E8 04 43 02 01 33", "03", "does not fit its count"),
        ("41 04 3F 0C", "01040C", "do not fit their lengths"),
        ("49", None, "without its number"),
        ("44>44", None, "2 prompts"),
    ],
)
def test_a_text_that_is_no_reply_says_why(printed: str, request_: str | None, words: str) -> None:
    with pytest.raises(NotAReply, match=words):
        explain(printed.encode(), request_)


def test_requests_in_words() -> None:
    for text, words in (
        ("010C1", "service 01, current data: engine speed"),
        ("0104FE", "service 01, current data: calculated engine load, unknown parameter"),
        ("03", "service 03, stored codes"),
        ("at sp 0", "command ATSP0 to the adapter"),
    ):
        asked = explain_request(text)
        assert asked is not None
        assert (asked.direction, asked.summary) == (Direction.REQUEST, words)
    assert [explain_request(text) for text in ("", "4", "2101", "\u00f3", "ZZ")] == [None] * 5


def test_a_code_is_two_bytes() -> None:
    assert explain_code(b"\xd0\x16").named("code") == "U1016"
    with pytest.raises(NotAReply):
        explain_code(b"\xd0")


def test_both_kinds_of_checksum_are_told_apart() -> None:
    assert explain(b"48 6B 10 41 0C 0D 48 93").framing is Framing.J1850
    assert explain(b"84 F1 11 41 0C 1F 44 36").framing is Framing.ISO


TEXTS = st.binary(max_size=80) | st.text("0123456789ABCDEF: \r>", max_size=80).map(str.encode)


@given(TEXTS, st.none() | st.just("0902"))
def test_any_text_is_explained_or_refused(text: bytes, asked: str | None) -> None:
    with suppress(NotAReply):
        assert explain(text, asked).summary
