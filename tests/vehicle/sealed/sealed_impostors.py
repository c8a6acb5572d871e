"""Terminals and gateways that lie to a holder, and an eavesdropper; each says whether the holder met it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from edhoc_oracle import (
    BY_REFERENCE,
    KID,
    OracleInitiator,
    OracleResponder,
    Secrets,
    credential,
    dh,
    sequence,
)
from sealed_bench import HOLDER, OTHER_TERMINAL, T0, TERMINAL, frames

from vehicle.sealed import cbor
from vehicle.sealed.channel import Opener, Sealer
from vehicle.sealed.client import Hearsay, HolderSession
from vehicle.sealed.codes import Code, Refused, Verb
from vehicle.sealed.commands import Answer, Request
from vehicle.sealed.framing import FrameType, encode_frame
from vehicle.sealed.handshake import FINGERPRINT
from vehicle.sealed.keys import PrivateKey, PublicKey


@dataclass(frozen=True)
class Impostor:
    id: str
    name: str
    met: str
    run: Callable[[], bool] = field(repr=False)


IMPOSTORS: list[Impostor] = []


def impostor(name: str, met: str) -> Callable[[Callable[[], bool]], Callable[[], bool]]:
    def enter(run: Callable[[], bool]) -> Callable[[], bool]:
        IMPOSTORS.append(Impostor(f"B{len(IMPOSTORS) + 1:02}", name, met, run))
        return run

    return enter


def refuses(session: HolderSession, data: bytes, code: Code, now: float = 0.0) -> bool:
    """Whether the holder ends the session with that code."""
    try:
        session.receive(data, now)
    except Refused as refused:
        return refused.code is code
    return False


def greeted(
    terminal: PrivateKey, expected: PublicKey | bytes, *, by_value: bool = False
) -> tuple[HolderSession, bytes]:
    """A holder's session, and the message 2 of somebody with that key."""
    session = HolderSession(HOLDER, expected)
    responder = OracleResponder(terminal, PrivateKey.generate())
    message_2 = responder.message_2(frames(session.begin())[0].body, by_value=by_value)
    return session, encode_frame(FrameType.MESSAGE_2, message_2)


class Puppet:
    """A genuine session whose terminal's end is in our hands: a terminal gone bad."""

    def __init__(self) -> None:
        self.session = HolderSession(HOLDER, TERMINAL.public)
        responder = OracleResponder(TERMINAL, PrivateKey.generate())
        message_2 = responder.message_2(frames(self.session.begin())[0].body, by_value=False)
        third = self.session.receive(encode_frame(FrameType.MESSAGE_2, message_2), 0.0).to_send
        _, keys = responder.finish(frames(third)[0].body)
        self.sealer, self.opener = Sealer(keys.to_holder), Opener(keys.to_terminal)

    def asked(self) -> bytes:
        """The frame of a request to unlock."""
        return self.session.ask(Request(b"\x01" * 16, Verb.UNLOCK, T0))

    def answer(self, plaintext: bytes) -> bytes:
        return encode_frame(FrameType.RECORD, self.sealer.seal(plaintext))


@impostor(
    "Another terminal answers at the address", "ends the handshake; its credential and grant are not sent"
)
def other_terminal() -> bool:
    return refuses(*greeted(OTHER_TERMINAL, TERMINAL.public), Code.HANDSHAKE_FAILED)


@impostor("Another terminal shows its own key", "ends the handshake: the pinned key is the only one")
def other_key() -> bool:
    return refuses(*greeted(OTHER_TERMINAL, TERMINAL.public, by_value=True), Code.HANDSHAKE_FAILED)


@impostor("Message 2 with a bit flipped", "ends the handshake")
def flipped() -> bool:
    session, frame = greeted(TERMINAL, TERMINAL.public)
    return refuses(session, frame[:-1] + bytes([frame[-1] ^ 1]), Code.HANDSHAKE_FAILED)


@impostor("Message 2 of a recorded session", "ends the handshake")
def recorded() -> bool:
    _, frame = greeted(TERMINAL, TERMINAL.public)
    session, _ = greeted(TERMINAL, TERMINAL.public)
    return refuses(session, frame, Code.HANDSHAKE_FAILED)


@impostor(
    "Another terminal while enrolling", "ends the handshake: it is not the label's; the secret is not sent"
)
def other_label() -> bool:
    fingerprint = TERMINAL.public.thumbprint[:FINGERPRINT]
    return refuses(*greeted(OTHER_TERMINAL, fingerprint, by_value=True), Code.HANDSHAKE_FAILED)


@impostor("An answer with a bit flipped", "ends the session; the outcome is unconfirmed")
def flipped_answer() -> bool:
    puppet = Puppet()
    puppet.asked()
    frame = bytearray(puppet.answer(Answer(b"\x01" * 16, Code.ACCEPTED).encode()))
    frame[-1] ^= 1
    return refuses(puppet.session, bytes(frame), Code.RECORD_FORGED)


@impostor("An answer is sent twice", "ends the session")
def replayed_answer() -> bool:
    puppet = Puppet()
    puppet.asked()
    frame = puppet.answer(Answer(b"\x01" * 16, Code.CONFIRMED, [2, None, None]).encode())
    assert puppet.session.receive(frame, 0.0).answer is not None
    puppet.asked()
    return refuses(puppet.session, frame, Code.RECORD_REPLAYED)


@impostor("An answer is left out and the next one delivered", "ends the session")
def skipped_answer() -> bool:
    puppet = Puppet()
    puppet.asked()
    puppet.answer(b"")
    return refuses(
        puppet.session, puppet.answer(Answer(b"\x01" * 16, Code.CONFIRMED).encode()), Code.RECORD_SKIPPED
    )


@impostor("The holder's own record is sent back", "ends the session")
def reflected() -> bool:
    puppet = Puppet()
    return refuses(puppet.session, puppet.asked(), Code.RECORD_FORGED)


@impostor("An answer of another session", "ends the session")
def crossed() -> bool:
    puppet, other = Puppet(), Puppet()
    puppet.asked()
    answer = other.answer(Answer(b"\x01" * 16, Code.CONFIRMED, [2, None, None]).encode())
    return refuses(puppet.session, answer, Code.RECORD_FORGED)


@impostor("The terminal answers another command", "ends the session; the outcome is unconfirmed")
def other_command() -> bool:
    puppet = Puppet()
    puppet.asked()
    return refuses(
        puppet.session, puppet.answer(Answer(b"\x02" * 16, Code.CONFIRMED).encode()), Code.MALFORMED
    )


@impostor("The terminal answers before it was asked", "ends the session")
def unasked() -> bool:
    puppet = Puppet()
    return refuses(
        puppet.session, puppet.answer(Answer(b"\x02" * 16, Code.CONFIRMED).encode()), Code.MALFORMED
    )


@impostor("The terminal answers with a code that does not exist", "ends the session")
def unknown_code() -> bool:
    puppet = Puppet()
    puppet.asked()
    return refuses(puppet.session, puppet.answer(cbor.encode([b"\x01" * 16, 200, None])), Code.MALFORMED)


@impostor(
    "A refusal in the clear, by whoever is on the way", "ends the session; it is hearsay, and no refusal"
)
def in_the_clear() -> bool:
    puppet = Puppet()
    puppet.asked()
    try:
        puppet.session.receive(encode_frame(FrameType.ERROR, bytes([Code.RIGHT_MISSING])), 0.0)
    except Hearsay as hearsay:
        return hearsay.code is Code.RIGHT_MISSING
    return False


@impostor("A frame that says that it is longer than any", "ends the session and holds nothing of it")
def oversized() -> bool:
    puppet = Puppet()
    return refuses(puppet.session, b"\xff\xff" + bytes(9000), Code.FRAME_TOO_LONG)


@impostor("Half a frame, and the rest much later", "ends the session")
def dribbled() -> bool:
    puppet = Puppet()
    puppet.asked()
    frame = puppet.answer(Answer(b"\x01" * 16, Code.CONFIRMED).encode())
    puppet.session.receive(frame[:9], 0.0)
    return refuses(puppet.session, frame[9:], Code.FRAME_TIMEOUT, now=30.0)


@impostor(
    "Everything was recorded, and all static keys are learned later",
    "nothing can be read: the ephemeral keys are gone",
)
def eavesdropper() -> bool:
    """With the static keys G_RX and G_IY are known; without an ephemeral one G_XY is not. With one, everything is."""
    e_holder, e_terminal = PrivateKey.generate(), PrivateKey.generate()
    initiator, responder = OracleInitiator(HOLDER, e_holder), OracleResponder(TERMINAL, e_terminal)
    message_1 = initiator.message_1()
    message_2 = responder.message_2(message_1, by_value=False)
    message_3, _ = initiator.finish(message_2, TERMINAL.public)
    g_x, g_y = e_holder.public.x, e_terminal.public.x
    guesses = [
        dh(HOLDER.secret, TERMINAL.public.x),
        dh(HOLDER.secret, g_y),
        dh(TERMINAL.secret, g_x),
        dh(HOLDER.secret, g_x),
        dh(TERMINAL.secret, g_y),
    ]

    def opens(g_xy: bytes) -> bool:
        secrets = Secrets(message_1, g_y, g_xy, dh(TERMINAL.secret, g_x), dh(HOLDER.secret, g_y))
        return _reads(secrets, message_3)

    return not any(map(opens, guesses)) and opens(dh(e_holder.secret, g_y))


def _reads(secrets: Secrets, message_3: bytes) -> bool:
    """Whether message 3 opens; TH_3 takes the plaintext of message 2, which the terminal's MAC ends."""
    plaintext_2 = _plaintext_2(secrets)
    box, nonce, aad = secrets.box_3(secrets.th_3(plaintext_2, TERMINAL.public))
    try:
        box.decrypt(nonce, message_3[2:], aad)
    except InvalidTag:
        return False
    return True


def _plaintext_2(secrets: Secrets) -> bytes:
    mac = secrets.mac_2(1, BY_REFERENCE, credential(TERMINAL.public))
    return sequence(1, KID, mac)
