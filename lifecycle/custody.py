"""What a cabinet's senses mean for the book: a set left a slot, a set appeared in one, a release came to nothing.

Plain functions that draft steps; who calls them and when is the station's business. What leaves a slot is attributed:
to the release that let it out, to the one person at the cabinet, or to nobody, which is an alarm. What appears is
identified as far as the senses reach, and the event says how far that was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from keycabinet import Proof
from lifecycle.book import Draft
from lifecycle.errors import Refused
from lifecycle.ledger import Row
from lifecycle.model import KeySet, Reason, slot_label
from lifecycle.policy import HandOverFacts
from lifecycle.telemetry import declared

LATE_TAKE = timedelta(minutes=15)
"""How long after a release came to nothing a removal from that slot is still put down to it."""

ODOMETER_TOLERANCE_KM = 1.0

AWAY = ("out", "at_workshop", "unaccounted")
OPEN_RELEASES = ("intended", "released", "unknown")


@dataclass(frozen=True, slots=True)
class Place:
    """A slot as observed, with what its wiring can prove about a key."""

    cabinet: str
    slot: int
    proof: Proof

    @property
    def label(self) -> str:
        return slot_label(self.cabinet, self.slot)


def set_in(rows: Iterable[Row], cabinet: str, slot: int) -> Row | None:
    """The key set that the book has in that slot."""
    return next(
        (
            row
            for row in rows
            if row.state in ("in_slot", "releasing")
            and (row.data["cabinet"], row.data["slot"]) == (cabinet, slot)
        ),
        None,
    )


def enrol(draft: Draft, key_set: KeySet, place: Place, *, there: bool, now: datetime) -> None:
    """Enter a set in the book: in its home slot when it is sensed there (or nothing can tell), else unaccounted."""
    if draft.row("key_set", key_set.id) is not None:
        return
    there = there and set_in(draft.rows("key_set"), place.cabinet, place.slot) is None
    _about(draft, place, key_set=key_set.id, vehicle=key_set.vehicle)
    where = dict(vehicle=key_set.vehicle, cabinet=place.cabinet, slot=place.slot, last_slot=place.label)
    common: dict[str, Any] = dict(
        holder=None, checkout=None, since=_iso(now), proof=place.proof.value, items_missing=[]
    )
    if there:
        draft.move("key_set", key_set.id, "enrol", **where, **common)
        _close_found(draft, place)
    else:
        draft.put("key_set", key_set.id, "unaccounted", **{**where, "cabinet": None, "slot": None}, **common)
        draft.note("KeySetMissingAtEnrolment")


def slot_emptied(
    draft: Draft, rows: Iterable[Row], place: Place, sessions: tuple[Row, ...], now: datetime
) -> None:
    """A set left its slot. `sessions` are the open releases at this cabinet."""
    row = set_in(rows, place.cabinet, place.slot)
    if row is None:
        _about(draft, place)
        _close_found(draft, place)
        draft.note("UnbookedObjectRemoved")
        return
    _about(draft, place, key_set=row.id, vehicle=str(row.data["vehicle"]))
    release = _release_behind(draft, row, now)
    if release is not None:
        take(draft, row, release, place.proof, now)
    elif len(sessions) == 1 and row.state == "in_slot":
        _take_wrong(draft, row, sessions[0], now)
    else:
        draft.because = ("no_release",)
        gone = dict(cabinet=None, slot=None, holder=None, checkout=None, since=_iso(now))
        draft.move("key_set", row.id, "remove", **gone)


def take(draft: Draft, key_set: Row, release: Row, proof: Proof, now: datetime) -> None:
    """The set left under this release: it is out with the holder, or on its way to the workshop."""
    order = release.data.get("order")
    holder = str(release.data["holder"])
    _about_release(draft, release)
    draft.actor, draft.proof = holder, proof.value
    if release.state in ("lapsed", "failed"):
        draft.because = ("late",)
    out = dict(
        cabinet=None, slot=None, holder=holder, checkout=release.id, since=_iso(now), proof=proof.value
    )
    draft.move("key_set", key_set.id, "take_to_workshop" if order else "take", **out)
    draft.move("checkout", release.id, "take", proof=proof.value, taken_at=_iso(now))
    if order:
        draft.ids["order"] = str(order)
        ordered = draft.row("order", str(order))
        if ordered is not None and ordered.state == "open":  # else another set of it is there already
            draft.put("order", str(order), "at_workshop", taken_by=holder)
            draft.move("vehicle", str(release.data["vehicle"]), "to_workshop")


def slot_filled(
    draft: Draft, rows: Iterable[Row], place: Place, attending: str | None, now: datetime
) -> None:
    """A set appeared in a slot. `attending` is the person whose badge opened the cabinet last, if that is recent."""
    rows = tuple(rows)
    if set_in(rows, place.cabinet, place.slot) is not None:
        return
    away = tuple(row for row in rows if row.state in AWAY)
    found, identity, because = identify(away, place.label, attending)
    if found is None:
        _about(draft, place)
        draft.because, draft.proof = (because,), place.proof.value
        draft.data["candidates"] = sorted(row.id for row in away)
        draft.put("found", place.label, "open", cabinet=place.cabinet, slot=place.slot, since=_iso(now))
        draft.note("UnidentifiedSetAppeared")
        return
    come_home(draft, found, place, identity=identity, because=because, actor=attending, now=now)


def identify(away: tuple[Row, ...], label: str, attending: str | None) -> tuple[Row | None, Proof, str]:
    """Which of the sets that are away appeared in this slot, as far as presence can tell, and why it is thought so.

    Presence proves that a set is there, never which: the answer is *inferred* or *assumed*.
    """
    mine = tuple(row for row in away if attending is not None and row.data["holder"] == attending)
    if len(mine) == 1:
        return mine[0], Proof.INFERRED, "brought_by_its_holder"
    if len(away) == 1:
        return away[0], Proof.INFERRED, "only_set_away"
    own = tuple(row for row in away if row.data["last_slot"] == label)
    if len(own) == 1:
        return own[0], Proof.ASSUMED, "its_last_slot"
    return None, Proof.ASSUMED, "several_sets_away" if away else "no_set_away"


def come_home(
    draft: Draft,
    key_set: Row,
    place: Place,
    *,
    identity: Proof,
    because: str,
    actor: str | None,
    now: datetime,
) -> None:
    """The set is in this slot, whoever brought it: custody, its release and, from the workshop, the order follow."""
    vehicle = str(key_set.data["vehicle"])
    _about(draft, place, key_set=key_set.id, vehicle=vehicle)
    draft.actor, draft.proof, draft.because = actor, place.proof.value, (because,)
    draft.data["identity"] = identity.value
    release = draft.row("checkout", str(key_set.data["checkout"]))
    if release is not None:
        _about_release(draft, release)
        if release.state == "out":
            draft.move("checkout", release.id, "return", returned_at=_iso(now), returned_to=place.label)
        if key_set.state == "at_workshop":
            order = str(release.data["order"])
            draft.ids["order"] = order
            ordered = draft.row("order", order)
            if ordered is not None and ordered.state == "at_workshop":
                draft.put("order", order, "to_accept")
                draft.move("vehicle", str(release.data["vehicle"]), "back")
    home = dict(cabinet=place.cabinet, slot=place.slot, last_slot=place.label, holder=None, checkout=None)
    draft.move("key_set", key_set.id, "return", **home, since=_iso(now), proof=place.proof.value)
    _close_found(draft, place)


def look_again(draft: Draft, rows: Iterable[Row], place: Place, now: datetime) -> None:
    """A set that nobody could name hangs there: name it, if the others have been accounted for meanwhile."""
    away = tuple(row for row in rows if row.state in AWAY)
    found, identity, because = identify(away, place.label, None)
    if found is not None:
        come_home(draft, found, place, identity=identity, because=because, actor=None, now=now)


def declare(
    draft: Draft, release: Row, officer: str, said: Mapping[str, Any], place: Place | None, now: datetime
) -> None:
    """What the officer says of a trip. With a place, it also settles where the set hangs.

    What differs from what the car said stands in the event as `differences`. Raises Refused before anything was taken.
    """
    if release.state not in ("out", "returned"):
        raise Refused((Reason.wrong_state("release", release.state, "declare"),))
    key_set = draft.row("key_set", str(release.data["key_set"]))
    assert key_set is not None
    _about_release(draft, release)
    draft.actor = officer
    draft.data.update({name: value for name, value in said.items() if value not in (None, [])})
    vehicle = str(release.data["vehicle"])
    differences = _differences(draft.row("telemetry", vehicle), release, said)
    if differences:
        draft.data["differences"] = differences
    draft.note("ReturnDeclared")
    draft.put("checkout", release.id, release.state, declaration={**said, "by": officer, "at": _iso(now)})
    draft.put("key_set", key_set.id, key_set.state, items_missing=list(said["items_missing"]))
    if said["odometer_km"] is not None:
        declared(draft, vehicle, float(said["odometer_km"]), officer, now)
    if place is None or key_set.state not in AWAY or key_set.data["checkout"] not in (None, release.id):
        return
    taken = set_in(draft.rows("key_set"), place.cabinet, place.slot)
    if taken is not None:
        text = f"the book has {taken.id} in {place.label}"
        raise Refused((Reason("slot_taken", text, f"台账显示 {place.label} 已有 {taken.id}"),))
    come_home(draft, key_set, place, identity=Proof.INFERRED, because="declared", actor=officer, now=now)


def _differences(telemetry: Row | None, release: Row, said: Mapping[str, Any]) -> dict[str, float]:
    """Declared against read since the car came home, in kilometres, where they differ by more than one."""
    reading = None if telemetry is None else telemetry.data.get("odometer_km")
    if said["odometer_km"] is None or not isinstance(reading, Mapping) or reading.get("value") is None:
        return {}
    home = release.data.get("returned_at")
    if home is None or datetime.fromisoformat(str(reading["at"])) < datetime.fromisoformat(str(home)):
        return {}
    difference = round(float(said["odometer_km"]) - float(str(reading["value"])), 1)
    return {"odometer_km": difference} if abs(difference) > ODOMETER_TOLERANCE_KM else {}


def hand_over(draft: Draft, release: Row, facts: HandOverFacts, now: datetime) -> None:
    """One officer gives the set to another, away from the cabinet: from now on the receiver answers for it."""
    _about_release(draft, release)
    draft.actor = facts.giver
    draft.ids["officer"] = facts.receiver.id
    draft.data["from"] = facts.holder
    key_set = str(release.data["key_set"])
    if release.state != "out":
        raise Refused((Reason.wrong_state("release", release.state, "hand_over"),))
    draft.move("key_set", key_set, "hand_over", facts, holder=facts.receiver.id, since=_iso(now))
    draft.put("checkout", release.id, release.state, holder=facts.receiver.id)


def sense_lost(draft: Draft, rows: Iterable[Row], place: Place, presence: str) -> None:
    """A slot stopped saying whether its set is there. Custody stays; nobody guesses."""
    row = set_in(rows, place.cabinet, place.slot)
    _about(draft, place, **({} if row is None else {"key_set": row.id, "vehicle": str(row.data["vehicle"])}))
    draft.data["presence"] = presence
    draft.note("SlotSenseLost")


def lapse(draft: Draft, release_id: str) -> None:
    """Nobody took the set in time: it stays in its slot."""
    release = draft.row("checkout", release_id)
    if release is None or release.state not in OPEN_RELEASES:
        return
    _about_release(draft, release)
    draft.because = ("take_by_passed",)
    _stay(draft, release)
    draft.move("checkout", release_id, "lapse")


def fail(draft: Draft, release_id: str, outcome: str, reason: str | None) -> None:
    """The slot was not opened: not sent, or refused by the board."""
    release = draft.row("checkout", release_id)
    if release is None or release.state != "intended":
        return
    _about_release(draft, release)
    draft.data.update(outcome=outcome, reason=reason or "")
    _stay(draft, release)
    draft.move("checkout", release_id, "fail", outcome=outcome, outcome_reason=reason)


def verdict(draft: Draft, release_id: str, outcome: str, reason: str | None) -> None:
    """What reading back showed after the pulse: confirmed, or not known."""
    release = draft.row("checkout", release_id)
    if release is None or release.state != "intended":
        return
    _about_release(draft, release)
    draft.data.update(outcome=outcome, **({"reason": reason} if reason else {}))
    trigger = "confirm" if outcome == "confirmed" else "lose_sight"
    draft.move("checkout", release_id, trigger, outcome=outcome, outcome_reason=reason)


def _stay(draft: Draft, release: Row) -> None:
    key_set = draft.row("key_set", str(release.data["key_set"]))
    if key_set is not None and key_set.state == "releasing":
        draft.move("key_set", key_set.id, "stay", checkout=None)


def _release_behind(draft: Draft, key_set: Row, now: datetime) -> Row | None:
    """The release that let this set out: the open one, or one that came to nothing a short while ago."""
    last = draft.row("checkout", str(key_set.data.get("last_release")))
    if last is None:
        return None
    if last.state in OPEN_RELEASES:
        return last
    recent = now - datetime.fromisoformat(str(last.data["take_by"])) < LATE_TAKE
    return last if last.state in ("lapsed", "failed") and recent else None


def _take_wrong(draft: Draft, key_set: Row, session: Row, now: datetime) -> None:
    """The one person at the cabinet took a neighbour's set: recorded as theirs until it is put back. No alarm."""
    holder = str(session.data["holder"])
    _about_release(draft, session)
    draft.ids.update(
        key_set=key_set.id, vehicle=str(key_set.data["vehicle"]), expected=str(session.data["key_set"])
    )
    draft.actor, draft.proof, draft.because = holder, str(Proof.INFERRED), ("only_person_at_cabinet",)
    gone = dict(cabinet=None, slot=None, holder=holder, checkout=None, since=_iso(now))
    draft.move("key_set", key_set.id, "take_wrong", **gone)
    draft.put("checkout", session.id, session.state, other_set=key_set.id)


def _close_found(draft: Draft, place: Place) -> None:
    """Whatever hung there without a name is named now, or gone."""
    if (case := draft.row("found", place.label)) is not None and case.state == "open":
        draft.put("found", place.label, "closed")


def _about(draft: Draft, place: Place, **ids: str) -> None:
    draft.ids.update(cabinet=place.cabinet, slot=place.label, **ids)


def _about_release(draft: Draft, release: Row) -> None:
    draft.ids.update(
        checkout=release.id,
        officer=str(release.data["officer"]),
        key_set=str(release.data["key_set"]),
        vehicle=str(release.data["vehicle"]),
    )
    draft.ids.setdefault("cabinet", str(release.data["cabinet"]))
    draft.ids.setdefault("slot", str(release.data["slot"]))


def _iso(at: datetime) -> str:
    return at.isoformat()
