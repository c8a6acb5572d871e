"""What a terminal can be told to do, and the four ways in which that ends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """States that a vehicle can be moved to. Each is a right of its own: unlocking never implies mobilising."""

    LOCK = "lock"
    UNLOCK = "unlock"
    IMMOBILISE = "immobilise"
    MOBILISE = "mobilise"


_SHOWN: dict[Action, tuple[str | None, str | None]] = {
    Action.LOCK: ("locked", None),
    Action.UNLOCK: ("unlocked", None),
    Action.IMMOBILISE: (None, "blocked"),
    Action.MOBILISE: (None, "allowed"),
}
"""Doors, and whether the engine can be started, once an action is done."""


class ActionOutcome(StrEnum):
    """How an order ended. Only what was not sent may be sent again without looking first."""

    NOT_SENT = "not_sent"
    REJECTED = "rejected"
    ACCEPTED_UNCONFIRMED = "accepted_unconfirmed"
    CONFIRMED = "confirmed"


@dataclass(frozen=True, slots=True)
class ActionOrder:
    """An order under an id: the same id acts once, however often it arrives.

    `expires_in_s` counts from the call that takes the order; afterwards it is never executed.
    """

    action: Action
    command_id: str
    expires_in_s: float = 60.0


@dataclass(frozen=True, slots=True)
class VehicleState:
    """What the terminal told of the vehicle; None is what its answer did not say.

    `doors`: locked, unlocked, unknown. `ordered` and `effective`: allowed, blocked, unknown; whether the engine can be
    started, as accepted and as sensed.
    """

    doors: str | None = None
    ordered: str | None = None
    effective: str | None = None

    def shows(self, action: Action) -> bool:
        """Whether the vehicle is sensed to be where `action` moves it."""
        doors, effective = _SHOWN[action]
        return self.doors == doors if doors is not None else self.effective == effective


@dataclass(frozen=True, slots=True)
class ActionResult:
    """What became of an order. `reason` is machine-readable (`grant_expired`, `out_of_range`), None when confirmed.

    `at` is the event loop's time (s).
    """

    order: ActionOrder
    outcome: ActionOutcome
    reason: str | None
    state: VehicleState
    at: float
