"""Releases of many slots: their order, how many coils are on, what is told, who goes before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keycabinet import Cabinet, CabinetConfig, Line, LineUrl, ReleaseOutcome, SlotReleased
from keycabinet.coils import SINGLE, CoilGate
from keycabinet.config import resolve
from keycabinet.errors import CabinetClosed, CommandReused, NotWired, UnknownSlot
from simulator import virtual_time
from simulator.hardware import SimulatedHardware

URL = "serial:///dev/ttyS9?baudrate=19200"
TWO = (
    {"name": "a1", "line": "a", "address": 1, "profile": "waveshare-relay-d-8", "slots": "1-8"},
    {"name": "a2", "line": "a", "address": 2, "profile": "waveshare-relay-d-8", "slots": "9-16"},
)
XOR = ({"name": "a1", "line": "a", "address": 1, "profile": "xor-8a-8", "slots": "1-8"},)


class Rig:
    """A cabinet, and which of its coils went on when."""

    def __init__(self, cabinet: Cabinet, hardware: SimulatedHardware) -> None:
        self.cabinet = cabinet
        self.hardware = hardware
        self.events = cabinet.events()
        self.order: list[tuple[str, int]] = []
        self.most: dict[str, int] = {}
        self._on: dict[str, set[int]] = {}
        for each in hardware.fitted:
            board, label = each.board, each.label
            board.switched = self._watch(label, board.switched)

    def _watch(self, label: str, before: Any) -> Any:
        def switched(channel: int, on: bool) -> None:
            now = self._on.setdefault(label, set())
            if on:
                now.add(channel)
                self.order.append((label, channel))
            else:
                now.discard(channel)
            self.most[label] = max(self.most.get(label, 0), len(now))
            before(channel, on)

        return switched

    def opened(self, label: str) -> list[int]:
        return [channel for board, channel in self.order if board == label]

    async def told(self) -> list[SlotReleased]:
        await self.cabinet.close()
        return [event async for event in self.events if isinstance(event, SlotReleased)]


@asynccontextmanager
async def rig(*boards: dict[str, Any], **rest: Any) -> AsyncIterator[Rig]:
    config = CabinetConfig.model_validate({"boards": list(boards), **rest})
    sets = {f"k{slot.slot}": ("A", slot.slot) for slot in resolve("A", config).slots}
    async with SimulatedHardware(lines={"a": URL}, cabinets={"A": config}, sets=sets) as hardware:
        line = await Line.open("a", LineUrl.parse(hardware.urls["a"]), opener=hardware.opener)
        async with line, Cabinet("A", config, {"a": line}) as cabinet:
            yield Rig(cabinet, hardware)


async def test_one_coil_of_a_board_at_a_time_in_the_order_asked_for() -> None:
    async with rig(*TWO) as at:
        slots = [5, 3, 12, 1, 8, 9, 16]
        releases = await at.cabinet.open_slots(slots, "mobilise")
        assert [each.slot for each in releases] == slots
        assert {each.outcome for each in releases} == {ReleaseOutcome.CONFIRMED}
        assert at.opened("a1") == [5, 3, 1, 8]
        assert at.opened("a2") == [4, 1, 8]  # the boards go on side by side
        assert at.most == {"a1": 1, "a2": 1}
        told = await at.told()
    assert [each.done for each in told] == list(range(1, 8))
    assert {(each.total, each.command_id) for each in told} == {(7, "mobilise")}
    assert sorted(each.slot for each in told) == sorted(slots)


@pytest.mark.parametrize("coils", [1, 3])
@pytest.mark.parametrize("boards", [TWO, XOR], ids=["relays", "locks"])
async def test_as_many_coils_as_the_supply_feeds(coils: int, boards: Any) -> None:
    async with rig(*boards, coils_at_once=coils) as at:
        releases = await at.cabinet.open_slots(range(1, 9), "c")
        assert {each.outcome for each in releases} == {ReleaseOutcome.CONFIRMED}
        assert at.most["a1"] <= coils
        assert at.opened("a1") == list(range(1, 9))


async def test_more_coils_are_faster() -> None:
    took = []
    for coils in (1, 4):
        async with rig(*TWO, coils_at_once=coils) as at:
            began = asyncio.get_running_loop().time()
            await at.cabinet.open_slots(range(1, 9), "c")
            took.append(asyncio.get_running_loop().time() - began)
            assert at.most["a1"] == coils
    assert took[1] < took[0] / 2


async def test_a_single_release_goes_before_the_rest() -> None:
    async with rig(*TWO, coils_at_once=1) as at:
        many = asyncio.ensure_future(at.cabinet.open_slots(range(1, 8), "many"))
        await asyncio.sleep(0.1)
        assert (await at.cabinet.open_slot(8, "one")).outcome is ReleaseOutcome.CONFIRMED
        await many
        assert at.opened("a1").index(8) <= 2
        assert at.most["a1"] == 1


async def test_without_a_limit_a_single_release_never_waits() -> None:
    async with rig(*TWO) as at:
        many = asyncio.ensure_future(at.cabinet.open_slots(range(1, 8), "many"))
        await asyncio.sleep(0.1)
        began = asyncio.get_running_loop().time()
        await at.cabinet.open_slot(8, "one")
        assert asyncio.get_running_loop().time() - began < 0.15
        await many
        assert at.opened("a1")[-1] == 7


async def test_a_dead_board_stops_its_own_slots_only() -> None:
    async with rig(*TWO) as at:
        at.hardware.power("A", "a2", False)
        await asyncio.sleep(3.0)
        releases = await at.cabinet.open_slots([9, 1, 10, 2], "c")
        outcomes = [each.outcome for each in releases]
        assert outcomes == [ReleaseOutcome.NOT_SENT, ReleaseOutcome.CONFIRMED] * 2
        assert len(await at.told()) == 4


async def test_the_same_id_again_opens_nothing() -> None:
    async with rig(*TWO) as at:
        first = await at.cabinet.open_slots([1, 2, 2, 1], "c")
        assert await at.cabinet.open_slots([1, 2], "c") == first
        assert at.opened("a1") == [1, 2]
        for other in ([2, 1], [1], [1, 2, 3]):
            with pytest.raises(CommandReused):
                await at.cabinet.open_slots(other, "c")
        with pytest.raises(CommandReused):
            await at.cabinet.open_slot(1, "c")
        await at.cabinet.open_slot(3, "single")
        with pytest.raises(CommandReused):
            await at.cabinet.open_slots([3], "single")
        assert await at.cabinet.open_slots([], "none") == ()


async def test_nothing_opens_when_one_slot_cannot() -> None:
    door = {**TWO[0], "slots": None, "keys": "1-7", "door_lock": 8}
    async with rig(door, TWO[1]) as at:
        with pytest.raises(NotWired):
            await at.cabinet.open_slots([9, 1], "c")
        with pytest.raises(UnknownSlot):
            await at.cabinet.open_slots([9, 77], "d")
        assert at.order == []
    with pytest.raises(CabinetClosed):
        await at.cabinet.open_slots([9], "e")


async def test_who_gives_up_leaves_the_rest_shut() -> None:
    async with rig(*TWO) as at:
        many = asyncio.ensure_future(at.cabinet.open_slots(range(1, 9), "c"))
        await asyncio.sleep(0.6)
        many.cancel()
        with pytest.raises(asyncio.CancelledError):
            await many
        opened = len(at.order)
        assert 1 <= opened < 8
        await asyncio.sleep(5.0)
        assert len(at.order) <= opened + 1
        assert (await at.cabinet.open_slot(8, "d")).outcome is ReleaseOutcome.CONFIRMED


async def test_closing_leaves_the_rest_shut() -> None:
    async with rig(*TWO) as at:
        many = asyncio.ensure_future(at.cabinet.open_slots(range(1, 9), "c"))
        await asyncio.sleep(0.6)
        await at.cabinet.close()
        with pytest.raises(CabinetClosed):
            await many
        assert len(at.order) < 8


Act = tuple[float, int, float, bool]


@given(
    st.integers(1, 3) | st.none(),
    st.lists(st.tuples(st.floats(0, 2), st.integers(0, 3), st.floats(0, 1), st.booleans()), max_size=12),
)
def test_the_gate_keeps_its_limit_and_loses_no_place(limit: int | None, acts: list[Act]) -> None:
    """Takers of any rank come, hold a coil and sometimes give up; none is left waiting and all coils go off."""

    async def main() -> None:
        gate = CoilGate(limit)

        async def taker(after: float, rank: int, hold: float, gives_up: bool) -> None:
            await asyncio.sleep(after)
            try:
                async with asyncio.timeout(0.1 if gives_up else None):
                    await gate.take(rank)
            except TimeoutError:
                return
            if limit is not None or rank != SINGLE:
                assert gate.on <= (limit or 1) + sum(each[1] == SINGLE for each in acts) * (limit is None)
            gate.free(hold)

        await asyncio.gather(*(taker(*act) for act in acts))
        await asyncio.sleep(5.0)
        assert gate.on == 0

    virtual_time.run(main())
