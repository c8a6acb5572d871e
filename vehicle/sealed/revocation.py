"""What takes grants back, and what tells a terminal the time: signed by the authority, carried by anybody."""

from __future__ import annotations

from dataclasses import dataclass

from vehicle.sealed import cbor
from vehicle.sealed.cbor import Cbor
from vehicle.sealed.grant import check_numbers
from vehicle.sealed.keys import THUMBPRINT, Authority
from vehicle.sealed.signed import Kind, Signed, sign

MOST_GRANTS = 48
MOST_HOLDERS = 16
NONCE = 8

_LIST_NUMBER, _ISSUED, _MINIMUM, _GRANTS, _HOLDERS = 1, 2, 3, 4, 5
_NONCE, _NOW = 1, 2


@dataclass(frozen=True, slots=True)
class Revocations:
    """The whole of what is revoked: each list replaces the one before.

    `grants` are numbers of single grants, `holders` thumbprints of lost keys. Grants below `minimum` are all
    refused: raising it is how a list stays short.
    """

    number: int
    issued: int
    minimum: int = 0
    grants: tuple[int, ...] = ()
    holders: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if len(self.grants) > MOST_GRANTS or len(self.holders) > MOST_HOLDERS:
            raise ValueError(
                f"a list names at most {MOST_GRANTS} grants and {MOST_HOLDERS} keys; raise the minimum"
            )
        check_numbers(number=self.number, issued=self.issued, minimum=self.minimum)
        for each in self.grants:
            check_numbers(grant=each)

    @property
    def payload(self) -> Cbor:
        """As it is signed."""
        return {
            _LIST_NUMBER: self.number,
            _ISSUED: self.issued,
            _MINIMUM: self.minimum,
            _GRANTS: list(self.grants),
            _HOLDERS: list(self.holders),
        }


@dataclass(frozen=True, slots=True)
class TimeTicket:
    """The time `now`, for the one terminal that asked with `nonce`."""

    nonce: bytes
    now: int

    @property
    def payload(self) -> Cbor:
        """As it is signed."""
        return {_NONCE: self.nonce, _NOW: self.now}


def revoke(revocations: Revocations, authority: Authority) -> bytes:
    """The signed list."""
    return sign(Kind.REVOCATIONS, revocations.payload, authority)


def tell_time(ticket: TimeTicket, authority: Authority) -> bytes:
    """The signed time ticket."""
    return sign(Kind.TIME, ticket.payload, authority)


def read_revocations(signed: Signed) -> Revocations:
    """What a signed list says, whoever signed it. Raises BadCbor."""
    found = cbor.keyed(cbor.decode(signed.payload), (_LIST_NUMBER, _ISSUED, _MINIMUM, _GRANTS, _HOLDERS))
    return Revocations(
        number=cbor.uint(found[_LIST_NUMBER]),
        issued=cbor.uint(found[_ISSUED]),
        minimum=cbor.uint(found[_MINIMUM]),
        grants=tuple(cbor.uint(each) for each in cbor.items(found[_GRANTS], MOST_GRANTS)),
        holders=tuple(cbor.octets(each, THUMBPRINT) for each in cbor.items(found[_HOLDERS], MOST_HOLDERS)),
    )


def read_ticket(signed: Signed) -> TimeTicket:
    """What a signed time ticket says, whoever signed it. Raises BadCbor."""
    found = cbor.keyed(cbor.decode(signed.payload), (_NONCE, _NOW))
    return TimeTicket(cbor.octets(found[_NONCE], NONCE), cbor.uint(found[_NOW]))
