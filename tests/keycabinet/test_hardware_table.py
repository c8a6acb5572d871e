"""The hardware page says of every board what its family says of it."""

from __future__ import annotations

from pathlib import Path

from keycabinet.boards.base import board_kinds
from keycabinet.boards.table import table

PAGE = (Path(__file__).parents[2] / "docs" / "hardware.md").read_text(encoding="utf-8")


def test_the_table_is_what_the_families_say() -> None:
    shown = PAGE.split("<!-- boards:begin -->\n")[1].split("<!-- boards:end -->")[0]
    assert shown == table(), "run python -m keycabinet.boards and paste it between the markers"


def test_every_kind_says_where_its_facts_come_from_and_what_was_tried() -> None:
    for profile, kind in board_kinds().items():
        assert kind.title, profile
        assert kind.source, profile
        assert ("never tried on hardware" in kind.tried) is not kind.on_hardware, profile
