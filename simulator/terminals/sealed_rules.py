"""How a sealed terminal judges grants, lists and time tickets, and what it then remembers."""

from __future__ import annotations

from simulator.terminals.sealed_checks import Check, Checks, Parts
from simulator.terminals.sealed_memory import Memory, TerminalClock
from vehicle.sealed.cbor import BadCbor
from vehicle.sealed.codes import Code, Refused
from vehicle.sealed.grant import LONGEST_LIFETIME_S, Grant, read_grant
from vehicle.sealed.keys import AuthorityKey, PublicKey
from vehicle.sealed.revocation import read_revocations, read_ticket
from vehicle.sealed.signed import BadSignature, Kind, Signed, parse_signed


class Rules:
    """The authority's word, as one terminal takes it. Everything raises Refused."""

    def __init__(self, memory: Memory, clock: TerminalClock, checks: Checks, parts: Parts) -> None:
        self._memory = memory
        self._clock = clock
        self._checks = checks
        self._parts = parts

    def admit(self, data: bytes, holder: PublicKey) -> Grant:
        """The grant in `data`, if it is good for this vehicle, now, in the hands of `holder`."""
        signed = self._signed(data, Code.GRANT_MALFORMED)
        self._checks.require(Check.GRANT_KIND, signed.kind == Kind.GRANT, Code.GRANT_KIND)
        self._verify(signed, Code.GRANT_SIGNATURE)
        try:
            grant = read_grant(signed)
        except BadCbor as error:
            raise Refused(Code.GRANT_MALFORMED) from error
        self._checks.require(Check.GRANT_VEHICLE, grant.vehicle == self._memory.vehicle, Code.GRANT_VEHICLE)
        self._checks.require(Check.GRANT_HOLDER, grant.holder == holder, Code.GRANT_HOLDER)
        lifetime = grant.expires - grant.not_before
        self._checks.require(Check.GRANT_LIFETIME, lifetime <= LONGEST_LIFETIME_S, Code.GRANT_LIFETIME)
        self._clock.witness(grant.issued)
        self.judge(grant, holder)
        return grant

    def judge(self, grant: Grant, holder: PublicKey) -> None:
        """Whether a grant that was admitted is good now: dates, and what has been revoked since."""
        require, now, listed = self._checks.require, self._clock.now(), self._memory.revocations
        require(Check.GRANT_EARLY, grant.not_before <= now, Code.GRANT_EARLY)
        require(Check.GRANT_EXPIRY, now < grant.expires, Code.GRANT_EXPIRED)
        require(Check.GRANT_MINIMUM, grant.number >= listed.minimum, Code.GRANT_SUPERSEDED)
        require(Check.GRANT_REVOKED, grant.number not in listed.grants, Code.GRANT_REVOKED)
        require(Check.HOLDER_REVOKED, holder.thumbprint not in listed.holders, Code.HOLDER_REVOKED)

    def update(self, data: bytes) -> int:
        """Take a revocation list into use; returns its number."""
        signed = self._signed(data, Code.LIST_MALFORMED)
        self._checks.require(Check.LIST_KIND, signed.kind == Kind.REVOCATIONS, Code.LIST_KIND)
        self._verify(signed, Code.LIST_SIGNATURE)
        try:
            listed = read_revocations(signed)
        except BadCbor as error:
            raise Refused(Code.LIST_MALFORMED) from error
        before = self._memory.revocations
        self._checks.require(Check.LIST_NUMBER, listed.number > before.number, Code.LIST_STALE)
        self._checks.require(Check.LIST_MINIMUM, listed.minimum >= before.minimum, Code.LIST_MINIMUM)
        self._clock.witness(listed.issued)
        self._memory.revocations = listed
        return listed.number

    def set_time(self, data: bytes, nonce: bytes | None) -> None:
        """Set the clock by a ticket that answers `nonce`, the question asked last."""
        signed = self._signed(data, Code.TIME_MALFORMED)
        self._checks.require(Check.TIME_KIND, signed.kind == Kind.TIME, Code.TIME_KIND)
        self._verify(signed, Code.TIME_SIGNATURE)
        try:
            ticket = read_ticket(signed)
        except BadCbor as error:
            raise Refused(Code.TIME_MALFORMED) from error
        self._checks.require(Check.TIME_NONCE, ticket.nonce == nonce, Code.TIME_NONCE)
        self._clock.set(ticket.now)

    def _signed(self, data: bytes, malformed: Code) -> Signed:
        try:
            return parse_signed(data)
        except BadCbor as error:
            raise Refused(malformed) from error

    def _verify(self, signed: Signed, code: Code) -> None:
        try:
            self._parts.verify(signed, self._authority())
        except BadSignature as error:
            raise Refused(code) from error

    def _authority(self) -> AuthorityKey:
        if self._memory.authority is None:
            raise Refused(Code.NOT_ENROLLED)
        return self._memory.authority
