"""`motorpool campaign` and `motorpool replay` as whole processes: what they print, write, and exit with."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from short_story import START_ALONE

IMPOSSIBLE = """
title = "A board that shows what it cannot"
days = 0.1

[station]
cabinets = 1
slots = 8
cars = 2
officers = 2
terminals = 0

[[board]]
every_set = "out"
"""


def motorpool(*words: str, timeout: float = 180) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "api.cli", *words],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def test_a_campaign_in_two_processes(tmp_path: Path) -> None:
    figures, page = tmp_path / "figures.json", tmp_path / "page.html"
    done = motorpool(
        "campaign",
        "--seeds",
        "1..2",
        "--days",
        "0.5",
        "--jobs",
        "2",
        "--json",
        str(figures),
        "--html",
        str(page),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No violation." in done.stdout
    assert done.stderr.splitlines() == ["1 of 2 station-runs", "2 of 2 station-runs"]
    for words in ("station-days", "check-outs", "faults met", "recoveries", "left out", "times real time"):
        assert words in done.stdout
    found = json.loads(figures.read_text(encoding="utf-8"))
    assert found["seeds"] == [1, 2]
    assert found["station_days"] == 1
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_crash_points_are_those_of_one_seed_unless_more_are_asked_for(tmp_path: Path) -> None:
    story, figures = tmp_path / "start.toml", tmp_path / "figures.json"
    story.write_text(START_ALONE, encoding="utf-8")
    done = motorpool(
        "campaign", "--crash-points", "--scenario", str(story), "--jobs", "1", "--json", str(figures)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "before a commit" in done.stdout
    assert json.loads(figures.read_text(encoding="utf-8"))["seeds"] == [1]


def test_a_violation_is_printed_with_the_command_that_shows_it(tmp_path: Path) -> None:
    story = tmp_path / "impossible.toml"
    story.write_text(IMPOSSIBLE, encoding="utf-8")
    done = motorpool("campaign", "--scenario", str(story), "--seeds", "3", "--jobs", "1")
    assert done.returncode == 1, done.stdout
    assert "seed 3" in done.stdout
    assert "the board must show every_set out" in done.stdout
    (line,) = [line for line in done.stdout.splitlines() if "again:" in line]
    words = shlex.split(line.partition("again:")[2])
    assert words[:3] == ["motorpool", "replay", "3"]
    again = motorpool(*words[1:])
    assert "KeySetEnrolled" in again.stdout


def test_a_replay_tells_what_happens_up_to_a_moment() -> None:
    done = motorpool("replay", "1", "--scenario", "s10-double-posting", "--until", "day 1 18:05:00")
    assert done.returncode == 0, done.stdout
    assert "ReleaseIntended" in done.stdout
    assert "pulled" in done.stdout
    assert "No violation until then." in done.stdout
    later = motorpool(
        "replay", "1", "--scenario", "s10-double-posting", "--until", "18:05:00", "--since", "day 1 18:00"
    )
    assert "KeySetEnrolled" not in later.stdout
    assert "ReleaseIntended" in later.stdout


def test_the_scenarios_are_listed_with_what_they_wait_for() -> None:
    done = motorpool("campaign", "--list")
    assert done.returncode == 0
    for words in ("city", "quiet-week", "shift-change", "s04-power-cut", "sealing"):
        assert words in done.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("campaign", "--seeds", "9..1"), "--seeds = '9..1'"),
        (("campaign", "--seeds", "many"), "1..200"),
        (("campaign", "--days", "0"), "--days"),
        (("campaign", "--scenario", "nowhere"), "quiet-week"),
        (("campaign", "--scenario", "s07-collision"), "waits_for = 'holds, signed extracts'"),
        (("campaign", "--html", "/nowhere/at/all.html"), "there is no folder"),
        (("replay", "1", "--until", "noon"), "day 2 06:15:30"),
        (("replay", "1", "--faults", "lightning"), "line_noise"),
    ],
)
def test_bad_input_names_what_is_wrong(words: tuple[str, ...], says: str) -> None:
    done = motorpool(*words)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_bad_rates_in_a_scenario_are_named(tmp_path: Path) -> None:
    story = tmp_path / "wrong.toml"
    story.write_text(
        'title = "x"\n[behaviour]\nrefuels = 2\nflies = 0.1\n[fault]\nlightning = 1\n', encoding="utf-8"
    )
    done = motorpool("campaign", "--scenario", str(story))
    assert done.returncode == 2
    for key in ("behaviour.refuels", "behaviour.flies", "fault.lightning"):
        assert key in done.stderr
