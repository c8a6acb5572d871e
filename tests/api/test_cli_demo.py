"""`motorpool demo`: the story told, the summary, the exit code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from typer.testing import CliRunner

from api import worlds
from api.commands.demo import COLOURS
from api.commands.program import app
from simulator.demo import DemoResult, Narration, run


def test_in_virtual_time_it_ends_well() -> None:
    done = CliRunner().invoke(app, ["demo", "--speed", "fast"], env={"COLUMNS": "160"})
    assert done.exit_code == 0, done.stdout
    assert "P-112 is ready again" in done.stdout
    assert "the morning in figures" in done.stdout
    assert "Ledger verified" in done.stdout


def test_every_kind_of_line_has_a_colour() -> None:
    told: list[Narration] = []
    assert run("fast", told.append).ok
    assert {line.kind for line in told} <= set(COLOURS)


@dataclass(frozen=True, slots=True)
class SadWorld:
    """Another world, as an integrator may install one under the entry point."""

    def __call__(self, *, speed: str, tell: Callable[[Narration], None]) -> DemoResult:
        tell(Narration(61.25, "nobody", f"came in at {speed} speed [sic]", "odd"))
        return DemoResult(ok=False, summary=(("key sets", "0"),), ledger_head="0" * 64, events=0)


def test_when_it_does_not_end_well_the_exit_code_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str) -> Any:
        assert name == "demo"
        return SadWorld()

    monkeypatch.setattr(worlds, "load", load)
    done = CliRunner().invoke(app, ["demo"])
    assert done.exit_code == 1
    assert "01:01.2  nobody       came in at real speed [sic]" in done.stdout
    assert "did not end as it should" in done.stdout
