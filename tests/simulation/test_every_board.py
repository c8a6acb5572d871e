"""A station with every board: a morning of it, and what the report says of each board. CI plays more of it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from keycabinet.boards.base import board_kinds
from keycabinet.readers.base import reader_kinds
from simulator import campaign, made_up_cabinets
from simulator.faults import FAULTS
from simulator.play import Setting, play
from simulator.report import Report
from simulator.scenario import load_scenario

NOT_PLAYED = ("rdm6300",)
"""It talks every 65 ms, whether anybody listens or not: a simulated day of that takes minutes."""


@pytest.fixture(scope="module")
def report() -> Report:
    return campaign.run(scenario="every-board", seeds="1", days=0.3)


def test_a_morning_breaks_no_invariant(report: Report) -> None:
    assert report.ok, [str(each.violation) for each in report.failures]
    assert report.count("check_outs") > 5


def test_every_family_of_boards_and_readers_is_there(report: Report) -> None:
    played = report.by_board()
    families = {profile.rpartition("-")[0] for profile in board_kinds()}
    assert families - {profile.rpartition("-")[0] for profile in played} == set()
    assert set(reader_kinds()) - set(played) == set(NOT_PLAYED)


def test_the_report_tells_which_board_met_what(report: Report) -> None:
    boards, unmet = report.by_board(), report.unmet()
    assert "pushes_lost" in boards["wkly-8"]
    assert "pushes_lost" not in boards["xor-8a-8"]
    assert "boards_swapped" in boards["kerong-cu16"]
    assert "board_answers_exceptions" in boards["moxa-iologik-e1210"]
    assert "key_switch_stuck_absent" in boards["kerong-cu48-60"]
    assert "key_switch_stuck_absent" not in boards["waveshare-relay-32"]
    assert set(boards["ds2480b"]) > {"reader_dead", "reader_garbles", "fob_silent", "line_echoes"}
    for profile, kinds in boards.items():
        assert list(kinds) == [kind for kind in FAULTS if kind in kinds]
        for kind, (injected, met) in kinds.items():
            assert injected >= met
            assert (kind in unmet.get(profile, ())) == (met == 0)
    met = {kind for kind, (_, met) in report.faults().items() if met}
    assert met >= {kind for kinds in boards.values() for kind, (_, some) in kinds.items() if some}
    figures = report.as_json()
    assert figures["unmet"] == unmet
    assert figures["boards"]["wkly-8"].keys() == boards["wkly-8"].keys()
    (table,) = [rows for title, _, rows in report.tables() if title == "faults by board"]
    assert [row[0] for row in table] == list(boards)
    assert "moxa-iologik-e1210" in report.as_page()


SWAPPED_AND_RESET = """
title = "Two boards changed places, and one of them comes back as it left the factory"
days = 0.02

[station]
every_board = true
cars = 50
officers = 4
terminals = 0

[[act]]
at = "00:01"
happens = "boards swapped"
target = "A/a1+A/a2"
lasts = "25 min"

[[act]]
at = "00:10"
happens = "board reset to factory"
target = "A/a2"
lasts = "5 min"
"""


def test_a_board_that_opens_by_itself_is_known_by_what_it_is_not_by_its_address(tmp_path: Path) -> None:
    """Campaign of every board, seed 17: the check took it for the board whose address it had."""
    (tmp_path / "swapped.toml").write_text(SWAPPED_AND_RESET, encoding="utf-8")
    lines: list[str] = []
    outcome = play(Setting(load_scenario(tmp_path / "swapped.toml"), 1, 0.02), lines.append)
    assert [line for line in lines if "coil_on A" in line]
    assert outcome.violations == []


def test_sets_and_slots_of_the_made_up_cabinets() -> None:
    homes = list(made_up_cabinets.homes())
    assert len(homes) == len(dict(homes)) == made_up_cabinets.SETS
    fobs = sorted(fob for _, fob in homes if fob is not None)
    assert all(one != other for one, other in pairwise(fobs))
