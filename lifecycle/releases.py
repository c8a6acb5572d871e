"""Which set goes out: chosen by the policy, and intended in the book before a byte goes to the cabinet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from keycabinet.model import Presence
from lifecycle.book import Draft
from lifecycle.custody import AWAY
from lifecycle.errors import Refused
from lifecycle.ledger import Row
from lifecycle.model import Alternative, KeySet, Officer, Reason, Vehicle, slot_label
from lifecycle.policy import ReleaseFacts, down_reason, may_release
from lifecycle.roster import Roster


@dataclass(frozen=True, slots=True)
class Sensed:
    """What the cabinet shows of one slot: whether it answers, whether it can sense keys, and what it senses."""

    online: bool
    senses_keys: bool
    presence: Presence


Senses = Callable[[str, int], Sensed]
"""Looks at a slot (cabinet, number): last known, no input or output."""


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks for what. For a workshop `order` is set; `key_set` asks for one set of a vehicle and no other."""

    person: Officer
    purpose: str
    incident: str | None = None
    order: str | None = None
    key_set: str | None = None


@dataclass(frozen=True, slots=True)
class _Candidate:
    key_set: KeySet
    row: Row
    facts: ReleaseFacts

    @property
    def reasons(self) -> tuple[Reason, ...]:
        return may_release(self.facts)


def intend(
    draft: Draft,
    request: Request,
    candidates: Sequence[Vehicle],
    roster: Roster,
    senses: Senses,
    *,
    checkout: str,
    now: datetime,
    take_within: timedelta,
) -> None:
    """Draft the release of one set of one of the candidate vehicles. Raises Refused with every reason against it.

    Of several vehicles the one that has stood longest is taken, so that use is spread over the fleet.
    """
    offered, against = _offers(draft, request, candidates, roster, senses)
    if not offered:
        raise Refused(against, _alternatives(draft, request, candidates, roster, senses))
    chosen = min(offered, key=lambda each: (str(each.row.data["since"]), each.key_set.role, each.key_set.id))
    vehicle = chosen.facts.vehicle
    cabinet, slot = str(chosen.row.data["cabinet"]), int(str(chosen.row.data["slot"]))
    label, take_by = slot_label(cabinet, slot), (now + take_within).isoformat()
    draft.actor = request.person.id
    draft.because = _because(request, candidates)
    draft.ids.update(
        checkout=checkout, officer=request.person.id, vehicle=vehicle.id, key_set=chosen.key_set.id,
        cabinet=cabinet, slot=label,
    )  # fmt: skip
    if request.order is not None:
        draft.ids["order"] = request.order
    draft.data.update(purpose=request.purpose, take_by=take_by)
    if request.incident is not None:
        draft.data["incident"] = request.incident
    draft.move(
        "key_set", chosen.key_set.id, "release", chosen.facts, checkout=checkout, last_release=checkout
    )
    draft.move(
        "checkout", checkout, "intend",
        officer=request.person.id, holder=request.person.id, vehicle=vehicle.id, key_set=chosen.key_set.id,
        cabinet=cabinet, slot=label, purpose=request.purpose, incident=request.incident, order=request.order,
        take_by=take_by, because=list(draft.because),
    )  # fmt: skip


def _because(request: Request, candidates: Sequence[Vehicle]) -> tuple[str, ...]:
    if request.order is not None:
        return ("work_order",)
    return ("ready", "class_listed") if len(candidates) == 1 else ("ready", "class_listed", "stood_longest")


def _offers(
    draft: Draft, request: Request, candidates: Iterable[Vehicle], roster: Roster, senses: Senses
) -> tuple[list[_Candidate], tuple[Reason, ...]]:
    """The sets that may go out now, and every reason against the others, each once."""
    offered: list[_Candidate] = []
    against: dict[str, Reason] = {}
    for vehicle in candidates:
        hanging = list(_hanging(draft, request, vehicle, roster, senses))
        if not hanging:
            reason = _nothing_hangs(draft, vehicle, roster)
            against[f"{reason.code} {vehicle.id}"] = reason
            down = down_reason(vehicle, _serviceability(draft, vehicle))
            if down is not None and request.order is None:
                against[f"{down.code} {vehicle.id}"] = down
        for each in hanging:
            if not each.reasons:
                offered.append(each)
            for reason in each.reasons:
                against[f"{reason.code} {vehicle.id}"] = reason
    return offered, tuple(against.values()) or (NO_SUCH_CLASS,)


NO_SUCH_CLASS = Reason("no_vehicle", "there is no vehicle of this class in the roster", "名册中没有该类车辆")


def _nothing_hangs(draft: Draft, vehicle: Vehicle, roster: Roster) -> Reason:
    states = [str(row.state) for each in roster.sets_of(vehicle.id) if (row := draft.row("key_set", each.id))]
    if "out" in states:
        return Reason("already_out", f"{vehicle.fleet_number} is out", f"{vehicle.fleet_number} 已出车")
    if "releasing" in states:
        return Reason(
            "being_taken", f"{vehicle.fleet_number} is being taken now", f"{vehicle.fleet_number} 正在领用"
        )
    if "at_workshop" in states:
        return Reason(
            "in_workshop", f"{vehicle.fleet_number} is in the workshop", f"{vehicle.fleet_number} 正在维修"
        )
    return Reason(
        "set_unaccounted",
        f"no key set of {vehicle.fleet_number} is in a slot",
        f"{vehicle.fleet_number} 的钥匙串不在柜",
    )


def _hanging(
    draft: Draft, request: Request, vehicle: Vehicle, roster: Roster, senses: Senses
) -> Iterable[_Candidate]:
    sets = roster.sets_of(vehicle.id)
    rows = {each.id: row for each in sets if (row := draft.row("key_set", each.id)) is not None}
    away = next((id for id, row in rows.items() if row.state in (*AWAY, "releasing")), None)  # noqa: A001
    for each in sets:
        row = rows.get(each.id)
        if row is None or row.state != "in_slot" or request.key_set not in (None, each.id):
            continue
        sensed = senses(str(row.data["cabinet"]), int(str(row.data["slot"])))
        facts = ReleaseFacts(
            person=request.person,
            vehicle=vehicle,
            serviceability=_serviceability(draft, vehicle),
            other_set_away=away,
            cabinet_online=sensed.online,
            senses_keys=sensed.senses_keys,
            presence=sensed.presence,
            order_state=_order_state(draft, request.order),
        )
        yield _Candidate(each, row, facts)


def _serviceability(draft: Draft, vehicle: Vehicle) -> str:
    row = draft.row("vehicle", vehicle.id)
    return "ready" if row is None else row.state


def _order_state(draft: Draft, order: str | None) -> str | None:
    row = None if order is None else draft.row("order", order)
    return None if row is None else row.state


def _alternatives(
    draft: Draft, request: Request, candidates: Sequence[Vehicle], roster: Roster, senses: Senses
) -> tuple[Alternative, ...]:
    """Vehicles of the same classes that this person could have now."""
    if request.order is not None:
        return ()
    classes = {each.vehicle_class: None for each in candidates}
    wanted = {each.id for each in candidates}
    others = [v for v in roster.vehicles.values() if v.vehicle_class in classes and v.id not in wanted]
    offered, _ = _offers(draft, request, others, roster, senses)
    found: Mapping[str, Any] = {each.facts.vehicle.id: each.facts.vehicle for each in offered}
    return tuple(Alternative(vehicle.id, vehicle.fleet_number) for vehicle in found.values())
