"""Strategies for faults: what they give can be carried out, and a station comes right whatever it was."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from lifecycle.ledger import verify
from simulator import demo, virtual_time
from simulator.faults import FAULTS, UnknownFault
from simulator.strategies import PlannedFault, carry_out, fault_kinds, fault_plans
from simulator.testing import running_station


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plan=fault_plans(most=3, within_s=120.0, longest_s=120.0))
def test_a_station_comes_right_whatever_it_was(plan: tuple[PlannedFault, ...]) -> None:
    async def scene(folder: Path) -> None:
        site = demo.example_site(folder)
        async with running_station(site, radio="memory") as station:
            await carry_out(plan, station.faults)
            await station.until(lambda: all(each.online for each in station.pool.cabinets()), within=600)
            await asyncio.sleep(600)
            assert [each.availability for each in station.pool.vehicles() if each.availability == "out"] == []
            head = station.pool.health()
        assert verify(site.ledger_path).head.seq == head.ledger_seq

    with tempfile.TemporaryDirectory() as folder:
        virtual_time.run(scene(Path(folder)))


@pytest.mark.virtual_time
async def test_a_plan_is_carried_out(tmp_path: Path) -> None:
    async with running_station(demo.example_site(tmp_path), radio="memory") as station:
        plan = (PlannedFault("board_dead", 0, 5.0, 60.0), PlannedFault("board_dead", 0, 10.0, 60.0))
        assert await carry_out(plan, station.faults) == 1
        assert station.faults.counts["board_dead"].met == 1
        assert station.faults.active() == ()


def test_unknown_kinds_are_named() -> None:
    assert "board_dead" in FAULTS
    with pytest.raises(UnknownFault, match="board_ded"):
        fault_kinds("board_ded")
