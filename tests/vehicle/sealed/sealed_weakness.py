"""Parts that do not verify what they should, to show what verifying is for."""

from __future__ import annotations

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hmac import HMAC
from edhoc_oracle import OracleResponder

from simulator.terminals.sealed_checks import Parts
from vehicle.sealed.channel import TAG, DirectionKey, Opener
from vehicle.sealed.keys import AuthorityKey, PrivateKey
from vehicle.sealed.signed import BadSignature, Signed, verify

FIXED = PrivateKey.of(b"\x31" * 32)
HS256 = 5


class TaglessOpener(Opener):
    """Decrypts and does not look at the tag (RFC 3610, 2.3: counter mode from block 1)."""

    def __init__(self, key: DirectionKey) -> None:
        super().__init__(key)
        self._direction = key

    def decrypt(self, counter: int, sealed: bytes) -> bytes:
        block = b"\x01" + self._direction.nonce_of(counter) + b"\x00\x01"
        cipher = Cipher(algorithms.AES(self._direction.key), modes.CTR(block)).decryptor()
        return cipher.update(sealed[:-TAG])


def believe(signed: Signed, authority: AuthorityKey) -> None:
    """Any signature is good."""


def signature_structure(signed: Signed) -> bytes:
    protected = cbor2.loads(signed.raw).value[0]
    return cbor2.dumps(["Signature1", protected, b"", signed.payload])


def obey_header(signed: Signed, authority: AuthorityKey) -> None:
    """Verify by the algorithm that the message names, with the bytes of the key as they are."""
    if signed.algorithm != HS256:
        verify(signed, authority)
        return
    mac = HMAC(authority.raw, hashes.SHA256())
    mac.update(signature_structure(signed))
    try:
        mac.verify(cbor2.loads(signed.raw).value[3])
    except InvalidSignature as error:
        raise BadSignature from error


NO_PROOF = Parts(responder=lambda key: OracleResponder(key, PrivateKey.generate(), verifies=False))
NO_EPHEMERAL = Parts(responder=lambda key: OracleResponder(key, FIXED))
NO_TAG = Parts(opener=lambda keys: TaglessOpener(keys.to_terminal))
NO_SIGNATURE = Parts(verify=believe)
ANY_ALGORITHM = Parts(verify=obey_header)
