"""Scenario files: those of the package play and end as they must; what is wrong with one is said at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from lifecycle import SiteError
from simulator import campaign
from simulator.scenario import load_scenario, must_be_playable, packed_scenarios
from simulator.timespan import moment, parse_duration, parse_moment

STORIES = [each for each in packed_scenarios() if each.name not in ("city", "four-cabinets", "every-board")]
PLAYABLE = [each.name for each in STORIES if not each.waits_for]


def written(folder: Path, text: str) -> Path:
    file = folder / "story.toml"
    file.write_text(text, encoding="utf-8")
    return file


def problems(folder: Path, text: str) -> dict[str, str]:
    """What is wrong with a scenario: allowed values by key."""
    with pytest.raises(SiteError) as wrong:
        load_scenario(written(folder, text))
    return {each.key: each.allowed for each in wrong.value.problems}


@pytest.mark.parametrize("name", PLAYABLE)
def test_a_story_ends_as_it_must(name: str) -> None:
    report = campaign.run(scenario=name, seeds="1..3")
    assert report.ok, [str(each.violation) for each in report.failures]
    assert all(each.board for each in report.outcomes)


def test_cabinets_of_every_kind() -> None:
    report = campaign.run(scenario="four-cabinets", seeds="1..2", days=1)
    assert report.ok, [str(each.violation) for each in report.failures]
    assert report.count("check_outs") > 30


def test_the_ten_stories_are_there() -> None:
    told = [each.name.partition("-")[0] for each in packed_scenarios()]
    assert [name for name in told if name[0] == "s" and name[1:].isdigit()] == [
        f"s{n:02d}" for n in range(1, 11)
    ]


@pytest.mark.parametrize("name", [each.name for each in STORIES if each.waits_for])
def test_a_story_that_waits_says_for_what(name: str) -> None:
    story = load_scenario(name)
    assert story.story
    with pytest.raises(SiteError) as waiting:
        must_be_playable(story)
    (problem,) = waiting.value.problems
    assert problem.key == "waits_for"
    assert story.waits_for[0] in str(problem.value)


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """
title = "x"
colour = "red"
[behaviour]
refuels = 1.2
sleeps = 0.1
[fault]
line_noise = -0.1
lightning = 0.5
[[act]]
at = "25:00"
who = "Li Wei"
does = "flies"
[[act]]
at = "01:00"
happens = "mains off"
colour = "red"
[[act]]
at = "01:00"
does = "hands over"
[[act]]
at = "01:00"
""",
    )
    assert found.keys() == {
        "colour", "behaviour.refuels", "behaviour.sleeps", "fault.line_noise", "fault.lightning", "act.0.at",
        "act.0.does", "act.1.colour", "act.2.who", "act.2.to", "act.3",
    }  # fmt: skip
    assert "less than or equal to 1" in found["behaviour.refuels"]
    assert "refuels" in found["behaviour.sleeps"]
    assert "line_noise" in found["fault.lightning"]
    assert "hands over" in found["act.0.does"]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("title = 'x'\n[[board]]\ncar = 'P-1'", "board.0"),
        ("title = 'x'\n[[board]]\nevent = 'KeySetTaken'", "board.0"),
        ("title = 'x'\n[station]\ncars = 40\nslots = 32", "station"),
        ("title = 'x'\n[station]\nterminals = 4\ncars = 2", "station"),
        ("title = 'x'\ndays = 0", "days"),
        ("story = 'untitled'", "title"),
        ("title =", "(file)"),
    ],
)
def test_one_thing_wrong(tmp_path: Path, text: str, key: str) -> None:
    assert list(problems(tmp_path, text)) == [key]


@pytest.mark.parametrize("seeds", ["", "x", "9..1", "1..2,2", "-1", "1...3", "1..9999999"])
def test_seeds_that_are_none(seeds: str) -> None:
    with pytest.raises(SiteError) as wrong:
        campaign.parse_seeds(seeds)
    assert wrong.value.problems[0].key == "--seeds"


def test_seeds() -> None:
    assert campaign.parse_seeds("7") == (7,)
    assert campaign.parse_seeds("1..3, 9") == (1, 2, 3, 9)


def test_times_of_a_story() -> None:
    assert parse_moment("01:40") == 6_000
    assert parse_moment("day 2 06:15:30") == 86_400 + 22_530
    assert moment(parse_moment("day 2 06:15:30")) == "day 2 06:15:30"
    assert parse_duration("90 s") == 90
    assert parse_duration("2.5 h") == 9_000
    for text in ("24:00", "day 0 01:00", "noon", "1:40"):
        with pytest.raises(ValueError, match="time of day"):
            parse_moment(text)
    for text in ("10", "min", "-3 s", "3 weeks"):
        with pytest.raises(ValueError, match="duration"):
            parse_duration(text)


def test_a_site_of_ones_own(tmp_path: Path) -> None:
    site = Path(__file__).parents[2] / "examples"
    story = written(
        tmp_path,
        f"""
title = "The demo's station"
days = 0.2
[station]
site = "{site}/site.toml"
[[act]]
at = "01:00"
who = "Li Wei"
does = "takes"
car = "P-112"
minutes = 10
[[act]]
at = "02:00"
who = "Li Wei"
does = "comes home"
slot = "B-05"
[[board]]
set = "ks-112-1"
shows = "in_slot"
slot = "B-05"
""",
    )
    report = campaign.run(scenario=str(story), seeds="1")
    assert report.ok, [str(each.violation) for each in report.failures]
