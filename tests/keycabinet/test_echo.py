"""Adapters that hand back what is sent: found out by a query, and exactly one echo taken away."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from keycabinet.echo import EchoFilter

QUERY, WRITE, REPLY = b"\x01\x02\x03query", b"\x01\x06write!", b"\x01\x02\x01\x55"


def heard(echo: EchoFilter, data: bytes, cuts: list[int]) -> bytes:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return b"".join(echo.feed(data[start:end]) for start, end in pairwise(edges))


def ask(echo: EchoFilter, came: bytes, cuts: list[int], *, write: bool = False) -> bytes:
    echo.sent(WRITE if write else QUERY, repeats_request=write)
    left = heard(echo, came, cuts)
    echo.answered(clean=left in (REPLY, WRITE))
    return left


CUTS = st.lists(st.integers(0, 40), max_size=5)


@given(cuts=CUTS)
def test_an_echoing_adapter_is_found_out_and_only_one_echo_goes(cuts: list[int]) -> None:
    echo = EchoFilter()
    assert ask(echo, QUERY + REPLY, cuts) == REPLY
    assert echo.present is True
    assert ask(echo, WRITE + WRITE, cuts, write=True) == WRITE  # the second is the reply
    assert ask(echo, WRITE, cuts, write=True) == b""  # a dead board: nothing is left
    assert ask(echo, QUERY + QUERY + REPLY, cuts) == QUERY + REPLY


@given(cuts=CUTS)
def test_without_an_echo_nothing_is_taken_away(cuts: list[int]) -> None:
    echo = EchoFilter()
    assert ask(echo, WRITE, cuts, write=True) == WRITE
    assert echo.present is None  # a write cannot tell
    assert ask(echo, REPLY, cuts) == REPLY
    assert echo.present is False
    assert ask(echo, WRITE, cuts, write=True) == WRITE


@given(cuts=CUTS)
def test_an_adapter_that_is_swapped_is_noticed(cuts: list[int]) -> None:
    echo = EchoFilter()
    ask(echo, QUERY + REPLY, cuts)
    assert ask(echo, REPLY, cuts) == REPLY
    assert echo.present is False
    assert ask(echo, QUERY + REPLY, cuts) == QUERY + REPLY  # noise, and the question is open again
    assert ask(echo, QUERY + REPLY, cuts) == REPLY
    assert echo.present is True


@given(noise=st.binary(min_size=1, max_size=20), cuts=CUTS)
def test_noise_decides_nothing_and_loses_nothing(noise: bytes, cuts: list[int]) -> None:
    echo = EchoFilter()
    came = b"\xff" + noise + REPLY
    assert ask(echo, came, cuts) == came
    assert echo.present is None
