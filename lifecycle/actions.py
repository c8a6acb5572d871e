"""What a vehicle's terminal is told to do, as the book has it: ordered, superseded, settled, expired.

An action is a record of its own beside custody, which never waits for it. A set that is taken orders *mobilise* and
*unlock*, for an officer and for the person who brings the vehicle to a workshop alike: both have to drive it, and both
answer for it. A set that comes home, from wherever, orders *lock*, and *immobilise* for the classes that the site
lists. Each order has an expiry, counted from what it follows; afterwards it is never carried out, and the book says so.

There are two things to move, the doors and the starter, and each has one open order at most: a later one takes the
place of an earlier one. Plain functions that draft steps; `performing.py` carries the orders out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lifecycle.book import Draft, LookUp
from lifecycle.ledger import Row
from lifecycle.model import Vehicle
from lifecycle.policy import ActFacts
from lifecycle.site import ActionsConfig
from vehicle import Action, ActionOutcome

OPEN = ("pending", "unconfirmed")
LASTING = ("no_grant", "not_the_terminal", "pairing_required")
"""Why an order was not sent, where trying again is of no use before somebody has done something about it."""
ABOUT_GRANTS = ("grant_", "holder_", "right_")
"""How the reasons of a terminal begin that refuses whoever asks, and so says nothing about an earlier command."""

_PARTS = {
    Action.LOCK: "doors",
    Action.UNLOCK: "doors",
    Action.IMMOBILISE: "starting",
    Action.MOBILISE: "starting",
}
_TURN = (Action.MOBILISE, Action.LOCK, Action.UNLOCK, Action.IMMOBILISE)
"""The order in which they are carried out in one visit."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended: `reason` and what was told of the vehicle as in `vehicle.ActionResult`."""

    outcome: ActionOutcome
    reason: str | None = None
    told: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """Why an action is ordered, by whom, since when, and under which release."""

    code: str
    by: str | None
    at: datetime
    checkout: str | None


def may_immobilise(vehicle: Vehicle, config: ActionsConfig) -> bool:
    """Whether the vehicle's class opted in."""
    return vehicle.vehicle_class in config.immobilise


def follow_taken(draft: Draft, release: Row, vehicle: Vehicle, config: ActionsConfig) -> None:
    """The set was taken under this release: its holder is to find the vehicle open and ready to start."""
    at = datetime.fromisoformat(str(release.data["taken_at"]))
    cause = Cause("taken", str(release.data["holder"]), at, release.id)
    for action in (Action.MOBILISE, Action.UNLOCK):
        _follow(draft, vehicle, action, cause, config)


def follow_home(draft: Draft, release: Row, vehicle: Vehicle, config: ActionsConfig) -> None:
    """The set came home: what was still to give the vehicle away is withdrawn, and it is secured."""
    at = datetime.fromisoformat(str(release.data["returned_at"]))
    cause = Cause("came_home", draft.actor, at, release.id)
    for part in ("doors", "starting"):
        _supersede(draft, vehicle.id, part, cause)
    _follow(draft, vehicle, Action.LOCK, cause, config)
    if may_immobilise(vehicle, config):
        _follow(draft, vehicle, Action.IMMOBILISE, cause, config)


def order(draft: Draft, id: str, facts: ActFacts, cause: Cause, config: ActionsConfig) -> None:  # noqa: A002
    """Somebody asks for an action. Raises Refused with every reason."""
    draft.decide("action", id, "order", facts)
    _enter(draft, id, facts.vehicle, facts.action, cause, config)


def latest(acting: Row | None, look_up: LookUp) -> tuple[Row, ...]:
    """The last order for the doors and for the starter; `acting` is the vehicle's row of that kind."""
    found = () if acting is None else (look_up("action", str(each)) for each in acting.data.values())
    return tuple(row for row in found if row is not None)


def waiting(acting: Row | None, look_up: LookUp) -> tuple[Row, ...]:
    """The open orders of a vehicle, in the order in which they are carried out."""
    left = (row for row in latest(acting, look_up) if row.state in OPEN)
    return tuple(sorted(left, key=lambda row: _TURN.index(kind_of(row))))


def kind_of(row: Row) -> Action:
    return Action(str(row.data["action"]))


def conclude(draft: Draft, id: str, found: Outcome, *, doubtful: bool) -> None:  # noqa: A002
    """Enter how an attempt ended; `doubtful` as for `expire`.

    An order that was superseded meanwhile stays so.
    """
    row = draft.row("action", id)
    if row is None or row.state not in OPEN:
        return
    trigger = _trigger(row, found, doubtful)
    if trigger is not None:
        _move(draft, row, trigger, reason=found.reason, told=found.told)


def expire(draft: Draft, id: str, *, doubtful: bool) -> None:  # noqa: A002
    """The time of an order has passed. `doubtful`: it may have been sent by a run of which nothing more is known."""
    row = draft.row("action", id)
    if row is None or row.state not in OPEN:
        return
    if row.state == "pending" and not doubtful:
        _move(draft, row, "expire")
    else:
        reason = row.data["reason"] if row.state == "unconfirmed" else "restarted"
        _move(draft, row, "give_up", reason=reason)


def _trigger(row: Row, found: Outcome, doubtful: bool) -> str | None:
    """What an attempt's outcome does to an order; None for nothing new.

    What may have been executed earlier is neither rejected nor taken for unsent because the terminal cannot be asked.
    """
    unconfirmed = row.state == "unconfirmed"
    match found.outcome:
        case ActionOutcome.CONFIRMED:
            return "confirm"
        case ActionOutcome.REJECTED:
            unasked = str(found.reason).startswith(ABOUT_GRANTS)
            return None if unasked and (unconfirmed or doubtful) else "reject"
        case ActionOutcome.ACCEPTED_UNCONFIRMED:
            return None if unconfirmed else "lose_sight"
        case ActionOutcome.NOT_SENT:
            if unconfirmed or found.reason in (row.data["reason"], "expired"):
                return None
            return "reject" if found.reason in LASTING and not doubtful else "delay"


def _follow(draft: Draft, vehicle: Vehicle, action: Action, cause: Cause, config: ActionsConfig) -> None:
    if action not in [str(each) for each in vehicle.terminal.capabilities]:
        return
    id = f"{cause.checkout}-{action}"  # noqa: A001 - once a release, however often this is looked at
    if draft.row("action", id) is None:
        draft.decide("action", id, "follow")
        _enter(draft, id, vehicle, action, cause, config)


def _enter(
    draft: Draft,
    id: str,  # noqa: A002
    vehicle: Vehicle,
    action: Action,
    cause: Cause,
    config: ActionsConfig,
) -> None:
    part = _PARTS[action]
    _supersede(draft, vehicle.id, part, cause)
    draft.put(
        "action", id, "pending",
        vehicle=vehicle.id, action=str(action), reason=None, ordered_by=cause.by, checkout=cause.checkout,
        ordered_at=cause.at.isoformat(), expires=(cause.at + timedelta(seconds=config.within_s)).isoformat(),
        told=None,
    )  # fmt: skip
    draft.put("acting", vehicle.id, "current", **{part: id})
    release = None if cause.checkout is None else draft.row("checkout", cause.checkout)
    if release is not None:
        known: Any = release.data.get("actions", ())
        draft.put("checkout", release.id, release.state, actions=[*known, id])
    row = draft.row("action", id)
    assert row is not None
    _tell(draft, "ActionOrdered", row, actor=cause.by, because=(cause.code,))


def _supersede(draft: Draft, vehicle: str, part: str, cause: Cause) -> None:
    """What was ordered for this part before, and is open, is not wanted any more."""
    acting = draft.row("acting", vehicle)
    last = None if acting is None else acting.data.get(part)
    row = None if last is None else draft.row("action", str(last))
    if row is not None and row.state in OPEN:
        _move(draft, row, "supersede", reason=cause.code)


def _move(draft: Draft, row: Row, trigger: str, **changes: Any) -> None:
    moved = draft.decide("action", row.id, trigger)
    told = {name: value for name, value in changes.items() if name != "told" or value}
    draft.put("action", row.id, moved.state, **told)
    left = draft.row("action", row.id)
    assert left is not None
    assert moved.event is not None
    _tell(draft, moved.event, left)


def _tell(
    draft: Draft, kind: str, row: Row, *, actor: str | None = None, because: tuple[str, ...] = ()
) -> None:
    ids = {"vehicle": str(row.data["vehicle"]), "action": row.id}
    if row.data["checkout"] is not None:
        ids["checkout"] = str(row.data["checkout"])
    data = {name: row.data[name] for name in ("action", "reason", "expires")}
    if row.data["told"] is not None:
        data["told"] = row.data["told"]
    draft.beside(kind, ids=ids, data={**data, "state": row.state}, actor=actor, because=because)
