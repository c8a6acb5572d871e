"""I2, I4 and I5: where each key set is, how it left, and who answers for it."""

from __future__ import annotations

from functools import partial

from keycabinet.wiring import SlotWiring
from lifecycle.custody import OPEN_RELEASES
from lifecycle.model import slot_label
from simulator.invariants.durable import Fact, Recorded
from simulator.invariants.ground import WITHIN_S, Check, Ground
from simulator.kiosk import Answered
from simulator.world import Change

PLACED = ("in_slot", "releasing")
LEFT = ("pulled", "overridden")
CAME = ("put", "put_by_override")
PERSONAL = ("KeySetTaken", "OtherSetTaken")
ALARMS = ("KeySetRemoved", "KeySetMissingAtEnrolment")


def _proofs(slot: SlotWiring) -> dict[str, tuple[str, ...]]:
    """By kind of event: the proofs that the wiring of a slot can give. A latch tells nothing of a set that comes."""
    if slot.key is not None:
        both: tuple[str, ...] = ("proved", "inferred", "assumed")
    else:
        both = ("assumed",) if slot.compartment is None else ("inferred", "assumed")
    left = ("inferred", "assumed") if slot.latch is not None and slot.key is None else both
    return {"KeySetTaken": left, "KeySetReturned": both}


class InOnePlace(Check):
    """I2. Each set is in one place in the book; slots that can be sensed hold what the book says, soon enough.

    Presence cannot tell which set hangs in a slot: what is held against the world is whether one does. Where
    nothing can be sensed, the book must say that it assumes.
    """

    def __init__(self, ground: Ground) -> None:
        super().__init__(ground)
        self._booked: dict[str, str] = {}
        """Set by slot, as the book has it."""
        self._slot_of: dict[str, str] = {}
        self._nameless: dict[str, None] = {}
        """Slots with a set that the book could not name."""
        self._sensed = {
            slot_label(cabinet, slot.slot): (cabinet, slot.slot)
            for cabinet, wiring in ground.hardware.wirings.items()
            for slot in wiring.slots
            if slot.presence is not None
        }
        self._proofs = {
            slot_label(cabinet, slot.slot): _proofs(slot)
            for cabinet, wiring in ground.hardware.wirings.items()
            for slot in wiring.slots
        }
        self._read = [
            slot_label(each.cabinet, each.slot)
            for each in ground.hardware.readers.mounted
            if each.slot is not None
        ]
        """Slots with a reader of their own."""
        self.disagree: dict[str, float] = {}
        """Slots in which book and world differ, and since when."""

    def changed(self, change: Change) -> None:
        if change.kind in LEFT or change.kind in CAME:
            self._compare(slot_label(str(change.details[0]), int(change.details[1])))

    def recorded(self, event: Recorded) -> None:
        for kind, row_id in event.writes:
            if kind == "key_set":
                self._moved(row_id, self.ground.book.fact(kind, row_id))
            elif kind == "found":
                if self.ground.book.fact(kind, row_id) is None:
                    self._nameless.pop(row_id, None)
                else:
                    self._nameless[row_id] = None
                self._compare(row_id)
        self._says_so(event)

    def _says_so(self, event: Recorded) -> None:
        """A proof is no better than the wiring."""
        if event.kind not in ("KeySetTaken", "KeySetReturned"):
            return
        label = event.ids["slot"]
        able = self._proofs[label][event.kind]
        self.ground.expect(
            "I2",
            event.proof in able,
            lambda: f"{event}: {event.proof}, but its wiring can only be {' or '.join(able)}",
        )
        if event.kind == "KeySetReturned":
            proved = event.data.get("identity") == "proved"
            self.ground.expect(
                "I2",
                not proved or label in self._read,
                lambda: f"{event}: which set it is cannot be proved",
            )

    def _moved(self, key_set: str, fact: Fact | None) -> None:
        old = self._slot_of.pop(key_set, None)
        if old is not None and self._booked.get(old) == key_set:
            del self._booked[old]
        if fact is not None and fact.state in PLACED:
            label = slot_label(str(fact.data["cabinet"]), int(fact.data["slot"]))
            other = self._booked.get(label)
            self._alone(label, key_set, other)
            self._booked[label] = key_set
            self._slot_of[key_set] = label
            self._compare(label)
        if old is not None:
            self._compare(old)

    def _alone(self, label: str, key_set: str, other: str | None) -> None:
        """One set a slot. A reader names first who came, and then who is not there."""
        ground, two = self.ground, f"the book has {key_set} and {other} in slot {label}"
        if other is None or label not in self._read:
            ground.expect("I2", other is None, lambda: two)
            return

        def look() -> None:
            if self._slot_of.get(key_set) == self._slot_of.get(other) == label:
                ground.violated("I2", f"{two}, {WITHIN_S:g} s after its reader found one of them")

        ground.within(("two", label), WITHIN_S, lambda: ground.calm.since(label), look)

    def _compare(self, label: str) -> None:
        if label not in self._sensed:
            return
        ground, key = self.ground, ("I2", label)
        ground.checks["I2"] += 1
        hangs = ground.world.hanging(*self._sensed[label]) is not None
        if hangs == (label in self._booked or label in self._nameless):
            self.disagree.pop(label, None)
            ground.settled(key)
        elif label not in self.disagree:
            self.disagree[label] = ground.now()
            ground.within(key, WITHIN_S, lambda: ground.calm.since(label), lambda: self._overdue(label))

    def _overdue(self, label: str) -> None:
        self.ground.book.read()  # it may stand there although the disk said that it failed
        if label not in self.disagree:
            return
        hangs = self.ground.world.hanging(*self._sensed[label]) or "nothing"
        says = self._booked.get(label) or ("a set without a name" if label in self._nameless else "nothing")
        self.ground.violated(
            "I2", f"{hangs} hangs in slot {label}, and {WITHIN_S:g} s after all is whole the book says {says}"
        )


class Attributed(Check):
    """I4. A set that leaves a slot is put down to a person of the roster, or is an alarm."""

    def __init__(self, ground: Ground) -> None:
        super().__init__(ground)
        self._places: dict[str, bool] = {}
        """Whether the book had a set in a slot when it was last written."""
        self._step: list[Recorded] = []
        """Events that were found on the disk together; what they wrote stands there as the last left it."""

    def recorded(self, event: Recorded) -> None:
        self._step.append(event)
        if event.seq < self.ground.book.seq:
            return
        events, self._step = self._step, []
        for row_id in dict.fromkeys(row for each in events for kind, row in each.writes if kind == "key_set"):
            fact = self.ground.book.fact("key_set", row_id)
            placed = fact is not None and fact.state in PLACED
            if self._places.get(row_id) and not placed:
                self._left(events, row_id)
            self._places[row_id] = placed

    def _left(self, events: list[Recorded], key_set: str) -> None:
        officers, last = self.ground.roster.officers, events[-1]
        said = any(
            each.kind in ALARMS
            or (each.kind in PERSONAL and each.actor is not None and each.actor in officers)
            for each in events
        )
        self.ground.expect(
            "I4", said, lambda: f"{last}: {key_set} left, put down to {last.actor or 'nobody'}"
        )


class Answerable(Check):
    """I5. Whoever has a set answers for it, alone; no two check-outs run on one set or one car."""

    def __init__(self, ground: Ground) -> None:
        super().__init__(ground)
        self._running: dict[str, tuple[str, str]] = {}
        """Set and car of each check-out that is not over."""

    def recorded(self, event: Recorded) -> None:
        for kind, row_id in event.writes:
            fact = self.ground.book.fact(kind, row_id)
            if kind == "checkout":
                self._follow(event, row_id, fact)
            elif kind == "key_set" and fact is not None and fact.state in ("out", "at_workshop"):
                answers = bool(fact.data["holder"])
                self.ground.expect("I5", answers, partial("{}: nobody answers for {}".format, event, row_id))

    def _follow(self, event: Recorded, checkout: str, fact: Fact | None) -> None:
        self._running.pop(checkout, None)
        if fact is None or fact.state not in (*OPEN_RELEASES, "out"):
            return
        key_set, car = str(fact.data["key_set"]), str(fact.data["vehicle"])
        others = [each for each, (s, c) in self._running.items() if s == key_set or c == car]
        self.ground.expect(
            "I5", not others, lambda: f"{event}: {checkout} and {', '.join(others)} run on {key_set} of {car}"
        )
        self._running[checkout] = (key_set, car)

    def answered(self, answer: Answered) -> None:
        """After a handover was taken note of, the receiver answers."""
        if answer.verb != "hand_over":
            return
        receiver = self.ground.roster.officer(str(answer.content["to"])).id
        checkout = str(answer.content["checkout_id"])
        fact = self.ground.book.fact("checkout", checkout)
        if fact is None or fact.state != "out":
            return  # it came home in the same moment
        key_set = self.ground.book.fact("key_set", str(fact.data["key_set"]))
        named = (fact.data["holder"], None if key_set is None else key_set.data["holder"])
        self.ground.expect(
            "I5",
            all(each == receiver for each in named),
            lambda: f"{checkout} was handed to {receiver}; the book names {named[0]} and {named[1]}",
        )
