"""Every kind of fault at a whole station in virtual time: it is met, the station lives through it, and recovers."""

from __future__ import annotations

import asyncio
import math
import random
from pathlib import Path

import pytest
from fault_bench import Broken, broken

from keycabinet import Presence
from simulator import virtual_time
from simulator.cabinets import MemorySerial
from simulator.faults import (
    FAULTS,
    FaultError,
    FaultNotPossible,
    Faults,
    Injection,
    Layer,
    Moment,
    UnknownFault,
    UnknownTarget,
    checked_rates,
)
from simulator.faults.injector import EFFECTS
from simulator.pacing import WorldPacer
from simulator.station import SimulatedStation

BY_A_KILL = ("process_killed", "disk_write_torn", "log_cut")
BY_THEMSELVES = tuple(
    name for name, kind in FAULTS.items() if name not in BY_A_KILL and kind.layer is not Layer.SEALED
)
"""Those of sealed terminals are in test_faults_sealed.py."""


def test_every_kind_has_an_effect_and_sensible_figures() -> None:
    assert list(EFFECTS) == list(FAULTS)
    assert len(FAULTS) >= 32
    assert {kind.layer for kind in FAULTS.values()} == set(Layer)
    for name, kind in FAULTS.items():
        assert kind.name == name
        assert 0 <= kind.chance <= 1
        assert 0 < kind.lasts_s[0] <= kind.lasts_s[1]
        assert kind.says
        assert kind.part


@pytest.mark.parametrize("kind", BY_THEMSELVES)
async def test_it_is_met_and_the_station_recovers(tmp_path: Path, kind: str) -> None:
    async with broken(tmp_path) as station:
        injection = station.faults.inject(kind, station.faults.targets(kind)[0], math.inf)
        await asyncio.sleep(40)
        for _ in range(2):
            await station.outing("b1", "k-1", "v-1")
        if kind == "pushes_lost":
            await station.outing("b1", "k-4", "v-4")
        station.faults.clear(injection)
        assert injection.met > 0
        assert injection.met_at is not None
        assert injection.met_at >= injection.at
        count = station.faults.counts[kind]
        assert (count.injected, count.met, count.ended) == (1, 1, 1)
        assert count.crossings == injection.met
        await station.recovered(within=60)
        await asyncio.sleep(60)
        before = len(station.went_wrong)
        await station.outing("b2", "k-2", "v-2")
        assert station.went_wrong[before:] == []


async def test_two_boards_at_one_address_are_told_as_such(tmp_path: Path) -> None:
    async with broken(tmp_path) as station:
        port = station.simulated.hardware.port("a")
        assert isinstance(port, MemorySerial)
        port.wire.on_reply.append(lambda reply: reply + reply if reply[0] == 2 else reply)
        station.simulated.hardware.disquiet("A", 1)
        await asyncio.sleep(20)
        (problem,) = station.pool.health().problems
        assert "A/a2: two boards answer at address 2" in problem
        assert "give it an address of its own" in problem
        book = [(kind, dict(ids)) for kind, ids in await station.book()]
        assert ("TwoBoardsAtAddress", {"cabinet": "A", "board": "a2", "address": "2"}) in book
        port.wire.on_reply.clear()
        await asyncio.sleep(60)
        assert station.pool.health().ok


async def test_boards_that_changed_places_go_back_to_their_own(tmp_path: Path) -> None:
    async with broken(tmp_path) as station:
        hardware = station.simulated.hardware
        pair = (hardware.device("A", "a1"), hardware.device("A", "a2"))
        swapped = station.faults.inject("boards_swapped", "A/a1+A/a2", math.inf)
        assert [board.powered for board in pair] == [False, False]  # somebody is at their switches
        await asyncio.sleep(150)
        assert [(board.powered, board.address) for board in pair] == [(True, 2), (True, 1)]
        assert swapped.met > 0
        station.faults.clear(swapped)
        assert [(board.powered, board.address) for board in pair] == [(True, 1), (True, 2)]
        await asyncio.sleep(60)
        assert station.pool.health().ok
        again = station.faults.inject("boards_swapped", "A/a1+A/a2", math.inf)
        station.faults.clear(again)  # before they came back
        await asyncio.sleep(150)
        assert [(board.powered, board.address) for board in pair] == [(True, 1), (True, 2)]


async def test_a_board_that_is_busy_when_the_program_starts_is_waited_for(tmp_path: Path) -> None:
    """Campaign of every board, seeds 27 and 28: its cabinet stayed shut until the program was started again."""

    def busy(pdu: bytes) -> bytes:
        return bytes((pdu[0] | 0x80, 6))

    async with broken(tmp_path, busy={"A/a1": busy, "B/b1": busy}) as station:
        assert not station.pool.health().ok
        for name in ("A/a1", "B/b1"):
            cabinet, _, label = name.partition("/")
            station.simulated.hardware.device(cabinet, label).intercepts.remove(busy)
        await asyncio.sleep(60)
        assert station.pool.health().ok


async def test_a_fault_that_nobody_crosses_is_not_met(tmp_path: Path) -> None:
    async with broken(tmp_path) as station:
        for kind, target in (("latch_jammed", "A-05"), ("door_left_open", "A"), ("dtc_appears", "v-3")):
            station.faults.inject(kind, target, 60.0)
        await asyncio.sleep(120)
        assert station.faults.active() == ()
        assert [station.faults.counts[kind].met for kind in ("latch_jammed", "door_left_open")] == [0, 0]
        assert station.faults.counts["dtc_appears"].ended == 1


async def test_unknown_and_impossible_orders_say_what_there_is(tmp_path: Path) -> None:
    async with broken(tmp_path) as station:
        faults = station.faults
        with pytest.raises(UnknownFault, match=r"latch_jamed.*latch_jammed"):
            faults.inject("latch_jamed", "A-01")
        with pytest.raises(UnknownTarget, match=r"latch_jammed: 'A-09'.*A-01, A-02"):
            faults.inject("latch_jammed", "A-09")
        with pytest.raises(UnknownTarget, match=r"board_dead: 'A/z'.*A/a1, A/a2, B/b1, C/c1"):
            faults.inject("board_dead", "A/z")
        with pytest.raises(UnknownTarget, match="set_half_seated: 'A-02'"):
            faults.inject("set_half_seated", "A-02")
        with pytest.raises(FaultError, match=r"latch_jammed\.for_s"):
            faults.inject("latch_jammed", "A-01", 0.0)
        faults.inject("latch_jammed", "A-01")
        with pytest.raises(FaultNotPossible, match="its bolt is broken already"):
            faults.inject("pulse_too_short", "A-01")
        faults.inject("door_forced", "A")
        station.world.shut_door("A")
        faults.clear_all()
        assert faults.active() == ()


def test_rates_are_checked_by_name() -> None:
    assert checked_rates({"line_cut": 3}) == {"line_cut": 3}
    with pytest.raises(UnknownFault) as unknown:
        checked_rates({"line_cutt": 1.0}, "city.fault")
    assert unknown.value.key == "city.fault.line_cutt"
    assert "line_cut" in unknown.value.known
    for wrong in (-0.1, math.inf, math.nan):
        with pytest.raises(FaultError, match=r"faults\.line_cut: a rate"):
            checked_rates({"line_cut": wrong})


async def test_listeners_hear_of_it_in_order(tmp_path: Path) -> None:
    heard: list[tuple[Moment, str]] = []
    async with broken(tmp_path) as station:
        leave = station.faults.subscribe(lambda moment, injection: heard.append((moment, injection.target)))
        station.faults.inject("tcp_cut", "b", 5.0)
        station.faults.inject("board_dead", "C/c1", 5.0)
        await asyncio.sleep(10)
        leave()
        station.faults.inject("line_noise", "a", 5.0)
    assert heard == [
        (Moment.INJECTED, "b"),
        (Moment.MET, "b"),
        (Moment.INJECTED, "C/c1"),
        (Moment.MET, "C/c1"),
        (Moment.CLEARED, "b"),
        (Moment.CLEARED, "C/c1"),
    ]


# -- what a fault does


def presence(station: Broken, cabinet: str, slot: int) -> str:
    return next(each.presence for each in station.pool.cabinet(cabinet).slots if each.slot == slot)


async def test_a_bouncing_switch_is_a_fault_and_never_a_movement(tmp_path: Path) -> None:
    async with broken(tmp_path) as station:
        injection = station.faults.inject("key_switch_bounces", "A-01", math.inf)
        await asyncio.sleep(60)
        assert presence(station, "A", 1) in (Presence.FAULT, Presence.PRESENT)
        station.faults.clear(injection)
        await station.recovered()
        assert "KeySetTaken" not in [kind for kind, _ in await station.book()]


@pytest.mark.parametrize("kind", ["battery_empty", "board_dead", "line_cut"])
async def test_what_cannot_be_asked_is_unknown(tmp_path: Path, kind: str) -> None:
    async with broken(tmp_path) as station:
        station.faults.inject(kind, station.faults.targets(kind)[0], 300.0)
        await asyncio.sleep(60)
        assert presence(station, "A", 1) == Presence.UNKNOWN
        assert presence(station, "B", 2) == Presence.PRESENT
        assert await station.recovered(within=400) > 100


async def test_mains_may_fail_for_as_long_as_the_battery_lasts(tmp_path: Path) -> None:
    async with broken(tmp_path) as station:
        injection = station.faults.inject("mains_off", "A", math.inf)
        await asyncio.sleep(3600)
        assert presence(station, "A", 1) == Presence.PRESENT
        await asyncio.sleep(6 * 3600)
        assert presence(station, "A", 1) == Presence.UNKNOWN
        assert not station.simulated.hardware.board("A", "a1").powered
        station.faults.clear(injection)
        await station.recovered()


async def test_two_reasons_to_be_dark_do_not_end_with_one(tmp_path: Path) -> None:
    async with broken(tmp_path) as station:
        board = station.simulated.hardware.board("A", "a1")
        station.faults.inject("battery_empty", "A", 60.0)
        station.faults.inject("board_dead", "A/a1", 120.0)
        await asyncio.sleep(90)
        assert not board.powered
        await asyncio.sleep(60)
        assert board.powered


async def test_a_board_reset_to_factory_opens_locks_by_itself(tmp_path: Path) -> None:
    async with broken(tmp_path) as station:
        injection = station.faults.inject("board_reset_to_factory", "A/a1", math.inf)
        await asyncio.sleep(10)
        assert station.world.unlocked("A", 1)  # a set hangs there, and its switch drives the relay
        assert not station.world.unlocked("A", 2)
        station.faults.clear(injection)
        board = station.simulated.hardware.board("A", "a1")
        assert not any(board.relays)
        assert not any(board.modes)


async def test_an_override_is_a_removal_nobody_asked_for(tmp_path: Path) -> None:
    async with broken(tmp_path) as station:
        station.faults.inject("override_used", "B-02", 60.0)
        await asyncio.sleep(30)
        assert station.world.where("k-2") is None
        kinds = [kind for kind, _ in await station.book()]
        assert "KeySetTaken" not in kinds
        assert station.world.pulses("B", 2) == 0
        await asyncio.sleep(60)
        assert station.world.where("k-2") == ("B", 2)
        assert "put_by_override" in [change.kind for change in station.world.log]


async def test_a_welded_bolt_lets_a_hand_in_without_a_release(tmp_path: Path) -> None:
    async with broken(tmp_path) as station:
        injection = station.faults.inject("latch_welded_open", "B-02", math.inf)
        station.world.pull("k-2")
        station.world.put("k-2", "B", 2)
        assert station.world.unlocked("B", 2)
        assert injection.met == 2
        station.faults.clear(injection)
        assert not station.world.unlocked("B", 2)


async def test_a_door_that_is_ajar_is_felt_as_open_and_gives_way(tmp_path: Path) -> None:
    async with broken(tmp_path) as station:
        world = station.world
        injection = station.faults.inject("door_ajar", "A", math.inf)
        world.energise("A", 0, True)
        await asyncio.sleep(0.2)
        world.energise("A", 0, False)
        world.open_door("A")
        await asyncio.sleep(5)
        world.shut_door("A")
        assert (world.door("A").value, world.contact_shut("A")) == ("shut", False)
        await asyncio.sleep(5)
        assert station.pool.cabinet("A").door == "open"
        station.faults.clear(injection)
        assert (world.door("A").value, world.contact_shut("A")) == ("locked", True)


async def test_a_battery_that_drains_silences_the_adapter_until_the_car_is_driven(tmp_path: Path) -> None:
    async with broken(tmp_path) as station:
        injection = station.faults.inject("lights_left_on", "v-1", math.inf)
        await asyncio.sleep(20 * 3600)
        assert station.world.car("v-1").battery_v < 8
        await station.outing("b1", "k-1", "v-1")
        assert not injection.active
        assert station.world.car("v-1").battery_v == 12.6
        assert not station.world.car("v-1").lights_on


# -- many at once


def storm(folder: Path, seed: int, hours: float) -> tuple[str, str, dict[str, int]]:
    folder.mkdir()

    async def main() -> tuple[str, str, dict[str, int]]:
        async with broken(folder, seed=seed) as station:
            coming = asyncio.create_task(station.faults.come_and_go(times=120.0))
            loop = asyncio.get_running_loop()
            until = loop.time() + hours * 3600
            chance = random.Random(seed)
            while loop.time() < until:
                number = chance.randrange(1, 4)
                await station.outing("b1", f"k-{number}", f"v-{number}")
                await asyncio.sleep(chance.uniform(0, 120))
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
            station.faults.clear_all()
            await station.recovered(within=120)
            met = {name: count.met for name, count in station.faults.counts.items()}
            return station.pool.health().ledger_head, station.world.digest(), met

    return virtual_time.run(main(), seed=seed)


def test_one_seed_one_storm(tmp_path: Path) -> None:
    one = storm(tmp_path / "1", 7, 3)
    assert one == storm(tmp_path / "2", 7, 3)
    assert one[:2] != storm(tmp_path / "3", 8, 0.2)[:2]
    assert sum(met > 0 for met in one[2].values()) >= 25


async def test_without_rates_nothing_comes(tmp_path: Path) -> None:
    async with broken(tmp_path) as station:
        await station.faults.come_and_go({"line_cut": 0.0})
        with pytest.raises(UnknownFault, match=r"fault\.nothing"):
            await station.faults.come_and_go({"nothing": 1.0}, key="fault")
        coming = asyncio.create_task(
            station.faults.come_and_go({"line_noise": 400.0}, {"line_noise": (1.0, 2.0)})
        )
        await asyncio.sleep(86400)
        coming.cancel()
        assert 300 < station.faults.counts["line_noise"].injected < 500
        assert all(each.until - each.at <= 2 for each in station.faults.active())


# -- polls that are left out

SCRIPT = (
    ("key_switch_stuck_absent", "A-01", 50.0),
    ("board_dead", "A/a1", 70.0),
    ("tcp_cut", "b", 5.0),
    ("override_used", "B-02", 40.0),
    ("line_cut", "c", 45.0),
    ("board_reset_to_factory", "A/a1", 130.0),
    ("key_wire_broken", "B-02", 33.0),
    ("door_contact_broken", "A", 20.0),
    ("battery_empty", "C", 90.0),
    ("latch_welded_open", "A-01", 60.0),
    ("tcp_half_open", "b", 100.0),
)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_leaving_out_idle_polls_hides_no_fault(tmp_path: Path, seed: int) -> None:
    async def main(skip: bool) -> tuple[list[object], list[str], int]:
        async with broken(tmp_path / str(skip), seed=seed, skip_idle_polls=skip) as station:
            cleared: list[Injection] = []
            station.faults.subscribe(
                lambda moment, injection: cleared.append(injection) if moment is Moment.CLEARED else None
            )
            for kind, target, for_s in SCRIPT:
                station.faults.inject(kind, target, for_s)
                await asyncio.sleep(for_s + 400)
            await station.recovered()
            book = [
                (kind, tuple(each for each in ids if each[0] != "case")) for kind, ids in await station.book()
            ]
            pacers = [each for each in station.pacers.values() if isinstance(each, WorldPacer)]
            skipped = sum(pacer.left_out for pacer in pacers)
            return book, [each.kind.name for each in cleared if each.met], skipped

    for folder in ("True", "False"):
        (tmp_path / folder).mkdir()
    lazy, eager = virtual_time.run(main(True)), virtual_time.run(main(False))
    assert lazy[0] == eager[0]
    assert lazy[1] == eager[1]
    assert len(lazy[1]) == len(SCRIPT) - 1  # nobody touches the bolt
    assert lazy[2] > 5000
    assert eager[2] == 0


async def test_faults_that_are_cleared_leave_nothing_behind(tmp_path: Path) -> None:
    async with broken(tmp_path) as station:
        hardware = station.simulated.hardware
        for kind in FAULTS:
            for target in station.faults.targets(kind):
                try:
                    station.faults.inject(kind, target, math.inf)
                except FaultNotPossible:
                    continue
        assert len(station.faults.active()) > 50
        station.faults.clear_all()
        for fitted in hardware.fitted:
            board = fitted.board
            assert board.powered
            assert [*board.intercepts, *board.delays, *board.deaf] == []
            assert not any(board.modes)
        port = hardware.port("a")
        assert isinstance(port, MemorySerial)
        assert [*port.wire.on_request, *port.wire.on_reply, *port.wire.echoes, *port.refusals] == []
        for adapter in station.simulated.terminals.adapters.values():
            assert adapter.troubles == []
        assert not any(hardware._unsteady.values())
        await station.recovered()


async def test_the_hardware_must_run(tmp_path: Path) -> None:
    async with broken(tmp_path) as station:
        idle = Faults(SimulatedStation(station.site).hardware, random.Random(1))
        with pytest.raises(FaultNotPossible, match="line_cut at a: the hardware is not started"):
            idle.inject("line_cut", "a")
        assert idle.targets("disk_full") == ()
        assert idle.targets("radio_link_slow") == ()
        assert idle.active() == ()
