"""Every state table as data. `engine.decide` runs them; the diagrams in the docs are drawn from them.

Custody of a key set (who holds it, where), the release that lets it out (a check-out, for an officer or for a
workshop), serviceability of a vehicle, and an action that its terminal is told to carry out. A transition names the
event that records it (none where the other table's event, in the same step, already does) and, where it has one, the
guard (in `policy.py`) that collects every reason against it. A destination of "=" is the state it came from.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby


@dataclass(frozen=True, slots=True)
class Transition:
    """`trigger` moves any of `sources` to `dest`, recorded as an event of kind `event`, if `guard` finds no reason."""

    trigger: str
    sources: tuple[str, ...]
    dest: str
    event: str | None
    guard: str | None = None


@dataclass(frozen=True, slots=True)
class StateTable:
    name: str
    initial: str
    states: tuple[str, ...]
    transitions: tuple[Transition, ...]


CUSTODY = StateTable(
    name="custody",
    initial="unaccounted",
    states=("in_slot", "releasing", "out", "at_workshop", "unaccounted"),
    transitions=(
        Transition("enrol", ("unaccounted",), "in_slot", "KeySetEnrolled"),
        Transition("release", ("in_slot",), "releasing", "ReleaseIntended", guard="may_release"),
        Transition("take", ("releasing", "in_slot"), "out", "KeySetTaken"),
        Transition("take_to_workshop", ("releasing", "in_slot"), "at_workshop", "KeySetTaken"),
        Transition("stay", ("releasing",), "in_slot", None),
        Transition("take_wrong", ("in_slot",), "out", "OtherSetTaken"),
        Transition("remove", ("in_slot", "releasing"), "unaccounted", "KeySetRemoved"),
        Transition("hand_over", ("out",), "out", "KeySetHandedOver", guard="may_hand_over"),
        Transition("return", ("out", "at_workshop", "unaccounted"), "in_slot", "KeySetReturned"),
        Transition("locate", ("in_slot", "releasing"), "=", "KeySetLocated"),
    ),
)

RELEASE = StateTable(
    name="release",
    initial="new",
    states=("new", "intended", "released", "unknown", "failed", "lapsed", "out", "returned"),
    transitions=(
        Transition("intend", ("new",), "intended", None),
        Transition("confirm", ("intended",), "released", "SlotReleased"),
        Transition("lose_sight", ("intended",), "unknown", "ReleaseUnconfirmed"),
        Transition("fail", ("intended",), "failed", "ReleaseFailed"),
        Transition("take", ("intended", "released", "unknown", "lapsed", "failed"), "out", None),
        Transition("lapse", ("intended", "released", "unknown"), "lapsed", "KeySetNotTaken"),
        Transition("return", ("out",), "returned", None),
    ),
)

SERVICEABILITY = StateTable(
    name="serviceability",
    initial="ready",
    states=("ready", "defective", "ordered", "in_workshop", "to_accept"),
    transitions=(
        Transition("note", ("ready",), "ready", "DefectReported"),
        Transition("block", ("ready", "defective"), "defective", "DefectReported"),
        Transition("add", ("defective", "ordered", "in_workshop", "to_accept"), "=", "DefectReported"),
        Transition("order", ("ready", "defective"), "ordered", "OrderOpened"),
        Transition("to_workshop", ("ordered",), "in_workshop", "VehicleToWorkshop"),
        Transition("back", ("in_workshop",), "to_accept", "RepairReturned"),
        Transition("accept", ("to_accept",), "ready", "RepairAccepted", guard="may_accept"),
        Transition("accept_in_part", ("to_accept",), "defective", "RepairAccepted", guard="may_accept"),
    ),
)

ACTION = StateTable(
    name="action",
    initial="new",
    states=("new", "pending", "unconfirmed", "confirmed", "rejected", "expired", "unknown", "superseded"),
    transitions=(
        Transition("order", ("new",), "pending", "ActionOrdered", guard="may_act"),
        Transition("follow", ("new",), "pending", "ActionOrdered"),
        Transition("delay", ("pending",), "pending", "ActionDelayed"),
        Transition("lose_sight", ("pending",), "unconfirmed", "ActionUnconfirmed"),
        Transition("confirm", ("pending", "unconfirmed"), "confirmed", "ActionConfirmed"),
        Transition("reject", ("pending", "unconfirmed"), "rejected", "ActionRejected"),
        Transition("expire", ("pending",), "expired", "ActionExpired"),
        Transition("give_up", ("pending", "unconfirmed"), "unknown", "ActionExpired"),
        Transition("supersede", ("pending", "unconfirmed"), "superseded", "ActionSuperseded"),
    ),
)

TABLES = (CUSTODY, RELEASE, SERVICEABILITY, ACTION)

CLOSED = {
    "checkout": ("failed", "lapsed", "returned"),
    "defect": ("closed",),
    "order": ("accepted",),
    "action": ("confirmed", "rejected", "expired", "unknown", "superseded"),
}
"""By kind of record, the states in which it is over, as a rule: the book keeps it, memory does not for long."""


def mermaid(table: StateTable) -> str:
    """The table as a Mermaid state diagram, one arrow a pair of states."""
    arrows = [
        (source, source if row.dest == "=" else row.dest, row.trigger)
        for row in table.transitions
        for source in row.sources
    ]
    lines = ["stateDiagram-v2", f"    [*] --> {table.initial}"]
    for (source, dest), group in groupby(sorted(arrows), key=lambda arrow: arrow[:2]):
        lines.append(f"    {source} --> {dest}: {', '.join(dict.fromkeys(trigger for *_, trigger in group))}")
    return "\n".join(lines) + "\n"
