"""Enrolling a terminal: the holder's side of the one act that makes it a vehicle's of a fleet."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from vehicle.errors import NotTheTerminal
from vehicle.link import RadioPort
from vehicle.sealed.codes import Verb
from vehicle.sealed.commands import COMMAND_ID, Enrolment
from vehicle.sealed.grant import check_numbers, check_vehicle
from vehicle.sealed.keys import AuthorityKey, PrivateKey, PublicKey
from vehicle.sealed.label import Label
from vehicle.sealed.visit import Limits, Visit

FIND_S, CONNECT_S = 20.0, 20.0


@dataclass(frozen=True, slots=True)
class Assignment:
    """To whom a terminal will belong. `vehicle` is the fleet's own name for it; `now` is Unix time (s).

    `immobilisable` false: a vehicle that is never immobilised. `grant`, with the right to enrol, is for a terminal that
    belongs to a fleet already. Grants numbered below `minimum` are not taken.
    """

    authority: AuthorityKey
    vehicle: str
    immobilisable: bool
    now: int
    minimum: int = 0
    grant: bytes | None = None

    def __post_init__(self) -> None:
        check_vehicle(self.vehicle)
        check_numbers(minimum=self.minimum)


async def enrol(
    radio: RadioPort,
    address: str,
    label: Label,
    holder: PrivateKey,
    assignment: Assignment,
    *,
    random_bytes: Callable[[int], bytes] = os.urandom,
) -> PublicKey:
    """Enrol the terminal with that label, whose button was pressed; returns its key, to be pinned.

    Raises LinkError leaves, NotTheTerminal for another label or a window that is shut, SealedRefused, SealedSilent and
    SealedBroken.
    """
    name = assignment.vehicle
    link = await radio.connect(name, address, find_s=FIND_S, connect_s=CONNECT_S)
    try:
        visit = Visit(name, link, holder, label.fingerprint, lambda: random_bytes(COMMAND_ID), Limits())
        try:
            await visit.open()
        except NotTheTerminal as error:
            raise NotTheTerminal(
                name, f"{error.detail}; is this its label, and was its button pressed?"
            ) from error
        if assignment.grant is not None:
            await visit.need(Verb.PRESENT, assignment.grant)
        wish = Enrolment(
            label.secret,
            assignment.authority.raw,
            assignment.vehicle,
            assignment.immobilisable,
            assignment.now,
            assignment.minimum,
        )
        await visit.need(Verb.ENROL, wish.cbor)
    finally:
        await link.close()
    if visit.terminal is None:
        raise NotTheTerminal(name, "it showed no key")
    return visit.terminal
