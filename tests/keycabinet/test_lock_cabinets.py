"""Cabinets of lock boards: what they sense, what they claim, and what becomes of a release."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from keycabinet import (
    Cabinet,
    CabinetConfig,
    LatchState,
    Line,
    LineUrl,
    Presence,
    PresenceChanged,
    Proof,
    ReleaseOutcome,
    Sense,
    find_problems,
)
from keycabinet.boards.base import _warn_untried, build_board
from keycabinet.config import BoardConfig, resolve
from keycabinet.errors import BoardRefused
from simulator.cabinets.wkly import WklyDevice
from simulator.cabinets.xor_8a import XorDevice
from simulator.hardware import SimulatedHardware
from simulator.model import Bolt

URL = "serial:///dev/ttyS9?baudrate=19200"
XOR = {"name": "x", "line": "a", "address": 1, "profile": "xor-8a-8", "slots": "1-8"}
CU48 = {"name": "k", "line": "a", "address": 1, "profile": "kerong-cu48-60", "slots": "1-8"}
CU16 = {"name": "k", "line": "a", "address": 1, "profile": "kerong-cu16", "slots": "1-8"}
WKLY = {"name": "w", "line": "a", "address": 0, "profile": "wkly-8", "slots": "1-8"}
EVERY = pytest.mark.parametrize("board", [XOR, CU48, CU16, WKLY], ids=lambda board: board["profile"])


@dataclass(frozen=True, slots=True)
class Rig:
    cabinet: Cabinet
    hardware: SimulatedHardware
    line: Line

    def device(self, label: str) -> Any:
        return self.hardware.device("A", label)

    def wire(self) -> Any:
        port: Any = self.hardware.port("a")
        return port.wire


@asynccontextmanager
async def cabinet(*boards: dict[str, Any], url: str = URL, **rest: Any) -> AsyncIterator[Rig]:
    config = CabinetConfig.model_validate({"boards": list(boards), **rest})
    slots = [slot.slot for slot in resolve("A", config).slots]
    sets = {f"k{slot}": ("A", slot) for slot in slots}
    async with SimulatedHardware(lines={"a": url}, cabinets={"A": config}, sets=sets) as hardware:
        line = await Line.open("a", LineUrl.parse(hardware.urls["a"]), opener=hardware.opener)
        async with line, Cabinet("A", config, {"a": line}) as opened:
            yield Rig(opened, hardware, line)


def said(*boards: dict[str, Any], lines: Any = None, **rest: Any) -> list[str]:
    config = CabinetConfig.model_validate({"boards": list(boards), **rest})
    return [str(problem) for problem in find_problems("A", config, lines)]


# -- what can be sensed, and what is claimed


async def test_an_8a_cabinet_never_claims_that_a_key_is_proved() -> None:
    async with cabinet(XOR) as rig:
        assert rig.cabinet.senses == (Sense.LATCH,)
        assert rig.cabinet.proof is Proof.INFERRED
        assert not rig.cabinet.tells_presence
        events = rig.cabinet.events()
        assert (await rig.cabinet.open_slot(3, "c")).outcome is ReleaseOutcome.CONFIRMED
        rig.hardware.world.pull("k3")
        snapshot = await rig.cabinet.refresh()
        assert snapshot.proof is Proof.INFERRED
        assert snapshot.slot(3).latch is LatchState.UNLOCKED
        assert {slot.presence for slot in snapshot.slots} == {Presence.UNKNOWN}
    assert [event async for event in events if isinstance(event, PresenceChanged)] == []
    assert said({**XOR, "keys": "1-8"}) == ["boards.0.keys = 1: this board senses its latches only"] * 1 + [
        f"boards.0.keys = {n}: this board senses its latches only" for n in range(2, 9)
    ]
    assert any("'key'" in problem for problem in said(XOR, senses=["key"]))


async def test_item_sensors_say_what_is_there_and_only_infer_the_key() -> None:
    async with cabinet(CU48) as rig:
        assert rig.cabinet.senses == (Sense.LATCH, Sense.COMPARTMENT)
        assert rig.cabinet.tells_presence
        assert rig.cabinet.snapshot().slot(2).presence is Presence.PRESENT
        events = rig.cabinet.events()
        assert (await rig.cabinet.open_slot(2, "c")).outcome is ReleaseOutcome.CONFIRMED
        rig.hardware.world.pull("k2")
        await asyncio.sleep(2.0)
        assert rig.cabinet.snapshot().slot(2).presence is Presence.ABSENT
    (changed,) = [event async for event in events if isinstance(event, PresenceChanged)]
    assert (changed.slot, changed.presence, changed.proof) == (2, Presence.ABSENT, Proof.INFERRED)


async def test_a_key_switch_on_an_item_input_proves_the_key() -> None:
    board = {**CU16, "slots": None, "locks": "1-8", "latches": "1-8", "keys": "1-8"}
    async with cabinet(board) as rig:
        assert rig.cabinet.proof is Proof.PROVED
        assert rig.cabinet.snapshot().slot(5).presence is Presence.PRESENT


async def test_polarity_is_a_setting() -> None:
    async with cabinet({**XOR, "inverted": ["latches"]}) as rig:
        assert rig.cabinet.snapshot().slot(1).latch is LatchState.LOCKED
        assert rig.wire().log.frames[-1].data.hex() == "800100000033b2"
        assert (await rig.cabinet.open_slot(1, "c")).outcome is ReleaseOutcome.CONFIRMED


async def test_the_doors_lock_and_feedback_on_a_lock_board() -> None:
    board = {**XOR, "slots": "1-7", "door_lock": 8, "door_contact": 8}
    async with cabinet(board) as rig:
        assert rig.cabinet.snapshot().door.value == "shut"
        await rig.cabinet.open_door("d")
        rig.hardware.world.open_door("A")
        await asyncio.sleep(1.0)
        assert rig.cabinet.snapshot().door.value == "open"


# -- releases


@EVERY
async def test_a_release_is_pulsed_once_and_confirmed_by_reading(board: dict[str, Any]) -> None:
    async with cabinet(board) as rig:
        assert (await rig.cabinet.open_slot(4, "c")).outcome is ReleaseOutcome.CONFIRMED
        assert rig.hardware.world.pulses("A", 4) == 1
        assert rig.hardware.world.unlocked("A", 4)


@EVERY
async def test_a_jammed_lock_is_unconfirmed_and_says_what_the_latch_reads(board: dict[str, Any]) -> None:
    async with cabinet(board) as rig:
        rig.hardware.world.break_bolt("A", 4, Bolt.JAMMED)
        release = await rig.cabinet.open_slot(4, "c")
        assert release.outcome is ReleaseOutcome.UNCONFIRMED
        assert "the latch still reads locked" in (release.reason or "")
        assert rig.hardware.world.pulses("A", 4) == 1


async def test_a_latch_that_was_open_before_confirms_nothing() -> None:
    async with cabinet(XOR) as rig:
        rig.hardware.world.break_bolt("A", 4, Bolt.WELDED)
        await rig.cabinet.refresh()
        release = await rig.cabinet.open_slot(4, "c")
        assert release.outcome is ReleaseOutcome.UNCONFIRMED
        assert "read unlocked before the pulse" in (release.reason or "")


async def test_without_a_wired_latch_nothing_confirms() -> None:
    async with cabinet({**XOR, "slots": None, "locks": "1-8"}) as rig:
        assert rig.cabinet.proof is Proof.ASSUMED
        release = await rig.cabinet.open_slot(1, "c")
        assert release.outcome is ReleaseOutcome.UNCONFIRMED
        assert "wire its latch" in (release.reason or "")


@EVERY
async def test_a_dead_board_gets_one_request_and_leaves_it_unconfirmed(board: dict[str, Any]) -> None:
    async with cabinet(board) as rig:
        rig.device(board["name"]).intercepts.append(lambda _frame: b"")
        before = rig.hardware.logs["a"].requests
        release = await rig.cabinet.open_slot(1, "c")
        assert release.outcome is ReleaseOutcome.UNCONFIRMED
        opening = [frame for frame in list(rig.hardware.logs["a"].frames)[before:] if frame.is_request]
        kinds = {"x": (0, 0x8A), "w": (6, 0x82), "k": (3, 0x61) if board is CU48 else (2, 0x31)}
        at, code = kinds[board["name"]]
        assert sum(1 for frame in opening if frame.data[at] == code) == 1


async def test_a_line_that_is_down_sends_nothing() -> None:
    async with cabinet(XOR) as rig:
        rig.hardware.cut("a")
        await asyncio.sleep(0.01)
        assert (await rig.cabinet.open_slot(1, "c")).outcome is ReleaseOutcome.NOT_SENT


async def test_a_board_that_says_no_is_rejected() -> None:
    async with cabinet(WKLY) as rig:
        device = rig.device("w")
        assert isinstance(device, WklyDevice)
        device.refuses.append(2)
        release = await rig.cabinet.open_slot(2, "c")
        assert release.outcome is ReleaseOutcome.REJECTED
        assert rig.hardware.world.pulses("A", 2) == 0


async def test_an_answer_that_equals_the_request_is_no_proof() -> None:
    """A failed 8A board and an echoing adapter say the same, byte for byte."""
    async with cabinet(XOR) as rig:
        device = rig.device("x")
        device.intercepts.append(lambda frame: frame if frame[0] == 0x8A else None)
        assert (await rig.cabinet.open_slot(1, "c")).outcome is ReleaseOutcome.UNCONFIRMED
        assert rig.hardware.world.pulses("A", 1) == 0


@EVERY
async def test_through_an_echoing_adapter_everything_works_and_a_dead_board_is_seen(
    board: dict[str, Any],
) -> None:
    async with cabinet(board) as rig:
        rig.wire().echoes.append(lambda: None)
        await rig.cabinet.refresh()
        await rig.cabinet.refresh()
        assert rig.line.echoing is True
        assert (await rig.cabinet.open_slot(1, "one")).outcome is ReleaseOutcome.CONFIRMED
        rig.device(board["name"]).powered = False
        assert (await rig.cabinet.open_slot(2, "two")).outcome is not ReleaseOutcome.CONFIRMED
        rig.device(board["name"]).powered = True


# -- boards that talk unasked


async def test_a_push_is_read_at_once_however_slow_the_polls() -> None:
    async with cabinet(WKLY, poll_idle_s=60.0) as rig:
        await asyncio.sleep(20.0)
        rig.hardware.world.break_bolt("A", 6, Bolt.WELDED)  # the bolt is drawn: the board tells
        await asyncio.sleep(1.0)
        assert rig.cabinet.snapshot().slot(6).latch is LatchState.UNLOCKED
        assert rig.line.stats.pushed_frames == 1


async def test_pushes_between_question_and_answer_hurt_neither() -> None:
    push = bytes.fromhex("574b4c590a0085010186")
    async with cabinet(WKLY) as rig:
        rig.wire().on_reply.append(lambda frame: push + frame + push)
        snapshot = await rig.cabinet.refresh()
        assert snapshot.online
        assert {slot.latch for slot in snapshot.slots} == {LatchState.LOCKED}
        assert (await rig.cabinet.open_slot(1, "c")).outcome is ReleaseOutcome.CONFIRMED
        assert rig.line.stats.pushed_frames > 0


async def test_a_pushed_lie_changes_nothing() -> None:
    async with cabinet(WKLY, poll_idle_s=60.0) as rig:
        await asyncio.sleep(5.0)
        rig.device("w").say(bytes.fromhex("574b4c590a0085010087"))  # channel 1 open, which it is not
        await asyncio.sleep(2.0)
        assert rig.cabinet.snapshot().slot(1).latch is LatchState.LOCKED


# -- one line, many boards


async def test_different_protocols_share_a_line_and_a_dead_one_costs_the_others_little() -> None:
    boards = [
        {**XOR, "slots": "1-2"},
        {**CU48, "address": 2, "slots": "3-4"},
        {**WKLY, "address": 3, "slots": "5-6"},
        {"name": "m", "line": "a", "address": 4, "profile": "waveshare-relay-d-8", "slots": "7-8"},
    ]
    async with cabinet(*boards, poll_idle_s=0.5) as rig:
        for slot in range(1, 9):
            assert (await rig.cabinet.open_slot(slot, f"c{slot}")).outcome is ReleaseOutcome.CONFIRMED, slot
        await rig.cabinet.refresh()
        relay = rig.device("m")
        counts = []
        for alive in (True, False):
            rig.device("k").powered = alive
            await asyncio.sleep(30.0)
            before = relay.requests
            await asyncio.sleep(60.0)
            counts.append(relay.requests - before)
        assert counts[1] >= 0.95 * counts[0], counts
        assert [board.board for board in rig.cabinet.boards() if not board.online] == ["k"]
        assert rig.cabinet.snapshot().slot(3).presence is Presence.UNKNOWN


# -- the site file


def test_settings_are_checked() -> None:
    assert said({**XOR, "settings": {"map_bytes": 5}}) == [
        "boards.0.settings.map_bytes = 5: Input should be 3, 4 or 7"
    ]
    assert said({**XOR, "profile": "xor-8a-32", "settings": {"map_bytes": 3}}) == [
        "boards.0.settings.map_bytes = 3: at least 4 for 32 locks"
    ]
    (unknown,) = said({**XOR, "settings": {"mapbytes": 3}})
    assert unknown.startswith("boards.0.settings.mapbytes = 3: one of unlock_timeout_ms")
    assert said({**XOR, "pulse_ms": 500}) == [
        "boards.0.pulse_ms = 500: 1000 to 9000 in whole seconds, or none for 300 ms"
    ]
    assert said({**CU48, "address": 10})[0].startswith("boards.0.address = 10: 0 to 255 but 10")
    assert said({**CU16, "address": 16}) == ["boards.0.address = 16: 0 to 15 for kerong-cu16"]
    assert said({**XOR, "address": 0}) == ["boards.0.address = 0: 1 to 200 for xor-8a-8"]
    assert said({**XOR, "lamps": "1"}) == [
        "boards.0.lamps = 1: a board whose outputs can be left on; those of this one drive locks"
    ]
    assert said({**XOR, "slots": "1-9"}) == [
        "boards.0.slots = 9: output channel 1 to 8; boards.0.profile has no more",
        "boards.0.slots = 9: input channel 1 to 8; boards.0.profile has no more",
    ]
    wide = said({**CU16, "slots": None, "locks": "1-2", "keys": "1-17"})
    assert "boards.0.keys = 17: input channel 1 to 16; boards.0.profile has no more" in wide


def test_a_lock_board_does_not_hang_on_modbus_tcp() -> None:
    lines = {"a": "modbus+tcp://10.0.0.5"}
    assert said(XOR, lines=lines) == [
        "boards.0.line = 'a': a serial:// or rtu+tcp:// line: xor-8a-8 does not speak Modbus TCP"
    ]
    assert said(XOR, lines={"a": "rtu+tcp://10.0.0.5:5000"}) == []


async def test_a_map_of_the_wrong_length_is_refused_at_opening() -> None:
    with pytest.raises(BoardRefused, match="map_bytes = 3"):
        async with cabinet({**XOR, "settings": {"map_bytes": 4}}):
            pass


async def test_map_order_and_length_are_settings() -> None:
    async with cabinet({**XOR, "settings": {"map_order": "low_first"}}) as rig:
        device = rig.device("x")
        assert isinstance(device, XorDevice)
        assert {slot.latch for slot in rig.cabinet.snapshot().slots} == {
            LatchState.UNLOCKED
        }  # read the wrong way


async def test_an_untried_board_warns_once(caplog: pytest.LogCaptureFixture) -> None:
    _warn_untried.cache_clear()
    with caplog.at_level(logging.WARNING):
        async with cabinet(XOR) as rig:
            build_board(rig.line, BoardConfig(line="a", address=9, profile="xor-8a-8"), "again")
    warned = [
        record.getMessage() for record in caplog.records if "never tried on hardware" in record.getMessage()
    ]
    assert len(warned) == 1
    assert warned[0].startswith("xor-8a-8: ")
