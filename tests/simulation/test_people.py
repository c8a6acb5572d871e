"""People: each behaviour shows in the world or in the book, and nobody who acts so breaks an invariant."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from simulator.people.behaviour import BEHAVIOURS
from simulator.play import Outcome, Setting, play
from simulator.scenario import load_scenario

SHIFT = """
title = "One behaviour"
days = 1

[station]
cabinets = 2
slots = 16
cars = 6
officers = 7
terminals = 3
sealed = 2

[[shift]]
name = "day"
begins = "00:05"
ends = "12:00"
officers = 5
trips = 3.0
minutes = [10, 30]

[people]
sergeants = 1
mechanics = 1
garage_drivers = 1
thieves = 1

[behaviour]
"""

OCCASIONS: Mapping[str, str] = {
    "hides_defects": "breaks_it = 0.8",
    "reports_defects": "breaks_it = 0.8",
}


def played(folder: Path, rates: str, seed: int = 3) -> Outcome:
    file = folder / "people.toml"
    file.write_text(SHIFT + rates, encoding="utf-8")
    return play(Setting(load_scenario(file), seed, 1.0))


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
def test_a_behaviour_is_acted_and_harms_no_invariant(behaviour: str, tmp_path: Path) -> None:
    rate = 1.0 if behaviour.startswith(("forces", "pries", "replays", "presents")) else 0.5
    outcome = played(tmp_path, f"{behaviour} = {rate}\n{OCCASIONS.get(behaviour, '')}")
    assert not outcome.violations, [str(each) for each in outcome.violations]
    assert outcome.did[behaviour] > 0, outcome.did
    assert outcome.counts["check_outs"] > 0


def test_the_ordinary_day(tmp_path: Path) -> None:
    outcome = played(tmp_path, "")
    assert not outcome.violations
    assert outcome.counts["check_outs"] == outcome.counts["returns"] == outcome.did["brings_a_set_home"]
    assert set(outcome.refusals) <= {"already_out", "being_taken"}


def test_a_broken_car_goes_through_the_garage(tmp_path: Path) -> None:
    outcome = played(tmp_path, "breaks_it = 0.4\nreports_defects = 1.0")
    assert not outcome.violations
    assert outcome.did["opens_an_order"] >= outcome.did["mends_a_car"] >= outcome.did["accepts_a_repair"] > 0


def test_a_thief_leaves_an_alarm(tmp_path: Path) -> None:
    outcome = played(tmp_path, "pries_a_set = 1.0")
    assert outcome.did["pries_a_set"] == 1
    assert not outcome.violations


def test_no_trick_opens_a_car(tmp_path: Path) -> None:
    rates = "presents_a_grant = 1.0\nreplays_a_recording = 1.0"
    file = tmp_path / "people.toml"
    file.write_text(SHIFT.replace("thieves = 1", "thieves = 4") + rates, encoding="utf-8")
    outcome = play(Setting(load_scenario(file), 3, 2.0))
    assert not outcome.violations, [str(each) for each in outcome.violations]
    assert outcome.did["presents_a_grant"] == outcome.did["replays_a_recording"] == 8
    assert outcome.did["a_terminal_refused_a_recording"] > 0
    assert outcome.did["a_terminal_refused_a_thief"] > 0
    assert "a_thief_got_in" not in outcome.did
