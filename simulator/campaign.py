"""Many seeds of one scenario, in parallel processes, and what came of them. Found through `motorpool.worlds`."""

from __future__ import annotations

import math
import multiprocessing
import os
import re
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace

from lifecycle.errors import Problem, SiteError
from simulator.invariants import Violation
from simulator.play import Outcome, Setting, play
from simulator.report import Failure, Report, replay_command
from simulator.scenario import Listed, Scenario, load_scenario, must_be_playable, packed_scenarios
from simulator.shrink import shrink
from simulator.version import revision

SEEDS_HELP = 'seeds such as "7", "1..200" or "1..5,17"; from 0, none twice'
CRASH_SCENARIO = "crash-points"
MOST_SEEDS = 100_000
INTERRUPTED = 130
"""The exit code of a worker that Ctrl-C ended: 128 and the signal's number."""
_RANGE = re.compile(r"(\d{1,18})(?:\.\.(\d{1,18}))?")

Progress = Callable[[int, int], None]
"""Told how many of how many runs are done."""
Clock = Callable[[], float]


def parse_seeds(text: str) -> tuple[int, ...]:
    """The seeds of "1..200". Raises SiteError naming the option for none, or for what is not a list of ranges."""
    seeds: list[int] = []
    for part in text.split(","):
        found = _RANGE.fullmatch(part.strip())
        if found is None:
            raise SiteError([Problem("(command line)", "--seeds", text, SEEDS_HELP)])
        first = int(found[1])
        last = first if found[2] is None else int(found[2])
        if last < first or last - first >= MOST_SEEDS:
            allowed = f"a range with 1 to {MOST_SEEDS:,} seeds in it; {part.strip()} has {max(0, last - first + 1):,}"
            raise SiteError([Problem("(command line)", "--seeds", text, allowed)])
        seeds += range(first, last + 1)
    if len(dict.fromkeys(seeds)) < len(seeds):
        raise SiteError([Problem("(command line)", "--seeds", text, SEEDS_HELP)])
    return tuple(seeds)


def scenarios() -> Sequence[Listed]:
    """The scenarios that come with the package, with what they wait for."""
    return packed_scenarios()


def run(
    *,
    scenario: str,
    seeds: str,
    days: float | None = None,
    jobs: int = 1,
    crash_points: bool = False,
    progress: Progress = lambda _done, _total: None,
    clock: Clock = time.perf_counter,
) -> Report:
    """Play every seed, and make failing ones smaller. With one job in this process. Raises SiteError.

    With `crash_points` each seed is played once for every point at which the program can die.
    """
    story = load_scenario(scenario)
    must_be_playable(story)
    length = length_of(story, days)
    settings = [Setting(story, seed, length) for seed in parse_seeds(seeds)]
    began, code = clock(), revision()
    points: list[str] = []
    if crash_points:
        counted = [play(replace(each, count_points=True)) for each in settings]
        points = [point for each in counted for point in each.points]
        settings = [
            replace(setting, kill_at=number)
            for setting, whole in zip(settings, counted, strict=True)
            for number in range(1, len(whole.points) + 1)
        ]
    outcomes = []
    for outcome in _play_all(settings, jobs):
        outcomes.append(outcome)
        progress(len(outcomes), len(settings))
    outcomes.sort(key=lambda each: (each.seed, each.kill_at or 0))
    failures = [_failure(story, each) for each in outcomes if each.violations]
    return Report(
        scenario=str(scenario),
        title=story.title,
        days=length,
        jobs=jobs,
        revision=code,
        took_s=clock() - began,
        outcomes=outcomes,
        failures=failures,
        points=points,
    )


def length_of(story: Scenario, days: float | None) -> float:
    """How many days to play. Raises SiteError naming the option."""
    length = story.days if days is None else days
    if not (math.isfinite(length) and 0 < length <= 3660):
        raise SiteError([Problem("(command line)", "--days", days, "more than 0 and at most 3660 days")])
    return length


def _play_all(settings: Sequence[Setting], jobs: int) -> Iterator[Outcome]:
    if jobs <= 1:
        yield from map(_play, settings)
        return
    # A fresh interpreter a worker: nothing that this process did can leak into a run.
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        try:
            running = [pool.submit(_play_in_a_worker, setting) for setting in settings]
            for done in as_completed(running):
                yield done.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)  # who breaks off does not wait for every seed
            raise


def _play_in_a_worker(setting: Setting) -> Outcome:
    try:
        return _play(setting)
    except KeyboardInterrupt:
        os._exit(INTERRUPTED)  # nor for those that this worker would take next


def _play(setting: Setting) -> Outcome:
    """Play one; whatever the simulator itself stumbles over is a violation too, with its last lines."""
    try:
        return play(setting)
    except Exception as error:  # noqa: BLE001 - a campaign goes on, and says which seed broke it
        text = f"{type(error).__name__}: {error}"
        lines = traceback.format_exc().splitlines()[-12:]
        stumble = [Violation("run", 0.0, text)]
        return Outcome(
            setting.seed, setting.days, kill_at=setting.kill_at, violations=stumble, last_lines=lines
        )


def _failure(story: Scenario, outcome: Outcome) -> Failure:
    first = outcome.violations[0]
    whole = Setting(story, outcome.seed, outcome.days, kill_at=outcome.kill_at)
    smaller = None if first.invariant in ("run", "board") else shrink(whole, first, _play)
    return Failure(
        seed=outcome.seed,
        violation=first,
        others=len(outcome.violations) - 1,
        last_lines=tuple(outcome.last_lines),
        replay=replay_command(whole, first.at),
        smaller=None if smaller is None else replay_command(smaller.setting, smaller.violation.at),
        smaller_says=None if smaller is None else smaller.says,
    )
