"""What the authority signs: COSE_Sign1 (RFC 9052) with Ed25519, and a type (RFC 9596) that says for what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from cwt import COSE, COSEKey, CWTError

from vehicle.sealed import cbor
from vehicle.sealed.cbor import BadCbor, Cbor
from vehicle.sealed.keys import Authority, AuthorityKey

LONGEST_SIGNED = 900
"""Bytes; leaves room for the record around it in one frame."""

_ALG, _KID, _TYP = 1, 4, 16
_EDDSA = -8
_KTY, _OKP, _KEY_ID, _KEY_ALG, _CRV, _ED25519, _X, _D = 1, 1, 2, 3, -1, 6, -2, -4
_TAG = b"\xd2"
"""CBOR tag 18: COSE_Sign1."""


class Kind(StrEnum):
    """The `typ` of each; media types in the vendor tree."""

    GRANT = "application/vnd.motorpool.grant+cwt"
    REVOCATIONS = "application/vnd.motorpool.revocations+cose"
    TIME = "application/vnd.motorpool.time+cose"


class BadSignature(Exception):
    """The signature does not verify under the authority's key."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A COSE_Sign1 taken apart, and not verified."""

    raw: bytes
    algorithm: int
    key_id: bytes
    kind: str
    payload: bytes


Verify: TypeAlias = Callable[[Signed, AuthorityKey], None]
"""Raises BadSignature."""


def sign(kind: Kind, payload: Cbor, authority: Authority) -> bytes:
    """The tagged COSE_Sign1 of `payload`."""
    key = COSEKey.new(
        {
            _KTY: _OKP,
            _CRV: _ED25519,
            _X: authority.public.raw,
            _D: authority.secret,
            _KEY_ID: authority.public.key_id,
            _KEY_ALG: _EDDSA,
        }
    )
    protected = {_ALG: _EDDSA, _KID: authority.public.key_id, _TYP: kind.value}
    return bytes(COSE.new().encode(cbor.encode(payload), key, protected=protected, unprotected={}))


def parse_signed(data: bytes) -> Signed:
    """Take a COSE_Sign1 apart. Raises BadCbor unless it has exactly the form that `sign` gives."""
    if len(data) > LONGEST_SIGNED or data[:1] != _TAG:
        raise BadCbor(f"a COSE_Sign1 of at most {LONGEST_SIGNED} bytes is expected")
    protected, unprotected, payload, signature = cbor.array(cbor.decode(data[1:]), 4)
    header = cbor.keyed(cbor.decode(cbor.octets(protected)), (_ALG, _KID, _TYP))
    if cbor.mapping(unprotected):
        raise BadCbor("an unprotected header is not used")
    cbor.octets(signature)
    algorithm = header[_ALG]
    if type(algorithm) is not int:
        raise BadCbor("the algorithm is a number")
    return Signed(
        raw=data,
        algorithm=algorithm,
        key_id=cbor.octets(header[_KID]),
        kind=cbor.text(header[_TYP], 64),
        payload=cbor.octets(payload),
    )


def verify(signed: Signed, authority: AuthorityKey) -> None:
    """Check the signature. The algorithm is ours to say, not the message's. Raises BadSignature."""
    if signed.algorithm != _EDDSA or signed.key_id != authority.key_id:
        raise BadSignature
    key = COSEKey.new(
        {_KTY: _OKP, _CRV: _ED25519, _X: authority.raw, _KEY_ID: authority.key_id, _KEY_ALG: _EDDSA}
    )
    try:
        COSE.new().decode(signed.raw, key)
    except (CWTError, ValueError) as error:
        raise BadSignature from error
