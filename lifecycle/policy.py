"""May this officer take this vehicle now? Pure: facts in, every reason out.

The only rule set for now: an officer may take a ready vehicle of a class listed for them. Its version stands in every
event that it decided, so that a later rule set never changes what an old event means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from keycabinet.model import Presence
from lifecycle.model import Officer, Reason, Vehicle
from vehicle import Action

POLICY = "classes-1"


@dataclass(frozen=True, slots=True)
class ReleaseFacts:
    """What a release is decided on. `order_state` is set when a workshop's person asks, for a work order."""

    person: Officer
    vehicle: Vehicle
    serviceability: str
    other_set_away: str | None
    cabinet_online: bool
    senses_keys: bool
    presence: Presence
    order_state: str | None = None


@dataclass(frozen=True, slots=True)
class HandOverFacts:
    giver: str
    holder: str
    receiver: Officer
    vehicle: Vehicle


@dataclass(frozen=True, slots=True)
class AcceptFacts:
    accepter: str
    repaired_by: str | None


@dataclass(frozen=True, slots=True)
class ActFacts:
    """`holder` has a set of the vehicle, None if nobody has; `released`: under a release, not by mistake for another.

    `immobilisable`: the vehicle's class opted in.
    """

    person: Officer
    vehicle: Vehicle
    action: Action
    holder: str | None
    released: bool
    immobilisable: bool


GIVING = (Action.UNLOCK, Action.MOBILISE)
"""Actions that give a vehicle away."""

_DOWN = {
    "defective": ("blocking_defect", "has a defect that takes it off the road", "有影响出车的故障"),
    "ordered": ("work_order", "has an open work order", "有未完成的维修工单"),
    "in_workshop": ("in_workshop", "is in the workshop", "正在维修"),
    "to_accept": ("to_accept", "came back from repair and is not accepted yet", "修竣待验收"),
}


def down_reason(vehicle: Vehicle, serviceability: str) -> Reason | None:
    """Why a vehicle in this state of service is not given out; None for a ready one."""
    if serviceability == "ready":
        return None
    code, en, zh = _DOWN[serviceability]
    return Reason(code, f"{vehicle.fleet_number} {en}", f"{vehicle.fleet_number} {zh}")


def person_reasons(person: Officer) -> tuple[Reason, ...]:
    if person.active:
        return ()
    return (Reason("officer_inactive", "this officer is not active in the roster", "该民警在名册中已停用"),)


def class_reasons(person: Officer, vehicle: Vehicle) -> tuple[Reason, ...]:
    if vehicle.vehicle_class in person.classes:
        return ()
    listed = ", ".join(person.classes) or "none"
    return (
        Reason(
            "class_not_listed",
            f"{vehicle.fleet_number} is of class {vehicle.vehicle_class}; listed for this officer: {listed}",
            f"{vehicle.fleet_number} 属于 {vehicle.vehicle_class} 类,该民警可用类别:{listed}",
        ),
    )


def slot_reasons(facts: ReleaseFacts) -> tuple[Reason, ...]:
    """Fail closed: what the cabinet cannot show to be there is not released."""
    if not facts.cabinet_online:
        return (Reason("cabinet_offline", "its key cabinet does not answer", "钥匙柜离线"),)
    if facts.senses_keys and facts.presence is not Presence.PRESENT:
        found = facts.presence.value
        return (
            Reason("set_not_sensed", f"the slot's sensor says {found}, the book says the set is there",
                   f"钥匙位传感器为 {found},与台账不符"),
        )  # fmt: skip
    return ()


def may_release(facts: ReleaseFacts) -> tuple[Reason, ...]:
    reasons = [*person_reasons(facts.person)]
    if facts.order_state is None:
        reasons += class_reasons(facts.person, facts.vehicle)
        down = down_reason(facts.vehicle, facts.serviceability)
        if down is not None:
            reasons.append(down)
    elif facts.order_state != "open":
        reasons.append(
            Reason(
                "order_not_open", f"the work order is {facts.order_state}", f"工单状态为 {facts.order_state}"
            )
        )
    if facts.other_set_away is not None:
        reasons.append(
            Reason("already_out", f"{facts.vehicle.fleet_number} is out: key set {facts.other_set_away} is away",
                   f"{facts.vehicle.fleet_number} 已出车:钥匙串 {facts.other_set_away} 不在位")
        )  # fmt: skip
    reasons += slot_reasons(facts)
    return tuple(reasons)


def may_hand_over(facts: HandOverFacts) -> tuple[Reason, ...]:
    reasons = [*person_reasons(facts.receiver), *class_reasons(facts.receiver, facts.vehicle)]
    if facts.giver not in (facts.holder, facts.receiver.id):
        reasons.append(
            Reason(
                "not_holder",
                "only the holder or the receiver can declare a handover",
                "仅责任人或接收人可办理交接",
            )
        )
    if facts.receiver.id == facts.holder:
        reasons.append(Reason("already_holder", "the receiver holds this set already", "接收人已是责任人"))
    return tuple(reasons)


def may_accept(facts: AcceptFacts) -> tuple[Reason, ...]:
    if facts.accepter != facts.repaired_by:
        return ()
    return (
        Reason(
            "same_person", "a repair is accepted by somebody else than who had it done", "验收人不得为送修人"
        ),
    )


def may_act(facts: ActFacts) -> tuple[Reason, ...]:
    """While a vehicle is out, its holder decides alone.

    At home anybody for whom its class is listed may have it secured; it is opened for nobody. Who took its set in the
    place of another may have it secured, and nobody else may: somebody may sit in it.
    """
    number, action = facts.vehicle.fleet_number, facts.action
    reasons = [*person_reasons(facts.person)]
    if action not in [str(each) for each in facts.vehicle.terminal.capabilities]:
        reasons.append(
            Reason(
                "not_capable",
                f"{number} has no terminal that can {action}",
                f"{number} 的车载终端不支持该操作",
            )
        )
    if facts.holder is not None and facts.holder != facts.person.id:
        reasons.append(Reason("held_by_other", f"{number} is out with somebody else", f"{number} 由他人领用"))
    elif not facts.released:
        reasons += class_reasons(facts.person, facts.vehicle)
        if action in GIVING:
            reasons.append(
                Reason("not_held", f"{number} is opened only for whoever has its key set out",
                       f"仅钥匙领用人可解锁或允许启动 {number}")
            )  # fmt: skip
    if action == Action.IMMOBILISE and not facts.immobilisable:
        reasons.append(never_immobilised(facts.vehicle))
    return tuple(reasons)


def never_immobilised(vehicle: Vehicle) -> Reason:
    kind = vehicle.vehicle_class
    return Reason(
        "class_not_immobilised",
        f"{vehicle.fleet_number} is of class {kind}, which is not immobilised here",
        f"{vehicle.fleet_number} 属于 {kind} 类,不启用禁止启动",
    )


GUARDS: Mapping[str, Callable[..., tuple[Reason, ...]]] = {
    "may_release": may_release,
    "may_hand_over": may_hand_over,
    "may_accept": may_accept,
    "may_act": may_act,
}
