"""What callers are shown: the rows of the book and what the cabinets sense, as views. Availability is computed here.

Nothing here decides or changes anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, cast

from keycabinet.model import Presence, Snapshot
from lifecycle.actions import latest
from lifecycle.book import LookUp
from lifecycle.custody import AWAY, set_in
from lifecycle.ledger import Row
from lifecycle.model import (
    ActionView,
    CabinetView,
    CheckOutView,
    DefectView,
    KeySetView,
    OrderView,
    Reason,
    SlotView,
    Vehicle,
    VehicleView,
    slot_label,
)
from lifecycle.policy import down_reason
from lifecycle.releases import Senses
from lifecycle.roster import Roster


def checkout_view(row: Row, roster: Roster, look_up: LookUp) -> CheckOutView:
    data = cast(Mapping[str, Any], row.data)
    vehicle = roster.vehicles.get(str(data["vehicle"]))
    shown = {name: data[name] for name in CheckOutView.__slots__ if name in data}
    shown["because"] = tuple(data["because"])
    ordered = (look_up("action", each) for each in data.get("actions", ()))
    shown["actions"] = tuple(action_view(each) for each in ordered if each is not None)
    return CheckOutView(
        **{**shown, "id": row.id, "state": row.state,
           "fleet_number": vehicle.fleet_number if vehicle else str(data["vehicle"])}
    )  # fmt: skip


def action_view(row: Row) -> ActionView:
    return ActionView(**cast(Mapping[str, Any], row.data), id=row.id, state=row.state)


def defect_view(row: Row) -> DefectView:
    return DefectView(**cast(Mapping[str, Any], row.data), id=row.id, state=row.state)


def order_view(row: Row) -> OrderView:
    data = cast(Mapping[str, Any], row.data)
    return OrderView(**{**data, "defects": tuple(data["defects"])}, id=row.id, state=row.state)


def key_set_view(row: Row, roster: Roster) -> KeySetView:
    data = cast(Mapping[str, Any], row.data)
    entry = roster.key_sets.get(row.id)
    slot = None if data["slot"] is None else slot_label(data["cabinet"], data["slot"])
    return KeySetView(
        id=row.id,
        vehicle=data["vehicle"],
        role=entry.role if entry else "main",
        custody=row.state,
        slot=slot,
        holder=data["holder"],
        checkout=data["checkout"],
        proof=data["proof"],
        since=data["since"],
        items=entry.items if entry else (),
        items_missing=tuple(data["items_missing"]),
    )


def cabinet_view(
    name: str, place: Mapping[str, str], snapshot: Snapshot, sets: Iterable[Row], roster: Roster
) -> CabinetView:
    sets = tuple(sets)
    slots = []
    for each in snapshot.slots:
        row = set_in(sets, name, each.slot)
        vehicle = roster.vehicles.get(str(row.data["vehicle"])) if row else None
        slots.append(
            SlotView(
                slot=each.slot,
                label=slot_label(name, each.slot),
                presence=each.presence.value,
                key_set=row.id if row else None,
                fleet_number=vehicle.fleet_number if vehicle else None,
            )
        )
    return CabinetView(name, place, snapshot.online, snapshot.door.value, snapshot.proof.value, tuple(slots))


def vehicle_view(
    vehicle: Vehicle, look_up: LookUp, roster: Roster, senses: Senses, now: datetime
) -> VehicleView:
    sets = tuple(row for each in roster.sets_of(vehicle.id) if (row := look_up("key_set", each.id)))
    service = look_up("vehicle", vehicle.id)
    serviceability = service.state if service else "ready"
    state, reasons = availability(vehicle, serviceability, sets, senses)
    gone = next((row for row in sets if row.state in AWAY), None)
    sighting = look_up("sighting", vehicle.id)
    acting = look_up("acting", vehicle.id)
    return VehicleView(
        id=vehicle.id,
        fleet_number=vehicle.fleet_number,
        vehicle_class=vehicle.vehicle_class,
        availability=state,
        reasons=reasons,
        serviceability=serviceability,
        holder=cast("str | None", gone.data["holder"]) if gone else None,
        checkout=cast("str | None", gone.data["checkout"]) if gone else None,
        key_sets=tuple(key_set_view(row, roster) for row in sets),
        telemetry=_telemetry(look_up("telemetry", vehicle.id), look_up("odometer", vehicle.id), now),
        sighting=None if sighting is None else _aged(sighting.data, now),
        actions=tuple(action_view(each) for each in latest(acting, look_up)),
    )


def availability(
    vehicle: Vehicle, serviceability: str, sets: tuple[Row, ...], senses: Senses
) -> tuple[str, tuple[Reason, ...]]:
    """ready, out, down or unknown, and why. Computed from custody, serviceability and senses; never set by hand."""
    number = vehicle.fleet_number
    down = down_reason(vehicle, serviceability)
    if down is not None:
        return "down", (down,)
    states = [row.state for row in sets]
    if "out" in states:
        return "out", (Reason("already_out", f"{number} is out", f"{number} 已出车"),)
    if "releasing" in states:
        return "out", (Reason("being_taken", f"{number} is being taken now", f"{number} 正在领用"),)
    if not sets or "unaccounted" in states or "at_workshop" in states:
        return "unknown", (
            Reason(
                "set_unaccounted", f"a key set of {number} is not accounted for", f"{number} 有钥匙串下落不明"
            ),
        )
    doubts = tuple(reason for row in sets if (reason := _doubt(number, row, senses)))
    if len(doubts) == len(sets):
        return "unknown", doubts
    return "ready", (Reason("ready", f"{number} is ready", f"{number} 可出车"),)


def _doubt(number: str, row: Row, senses: Senses) -> Reason | None:
    cabinet, slot = str(row.data["cabinet"]), int(str(row.data["slot"]))
    sensed, label = senses(cabinet, slot), slot_label(cabinet, slot)
    if not sensed.online:
        return Reason("cabinet_offline", f"cabinet {cabinet} does not answer", f"钥匙柜 {cabinet} 离线")
    if sensed.senses_keys and sensed.presence is not Presence.PRESENT:
        found = sensed.presence.value
        return Reason("set_not_sensed", f"{label} senses {found}: {number} cannot be shown to be there",
                      f"{label} 传感器为 {found},{number} 无法确认在位")  # fmt: skip
    return None


def _telemetry(read: Row | None, odometer: Row | None, now: datetime) -> dict[str, dict[str, Any]]:
    """What was read; where the car gives no odometer, the one that was typed."""
    found = {} if read is None else dict(cast(Mapping[str, Mapping[str, Any]], read.data))
    typed = None if odometer is None else odometer.data.get("typed")
    if isinstance(typed, Mapping) and found.get("odometer_km", {}).get("value") is None:
        found["odometer_km"] = typed
    return {name: _aged(reading, now) for name, reading in found.items()}


def _aged(dated: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    age = (now - datetime.fromisoformat(str(dated["at"]))).total_seconds()
    return {**dated, "age_s": round(max(0.0, age), 3)}
