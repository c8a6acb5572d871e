"""Events about vehicles: defects and repairs, what terminals tell, and what they are told."""

from __future__ import annotations

from lifecycle.event_kinds.kind import DEFECTS, HEARD, HOME, IDENTITY, RELEASE, SAID, SET, EventKind
from lifecycle.event_kinds.values import (
    COUNT,
    NULL,
    NUMBER,
    TEXT,
    TIME,
    TRUTH,
    Members,
    Type,
    many,
    maybe,
    only,
    perhaps,
    record,
    word,
)
from vehicle import Action


def _reading(value: Type) -> Type:
    return record({"value": perhaps(value), "reason?": TEXT, "source": TEXT})


_READINGS = record(
    {
        "odometer_km": _reading(NUMBER),
        "fuel_percent": _reading(NUMBER),
        "control_module_v": _reading(NUMBER),
        "adapter_v": _reading(NUMBER),
        "stored_dtcs": _reading(many(TEXT)),
        "pending_dtcs": _reading(many(TEXT)),
        "permanent_dtcs": _reading(many(TEXT)),
        "distance_since_clear_km": _reading(COUNT),
        "mil_on": _reading(TRUTH),
        "monitors_incomplete": _reading(many(TEXT)),
        "charge_percent": _reading(NUMBER),
        "range_km": _reading(NUMBER),
        "plugged": _reading(TRUTH),
    },
    words="by name (`odometer_km`, `fuel_percent`, ...): `value`, `source`, and `reason` where there is no value",
)
_VIN_MATCHES = perhaps(only(True))
"""Null: the car or the roster has none. A reading of another car is an event of another kind."""

REPAIRS = (
    EventKind(
        "DefectReported",
        "Defects became known, from an officer or from the car (`source`). A major or critical one takes the vehicle "
        "off the road at once.",
        "Open a work order for what has to be repaired.",
        ("vehicle", *maybe(("cabinet", "slot", "key_set", *RELEASE, "order"))),
        {
            "source": TEXT,
            "defects": DEFECTS,
            **SAID,
            "identity?": IDENTITY,
            "vin_matches?": _VIN_MATCHES,
            "heard?": HEARD,
            "readings?": _READINGS,
        },
    ),
    EventKind(
        "OrderOpened",
        "The repair of these defects is ordered. The vehicle is off the road until it is accepted.",
        "Have somebody take the vehicle to the workshop.",
        ("vehicle", "order"),
        {"workshop": TEXT, "defects": many(TEXT)},
    ),
    EventKind(
        "VehicleToWorkshop",
        "A set of a vehicle was taken for its work order.",
        "Nothing.",
        (*SET, *RELEASE, "order"),
    ),
    EventKind(
        "RepairReturned",
        "A set that was taken for a work order came home: the repair waits to be accepted.",
        "Somebody else than who took it there looks at the vehicle and accepts the repair.",
        (*SET, *RELEASE, "order"),
        HOME,
    ),
    EventKind(
        "RepairAccepted",
        "A repair was accepted and its defects are closed; `defects_left` are still open.",
        "Nothing. If a major or critical one is left, open a work order for it.",
        ("vehicle", "order"),
        {"defects": many(TEXT), "defects_left": many(TEXT)},
    ),
)

TELL = (
    EventKind(
        "TelemetryRead",
        "A vehicle's terminal was read. Each reading has a value, or the reason why not.",
        "Nothing.",
        ("vehicle", "checkout?"),
        {
            "vin_matches": _VIN_MATCHES,
            "source": TEXT,
            "readings": _READINGS,
            "heard?": HEARD,
            "defects?": DEFECTS,
        },
    ),
    EventKind(
        "TerminalOfOtherVehicle",
        "The terminal is in a vehicle with another VIN than the roster has; no reading was kept.",
        "See which vehicle the terminal is in, and set that or the roster right.",
        ("vehicle", "checkout?"),
        {"vin_matches": only(False), "source": TEXT, "heard?": HEARD},
    ),
    EventKind(
        "VehicleSighted",
        "A radio of the station heard a vehicle that could not be read.",
        "Nothing.",
        ("vehicle",),
        {"heard": HEARD},
    ),
)

_ACTION_IDS = ("vehicle", "action", "checkout?")
_TOLD = record({"doors?": TEXT, "ordered?": TEXT, "effective?": TEXT})


def _action(*states: str) -> Members:
    """`reason` says for programs why it is so; `told` what the car said of its doors and of starting."""
    return {
        "action": word(*Action),
        "state": word(*states),
        "reason": perhaps(TEXT),
        "expires": TIME,
        "told?": _TOLD,
    }


ARE_TOLD = (
    EventKind(
        "ActionOrdered",
        "A vehicle's terminal is to do something, at the next chance and never after `expires`.",
        "Nothing.",
        _ACTION_IDS,
        {"action": word(*Action), "state": word("pending"), "reason": NULL, "expires": TIME},
    ),
    EventKind(
        "ActionDelayed",
        "An order could not be carried out so far, for this `reason`. It is tried again.",
        "Nothing. If it stays so, `reason` says what to see to.",
        _ACTION_IDS,
        _action("pending"),
    ),
    EventKind(
        "ActionUnconfirmed",
        "An order was sent, and is not known to be done. That is settled by asking and reading.",
        "Nothing yet: how it ends follows.",
        _ACTION_IDS,
        _action("unconfirmed"),
    ),
    EventKind(
        "ActionConfirmed",
        "The terminal did it; `told` is what the vehicle said then.",
        "Nothing.",
        _ACTION_IDS,
        _action("confirmed"),
    ),
    EventKind(
        "ActionRejected",
        "An order is not carried out, for this `reason`.",
        "See to the `reason`, a missing grant say. Order it again if it is still wanted.",
        _ACTION_IDS,
        _action("rejected"),
    ),
    EventKind(
        "ActionExpired",
        "The time of an order has passed: it was never sent (`expired`), or nobody knows whether it was carried out "
        "(`unknown`).",
        "Where it matters, look at the vehicle. Order it again if it is still wanted.",
        _ACTION_IDS,
        _action("expired", "unknown"),
    ),
    EventKind(
        "ActionSuperseded",
        "An order is not wanted any more: a later one took its place, or the set moved. `reason` says which.",
        "Nothing.",
        _ACTION_IDS,
        _action("superseded"),
    ),
)
