"""One run again, told line by line up to a moment. Found through `motorpool.worlds`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lifecycle.errors import Problem, SiteError
from simulator.campaign import length_of
from simulator.faults import FAULTS
from simulator.invariants import Violation
from simulator.play import Setting, play
from simulator.scenario import load_scenario, must_be_playable
from simulator.timespan import DAY_S, moment, parse_moment

MOMENT_HELP = 'a moment such as "day 2 06:15:30", or seconds since midnight of day 1'


@dataclass(frozen=True, slots=True)
class Replayed:
    """How it ended: the violations that showed, and the digest of what happened."""

    violations: Sequence[Violation]
    digest: str
    until: str

    @property
    def ok(self) -> bool:
        return not self.violations


def run(
    seed: int,
    *,
    scenario: str,
    days: float | None = None,
    until: str | None = None,
    since: str | None = None,
    people: float = 1.0,
    faults: str | None = None,
    kill_at: int | None = None,
    tell: Callable[[str], None] = lambda _line: None,
) -> Replayed:
    """Play a seed again; `tell` hears every event of the book and every change of the world. Raises SiteError.

    Without `until` it is played to its end; nothing before `since` is told. `people` and `faults` (names with commas
    between, "" for none) are those of a smaller case.
    """
    story = load_scenario(scenario)
    must_be_playable(story)
    length = length_of(story, days)
    stop = None if until is None else min(_moment("--until", until), length * DAY_S)
    begin = 0.0 if since is None else _moment("--since", since)
    setting = Setting(
        story, seed, length, people=people, faults=_kinds(faults), until_s=stop, kill_at=kill_at
    )

    def told(line: str) -> None:
        if parse_moment(" ".join(line.split()[:3])) >= begin:
            tell(line)

    outcome = play(setting, told)
    return Replayed(outcome.violations, outcome.digest, moment(length * DAY_S if stop is None else stop))


def _moment(option: str, text: str) -> float:
    try:
        return parse_moment(text)
    except ValueError:
        pass
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 3660 * DAY_S:
        raise SiteError([Problem("(command line)", option, text, MOMENT_HELP)])
    return seconds


def _kinds(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = [name for name in names if name not in FAULTS]
    if unknown:
        allowed = "one of " + ", ".join(FAULTS)
        raise SiteError([Problem("(command line)", "--faults", name, allowed) for name in unknown])
    return names
