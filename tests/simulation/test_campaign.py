"""Campaigns: figures, parallel processes, crash points, the page; one seed is one run everywhere."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlparse

import pytest
from short_story import START_ALONE

from lifecycle import SiteError
from simulator import campaign, replay
from simulator.invariants import INVARIANTS
from simulator.play import Outcome, Play, Setting, play
from simulator.report import Report
from simulator.scenario import load_scenario

DIGEST = """
import sys
from simulator.play import Setting, play
from simulator.scenario import load_scenario
print(play(Setting(load_scenario("city"), 11, 0.5)).digest)
"""


@pytest.fixture(scope="module")
def report() -> Report:
    return campaign.run(scenario="city", seeds="1..3", days=1, jobs=2)


def test_a_short_campaign_finds_nothing(report: Report) -> None:
    assert report.ok, [str(each.violation) for each in report.failures]
    assert [each.seed for each in report.outcomes] == [1, 2, 3]
    assert report.station_days == 3
    assert report.count("check_outs") > 60
    assert all(report.checks().values())


def test_the_figures_as_json(report: Report) -> None:
    figures = report.as_json()
    assert figures["seeds"] == [1, 2, 3]
    assert figures["counts"]["polls_skipped"] > 100 * figures["counts"]["polls"]
    assert all(each["injected"] >= each["met"] >= 0 for each in figures["faults"].values())
    assert figures["checks"].keys() == INVARIANTS.keys()
    assert len(set(figures["digests"].values())) == 3
    assert figures["violations"] == []


class Links(HTMLParser):
    """Everything that a page would load."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [value for name, value in attrs if name in ("src", "href") and value]


def test_the_page_needs_nothing_else(report: Report) -> None:
    text = report.as_page()
    links = Links()
    links.feed(text)
    assert not [each for each in links.loads if urlparse(each).scheme or each.startswith("//")]
    assert "script" not in links.tags
    assert links.tags.count("svg") == 3
    assert "url(" not in text
    assert "no violation" in text


def test_one_seed_is_one_run_in_four_fresh_processes() -> None:
    digests = [
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            env={**os.environ, "PYTHONHASHSEED": str(hash_seed)},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        ).stdout.strip()
        for hash_seed in (0, 1, 2, 3)
    ]
    assert re.fullmatch("[0-9a-f]{64}", digests[0])
    assert digests == digests[:1] * 4


def test_another_seed_is_another_run() -> None:
    story = load_scenario("quiet-week")
    one, two = (play(Setting(story, seed, 0.5)) for seed in (1, 2))
    assert one.digest != two.digest


def test_the_first_days_are_the_same_however_many_follow() -> None:
    lines: dict[float, list[str]] = {1.0: [], 2.0: []}
    for days, told in lines.items():
        play(Setting(load_scenario("city"), 4, days, until_s=43_200.0), told.append)
    assert len(lines[1.0]) > 100
    assert lines[1.0] == lines[2.0]


def test_crash_points_of_the_packed_story() -> None:
    """Every sixteenth point; `motorpool campaign --crash-points` plays them all."""
    story = load_scenario("crash-points")
    whole = play(Setting(story, 1, story.days, count_points=True))
    assert whole.points.count("before a commit") == whole.points.count("after a commit") > 20
    assert {each.split()[0] for each in whole.points} == {"before", "after", "write", "written"}
    for number in range(1, len(whole.points) + 1, 16):
        outcome = play(Setting(story, 1, story.days, kill_at=number))
        assert not outcome.violations, (number, [str(each) for each in outcome.violations])
        assert outcome.counts["starts"] >= 2


def test_a_campaign_over_crash_points(tmp_path: Path) -> None:
    file = tmp_path / "short.toml"
    file.write_text(START_ALONE, encoding="utf-8")
    report = campaign.run(scenario=str(file), seeds="1", crash_points=True)
    assert report.ok, [str(each.violation) for each in report.failures]
    assert len(report.outcomes) == len(report.points) > 10
    shown = {title: rows for title, _, rows in report.tables()}
    assert not shown["faults by board"]
    assert ("met by board", "no faults were injected") in shown["campaign"]
    assert "no faults were injected" in report.as_page()
    assert [each.kill_at for each in report.outcomes] == list(range(1, len(report.points) + 1))


def test_what_the_simulator_stumbles_over_names_the_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    def stumble(setting: Setting) -> None:
        raise RuntimeError("a mistake in the simulator")

    monkeypatch.setattr(campaign, "play", stumble)
    report = campaign.run(scenario="quiet-week", seeds="5")
    (failure,) = report.failures
    assert (failure.seed, failure.violation.invariant) == (5, "run")
    assert "a mistake in the simulator" in failure.violation.text


def test_a_replay_stops_where_it_is_told() -> None:
    lines: list[str] = []
    done = replay.run(2, scenario="quiet-week", days=1, until="day 1 09:00:00", tell=lines.append)
    assert done.ok
    assert any("KeySetTaken" in line for line in lines)
    assert max(lines) < "day 1 09:00:01"


def test_a_replay_tells_nothing_before_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    def ten_days(setting: Setting, tell: Callable[[str], None]) -> Outcome:
        for day in (1, 2, 9, 10, 11):
            tell(f"day {day} 09:00:00  world   door_open A")
        return Outcome(setting.seed, setting.days)

    monkeypatch.setattr(replay, "play", ten_days)
    lines: list[str] = []
    replay.run(2, scenario="quiet-week", since="day 10 09:00", tell=lines.append)
    assert [line.split()[1] for line in lines] == ["10", "11"]


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"until": "noon"}, "--until"),
        ({"since": "midnight"}, "--since"),
        ({"faults": "lightning"}, "--faults"),
        ({"days": 0.0}, "--days"),
        ({"scenario": "nowhere"}, "(file)"),
        ({"scenario": "s03-key-taken-home"}, "waits_for"),
    ],
)
def test_a_replay_of_nothing(options: dict[str, object], key: str) -> None:
    with pytest.raises(SiteError) as wrong:
        replay.run(1, **{"scenario": "quiet-week", **options})  # type: ignore[arg-type]
    assert wrong.value.problems[0].key == key


def test_what_the_library_says_of_faults_is_not_shown() -> None:
    program = "from simulator import campaign; campaign.run(scenario='city', seeds='1', days=0.5)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_an_error_that_nobody_waits_for_is_a_violation(monkeypatch: pytest.MonkeyPatch) -> None:
    def stumbles() -> None:
        raise RuntimeError("a callback's mistake")

    class Stumbling(Play):
        def _set_up(self) -> None:
            super()._set_up()
            asyncio.get_running_loop().call_later(60.0, stumbles)

    monkeypatch.setattr("simulator.play.Play", Stumbling)
    violation = play(Setting(load_scenario("quiet-week"), 1, 0.01)).violations[0]
    assert violation.invariant == "run"
    assert "a callback's mistake" in violation.text
