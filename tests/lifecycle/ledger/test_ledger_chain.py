"""The canonical bytes are RFC 8785's, and the chain is what the documentation says it is."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from hashlib import sha256

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from lifecycle.ledger import NewEvent, Row, Step
from lifecycle.ledger.chain import canonical, genesis, instant, link, parse, prepare

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(values)
def test_canonical_is_rfc8785(value: object) -> None:
    assert canonical(value).encode() == rfc8785.dumps(value)


def test_keys_sort_by_utf16_unit() -> None:
    """RFC 8785 section 3.2.3: a surrogate pair sorts before U+FB33, though its code point is greater."""
    assert canonical({"\ufb33": 1, "\U0001f600": 2, "\u20ac": 3}) == '{"\u20ac":3,"\U0001f600":2,"\ufb33":1}'


def test_an_enum_is_its_text() -> None:
    class Proof(StrEnum):
        PROVED = "proved"

    assert canonical({"proof": Proof.PROVED, "all": [Proof.PROVED]}) == '{"all":["proved"],"proof":"proved"}'


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        2**53,
        -(2**53),
        {1: "a"},
        {"a": {True: 1}},
        {"a": object()},
        {"a": b"x"},
        {1, 2},
    ],
)
def test_what_json_cannot_say_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical(value)


@pytest.mark.parametrize("where", ["kind", "ids", "actor", "data", "because", "row"])
def test_a_lone_surrogate_is_refused_before_it_queues(where: str) -> None:
    bad = "\ud800"
    event = NewEvent(
        bad if where == "kind" else "K",
        {"vehicle": bad} if where == "ids" else {},
        bad if where == "actor" else None,
        {"x": bad} if where == "data" else {},
        because=(bad,) if where == "because" else (),
    )
    rows = (Row("key_set", bad, 0, "out"),) if where == "row" else ()
    with pytest.raises(ValueError, match="surrogates"):
        prepare(Step((event,), rows), datetime(2026, 1, 1, tzinfo=UTC))


def test_instants_are_utc_with_microseconds() -> None:
    shanghai = timezone(timedelta(hours=8))
    assert instant(datetime(2026, 11, 21, 4, 2, 0, 5, tzinfo=shanghai)) == "2026-11-20T20:02:00.000005Z"
    assert instant(datetime(2026, 11, 20, 20, 2, tzinfo=UTC)) == "2026-11-20T20:02:00.000000Z"
    with pytest.raises(ValueError, match="time zone"):
        instant(datetime(2026, 11, 21))  # noqa: DTZ001


def test_genesis_and_link_as_documented() -> None:
    assert genesis("330108-04") == sha256(b'{"format":1,"station":"330108-04"}').digest()
    assert link(b"\x01" * 32, b"{}") == sha256(b"\x01" * 32 + b"{}").digest()


def test_an_event_without_its_fields_is_refused() -> None:
    with pytest.raises(ValueError, match="not an event"):
        parse(json.dumps({"format": 1, "seq": 1}).encode(), b"", b"")
    with pytest.raises(ValueError, match="format 2"):
        parse(b'{"format":2}', b"", b"")
    with pytest.raises(ValueError, match="not an event"):
        parse(b"[]", b"", b"")


def test_a_step_says_what_it_is() -> None:
    with pytest.raises(ValueError, match="needs an event"):
        Step(())
    with pytest.raises(ValueError, match="reserved"):
        Step((NewEvent("K"),), (Row("command", "1", 0, "x"),))
    with pytest.raises(ValueError, match="once"):
        Step((NewEvent("K"),), (Row("a", "1", 0, "x"), Row("a", "1", 1, "y")))
