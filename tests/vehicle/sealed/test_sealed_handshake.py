"""Two implementations of EDHOC, ours by lakers and one from the RFC's text, complete handshakes with each other."""

from __future__ import annotations

import pytest
from edhoc_oracle import OracleInitiator, OracleResponder
from hypothesis import given, settings
from hypothesis import strategies as st

from vehicle.sealed.codes import Code, Refused
from vehicle.sealed.handshake import FINGERPRINT, Initiator, Responder
from vehicle.sealed.keys import PrivateKey

HOLDER, TERMINAL, OTHER = (PrivateKey.of(bytes([n]) * 32) for n in (1, 2, 3))
E_HOLDER, E_TERMINAL = (PrivateKey.of(bytes([n]) * 32) for n in (4, 5))


@pytest.mark.parametrize("by_value", [False, True])
def test_our_initiator_and_the_oracle_agree(by_value: bool) -> None:
    ours, oracle = Initiator(HOLDER, TERMINAL.public), OracleResponder(TERMINAL, E_TERMINAL)
    message_3, keys = ours.finish(oracle.message_2(ours.message_1(), by_value=by_value))
    assert oracle.finish(message_3) == (HOLDER.public, keys)


@pytest.mark.parametrize("by_value", [False, True])
def test_our_responder_and_the_oracle_agree(by_value: bool) -> None:
    oracle, ours = OracleInitiator(HOLDER, E_HOLDER), Responder(TERMINAL)
    message_3, keys = oracle.finish(ours.message_2(oracle.message_1(), by_value=by_value), TERMINAL.public)
    assert ours.finish(message_3) == (HOLDER.public, keys)


def test_sizes_on_the_air() -> None:
    initiator, responder = Initiator(HOLDER, TERMINAL.public), Responder(TERMINAL)
    message_1 = initiator.message_1()
    message_2 = responder.message_2(message_1, by_value=False)
    message_3, _ = initiator.finish(message_2)
    assert (len(message_1), len(message_2), len(message_3)) == (37, 45, 103)


def test_another_terminal_is_found_out() -> None:
    initiator, impostor = Initiator(HOLDER, TERMINAL.public), Responder(OTHER)
    with pytest.raises(Refused) as refused:
        initiator.finish(impostor.message_2(initiator.message_1(), by_value=False))
    assert refused.value.code is Code.HANDSHAKE_FAILED


def test_enrolling_goes_by_the_fingerprint() -> None:
    fingerprint = TERMINAL.public.thumbprint[:FINGERPRINT]
    initiator = Initiator(HOLDER, fingerprint)
    initiator.finish(Responder(TERMINAL).message_2(initiator.message_1(), by_value=True))
    assert initiator.terminal == TERMINAL.public
    for responder, by_value in ((Responder(OTHER), True), (Responder(TERMINAL), False)):
        initiator = Initiator(HOLDER, fingerprint)
        with pytest.raises(Refused):
            initiator.finish(responder.message_2(initiator.message_1(), by_value=by_value))


@st.composite
def damaged(draw: st.DrawFn, message: bytes) -> bytes:
    kind = draw(st.sampled_from(["any", "cut", "longer", "flipped"]))
    if kind == "any":
        return draw(st.binary(max_size=300))
    if kind == "cut":
        return message[: draw(st.integers(0, len(message) - 1))]
    if kind == "longer":
        return message + draw(st.binary(min_size=1, max_size=200))
    at = draw(st.integers(0, len(message) - 1))
    return message[:at] + bytes([message[at] ^ draw(st.integers(1, 255))]) + message[at + 1 :]


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_any_damage_is_refused_and_nothing_panics(data: st.DataObject) -> None:
    """lakers panics on lengths that lie and on points beside the curve; nothing but Refused may come out."""
    with pytest.raises(Refused):
        handshake(data, data.draw(st.sampled_from([1, 2, 3])))


def handshake(data: st.DataObject, damage: int) -> None:
    """A handshake whose message of that number is damaged on the way."""

    def way(number: int, message: bytes) -> bytes:
        return data.draw(damaged(message)) if number == damage else message

    initiator, responder = Initiator(HOLDER, TERMINAL.public), Responder(TERMINAL)
    message_2 = responder.message_2(way(1, initiator.message_1()), by_value=False)
    message_3, _ = initiator.finish(way(2, message_2))
    responder.finish(way(3, message_3))
