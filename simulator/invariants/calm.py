"""When which part of a station was last disturbed: bounds are counted from there."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable

from simulator.faults import Injection, Layer, Moment
from simulator.hardware import SimulatedHardware

STATION = "station"
_STATION_WIDE = (Layer.PROCESS, Layer.DISK)
_LOCAL = (Layer.SLOT, Layer.SENSOR, Layer.POWER, Layer.BOARD, Layer.LINE, Layer.TCP, Layer.READER)


class Calm:
    """Counts what disturbs each place: the station, a line, a cabinet ("A"), a board ("A/a1"), a slot ("A-03")."""

    def __init__(self, hardware: SimulatedHardware, now: Callable[[], float]) -> None:
        self._now = now
        self._active: Counter[str] = Counter()
        self._since: dict[str, float] = {}
        self._places: dict[str, tuple[str, ...]] = {}
        lines = {(each.cabinet, each.label): each.line for each in hardware.fitted}
        readers = hardware.readers.mounted
        for cabinet, wiring in hardware.wirings.items():
            for slot in wiring.slots:
                wires = (slot.presence, slot.latch, slot.lock)
                boards = dict.fromkeys(each.board for each in wires if each)
                if wiring.door_lock is not None:
                    boards[wiring.door_lock.board] = None
                label = f"{cabinet}-{slot.slot:02d}"
                self._places[label] = (
                    STATION, cabinet, label,
                    *(f"{cabinet}/{board}" for board in boards),
                    *dict.fromkeys(lines[cabinet, board] for board in boards),
                    *(each.name for each in readers if each.reads(cabinet, slot.slot)),
                    *(each.config.line for each in readers if each.reads(cabinet, slot.slot)),
                )  # fmt: skip

    def moment(self, moment: Moment, injection: Injection) -> None:
        """A listener of `Faults`."""
        layer = injection.kind.layer
        if layer in _STATION_WIDE and injection.kind.part != "kill":
            places = [STATION]
        elif layer in _LOCAL:
            places = injection.target.split("+")
        else:
            return
        for place in places:
            if moment is Moment.INJECTED:
                self.disturbed(place)
            elif moment is Moment.CLEARED:
                self.over(place)

    def disturbed(self, place: str) -> None:
        self._active[place] += 1

    def over(self, place: str) -> None:
        self._active[place] -= 1
        self._since[place] = self._now()

    def since(self, label: str) -> float:
        """Since when nothing disturbs a slot (loop time, s); inf while something does."""
        return self._of(self._places[label])

    def station_since(self) -> float:
        """Since when nothing disturbs the station itself, wherever the slots are."""
        return self._of((STATION,))

    def all_since(self) -> float:
        """Since when nothing is wrong anywhere."""
        return self._of(self._active)

    def _of(self, places: Iterable[str]) -> float:
        latest = 0.0
        for place in places:
            if self._active[place] > 0:
                return math.inf
            latest = max(latest, self._since.get(place, 0.0))
        return latest
