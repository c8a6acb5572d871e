"""I6: who starts engines, and under what a sealed terminal moves its car. I8 for orders to terminals: each one ends."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from simulator.faults import Injection, Layer, Moment
from simulator.invariants.durable import Recorded
from simulator.invariants.ground import WITHIN_S, Check, Ground
from simulator.world import Change
from vehicle.sealed.codes import Right

if TYPE_CHECKING:
    from simulator.station import SealedSide, StationTerminals

RESPONSE = "response"
CLOCK_S = 60
"""How far a terminal's clock may be from the authority's while the terminal is sure of it: a time ticket travels for
some seconds, and two seconds of a step back are not noticed."""
REVOKED_WITHIN_S = 600
"""How long after a grant was revoked it may still move a car where nothing holds up the list: a visit that began before
lasts so long at most. Where the list is held up, a grant works until the list comes, or its shift is over."""
_NEEDS = {"doors_locked": Right.UNLOCK, "restart_blocked": Right.MOBILISE}
ENDED = ("ActionConfirmed", "ActionRejected", "ActionExpired", "ActionSuperseded")


class Hands(Check):
    """I6. Engines are started and stopped by people alone. (The world lets none start whose restart is blocked.)"""

    def __init__(self, ground: Ground, at_the_wheel: Mapping[str, None]) -> None:
        super().__init__(ground)
        self._at_the_wheel = at_the_wheel

    def changed(self, change: Change) -> None:
        if change.kind != "car_changed" or change.details[1] != "engine_on":
            return
        car = str(change.details[0])
        self.ground.expect(
            "I6", car in self._at_the_wheel, lambda: f"the engine of {car} was switched by no person"
        )


class UnderGrant(Check):
    """I6. Doors unlock and the engine is enabled only under a grant that is good: by what the authority signed and took
    back, by the true time, and by the newest list that the terminal was given. No response car is ever blocked."""

    def __init__(self, ground: Ground, terminals: StationTerminals) -> None:
        super().__init__(ground)
        self._terminals = terminals

    def changed(self, change: Change) -> None:
        if change.kind != "car_changed" or change.details[1] not in _NEEDS:
            return
        car, name, value = (str(each) for each in change.details)
        if value == "False":
            wrong = self._wrong(car, _NEEDS[name])
            self.ground.expect("I6", wrong is None, lambda: f"{car}: {name} became False: {wrong}")
        elif name == "restart_blocked":
            self._blocked(car)

    def _blocked(self, car: str) -> None:
        truth, vehicle = self.ground.world.car(car), self.ground.roster.vehicles[car]
        response = vehicle.vehicle_class == RESPONSE
        self.ground.expect("I6", not response, lambda: f"{car} is a response car and was immobilised")
        parked = truth.speed_kmh == 0 and not truth.engine_on
        self.ground.expect("I6", parked, lambda: f"{car} was immobilised while it was driven")

    def _wrong(self, car: str, right: Right) -> str | None:
        side = self._terminals.sealed_side
        device = None if side is None else side.fleet.devices.get(car)
        if side is None or device is None:
            return "it has no terminal that could do that"
        session = device.session
        if session is None or session.grant is None:
            return "no grant was presented"
        grant, authority = session.grant, side.papers.authority
        if authority.issued.get(grant.number) != grant:
            return f"the authority never signed grant {grant.number}"
        if (grant.vehicle, grant.holder) != (car, session.holder) or right not in grant.rights:
            return f"grant {grant.number} is for another vehicle, another holder, or does not give the right"
        if not grant.not_before - CLOCK_S <= authority.now() < grant.expires + CLOCK_S:
            return f"grant {grant.number} was not valid at that time"
        return _revoked(side, car, grant.number)


def _revoked(side: SealedSide, car: str, number: int) -> str | None:
    papers, listed = side.papers, side.fleet.given.get(car)
    if listed is not None and (number in listed.grants or number < listed.minimum):
        return f"grant {number} was on list {listed.number}, which the terminal had been given"
    at = papers.authority.revoked.get(number)
    if at is not None and papers.authority.now() - max(at, papers.held_up) > REVOKED_WITHIN_S:
        return f"grant {number} had been revoked, and nothing held the list up"
    return None


class Settled(Check):
    """I8. Every order to a terminal ends: confirmed, rejected, expired, or superseded by another."""

    def __init__(self, ground: Ground, within_s: float) -> None:
        super().__init__(ground)
        self._bound_s = within_s + WITHIN_S
        self._clocks_wrong = 0
        self._clock_right_since = 0.0
        self._leave = ground.faults.subscribe(self._moment)

    def recorded(self, event: Recorded) -> None:
        action = event.ids.get("action")
        if action is None:
            return
        ground, key = self.ground, ("action", action)
        if event.kind == "ActionOrdered" and not self._clocks_wrong:
            ground.within(key, self._bound_s, self._calm, lambda: self._overdue(event))
        elif event.kind in ENDED:
            ground.checks["I8"] += 1
            ground.settled(key)

    def end(self) -> None:
        self._leave()

    def _moment(self, moment: Moment, injection: Injection) -> None:
        if injection.kind.layer is not Layer.CLOCK:
            return
        if moment is Moment.INJECTED:
            self._clocks_wrong += 1
        elif moment is Moment.CLEARED:
            self._clocks_wrong -= 1
            self._clock_right_since = self.ground.now()

    def _calm(self) -> float:
        """An expiry is a date: where the wall clock is wrong, or was stepped, it passes at another time."""
        right = math.inf if self._clocks_wrong else self._clock_right_since
        return max(self.ground.calm.station_since(), right)

    def _overdue(self, event: Recorded) -> None:
        self.ground.violated("I8", f"{event}: the order has not ended after {self._bound_s:g} s")
