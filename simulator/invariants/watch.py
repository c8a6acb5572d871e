"""All checks together, and what they listen to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from lifecycle.ledger import LedgerBroken, verify
from simulator.faults import Faults
from simulator.invariants.calm import STATION, Calm
from simulator.invariants.cars import Hands, Settled, UnderGrant
from simulator.invariants.custody import Answerable, Attributed, InOnePlace
from simulator.invariants.durable import DurableBook, Recorded
from simulator.invariants.ground import Check, Ground, Violation
from simulator.invariants.releases import Ends, Entitled, Roadworthy
from simulator.kiosk import Answered, Kiosk, Unanswered
from simulator.people.stage import Stage
from simulator.process import StationProcess
from simulator.world import Change

INVARIANTS: Mapping[str, str] = {
    "I1": "no slot opens without an earlier durable record naming somebody entitled to it",
    "I2": "each key set is in one place in the book, and book and world agree within a bounded time",
    "I3": "a vehicle with a blocking defect or an open order is never given out for use",
    "I4": "every removal is attributed: to a person, a workshop, or an alarm",
    "I5": "one accountable holder a key set; no two check-outs overlap on one set or one car",
    "I6": "doors unlock and engines are enabled only under a good grant, people start them, no response car is blocked",
    "I7": "the hash chain verifies, with no gap, and nothing recorded is ever gone",
    "I8": "every request, every release and every order to a terminal ends",
}


class Invariants:
    """Watches one run. Create it before the station starts; `end` after it was stopped."""

    def __init__(self, process: StationProcess, kiosk: Kiosk, stage: Stage, faults: Faults) -> None:
        site, hardware = process.site, process.hardware.hardware
        now = asyncio.get_running_loop().time
        self._process = process
        self.calm = Calm(hardware, now)
        self.book = DurableBook(
            lambda: process.ledger_path,
            site.station.code,
            now=now,
            broken=lambda text: self.ground.violated("I7", text),
            recorded=self._recorded,
        )
        self.ground = Ground(hardware.world, hardware, faults, self.book, self.calm, site.roster, now)
        self.places = InOnePlace(self.ground)
        self._checks: tuple[Check, ...] = (
            Entitled(self.ground),
            self.places,
            Roadworthy(self.ground),
            Attributed(self.ground),
            Answerable(self.ground),
            Hands(self.ground, stage.at_the_wheel),
            UnderGrant(self.ground, process.hardware.terminals),
            Settled(self.ground, site.actions.within_s),
            Ends(self.ground, site.station.take_within_s),
        )
        self.recorded: list[Callable[[Recorded], None]] = []
        """Who else wants to hear of every event."""
        self._leave = [hardware.world.subscribe(self._changed), faults.subscribe(self.calm.moment)]
        kiosk.heard.append(self._heard)
        process.told.append(self._told)
        process.committed.append(self.book.read)
        self.calm.disturbed(STATION)  # until it is started

    @property
    def violations(self) -> list[Violation]:
        return self.ground.violations

    def end(self) -> None:
        """The station is stopped: look at the whole chain once more."""
        self.book.read()
        self.verify(self._process.ledger_path)
        for check in self._checks:
            check.end()
        for leave in self._leave:
            leave()
        self.ground.close()
        self.book.close()

    def verify(self, path: Path) -> None:
        """I7 over the whole file, with the library's own verification."""
        try:
            found = verify(path)
        except LedgerBroken as broken:
            self.ground.violated("I7", str(broken))
            return
        whole = (found.head.seq, found.head.hash) == (self.book.seq, self.book.hash.hex())
        self.ground.expect(
            "I7", whole, lambda: f"the chain ends at #{found.head.seq}, not at #{self.book.seq}"
        )

    def _changed(self, change: Change) -> None:
        for check in self._checks:
            check.changed(change)

    def _recorded(self, event: Recorded) -> None:
        self.ground.checks["I7"] += 1
        for check in self._checks:
            check.recorded(event)
        for each in self.recorded:
            each(event)

    def _heard(self, what: Answered | Unanswered) -> None:
        for check in self._checks:
            if isinstance(what, Answered):
                check.answered(what)
            else:
                check.unanswered(what)

    def _told(self, what: str) -> None:
        if what == "starting":
            self.book.turn_back()
        elif what == "started":
            self.calm.over(STATION)
        else:
            self.book.close()
            self.calm.disturbed(STATION)
