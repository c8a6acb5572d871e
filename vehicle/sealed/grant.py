"""Grants: who may do what to which vehicle, and when. A CBOR Web Token (RFC 8392) that needs no network.

Dates are seconds of Unix time and are judged by whoever holds the clock; nothing here reads one.
"""

from __future__ import annotations

from dataclasses import dataclass

from vehicle.sealed import cbor
from vehicle.sealed.cbor import LARGEST, BadCbor, Cbor
from vehicle.sealed.codes import ALL_RIGHTS, Right
from vehicle.sealed.keys import Authority, BadKey, PublicKey
from vehicle.sealed.signed import Kind, Signed, parse_signed, sign

LONGEST_LIFETIME_S = 31 * 86_400
LONGEST_VEHICLE = 32
"""Bytes of a vehicle's name in UTF-8."""

_AUD, _EXP, _NBF, _IAT, _CNF = 3, 4, 5, 6, 8
_COSE_KEY = 1
_RIGHTS, _NUMBER = -70_001, -70_002
_CLAIMS = (_AUD, _EXP, _NBF, _IAT, _CNF, _RIGHTS, _NUMBER)


def check_vehicle(name: str) -> None:
    """ValueError for a name that no terminal takes."""
    if not 0 < len(name.encode()) <= LONGEST_VEHICLE:
        raise ValueError(f"a vehicle's name has 1 to {LONGEST_VEHICLE} bytes")


def check_numbers(**numbers: int) -> None:
    """ValueError naming the first that no terminal reads."""
    for name, value in numbers.items():
        if not 0 <= value <= LARGEST:
            raise ValueError(f"{name} is {value}; allowed: 0 to {LARGEST}")


@dataclass(frozen=True, slots=True)
class Grant:
    """What a grant says. `vehicle` is the fleet's own opaque name, never plate or VIN."""

    vehicle: str
    holder: PublicKey
    rights: Right
    not_before: int
    expires: int
    issued: int
    number: int

    def __post_init__(self) -> None:
        check_vehicle(self.vehicle)
        if not self.rights or self.rights > ALL_RIGHTS:
            raise ValueError("a grant gives at least one right")
        if not self.not_before < self.expires:
            raise ValueError("a grant ends after it begins")
        check_numbers(
            number=self.number, not_before=self.not_before, expires=self.expires, issued=self.issued
        )

    @property
    def claims(self) -> Cbor:
        """The CWT claims set."""
        return {
            _AUD: self.vehicle,
            _EXP: self.expires,
            _NBF: self.not_before,
            _IAT: self.issued,
            _CNF: {_COSE_KEY: self.holder.cose},
            _RIGHTS: int(self.rights),
            _NUMBER: self.number,
        }


def issue(grant: Grant, authority: Authority) -> bytes:
    """The signed grant. Raises ValueError for one that is valid for longer than a terminal takes."""
    if grant.expires - grant.not_before > LONGEST_LIFETIME_S:
        raise ValueError("a grant is valid for at most 31 days")
    return sign(Kind.GRANT, grant.claims, authority)


def read_grant(signed: Signed) -> Grant:
    """What a signed grant says, whoever signed it. Raises BadCbor."""
    claims = cbor.keyed(cbor.decode(signed.payload), _CLAIMS)
    try:
        return Grant(
            vehicle=cbor.text(claims[_AUD], LONGEST_VEHICLE),
            holder=PublicKey.from_cose(cbor.keyed(claims[_CNF], (_COSE_KEY,))[_COSE_KEY]),
            rights=Right(cbor.uint(claims[_RIGHTS], ALL_RIGHTS)),
            not_before=cbor.uint(claims[_NBF]),
            expires=cbor.uint(claims[_EXP]),
            issued=cbor.uint(claims[_IAT]),
            number=cbor.uint(claims[_NUMBER]),
        )
    except BadCbor:
        raise
    except (BadKey, ValueError) as error:
        raise BadCbor(str(error)) from error


def parse_grant(data: bytes) -> Grant:
    """What a signed grant says; the signature is not checked. Raises BadCbor."""
    signed = parse_signed(data)
    if signed.kind != Kind.GRANT:
        raise BadCbor(f"signed as {signed.kind}, which is no grant")
    return read_grant(signed)
