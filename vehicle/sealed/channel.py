"""The protected channel: AES-CCM (RFC 3610; 16-byte tag, 13-byte nonce) under keys exported from the handshake.

One key a direction; the nonce is the direction's initial value xor the record's counter. A counter starts at 0 and
grows by one, so that every record opens once and in its place; after 65,535 the session is over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from vehicle.sealed.codes import Code, Refused
from vehicle.sealed.framing import FrameType

LAST_COUNTER = 0xFFFF
TAG = 16
_KEY, _NONCE, _COUNTER = 16, 13, 2

EXPORT_CONTEXT = b"motorpool sealed 1"
TO_TERMINAL_KEY, TO_TERMINAL_NONCE, TO_HOLDER_KEY, TO_HOLDER_NONCE = 19, 20, 21, 22
"""EDHOC exporter labels. The private range begins at 32768, but lakers 0.6 takes 8 bits and writes labels above 23 as
bytes that are no CBOR; the context sets these apart from anybody else's."""

Exporter: TypeAlias = Callable[[int, bytes, int], bytes]
"""EDHOC_Exporter(label, context, length), RFC 9528, 4.2.1."""


@dataclass(frozen=True, slots=True)
class DirectionKey:
    """What protects one direction."""

    key: bytes = field(repr=False)
    nonce: bytes = field(repr=False)

    def nonce_of(self, counter: int) -> bytes:
        """The nonce of one record."""
        return (int.from_bytes(self.nonce, "big") ^ counter).to_bytes(_NONCE, "big")


@dataclass(frozen=True, slots=True)
class SessionKeys:
    """Both directions of a session."""

    to_terminal: DirectionKey
    to_holder: DirectionKey

    @classmethod
    def export(cls, exporter: Exporter) -> SessionKeys:
        """The keys of a completed handshake."""
        return cls(
            DirectionKey(
                exporter(TO_TERMINAL_KEY, EXPORT_CONTEXT, _KEY),
                exporter(TO_TERMINAL_NONCE, EXPORT_CONTEXT, _NONCE),
            ),
            DirectionKey(
                exporter(TO_HOLDER_KEY, EXPORT_CONTEXT, _KEY),
                exporter(TO_HOLDER_NONCE, EXPORT_CONTEXT, _NONCE),
            ),
        )


def associated(counter: int) -> bytes:
    """The associated data of a record: its type and counter, as they are on the wire."""
    return bytes([FrameType.RECORD]) + counter.to_bytes(_COUNTER, "big")


class Sealer:
    """Seals one direction. `next` is the counter of the next record."""

    def __init__(self, key: DirectionKey) -> None:
        self._key = key
        self._cipher = AESCCM(key.key, tag_length=TAG)
        self.next = 0

    def seal(self, plaintext: bytes) -> bytes:
        """The body of the next record. Raises Refused when the counter is used up."""
        counter = self.next
        if counter > LAST_COUNTER:
            raise Refused(Code.COUNTER_EXHAUSTED)
        self.next += 1
        sealed = self._cipher.encrypt(self._key.nonce_of(counter), plaintext, associated(counter))
        return counter.to_bytes(_COUNTER, "big") + sealed


class Opener:
    """Opens one direction. `next` is the counter that the next record must have."""

    def __init__(self, key: DirectionKey) -> None:
        self._key = key
        self._cipher = AESCCM(key.key, tag_length=TAG)
        self.next = 0

    def open(self, body: bytes) -> bytes:
        """The plaintext of the next record. Raises Refused; the session is then over."""
        if len(body) < _COUNTER + TAG:
            raise Refused(Code.RECORD_FORGED)
        counter = int.from_bytes(body[:_COUNTER], "big")
        self.check(counter)
        plaintext = self.decrypt(counter, body[_COUNTER:])
        self.next = counter + 1
        return plaintext

    def check(self, counter: int) -> None:
        """Whether `counter` is the next one. Raises Refused."""
        if self.next > LAST_COUNTER:
            raise Refused(Code.COUNTER_EXHAUSTED)
        if counter < self.next:
            raise Refused(Code.RECORD_REPLAYED)
        if counter > self.next:
            raise Refused(Code.RECORD_SKIPPED)

    def decrypt(self, counter: int, sealed: bytes) -> bytes:
        """What is sealed. Raises Refused if it does not verify."""
        try:
            return self._cipher.decrypt(self._key.nonce_of(counter), sealed, associated(counter))
        except InvalidTag as error:
            raise Refused(Code.RECORD_FORGED) from error
