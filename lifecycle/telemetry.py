"""What a visit to a car enters in the book: its values, its fault codes, where it was heard, its odometer.

Values keep their source and their age. An odometer that the car does not give is counted on from what an officer
declared, and marked so (`vehicle.odometer`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from lifecycle.book import Draft
from lifecycle.ledger import Row
from lifecycle.model import Vehicle
from lifecycle.repairs import Found, open_defects, report
from vehicle import Absence, Reading, Telemetry
from vehicle.odometer import Reference, follow
from vehicle.radios import Sighting

SIGHTED_AGAIN_S = 600.0
"""A car that stays where it was is entered as sighted again after so long."""
_UNASKED = (Absence.BATTERY_LOW, Absence.SILENT)


@dataclass(frozen=True, slots=True)
class Moment:
    """The event loop's time (s) and the wall clock's, taken together."""

    loop: float
    wall: datetime

    def dated(self, at: float) -> str:
        """A loop time as wall time."""
        return (self.wall - timedelta(seconds=max(0.0, self.loop - at))).isoformat()


def enter(
    draft: Draft,
    vehicle: Vehicle,
    telemetry: Telemetry,
    moment: Moment,
    *,
    checkout: str | None,
    heard: Sighting | None,
    new_id: Callable[[str], str],
) -> None:
    """Enter one visit; `checkout` is the release that it belongs to."""
    draft.ids["vehicle"] = vehicle.id
    if checkout is not None:
        draft.ids["checkout"] = checkout
    matches = (
        None if telemetry.vin.value is None or vehicle.vin is None else telemetry.vin.value == vehicle.vin
    )
    draft.data.update(vin_matches=matches, source=telemetry.stored_dtcs.source)
    if heard is not None:
        draft.data["heard"] = {"place": heard.place, "rssi": heard.rssi}
        _put_sighting(draft, vehicle.id, heard, moment)
    if matches is False:
        draft.note("TerminalOfOtherVehicle")
        return
    telemetry = _with_odometer(draft, vehicle.id, telemetry, checkout)
    readings = {
        each.name: _json(getattr(telemetry, each.name), moment)
        for each in fields(telemetry)
        if each.name != "vin"
    }
    draft.data["readings"] = {
        name: {k: v for k, v in each.items() if k != "at"} for name, each in readings.items()
    }
    draft.note("TelemetryRead")
    draft.put("telemetry", vehicle.id, "read", **_kept(draft.row("telemetry", vehicle.id), readings))
    found = _new_codes(draft.rows("defect"), vehicle.id, telemetry, new_id)
    if found:
        report(draft, vehicle.id, found, source=telemetry.stored_dtcs.source, now=moment.wall)


def enter_sighting(draft: Draft, vehicle: Vehicle, heard: Sighting, moment: Moment) -> None:
    """Enter that a car was heard, though it was not read."""
    draft.ids["vehicle"] = vehicle.id
    draft.data["heard"] = {"place": heard.place, "rssi": heard.rssi}
    draft.note("VehicleSighted")
    _put_sighting(draft, vehicle.id, heard, moment)


def is_news(known: Row | None, heard: Sighting, moment: Moment) -> bool:
    """Whether a sighting says more than the book does."""
    if known is None or known.data["place"] != heard.place:
        return True
    later = datetime.fromisoformat(moment.dated(heard.at)) - datetime.fromisoformat(str(known.data["at"]))
    return later.total_seconds() >= SIGHTED_AGAIN_S


def _put_sighting(draft: Draft, vehicle: str, heard: Sighting, moment: Moment) -> None:
    draft.put("sighting", vehicle, "heard", place=heard.place, rssi=heard.rssi, at=moment.dated(heard.at))


def declared(draft: Draft, vehicle: str, odometer_km: float, officer: str, now: datetime) -> None:
    """Keep the odometer value that an officer typed, for a car that gives none."""
    known = draft.row("odometer", vehicle)
    state = "awaited" if known is None else known.state
    reading = {"value": odometer_km, "source": f"officer:{officer}", "at": now.isoformat()}
    draft.put("odometer", vehicle, state, typed=reading)


def _with_odometer(draft: Draft, vehicle: str, telemetry: Telemetry, checkout: str | None) -> Telemetry:
    """The telemetry with the odometer counted on, where the car has none.

    What is needed next time is put down by visits after a car came home: what the officer of that trip declares,
    before or after the visit, is the odometer that belongs to the counter read then.
    """
    counter = telemetry.distance_since_clear_km
    if telemetry.odometer_km.reason != Absence.NOT_SUPPORTED or counter.value is None:
        return telemetry
    known = _reference(draft, draft.row("odometer", vehicle))
    followed = follow(known, counter)
    trip = None if checkout is None else draft.row("checkout", checkout)
    if trip is not None and trip.state == "returned":
        draft.put(
            "odometer",
            vehicle,
            "awaited" if followed.value is None else "known",
            odometer_km=followed.value,
            source=None if followed.value is None or known is None else known.source,
            since_clear_km=counter.value,
            checkout=checkout,
        )
    return replace(telemetry, odometer_km=followed)


def _reference(draft: Draft, row: Row | None) -> Reference | None:
    """From what to count on: what was declared of the trip before the counter was read, or what was counted then."""
    if row is None or row.data.get("since_clear_km") is None:
        return None
    counter = int(str(row.data["since_clear_km"]))
    release = draft.row("checkout", str(row.data["checkout"]))
    said = None if release is None else release.data.get("declaration")
    if isinstance(said, Mapping) and said.get("odometer_km") is not None:
        return Reference(float(str(said["odometer_km"])), f"officer:{said['by']}", counter)
    if row.data["odometer_km"] is None:
        return None
    return Reference(float(str(row.data["odometer_km"])), str(row.data["source"]), counter)


def _kept(known: Row | None, readings: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The readings, with the older value of each that was not asked for this time."""
    old = {} if known is None else known.data
    return {
        name: old[name] if each.get("reason") in _UNASKED and name in old else dict(each)
        for name, each in readings.items()
    }


def _new_codes(
    defects: Iterable[Row], vehicle: str, telemetry: Telemetry, new_id: Callable[[str], str]
) -> list[Found]:
    """Codes that are not an open defect yet: stored ones block, pending ones are noted."""
    known = [row.data["code"] for row in open_defects(defects, vehicle)]
    found: dict[str, Found] = {}
    for codes, severity in ((telemetry.stored_dtcs, "major"), (telemetry.pending_dtcs, "minor")):
        for code in codes.value or ():
            if code not in known and code not in found:
                found[code] = Found(new_id("df"), code, severity)
    return list(found.values())


def _json(reading: Reading[Any], moment: Moment) -> dict[str, Any]:
    value = list(reading.value) if isinstance(reading.value, tuple) else reading.value
    known = {"value": value} if reading.reason is None else {"value": None, "reason": reading.reason}
    return {**known, "source": reading.source, "at": moment.dated(reading.at)}
