"""A station with every board: a morning of it, and what the report says of each board. CI plays more of it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from keycabinet.boards.base import board_kinds
from keycabinet.readers.base import reader_kinds
from simulator import campaign, made_up_cabinets
from simulator.faults import FAULTS
from simulator.report import Report

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


def test_sets_and_slots_of_the_made_up_cabinets() -> None:
    homes = list(made_up_cabinets.homes())
    assert len(homes) == len(dict(homes)) == made_up_cabinets.SETS
    fobs = sorted(fob for _, fob in homes if fob is not None)
    assert all(one != other for one, other in pairwise(fobs))
