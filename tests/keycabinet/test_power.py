"""Mains, battery and buzzer as roles of inputs and outputs, and what a cabinet does on its battery."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from keycabinet import Cabinet, CabinetConfig, Line, LineUrl, Mains, Power, PowerChanged, find_problems
from keycabinet.config import resolve
from keycabinet.errors import NotWired
from keycabinet.model import CabinetEvent
from simulator.faults import Faults, WallClock
from simulator.faults.disk import Disk
from simulator.hardware import SimulatedHardware
from simulator.sensing import Feeler, Lie

URL = "serial:///dev/ttyS9?baudrate=19200"
BOARD = {
    "name": "a1",
    "line": "a",
    "address": 1,
    "profile": "waveshare-relay-d-8",
    "slots": "1-6",
    "mains": 7,
    "battery_low": 8,
    "buzzer": 8,
}


class Rig:
    def __init__(self, cabinet: Cabinet, hardware: SimulatedHardware) -> None:
        self.cabinet = cabinet
        self.hardware = hardware
        self.events = cabinet.events()

    def flip(self, feeler: Feeler, *, to: bool) -> Any:
        lie: Lie = lambda _felt, inverted: to != inverted  # noqa: E731
        undo = self.hardware.sensors.disturb("A", feeler, 0, lie)
        self.hardware.touch("A")
        return undo

    async def told(self) -> list[CabinetEvent]:
        await self.cabinet.close()
        return [event async for event in self.events]


@asynccontextmanager
async def rig(*boards: dict[str, Any], **rest: Any) -> AsyncIterator[Rig]:
    config = CabinetConfig.model_validate({"boards": list(boards), **rest})
    async with SimulatedHardware(lines={"a": URL}, cabinets={"A": config}) as hardware:
        line = await Line.open("a", LineUrl.parse(hardware.urls["a"]), opener=hardware.opener)
        async with line, Cabinet("A", config, {"a": line}) as cabinet:
            yield Rig(cabinet, hardware)


def said(*boards: dict[str, Any]) -> list[str]:
    config = CabinetConfig.model_validate({"boards": list(boards)})
    return [str(problem) for problem in find_problems("A", config)]


async def test_mains_lost_and_back_are_told() -> None:
    async with rig(BOARD) as at:
        assert at.cabinet.snapshot().power == Power(Mains.ON, battery_low=False)
        undo = at.flip(Feeler.MAINS, to=False)
        await asyncio.sleep(2.0)
        assert at.cabinet.on_battery
        low = at.flip(Feeler.BATTERY_LOW, to=True)
        await asyncio.sleep(7.0)
        low()
        undo()
        at.hardware.touch("A")
        await asyncio.sleep(7.0)
        assert not at.cabinet.on_battery
        changes = [event for event in await at.told() if isinstance(event, PowerChanged)]
    seen = [(each.power.mains, each.power.battery_low) for each in changes]
    assert seen == [(Mains.LOST, False), (Mains.LOST, True), (Mains.ON, False)]
    assert changes[1].previous == changes[0].power


async def test_polarity_is_a_setting() -> None:
    async with rig({**BOARD, "inverted": ["mains", "battery_low"]}) as at:
        assert at.cabinet.snapshot().power == Power(Mains.ON, battery_low=False)
        at.flip(Feeler.MAINS, to=False)
        await asyncio.sleep(2.0)
        assert at.cabinet.on_battery


async def test_without_inputs_nothing_is_claimed() -> None:
    async with rig({**BOARD, "mains": None, "battery_low": None}) as at:
        assert at.cabinet.snapshot().power == Power(Mains.UNKNOWN, None)
        assert not at.cabinet.on_battery


async def test_a_silent_board_does_not_tell() -> None:
    async with rig(BOARD) as at:
        at.hardware.power("A", "a1", False)
        await asyncio.sleep(5.0)
        assert at.cabinet.snapshot().power == Power(Mains.UNKNOWN, None)


async def test_on_battery_it_is_polled_slowly_unless_somebody_attends() -> None:
    async with rig(BOARD, poll_idle_s=0.5, poll_battery_s=4.0) as at:
        at.hardware.skip_idle_polls = False

        async def polls(seconds: float) -> int:
            before = at.cabinet.polls + at.cabinet.polls_skipped
            await asyncio.sleep(seconds)
            return at.cabinet.polls + at.cabinet.polls_skipped - before

        assert await polls(12.0) >= 22
        undo = at.flip(Feeler.MAINS, to=False)
        await asyncio.sleep(2.0)
        assert await polls(12.0) <= 4
        at.cabinet.attend(1.0)
        assert await polls(1.0) >= 10
        undo()
        at.hardware.touch("A")
        await asyncio.sleep(5.0)
        assert await polls(12.0) >= 22


async def test_the_buzzer() -> None:
    async with rig(BOARD) as at:
        board = at.hardware.board("A", "a1")
        await at.cabinet.set_buzzer(True)
        assert board.relays[7]
        await at.cabinet.set_buzzer(False)
        assert not any(board.relays)
    async with rig({**BOARD, "buzzer": None}) as at:
        with pytest.raises(NotWired, match="buzzer"):
            await at.cabinet.set_buzzer(True)


async def test_the_simulated_fault_reaches_the_input() -> None:
    async with rig(BOARD) as at:
        chance = random.Random(0)
        clock = WallClock(datetime(2026, 3, 2, tzinfo=UTC))
        faults = Faults(at.hardware, chance, disk=Disk(chance), clock=clock)
        injection = faults.inject("mains_off", "A", math.inf)
        await asyncio.sleep(2.0)
        assert at.cabinet.on_battery
        faults.clear(injection)
        await asyncio.sleep(10.0)
        assert at.cabinet.snapshot().power.mains is Mains.ON


def test_roles_that_cannot_be() -> None:
    assert said(BOARD) == []
    assert "already used by boards.0.slots" in said({**BOARD, "slots": "1-8"})[0]
    xor = {"line": "a", "address": 2, "profile": "xor-8a-8", "slots": "1-7"}
    assert "left on" in said({**xor, "buzzer": 8})[0]
    assert "latches only" in said({**xor, "mains": 8})[0]
    other = {**BOARD, "name": "a2", "address": 2, "slots": "9-14"}
    problems = said(BOARD, other)
    assert len(problems) == 3
    assert "already has its mains at boards.0.mains" in problems[1] + problems[0]


def test_where_they_are_wired() -> None:
    cu16 = {
        "line": "a",
        "address": 2,
        "profile": "kerong-cu16",
        "locks": "1-8",
        "latches": "1-8",
        "mains": 16,
    }
    wiring = resolve("A", CabinetConfig.model_validate({"boards": [cu16]}))
    assert wiring.mains is not None
    assert wiring.mains.channel == 32  # item sensors come after the latches
