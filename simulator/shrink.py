"""Makes a failing run smaller: fewer days, fewer people, fewer faults, as long as the same invariant still breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from simulator.invariants import Violation
from simulator.play import Outcome, Setting
from simulator.timespan import DAY_S, moment

MOST_TRIES = 24
ROOM_S = 1800.0
"""How much longer than the violation a shortened run is."""
PEOPLE = (0.0, 0.25, 0.5)


@dataclass(frozen=True, slots=True)
class Smaller:
    """A smaller run that fails the same way, and what was left out of it."""

    setting: Setting
    violation: Violation
    tries: int

    @property
    def says(self) -> str:
        setting = self.setting
        people = "nobody" if setting.people == 0 else f"{setting.people:.0%} of the people"
        faults = (
            "the scenario's faults"
            if setting.faults is None
            else f"faults {', '.join(setting.faults) or 'none'}"
        )
        return f"{setting.days:g} days, {people}, {faults}: {self.violation.invariant} at {moment(self.violation.at)}"


class _Search:
    def __init__(self, setting: Setting, violation: Violation, play: Callable[[Setting], Outcome]) -> None:
        self.best = Smaller(setting, violation, 0)
        self._play = play
        self._tries = 0
        self.injected: tuple[str, ...] = ()
        """Kinds of fault that happened in the best run."""

    def try_(self, setting: Setting) -> bool:
        """Play it, unless there were tries enough; tells whether it fails the same way, and is the best then."""
        if self._tries >= MOST_TRIES or setting == self.best.setting:
            return False
        self._tries += 1
        outcome = self._play(replace(setting, stop_at_violation=True))
        wanted = self.best.violation.invariant
        same = next((each for each in outcome.violations if each.invariant == wanted), None)
        if same is None:
            return False
        self.best = Smaller(_shortened(setting, same), same, self._tries)
        self.injected = tuple(outcome.faults)
        return True


def shrink(setting: Setting, violation: Violation, play: Callable[[Setting], Outcome]) -> Smaller | None:
    """The smallest run found in a bounded number of tries; None when none is smaller or the failure is not repeated."""
    search = _Search(setting, violation, play)
    if not search.try_(_shortened(setting, violation)):
        return None
    for share in PEOPLE:
        if share < search.best.setting.people and search.try_(replace(search.best.setting, people=share)):
            break
    for fewer in _fewer(search):
        search.try_(replace(search.best.setting, faults=fewer))
    return search.best


def _shortened(setting: Setting, violation: Violation) -> Setting:
    days = min(setting.days, round((violation.at + ROOM_S) / DAY_S + 0.005, 2))
    return replace(setting, days=days)


def _fewer(search: _Search) -> Iterator[tuple[str, ...]]:
    """No fault at all; those that happened; halves, quarters and so on of those that still did."""
    yield ()
    yield search.injected
    size = len(search.injected)
    while size > 1:
        kinds = search.injected
        size = (min(size, len(kinds)) + 1) // 2
        for start in range(0, len(kinds), size):
            yield kinds[start : start + size]
