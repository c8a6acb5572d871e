"""Faults of sealed terminals and of what the authority sends: each is met, and does what it says."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from test_sealed_station import site

from lifecycle.ledger import Ledger
from simulator.authority import SHIFT_S
from simulator.faults import FAULTS, FaultNotPossible, Faults, Injection, Layer
from simulator.faults.disk import Disk
from simulator.station import SimulatedStation
from simulator.testing import running_station
from vehicle import ActionOrder, Terminal, VehicleError, open_terminal
from vehicle.actions import Action, ActionOutcome, ActionResult

SEALED = tuple(name for name, kind in FAULTS.items() if kind.layer is Layer.SEALED)


@dataclass
class Beside:
    """Somebody who talks to the one sealed car of a station, where things go wrong."""

    station: SimulatedStation
    terminal: Terminal
    faults: Faults
    orders: int = 0

    def inject(self, kind: str) -> Injection:
        return self.faults.inject(kind, self.faults.targets(kind)[0], math.inf)

    async def order(self, action: Action) -> ActionResult:
        self.orders += 1
        (result,) = await self.terminal.perform(ActionOrder(action, f"c-{self.orders}"))
        return result


@asynccontextmanager
async def beside(folder: Path) -> AsyncIterator[Beside]:
    station = SimulatedStation(site(folder), radio="memory")
    vehicle = station.site.roster.vehicle("v-1")
    async with station.running("memory"):
        faults = Faults(station.hardware, random.Random(1))
        terminal = open_terminal(vehicle.terminal, station.radio, name="P-1", access=station.papers)
        async with terminal:
            yield Beside(station, terminal, faults)
        faults.clear_all()


def test_without_sealed_cars_nothing_sealed_can_break(tmp_path: Path) -> None:
    made = site(tmp_path)
    roster = made.roster
    plain = {
        name: replace(each, terminal=roster.vehicles["v-3"].terminal)
        for name, each in roster.vehicles.items()
    }
    station = SimulatedStation(made.located(tmp_path, replace(roster, vehicles=plain)))
    faults = Faults(station.hardware, random.Random(1))
    assert [faults.targets(kind) for kind in SEALED] == [()] * len(SEALED)


async def test_each_has_a_target_and_is_over_in_the_end(tmp_path: Path) -> None:
    async with beside(tmp_path) as by:
        await by.terminal.read_telemetry()
        for kind in SEALED:
            by.faults.clear(by.inject(kind))
        result = await by.order(Action.UNLOCK)
        assert result.outcome is ActionOutcome.CONFIRMED


async def test_cut_off_from_the_authority_grants_run_out(tmp_path: Path) -> None:
    async with beside(tmp_path) as by:
        await by.terminal.read_telemetry()
        fault = by.inject("authority_cut_off")
        assert (await by.order(Action.UNLOCK)).outcome is ActionOutcome.CONFIRMED
        assert not fault.met
        await asyncio.sleep(SHIFT_S + 3600)
        result = await by.order(Action.UNLOCK)
        assert (result.outcome, str(result.reason).partition(":")[0]) == (
            ActionOutcome.REJECTED,
            "grant_expired",
        )
        assert fault.met
        by.faults.clear(fault)
        assert (await by.order(Action.UNLOCK)).outcome is ActionOutcome.CONFIRMED


async def test_a_list_that_is_late_lets_a_revoked_grant_work_until_it_comes(tmp_path: Path) -> None:
    async with beside(tmp_path) as by:
        cut_off = by.inject("authority_cut_off")
        with pytest.raises(FaultNotPossible, match="no grant that could be taken back"):
            by.inject("grant_revoked")
        by.faults.clear(cut_off)
        late, revoked = by.inject("revocations_late"), by.inject("grant_revoked")
        assert (await by.order(Action.UNLOCK)).outcome is ActionOutcome.CONFIRMED
        assert late.met
        by.faults.clear(late)
        with pytest.raises(VehicleError, match="grant_revoked"):
            await by.terminal.read_telemetry()
        assert revoked.met
        by.faults.clear(revoked)
        assert (await by.order(Action.LOCK)).outcome is ActionOutcome.CONFIRMED


async def test_a_clock_that_was_set_back_is_set_right_by_a_ticket(tmp_path: Path) -> None:
    async with beside(tmp_path) as by:
        cut_off = by.inject("authority_cut_off")
        by.faults.clear(cut_off)
        await by.terminal.read_telemetry()
        pushed = by.inject("terminal_clock_pushed_back")
        cut_off = by.inject("authority_cut_off")
        result = await by.order(Action.UNLOCK)
        assert (result.outcome, result.reason) == (ActionOutcome.REJECTED, "clock_unsure")
        assert pushed.met
        assert by.station.world.car("v-1").doors_locked
        by.faults.clear(cut_off)
        assert (await by.order(Action.UNLOCK)).outcome is ActionOutcome.CONFIRMED
        side = by.station.terminals.sealed_side
        assert side is not None
        assert abs(side.fleet.devices["v-1"].clock.now() - side.papers.authority.now()) <= 1


async def test_a_clock_set_back_by_less_than_nobody_asked_is_found_too(tmp_path: Path) -> None:
    """City, seed 4: a terminal that read its clock at requests alone took a grant that had ended."""
    async with beside(tmp_path) as by:
        await by.terminal.read_telemetry()
        await asyncio.sleep(7 * 3600)
        by.inject("terminal_clock_pushed_back")
        await asyncio.sleep(7 * 3600)
        side = by.station.terminals.sealed_side
        assert side is not None
        assert not side.fleet.devices["v-1"].memory.sure


async def test_a_supply_that_comes_back_leaves_the_immobiliser_as_it_was(tmp_path: Path) -> None:
    async with beside(tmp_path) as by:
        await by.order(Action.IMMOBILISE)
        fault = by.inject("terminal_power_cut")
        assert by.station.world.car("v-1").restart_blocked
        assert (await by.order(Action.MOBILISE)).outcome is ActionOutcome.CONFIRMED
        assert fault.met


async def test_locks_that_do_not_follow_are_told_of(tmp_path: Path) -> None:
    async with beside(tmp_path) as by:
        fault = by.inject("car_locks_stuck")
        result = await by.order(Action.UNLOCK)
        assert (result.outcome, result.reason) == (ActionOutcome.REJECTED, "actuator_failed")
        assert result.state.doors == "locked"
        assert by.station.world.car("v-1").doors_locked
        assert fault.met


async def test_an_order_that_was_recorded_although_the_disk_failed_is_seen_to(tmp_path: Path) -> None:
    """Found by a campaign: the commit reached the disk, its answer did not, and nobody locked the car."""
    disk = Disk(random.Random(1))

    async def ledger(*where: Any, **options: Any) -> Ledger:
        return await Ledger.open(*where, **options, connect=disk.connect)

    async with running_station(site(tmp_path), radio="memory", ledger=ledger) as station:
        trip = await station.take("b1", vehicle="P-1")
        car = station.world.car
        await asyncio.sleep(60)
        assert not car("v-1").doors_locked
        await station.pool.identify(officer="b1", cabinet="A")
        disk.random = Written()
        disk.failing.append(lambda: True)
        station.world.put("k-1", "A", 1)
        await asyncio.sleep(5)
        disk.failing.clear()
        await station.until(lambda: car("v-1").doors_locked and car("v-1").restart_blocked, within=60)
        await station.until(
            lambda: [each.state for each in station.pool.checkout(trip).actions[2:]] == ["confirmed"] * 2
        )


class Written(random.Random):
    """Every failed commit was written."""

    def random(self) -> float:
        return 0.0
