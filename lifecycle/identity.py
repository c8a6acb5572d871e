"""What readers say of sets: which one came, that it hangs elsewhere than it belongs, that a fob stopped reading.

Each is an event of its own, and none keeps anybody from anything: a set in a wrong slot is given out from where it is.
Plain functions that draft steps, as in `custody.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from keycabinet import Fob, Proof, Sighting
from lifecycle.book import Draft
from lifecycle.custody import AWAY, Place, come_home, slot_emptied, slot_filled
from lifecycle.ledger import Row
from lifecycle.model import KeySet, parse_slot_label

HERE = ("in_slot", "releasing")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a reader found at a slot, as the roster knows it: the sets, and fobs of none."""

    sets: tuple[KeySet, ...]
    unknown: tuple[str, ...]
    proof: Proof

    @classmethod
    def of(cls, sighting: Sighting, by_fob: Mapping[str, KeySet]) -> Self:
        """A sighting with names for its fobs."""
        fobs = [str(fob) for fob in sighting.fobs]
        known = tuple(by_fob[fob] for fob in fobs if fob in by_fob)
        return cls(known, tuple(fob for fob in fobs if fob not in by_fob), sighting.proof)


def set_came(
    draft: Draft, key_set: KeySet, place: Place, proof: Proof, attending: str | None, now: datetime
) -> None:
    """The fob of this set was read here: it is here, wherever the book had it."""
    row = draft.row("key_set", key_set.id)
    if row is None or is_at(row, place):
        return
    if row.state in AWAY:
        come_home(draft, row, place, identity=proof, because="fob", actor=attending, now=now)
    else:
        _about(draft, place, key_set)
        draft.proof, draft.because = place.proof.value, ("fob",)
        draft.data.update(identity=proof.value, booked_in=str(row.data["last_slot"]))
        here = dict(cabinet=place.cabinet, slot=place.slot, last_slot=place.label)
        draft.move("key_set", key_set.id, "locate", **here, since=now.isoformat(), proof=place.proof.value)
        if (case := draft.row("found", place.label)) is not None and case.state == "open":
            draft.put("found", place.label, "closed")
    home = parse_slot_label(key_set.home)
    if home[0] != place.cabinet:
        draft.data["home"] = key_set.home
        draft.note("SetInWrongCabinet")
    elif home[1] != place.slot:
        draft.data["home"] = key_set.home
        draft.note("SetInWrongSlot")


def odd_fobs(draft: Draft, place: Place, seen: Seen, now: datetime) -> None:
    """Fobs that are in nobody's roster, and more than one fob in a slot; told once for as long as it stays so.

    Something without a name hangs there each time that it comes, whatever was told of its fobs.
    """
    fobs = [*(str(each.fob) for each in seen.sets), *seen.unknown]
    known = draft.row("fobs", place.label)
    _about(draft, place)
    if known is None or known.state != "odd" or known.data["fobs"] != fobs:
        draft.data.update(fobs=fobs, key_sets=[each.id for each in seen.sets])
        draft.put("fobs", place.label, "odd", fobs=fobs)
        if seen.unknown:
            draft.data["unknown"] = list(seen.unknown)
            draft.note("UnknownFobSeen")
        if len(fobs) > 1:
            draft.note("TwoFobsInSlot")
    if not seen.sets and _nobody(draft, place):
        _unidentified(draft, place, now)


def left_behind(draft: Draft, place: Place, now: datetime) -> None:
    """A set was found elsewhere, and still something hangs where the book had it: another one, without a name."""
    if _nobody(draft, place):
        _about(draft, place)
        _unidentified(draft, place, now)


def _unidentified(draft: Draft, place: Place, now: datetime) -> None:
    """Something hangs there, and nobody can name it."""
    where = dict(cabinet=place.cabinet, slot=place.slot)
    draft.put("found", place.label, "open", **where, since=now.isoformat())
    draft.note("UnidentifiedSetAppeared")


def came_unread(
    draft: Draft,
    rows: Iterable[Row],
    place: Place,
    attending: str | None,
    now: datetime,
    fobs: Mapping[str, str],
) -> None:
    """Something appeared, and the reader found no fob on it: presence tells what it can. `fobs` is by key set."""
    slot_filled(draft, rows, place, attending, now)
    if (found := draft.ids.get("key_set")) in fobs:
        draft.data["fob"] = fobs[str(found)]
        draft.note("FobNotRead")


def not_here(draft: Draft, place: Place, seen: Seen, fobs: Mapping[str, str], now: datetime) -> None:
    """The book has a set in this slot whose reader finds another: that set is not here, and must be looked for.

    A fob of nobody's proves that of sets with a fob (`fobs` by key set); it may hang on one that has none. A slot holds
    one set: the fob of another proves it of any.
    """
    read = [each.id for each in seen.sets]
    booked = [
        row
        for row in draft.rows("key_set")
        if is_at(row, place) and row.id not in read and (read or row.id in fobs)
    ]
    if not booked or not (seen.sets or seen.unknown):
        return
    _about(draft, place)
    draft.ids.update(key_set=booked[0].id, vehicle=str(booked[0].data["vehicle"]))
    draft.because, draft.proof = ("other_fob_read",), seen.proof.value
    gone = dict(cabinet=None, slot=None, holder=None, checkout=None, since=now.isoformat())
    draft.move("key_set", booked[0].id, "remove", **gone)
    if not seen.sets:
        _unidentified(draft, place, now)


def fob_silent(draft: Draft, place: Place, key_set: KeySet) -> None:
    """A set that hangs where it hung is no longer read: its fob broke or was taken off, or the reader lost it."""
    _about(draft, place, key_set)
    draft.data["fob"] = str(key_set.fob)
    draft.note("FobStoppedReading")


def fob_reads_again(draft: Draft, place: Place, key_set: KeySet) -> None:
    """The fob of a set that hangs here is read once more."""
    _about(draft, place, key_set)
    draft.data["fob"] = str(key_set.fob)
    draft.note("FobReadsAgain")


def set_left(
    draft: Draft, rows: Iterable[Row], place: Place, sessions: tuple[Row, ...], now: datetime, key_set: KeySet
) -> None:
    """This set is gone from a slot in which another one lies now, or that no switch watches."""
    booked = [row for row in rows if row.id == key_set.id and is_at(row, place)]
    if booked:
        slot_emptied(draft, booked, place, sessions, now)


def strange_fob(draft: Draft, cabinet: str, fob: Fob) -> None:
    """A fob of nobody's roster is somewhere in a cabinet."""
    draft.ids["cabinet"] = cabinet
    draft.data["unknown"] = [str(fob)]
    draft.note("UnknownFobSeen")


def seen_somewhere(draft: Draft, cabinet: str, key_set: KeySet) -> None:
    """A set that the book has elsewhere is in this cabinet, nobody can tell in which slot."""
    row = draft.row("key_set", key_set.id)
    if row is None or (row.state in HERE and row.data["cabinet"] == cabinet):
        return
    draft.ids.update(cabinet=cabinet, key_set=key_set.id, vehicle=key_set.vehicle)
    draft.data.update(booked=row.state, home=key_set.home)
    draft.note("SetSeenInCabinet")
    if parse_slot_label(key_set.home)[0] != cabinet:
        draft.note("SetInWrongCabinet")


def _nobody(draft: Draft, place: Place) -> bool:
    """Whether the book has nothing in this slot, neither a set nor something without a name."""
    case = draft.row("found", place.label)
    return not any(is_at(row, place) for row in draft.rows("key_set")) and (
        case is None or case.state != "open"
    )


def is_at(row: Row, place: Place) -> bool:
    """Whether the book has a set in this slot."""
    return row.state in HERE and (row.data["cabinet"], row.data["slot"]) == (place.cabinet, place.slot)


def _about(draft: Draft, place: Place, key_set: KeySet | None = None) -> None:
    draft.ids.update(cabinet=place.cabinet, slot=place.label)
    if key_set is not None:
        draft.ids.update(key_set=key_set.id, vehicle=key_set.vehicle)
