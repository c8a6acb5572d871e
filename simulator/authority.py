"""The fleet authority of a simulated world, and what its station has from it: grants, lists, time tickets.

Needs the `sealed` extra. The authority knows the true time and everything it ever signed; the station has what reached
it. A grant lasts for one shift, so stations that are cut off from the authority run out of them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from lifecycle.roster import Roster
from simulator.terminals.sealed_keys import fleet_authority, station_key
from vehicle.sealed.codes import Right
from vehicle.sealed.grant import Grant, issue
from vehicle.sealed.keys import AuthorityKey, PrivateKey, PublicKey
from vehicle.sealed.revocation import Revocations, TimeTicket, revoke, tell_time

SHIFT_S = 8 * 3600
FIRST_SHIFT_S = 6 * 3600
"""Shifts begin at 06:00, 14:00 and 22:00 of the authority's clock."""
OVERLAP_S = 15 * 60
"""A grant begins and ends so much before and after its shift."""
KEPT_S = 86_400
"""How long the authority remembers a grant that has expired."""
DRIVING = Right.READ | Right.LOCK | Right.UNLOCK | Right.MOBILISE
RESPONSE = "response"
"""The class that is never immobilised, whatever a site says."""
Told = Callable[[], None]


class Issued(NamedTuple):
    """A grant, and its signed bytes."""

    grant: Grant
    signed: bytes


class FleetAuthority:
    """Signs, and remembers what it signed. `clock` is right. `revoked` has when which grant was taken back (Unix s)."""

    def __init__(self, station: str, clock: Callable[[], datetime]) -> None:
        self._key = fleet_authority(station)
        self._clock = clock
        self._numbers = 0
        self.issued: dict[int, Grant] = {}
        self.revoked: dict[int, int] = {}
        self.listed = Revocations(0, 0)
        self._signed_list = b""

    @property
    def public(self) -> AuthorityKey:
        """The key that terminals are enrolled with."""
        return self._key.public

    def now(self) -> int:
        """The true time, Unix s."""
        return int(self._clock().timestamp())

    def issue(self, vehicle: str, holder: PublicKey, rights: Right) -> Issued:
        """A grant for the present shift."""
        now = self.now()
        for number in [number for number, each in self.issued.items() if each.expires < now - KEPT_S]:
            del self.issued[number]
            self.revoked.pop(number, None)
        self._numbers += 1
        begins = now - (now - FIRST_SHIFT_S) % SHIFT_S
        grant = Grant(
            vehicle=vehicle,
            holder=holder,
            rights=rights,
            not_before=begins - OVERLAP_S,
            expires=begins + SHIFT_S + OVERLAP_S,
            issued=now,
            number=self._numbers,
        )
        self.issued[grant.number] = grant
        return Issued(grant, issue(grant, self._key))

    def revoke(self, number: int) -> None:
        """Take a grant back: a new list, without what has expired meanwhile."""
        now = self.now()
        self.revoked.setdefault(number, now)
        known = [each for each in self.revoked if self.issued[each].expires >= now - OVERLAP_S]
        self.listed = Revocations(self.listed.number + 1, now, grants=tuple(known))
        self._signed_list = revoke(self.listed, self._key)

    @property
    def signed_list(self) -> bytes:
        """The latest list; nothing before the first."""
        return self._signed_list

    def tell_time(self, nonce: bytes) -> bytes:
        """The time, for the terminal that asked with `nonce`."""
        return tell_time(TimeTicket(nonce, self.now()), self._key)


class StationPapers:
    """What the station has: its key, a grant for each vehicle, the list; a `vehicle.sealed.access.Access`.

    What goes wrong hangs in the lists, which are empty as a rule, and is told when it is in somebody's way:
    `cut_off`, and nothing comes from the authority; `lists_late`, and no newer list does. Vehicles in `withheld` get
    no new grant. `held_up` is when a newer list was last kept from the station (Unix s).
    """

    def __init__(self, station: str, roster: Roster, authority: FleetAuthority) -> None:
        self.authority = authority
        self.holder: PrivateKey = station_key(station)
        self.cut_off: list[Told] = []
        self.lists_late: list[Told] = []
        self.withheld: dict[str, list[Told]] = {}
        self.held_up = 0
        self._roster = roster
        self._held: dict[str, Issued] = {}
        self._listed = (authority.listed, authority.signed_list)

    async def grant(self, vehicle: str) -> bytes | None:
        """The grant at hand for a vehicle (its id or fleet number); a new one when its shift is over."""
        held = self.renewed(vehicle)
        return None if held is None else held.signed

    def renewed(self, vehicle: str) -> Issued | None:
        """The same, with what it says. What is at hand may be over, where no new one is to be had."""
        car = self._roster.vehicle(vehicle)
        held = self._held.get(car.id)
        if held is None or not self._good(held.grant):
            kept_from = (*self.cut_off, *self.withheld.get(car.id, ()))
            for told in kept_from:
                told()
            if not kept_from:
                held = self._held[car.id] = self.authority.issue(
                    car.id, self.holder.public, rights_for(car.vehicle_class)
                )
        return held

    async def revocations(self, newer_than: int) -> bytes | None:
        """The latest list that reached the station, if its number is above `newer_than`."""
        if self._listed[0].number < self.authority.listed.number:
            late = (*self.cut_off, *self.lists_late)
            for told in late:
                told()
            if late:
                self.held_up = self.authority.now()
            else:
                self._listed = (self.authority.listed, self.authority.signed_list)
        listed, signed = self._listed
        return signed if listed.number > newer_than else None

    async def time_ticket(self, nonce: bytes) -> bytes | None:
        """The authority's answer, unless the station is cut off from it."""
        for told in self.cut_off:
            told()
        return None if self.cut_off else self.authority.tell_time(nonce)

    def at_hand(self, vehicle: str) -> Issued | None:
        """The grant that the station has for the vehicle of that id, good or not."""
        return self._held.get(vehicle)

    def _good(self, grant: Grant) -> bool:
        now = self.authority.now()
        known = grant.number in self._listed[0].grants
        return grant.not_before <= now < grant.expires - OVERLAP_S and not known


def rights_for(vehicle_class: str) -> Right:
    """What a grant gives for a vehicle of a class: response cars are never immobilised."""
    return DRIVING if vehicle_class == RESPONSE else DRIVING | Right.IMMOBILISE
