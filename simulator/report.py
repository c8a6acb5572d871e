"""What a campaign found, in figures: as tables, as JSON, and as a page."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from simulator.faults import FAULTS
from simulator.invariants import INVARIANTS, Violation
from simulator.page import page
from simulator.play import Outcome, Setting
from simulator.timespan import DAY_S, moment

Rows = Sequence[Sequence[str]]
Table = tuple[str, Sequence[str], Rows]
"""Title, heads, rows."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A seed that broke an invariant, and how to see it again."""

    seed: int
    violation: Violation
    others: int
    last_lines: tuple[str, ...]
    replay: str
    smaller: str | None
    smaller_says: str | None


@dataclass(slots=True)
class Report:
    """A whole campaign. `took_s` is real time; everything else is simulated."""

    scenario: str
    title: str
    days: float
    jobs: int
    revision: str
    took_s: float
    outcomes: list[Outcome]
    failures: list[Failure] = field(default_factory=list)
    points: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether no invariant broke and every board showed what it must."""
        return not self.failures

    @property
    def station_days(self) -> float:
        return sum(each.days for each in self.outcomes)

    @property
    def speed(self) -> float:
        """Simulated seconds in a real second, over all jobs."""
        return self.station_days * DAY_S / self.took_s if self.took_s else 0.0

    def count(self, name: str) -> int:
        """One of `Outcome.counts`, over all runs."""
        return sum(each.counts.get(name, 0) for each in self.outcomes)

    def faults(self) -> dict[str, tuple[int, int]]:
        """By kind, in the catalogue's order: how many were injected, how many met."""
        injected, met = Counter[str](), Counter[str]()
        for outcome in self.outcomes:
            for kind, (some, crossed) in outcome.faults.items():
                injected[kind] += some
                met[kind] += crossed
        return {kind: (injected[kind], met[kind]) for kind in FAULTS if injected[kind]}

    def by_board(self) -> dict[str, dict[str, tuple[int, int]]]:
        """By profile of a board or kind of reader, by kind of fault it can have: how many were injected, and met."""
        total: dict[str, dict[str, tuple[int, int]]] = {}
        for outcome in self.outcomes:
            for profile, kinds in outcome.by_board.items():
                known = total.setdefault(profile, {})
                for kind, (some, crossed) in kinds.items():
                    injected, met = known.get(kind, (0, 0))
                    known[kind] = (injected + some, met + crossed)
        return {
            profile: {kind: known[kind] for kind in FAULTS if kind in known}
            for profile, known in total.items()
        }

    def unmet(self) -> dict[str, list[str]]:
        """By board or reader: the faults that it can have and never met. Empty when each met all of its own."""
        missing = {
            profile: [kind for kind, (_, met) in kinds.items() if not met]
            for profile, kinds in self.by_board().items()
        }
        return {profile: kinds for profile, kinds in missing.items() if kinds}

    def recoveries(self) -> dict[str, list[float]]:
        """By kind of fault: how long each recovery took (s), sorted."""
        took: dict[str, list[float]] = {}
        for outcome in self.outcomes:
            for each in outcome.recoveries:
                took.setdefault(each.kind, []).append(each.took_s)
        return {kind: sorted(took[kind]) for kind in FAULTS if kind in took}

    def checks(self) -> dict[str, int]:
        """How often each invariant was looked at."""
        return {name: sum(each.checks.get(name, 0) for each in self.outcomes) for name in INVARIANTS}

    def summed(self, what: str) -> dict[str, int]:
        """`did` or `refusals` over all runs, most often first."""
        total: Counter[str] = Counter()
        for outcome in self.outcomes:
            total.update(outcome.did if what == "did" else outcome.refusals)
        return dict(sorted(total.items(), key=lambda each: (-each[1], each[0])))

    def check_outs_by_hour(self) -> list[float]:
        """Check-outs in each hour of the day, per station and day."""
        hours = [0] * 24
        for outcome in self.outcomes:
            for hour, count in enumerate(outcome.by_hour):
                hours[hour % 24] += count
        return [each / self.station_days for each in hours]

    # -- shown

    def summary(self) -> Rows:
        """The main figures."""
        faults, recovered = self.faults(), sorted(_all(self.recoveries().values()))
        runs, skipped = self.count("polls"), self.count("polls_skipped")
        kinds_met = sum(met > 0 for _, met in faults.values())
        deaths = f", one for each of {len(self.points):,} crash points" if self.points else ""
        taken, home = self.count("check_outs"), self.count("returns")
        calm, overtaken = self.count("unharmed"), self.count("overtaken")
        times = (
            f"half within {median(recovered):.1f} s, all within {recovered[-1]:.1f} s"
            if recovered
            else "none"
        )
        return [
            ("scenario", f"{self.title} ({self.scenario})"),
            ("code", self.revision),
            ("runs", f"{len(self.outcomes):,}{deaths}"),
            ("station-days", f"{self.station_days:,.1f}"),
            ("check-outs", f"{taken:,} of {self.count('releases'):,} releases; {home:,} returns"),
            ("events in the books", f"{self.count('events'):,}"),
            ("program starts", f"{self.count('starts'):,}"),
            ("faults injected", f"{sum(some for some, _ in faults.values()):,} of {len(faults)} kinds"),
            ("faults met", f"{sum(met for _, met in faults.values()):,} of {kinds_met} kinds"),
            ("met by board", self._met_by_board()),
            ("recoveries", f"{len(recovered):,}: {times}"),
            ("without harm", f"{calm:,} faults; {overtaken:,} were overtaken by the next one"),
            ("invariant checks", f"{sum(self.checks().values()):,}"),
            ("polls", f"{runs:,} run, {skipped:,} left out, {self.count('requests'):,} Modbus requests"),
            ("speed", f"{self.speed:,.0f} times real time with {self.jobs} job(s), {self.took_s:.1f} s"),
            ("violations", f"{len(self.failures):,} of {len(self.outcomes):,} runs" if self.failures else "none"),
        ]  # fmt: skip

    def _met_by_board(self) -> str:
        boards, unmet = self.by_board(), self.unmet()
        if not self.faults():
            return "no faults were injected"
        if not unmet:
            return f"each of {len(boards)} kinds of board and reader met every fault that it can have"
        return f"{len(boards) - len(unmet)} of {len(boards)} kinds of board and reader met every fault they can have"

    def _boards_table(self) -> Table:
        unmet = self.unmet()
        rows = [
            (
                profile,
                ", ".join(unmet.get(profile, ())) or "-",
                f"{sum(met > 0 for _, met in kinds.values())} of {len(kinds)}",
                f"{sum(some for some, _ in kinds.values()):,}",
                f"{sum(met for _, met in kinds.values()):,}",
            )
            for profile, kinds in self.by_board().items()
            if self.faults()
        ]
        return ("faults by board", ("board or reader", "never met", "kinds met", "injected", "met"), rows)

    def tables(self) -> list[Table]:
        """Everything as tables, the summary first."""
        recoveries = [
            (kind, f"{len(took):,}", f"{median(took):.1f} s", f"{took[-1]:.1f} s")
            for kind, took in self.recoveries().items()
        ]
        faults = [
            (kind, FAULTS[kind].says, f"{some:,}", f"{met:,}") for kind, (some, met) in self.faults().items()
        ]
        checks = [(name, INVARIANTS[name], f"{count:,}") for name, count in self.checks().items()]
        points = Counter(self.points)
        return [
            ("campaign", ("", "figure"), self.summary()),
            ("invariants", ("", "what must hold", "checks"), checks),
            ("faults by kind", ("kind", "what it is", "injected", "met"), faults),
            self._boards_table(),
            (
                "recoveries, from the end of the fault",
                ("after", "times", "half within", "all within"),
                recoveries,
            ),
            ("crash points", ("where", "times"), [(point, f"{count:,}") for point, count in points.items()]),
        ]

    def as_page(self) -> str:
        """One HTML page with plots that needs nothing else."""
        return page(self)

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "scenario": self.scenario,
            "title": self.title,
            "revision": self.revision,
            "seeds": list(dict.fromkeys(each.seed for each in self.outcomes)),
            "days": self.days,
            "jobs": self.jobs,
            "took_s": round(self.took_s, 3),
            "speed": round(self.speed, 1),
            "station_days": self.station_days,
            "counts": {name: self.count(name) for name in _names(self.outcomes)},
            "faults": {kind: {"injected": some, "met": met} for kind, (some, met) in self.faults().items()},
            "boards": {
                profile: {kind: {"injected": some, "met": met} for kind, (some, met) in kinds.items()}
                for profile, kinds in self.by_board().items()
            },
            "unmet": self.unmet(),
            "recoveries": {
                kind: {"count": len(took), "p50_s": median(took), "max_s": took[-1]}
                for kind, took in self.recoveries().items()
            },
            "checks": self.checks(),
            "people": self.summed("did"),
            "refusals": self.summed("refusals"),
            "crash_points": len(self.points),
            "digests": {_run_name(each): each.digest for each in self.outcomes},
            "violations": [
                {
                    "seed": each.seed,
                    "invariant": each.violation.invariant,
                    "at": moment(each.violation.at),
                    "text": each.violation.text,
                    "more": each.others,
                    "replay": each.replay,
                    "smaller": each.smaller,
                    "last_lines": list(each.last_lines),
                }
                for each in self.failures
            ],
        }


def replay_command(setting: Setting, at: float) -> str:
    """The command that shows a run again, up to just after a moment."""
    scenario = setting.scenario
    words = [
        "motorpool",
        "replay",
        str(setting.seed),
        "--scenario",
        _shown(scenario.name, str(scenario.path)),
    ]
    words += ["--days", f"{setting.days:g}"]
    if setting.people < 1:
        words += ["--people", f"{setting.people:g}"]
    if setting.faults is not None:
        words += ["--faults", ",".join(setting.faults)]
    if setting.kill_at is not None:
        words += ["--kill-at", str(setting.kill_at)]
    words += ["--until", moment(at + 1)]
    return shlex.join(words)


def _shown(name: str, path: str) -> str:
    """A scenario of the package by its name, another one by its path."""
    return name if "/simulator/scenarios/" in path else path


def _run_name(outcome: Outcome) -> str:
    return str(outcome.seed) if outcome.kill_at is None else f"{outcome.seed}/{outcome.kill_at}"


def _names(outcomes: Sequence[Outcome]) -> Iterable[str]:
    return dict.fromkeys(name for each in outcomes for name in each.counts)


def _all(parts: Iterable[list[float]]) -> list[float]:
    return [each for part in parts for each in part]
