"""EDHOC (RFC 9528): method 3 (static Diffie-Hellman on both sides), cipher suite 2, by lakers.

The holder is the initiator and sends its credential by value. The terminal is the responder and sends its own by
reference, with the same one-byte kid as every terminal; by value only while its enrolment window is open.

lakers ends in a Rust panic on lengths that lie and on points beside the curve, so whatever comes in is looked at
here first. It draws its ephemeral keys itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import lakers  # type: ignore[import-untyped]  # a compiled module without stubs

from vehicle.sealed import cbor
from vehicle.sealed.cbor import BadCbor
from vehicle.sealed.channel import SessionKeys
from vehicle.sealed.codes import Code, Refused
from vehicle.sealed.keys import COORDINATE, KEY_ID, BadKey, PrivateKey, PublicKey

T = TypeVar("T")

FINGERPRINT = 10
"""Bytes of a terminal's thumbprint on its label."""
MESSAGE_1 = bytes([0x03, 0x02, 0x58, COORDINATE])
"""How a message 1 begins: method 3, suite 2, 32 bytes of G_X. One byte of C_I follows."""
LONGEST_MESSAGE = 192
_ONE_BYTE_INTEGERS = (*range(0x18), *range(0x20, 0x38))
_BY_REFERENCE = cbor.encode({4: KEY_ID})
_KCCS = 14
_STRING_HEAD = 2
_LONG_STRING = 0x58


def by_lakers(call: Callable[[], T]) -> T:
    """What `call` gives. Raises Refused for whatever lakers objects to, and if it panics."""
    try:
        return call()
    except (ValueError, RuntimeError, TypeError) as error:
        raise Refused(Code.HANDSHAKE_FAILED) from error
    except BaseException as error:  # a Rust panic is not an Exception, and is not to be imported
        if type(error).__module__ != "pyo3_runtime":
            raise
        raise Refused(Code.HANDSHAKE_FAILED) from error


def check_message_1(message: bytes) -> None:
    """Whether it is the message 1 of this profile, its key a point. Raises Refused."""
    head = len(MESSAGE_1)
    if (
        len(message) != head + COORDINATE + 1
        or message[:head] != MESSAGE_1
        or message[-1] not in _ONE_BYTE_INTEGERS
    ):
        raise Refused(Code.HANDSHAKE_FAILED)
    check_point(message[head : head + COORDINATE])


def check_message_2(message: bytes) -> None:
    """Whether it is one string that begins with a point. Raises Refused."""
    check_string(message)
    check_point(message[_STRING_HEAD : _STRING_HEAD + COORDINATE])


def check_string(message: bytes) -> None:
    """Whether it is one byte string of 24 to 190 bytes with its length in one byte. Raises Refused."""
    if (
        not _STRING_HEAD < len(message) <= LONGEST_MESSAGE
        or message[0] != _LONG_STRING
        or message[1] != len(message) - _STRING_HEAD
    ):
        raise Refused(Code.HANDSHAKE_FAILED)


def check_point(x: bytes) -> None:
    """Whether `x` is the coordinate of a point of P-256. Raises Refused."""
    try:
        PublicKey.from_point(b"\x02" + x)
    except BadKey as error:
        raise Refused(Code.HANDSHAKE_FAILED) from error


def credential_in(id_cred: bytes) -> PublicKey | None:
    """The key in an ID_CRED_x; None where it is by reference. Raises Refused for anything else."""
    if id_cred == _BY_REFERENCE:
        return None
    try:
        value = cbor.keyed(cbor.decode(id_cred), (_KCCS,))[_KCCS]
        return PublicKey.from_credential(cbor.encode(value))
    except (BadCbor, BadKey) as error:
        raise Refused(Code.HANDSHAKE_FAILED) from error


class Initiator:
    """The holder's side of one handshake. `expected` is the terminal's pinned key, or the fingerprint on the label of
    one that is being enrolled."""

    def __init__(self, key: PrivateKey, expected: PublicKey | bytes) -> None:
        self._key = key
        self._expected = expected
        self._edhoc = lakers.EdhocInitiator()
        self.terminal: PublicKey | None = None

    def message_1(self) -> bytes:
        """The first message."""
        return by_lakers(lambda: bytes(self._edhoc.prepare_message_1()))

    def finish(self, message_2: bytes) -> tuple[bytes, SessionKeys]:
        """Message 3 and the session's keys. Raises Refused if the terminal is not the expected one."""
        check_message_2(message_2)
        _, id_cred, _ = by_lakers(lambda: self._edhoc.parse_message_2(message_2))
        peer = self._peer(credential_in(bytes(id_cred)))
        mine, theirs = lakers.Credential(self._key.public.credential), lakers.Credential(peer.credential)
        by_lakers(lambda: self._edhoc.verify_message_2(self._key.secret, mine, theirs))
        self.terminal = peer
        message_3, _ = by_lakers(lambda: self._edhoc.prepare_message_3(lakers.CredentialTransfer.ByValue))
        by_lakers(self._edhoc.completed_without_message_4)
        return bytes(message_3), SessionKeys.export(
            lambda label, context, length: bytes(self._edhoc.edhoc_exporter(label, context, length))
        )

    def _peer(self, sent: PublicKey | None) -> PublicKey:
        if isinstance(self._expected, PublicKey):
            return self._expected
        if sent is None or sent.thumbprint[:FINGERPRINT] != self._expected:
            raise Refused(Code.HANDSHAKE_FAILED)
        return sent


class Responder:
    """The terminal's side of one handshake."""

    def __init__(self, key: PrivateKey) -> None:
        self._edhoc = lakers.EdhocResponder(key.secret, lakers.Credential(key.public.credential))

    def message_2(self, message_1: bytes, *, by_value: bool) -> bytes:
        """The answer to message 1. Raises Refused."""
        check_message_1(message_1)
        by_lakers(lambda: self._edhoc.process_message_1(message_1))
        transfer = lakers.CredentialTransfer.ByValue if by_value else lakers.CredentialTransfer.ByReference
        return by_lakers(lambda: bytes(self._edhoc.prepare_message_2(transfer)))

    def finish(self, message_3: bytes) -> tuple[PublicKey, SessionKeys]:
        """The holder's key, proved to be its own, and the session's keys. Raises Refused."""
        check_string(message_3)
        id_cred, _ = by_lakers(lambda: self._edhoc.parse_message_3(message_3))
        holder = credential_in(bytes(id_cred))
        if holder is None:
            raise Refused(Code.HANDSHAKE_FAILED)
        by_lakers(lambda: self._edhoc.verify_message_3(lakers.Credential(holder.credential)))
        by_lakers(self._edhoc.completed_without_message_4)
        return holder, SessionKeys.export(
            lambda label, context, length: bytes(self._edhoc.edhoc_exporter(label, context, length))
        )
