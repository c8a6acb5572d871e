"""Our parser against python-OBD: every reply of the corpus is read alike, or listed with who is right and why."""

from __future__ import annotations

import pytest
from obd_agreement import DOCUMENT, Difference, agree, differences, document, read_by_them, read_by_us
from obd_causes import CAUSES
from obd_corpus import CAN11, Exchange, corpus

from vehicle.obd.pids import PIDS


@pytest.fixture(scope="module")
def exchanges() -> list[Exchange]:
    with pytest.MonkeyPatch.context() as patch:
        return corpus(patch)


@pytest.fixture(scope="module")
def found(exchanges: list[Exchange]) -> list[Difference]:
    return differences(exchanges)


def test_there_are_enough_replies(exchanges: list[Exchange]) -> None:
    assert len(exchanges) >= 300
    assert len({each.printed for each in exchanges}) >= 300
    asked = {each.request for each in exchanges}
    assert {row.request for row in PIDS.values() if row.pid < 0x60} <= asked
    assert {"03", "07", "0902", "0904"} <= asked


def test_every_disagreement_has_one_cause(found: list[Difference]) -> None:
    for each in found:
        causes = [cause.title for cause in CAUSES if cause.covers(each.exchange.name)]
        assert len(causes) == 1, (each, causes)
    for cause in CAUSES:
        assert any(cause.covers(each.exchange.name) for each in found), cause.title


def test_the_page_lists_every_disagreement_and_no_other(
    exchanges: list[Exchange], found: list[Difference]
) -> None:
    """Write it anew with `python tests/vehicle/obd_agreement.py` once the new cause is known and stands in CAUSES."""
    assert DOCUMENT.read_text(encoding="utf-8") == document(exchanges, found)


def test_a_wrong_value_would_be_seen() -> None:
    right = Exchange("speed", CAN11, "010D", "7E8 03 41 0D 37\r\r>")
    assert agree(right, read_by_them(right), read_by_us(right))
    assert not agree(right, read_by_them(right), {"7E8": 56})
    assert not agree(right, read_by_them(right), {})
    assert not agree(right, read_by_them(right), {"7E9": 55})
