"""I1 and I3: what is released, and to whom. I8: everything that was begun ends."""

from __future__ import annotations

from typing import Any

from lifecycle.custody import OPEN_RELEASES
from lifecycle.model import BLOCKING_SEVERITIES, slot_label
from simulator.invariants.durable import Recorded
from simulator.invariants.ground import WITHIN_S, Check, Ground
from simulator.kiosk import Answered, Unanswered
from simulator.model import DOOR
from simulator.world import Change

SELF_ACTING = "board_reset_to_factory"
"""The fault in which a board drives its relays by itself."""


class Entitled(Check):
    """I1. A slot's solenoid is energised only under a release that stands in the book, once, for somebody entitled."""

    def __init__(self, ground: Ground) -> None:
        super().__init__(ground)
        self._open: dict[str, str] = {}
        """Releases that stand in the book and were not carried out yet: check-out by slot."""
        self._locks = {
            (cabinet, slot.slot): (f"{cabinet}/{slot.lock.board}", slot.lock.channel)
            for cabinet, wiring in ground.hardware.wirings.items()
            for slot in wiring.slots
            if slot.lock is not None
        }

    def recorded(self, event: Recorded) -> None:
        checkout = event.ids.get("checkout")
        if event.kind == "ReleaseIntended":
            self._intended(event)
        elif checkout is not None and event.kind in ("KeySetNotTaken", "ReleaseFailed", "KeySetTaken"):
            for label in [label for label, each in self._open.items() if each == checkout]:
                del self._open[label]

    def _intended(self, event: Recorded) -> None:
        label, officer = event.ids["slot"], event.ids["officer"]
        self._open[label] = event.ids["checkout"]
        person = self.ground.roster.officers.get(officer)
        car = self.ground.roster.vehicles.get(event.ids["vehicle"])
        order = event.ids.get("order")
        entitled = person is not None and person.active and car is not None
        if order is None:
            entitled = (
                entitled and person is not None and car is not None and car.vehicle_class in person.classes
            )
        else:
            entitled = entitled and self.ground.book.fact("order", order) is not None
        self.ground.expect("I1", entitled, lambda: f"{event}: {officer} is not entitled to it")

    def changed(self, change: Change) -> None:
        if change.kind != "coil_on" or change.details[1] == DOOR:
            return
        cabinet, slot = str(change.details[0]), int(change.details[1])
        board, _ = self._locks.get((cabinet, slot), (None, 0))
        if any(
            each.kind.name == SELF_ACTING and each.target == board for each in self.ground.faults.active()
        ):
            return
        cabinet, slot = self._meant(cabinet, slot)
        label = slot_label(cabinet, slot)
        if label not in self._open:
            self.ground.book.read()  # it may stand there although the disk said that it failed
        found = self._open.pop(label, None)
        self.ground.expect(
            "I1", found is not None, lambda: f"slot {label} was opened without a release in the book"
        )

    def _meant(self, cabinet: str, slot: int) -> tuple[str, int]:
        """The slot that the station meant: no byte tells two boards of one make apart that changed addresses."""
        lock = self._locks.get((cabinet, slot))
        for each in self.ground.faults.active():
            if (
                each.kind.name == "boards_swapped"
                and lock is not None
                and lock[0] in (pair := each.target.split("+"))
            ):
                other = pair[1 - pair.index(lock[0])]
                return next(
                    (at for at, found in self._locks.items() if found == (other, lock[1])), (cabinet, slot)
                )
        return cabinet, slot


class Roadworthy(Check):
    """I3. A car with a blocking defect or an open order is never given out for use."""

    def __init__(self, ground: Ground) -> None:
        super().__init__(ground)
        self._against: dict[str, dict[str, str]] = {}
        """By car: what speaks against it, by the defect's or the order's id."""

    def recorded(self, event: Recorded) -> None:
        car = event.ids.get("vehicle", "")
        match event.kind:
            case "DefectReported":
                for each in event.data["defects"]:
                    if each["severity"] in BLOCKING_SEVERITIES:
                        self._against.setdefault(car, {})[each["id"]] = f"defect {each['code']}"
            case "OrderOpened":
                self._against.setdefault(car, {})[event.ids["order"]] = "an open order"
            case "RepairAccepted":
                for gone in (*event.data["defects"], event.ids["order"]):
                    self._against.get(car, {}).pop(gone, None)
            case "ReleaseIntended" if "order" not in event.ids:
                against = self._against.get(car)
                self.ground.expect(
                    "I3",
                    not against,
                    lambda: f"{event}: {car} has {', '.join((against or {}).values())}",
                )

    def answered(self, answer: Answered) -> None:
        """Whoever reported a blocking defect and was thanked for it can rely on it."""
        if answer.verb != "report_defect" or answer.content["severity"] not in BLOCKING_SEVERITIES:
            return
        defect = answer.answer
        known = self._against.get(defect.vehicle, {})
        self.ground.expect(
            "I3",
            defect.id in known,
            lambda: f"defect {defect.id} of {defect.vehicle} was taken and does not count",
        )


class Ends(Check):
    """I8. Every request is answered, and every release ends: taken, lapsed or failed."""

    def __init__(self, ground: Ground, take_within_s: float) -> None:
        super().__init__(ground)
        self._bound_s = take_within_s + WITHIN_S

    def recorded(self, event: Recorded) -> None:
        checkout = event.ids.get("checkout")
        if checkout is None or ("checkout", checkout) not in event.writes:
            return
        ground, key = self.ground, ("release", checkout)
        if event.kind == "ReleaseIntended":
            label = event.ids["slot"]
            ground.within(key, self._bound_s, lambda: ground.calm.since(label), lambda: self._overdue(event))
            return
        fact = ground.book.fact("checkout", checkout)
        if fact is None or fact.state not in OPEN_RELEASES:
            ground.checks["I8"] += 1
            ground.settled(key)

    def _overdue(self, event: Recorded) -> None:
        self.ground.book.read()
        fact = self.ground.book.fact("checkout", event.ids["checkout"])
        if fact is None or fact.state not in OPEN_RELEASES:
            return
        self.ground.violated("I8", f"{event}: the release is still {fact.state} after {self._bound_s:g} s")

    def answered(self, answer: Answered) -> None:
        self.ground.checks["I8"] += 1
        checkout = getattr(answer.answer, "id", None)
        if answer.verb in ("check_out", "hand_to_workshop"):
            self._promised("checkout", str(checkout))
        elif answer.verb == "open_order":
            self._promised("order", str(checkout))

    def _promised(self, kind: str, row_id: str) -> None:
        """What was promised stands in the book, or was there and is over."""
        book = self.ground.book
        known = book.fact(kind, row_id) is not None or book.was_closed(row_id)
        self.ground.expect(
            "I8", known, lambda: f"{kind} {row_id} was promised and does not stand in the book"
        )

    def unanswered(self, request: Unanswered) -> None:
        asked: dict[str, Any] = dict(request.content)
        self.ground.violated("I8", f"{request.verb} was not answered: {asked}")
