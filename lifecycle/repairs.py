"""Defect, work order, workshop, acceptance: the steps that take a car off the road and bring it back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from lifecycle.book import Draft
from lifecycle.errors import InvalidRequest, Refused, UnknownThing
from lifecycle.ledger import Row
from lifecycle.model import BLOCKING_SEVERITIES, SEVERITIES, Reason
from lifecycle.policy import AcceptFacts


def check_severity(severity: str) -> None:
    if severity not in SEVERITIES:
        raise InvalidRequest("severity", severity, "one of " + ", ".join(SEVERITIES))


@dataclass(frozen=True, slots=True)
class Found:
    """A defect as it becomes known. `text` is kept beside the chain, not in it: people write names into it."""

    id: str
    code: str
    severity: str
    text: str = ""


def report(draft: Draft, vehicle: str, found: Sequence[Found], *, source: str, now: datetime) -> None:
    """Defects become known. Major and critical ones take the vehicle off the road at once, with nobody asked."""
    draft.ids["vehicle"] = vehicle
    draft.data.update(
        source=source,
        defects=[{"id": each.id, "code": each.code, "severity": each.severity} for each in found],
    )
    row = draft.row("vehicle", vehicle)
    draft.move("vehicle", vehicle, _trigger("ready" if row is None else row.state, found))
    for each in found:
        draft.put(
            "defect", each.id, "open", vehicle=vehicle, code=each.code, severity=each.severity, source=source,
            text=each.text, order=None, reported_at=now.isoformat(),
        )  # fmt: skip


def _trigger(state: str, found: Sequence[Found]) -> str:
    blocking = any(each.severity in BLOCKING_SEVERITIES for each in found)
    if state == "ready":
        return "block" if blocking else "note"
    return "block" if blocking and state == "defective" else "add"


def open_defects(rows: Iterable[Row], vehicle: str) -> tuple[Row, ...]:
    return tuple(row for row in rows if row.state == "open" and row.data["vehicle"] == vehicle)


def open_order(
    draft: Draft,
    rows: Sequence[Row],
    vehicle: str,
    order: str,
    *,
    by: str,
    workshop: str,
    defects: Sequence[str] | None,
    now: datetime,
) -> None:
    """Order the repair of these defects, or of all open and not ordered yet. Raises UnknownThing, Refused."""
    waiting = {row.id: row for row in open_defects(rows, vehicle) if row.data["order"] is None}
    chosen = list(waiting) if defects is None else list(dict.fromkeys(defects))
    for each in chosen:
        if each not in waiting:
            known = ", ".join(waiting) or "none"
            raise UnknownThing("defect", each, f"open and not ordered yet for this vehicle: {known}")
    draft.actor = by
    draft.ids.update(vehicle=vehicle, order=order)
    draft.data.update(workshop=workshop, defects=chosen)
    draft.move("vehicle", vehicle, "order")
    draft.put(
        "order", order, "open",
        vehicle=vehicle, workshop=workshop, defects=chosen, opened_by=by, opened_at=now.isoformat(),
        taken_by=None, accepted_by=None, closed_at=None,
    )  # fmt: skip
    for each in chosen:
        draft.put("defect", each, "open", order=order)


def accept(draft: Draft, rows: Sequence[Row], order: Row, *, by: str, now: datetime) -> None:
    """Its defects close; the vehicle is ready unless another blocking defect is open. Raises Refused."""
    if order.state != "to_accept":
        raise Refused((Reason.wrong_state("order", order.state, "accept"),))
    vehicle = str(order.data["vehicle"])
    mended = [str(each) for each in order.data["defects"]]  # type: ignore[union-attr]
    left = [row for row in open_defects(rows, vehicle) if row.id not in mended]
    blocking = any(row.data["severity"] in BLOCKING_SEVERITIES for row in left)
    taken_by = order.data["taken_by"]
    draft.actor = by
    draft.ids.update(vehicle=vehicle, order=order.id)
    draft.data.update(defects=mended, defects_left=[row.id for row in left])
    facts = AcceptFacts(accepter=by, repaired_by=None if taken_by is None else str(taken_by))
    draft.move("vehicle", vehicle, "accept_in_part" if blocking else "accept", facts)
    draft.put("order", order.id, "accepted", accepted_by=by, closed_at=now.isoformat())
    for each in mended:
        draft.put("defect", each, "closed")
