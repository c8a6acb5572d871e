"""Modbus boards other than Waveshare's: what their profiles put on the wire, and what they refuse."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from keycabinet import Cabinet, CabinetConfig, Line, LineUrl, Presence, Proof, ReleaseOutcome, find_problems
from keycabinet.boards.base import Board, board_kinds, build_board
from keycabinet.config import BoardConfig
from keycabinet.errors import BoardRefused
from keycabinet.exchange import Priority
from simulator.cabinets import MemorySerial, Wire
from simulator.cabinets.devices import build_device
from simulator.cabinets.eletechsup import EletechsupBoard
from simulator.hardware import SimulatedHardware

VECTORS = json.loads(
    (Path(__file__).parent.parent / "golden" / "cabinet-vectors.json").read_text(encoding="utf-8")
)
PRINTED = {
    vector["name"]: vector["request_hex"].lower()
    for vector in VECTORS
    if vector["protocol"] == "eletechsup-r4d"
}


@asynccontextmanager
async def wired(profile: str, **options: Any) -> AsyncIterator[tuple[Board, Wire]]:
    config = BoardConfig.model_validate({"line": "a", "address": 1, "profile": profile, **options})
    device = build_device(config, sense=lambda channel: channel == 8, switched=lambda _channel, _on: None)
    assert device is not None
    wire = Wire([device])
    url = LineUrl.parse("serial:///dev/nowhere")
    async with await Line.open("a", url, opener=MemorySerial("a", wire).open) as line:
        yield build_board(line, config, "A/a1"), wire


def asked(wire: Wire) -> str:
    return [frame.data.hex() for frame in wire.log.frames if frame.is_request][-1]


async def test_eletechsup_sends_what_its_documents_print() -> None:
    async with wired("eletechsup-r421a08") as (board, wire):
        assert board.pulse_s == 1.0
        for name, act in (
            ("ch1 momentary", board.pulse(1)),
            ("ch1 on", board.switch(1, True)),
            ("ch1 off", board.switch(1, False)),
            ("ch2 on", board.switch(2, True)),
        ):
            await act
            assert asked(wire) == PRINTED[name]
        assert await board.read_outputs(Priority.POLL) == 0b10
    async with wired("eletechsup-r421a08", pulse_ms=10_000) as (board, wire):
        assert board.pulse_s == 10.0
        await board.pulse(1)
        assert asked(wire) == PRINTED["ch1 delay 10 s"]
        await board.pulse(2)
        assert asked(wire) == PRINTED["ch2 delay 10 s"]
    async with wired("eletechsup-n4d8b08") as (board, wire):
        assert await board.read_inputs(Priority.POLL) == 0x80
        assert asked(wire) == PRINTED["inputs bitmap"]


@pytest.mark.parametrize("register", [0x00F9, 0x00FA, 0x00FC, 0x00FD])
async def test_a_board_that_would_act_or_talk_by_itself_is_refused(register: int) -> None:
    async with wired("eletechsup-n4d8b08") as (board, wire):
        device = wire.boards[0]
        assert isinstance(device, EletechsupBoard)
        assert (await board.verify()).version is None
        device.settings[register] = 1
        with pytest.raises(BoardRefused, match=f"{register:#06x} is 0x0001"):
            await board.verify()


async def test_a_model_without_those_registers_is_silent_and_accepted() -> None:
    async with wired("eletechsup-n4d8b08") as (board, wire):
        device = wire.boards[0]
        assert isinstance(device, EletechsupBoard)
        device.settings.clear()
        assert (await board.verify()).version is None
        assert await board.read_inputs(Priority.POLL) == 0x80


async def test_a_cabinet_of_eletechsup_boards_opens_and_proves() -> None:
    board = {"name": "e", "line": "a", "address": 1, "profile": "eletechsup-n4d8b08", "slots": "1-8"}
    config = CabinetConfig.model_validate({"boards": [board]})
    sets = {f"k{slot}": ("A", slot) for slot in range(1, 9)}
    url = "serial:///dev/ttyS9"
    async with SimulatedHardware(lines={"a": url}, cabinets={"A": config}, sets=sets) as hardware:
        line = await Line.open("a", LineUrl.parse(url), opener=hardware.opener)
        async with line, Cabinet("A", config, {"a": line}) as cabinet:
            assert cabinet.proof is Proof.PROVED
            assert (await cabinet.open_slot(2, "c")).outcome is ReleaseOutcome.CONFIRMED
            await asyncio.sleep(0.5)
            hardware.world.pull("k2")
            assert (await cabinet.refresh()).slot(2).presence is Presence.ABSENT


def said(**board: Any) -> list[str]:
    config = CabinetConfig.model_validate({"boards": [{"line": "a", "address": 1, **board}]})
    return [str(problem) for problem in find_problems("A", config)]


def test_no_lock_hangs_on_what_ends_no_pulse() -> None:
    (problem,) = said(profile="advantech-adam-6050", locks="1")[:1]
    assert problem == (
        "boards.0.locks = 1: a board that ends a pulse by itself; "
        "on this one a lock would stay open if the station died"
    )
    assert "boards.0.locks = 1: this board has no outputs" in said(profile="moxa-iologik-e1210", locks="1")
    assert (
        said(profile="advantech-adam-6050", locks=None, pulse_ms=500)[0] == "boards.0.pulse_ms = 500: nothing"
    )


def test_pulses_and_addresses_that_a_board_cannot_have() -> None:
    assert said(profile="eletechsup-r421a08", slots="1-8", pulse_ms=1500) == [
        "boards.0.pulse_ms = 1500: a multiple of 1000, up to 10000"
    ]
    assert said(profile="eletechsup-r421a08", slots="1-8", address=65) == [
        "boards.0.address = 65: 1 to 64 for eletechsup-r421a08"
    ]
    (unknown,) = said(profile="eletechsup-r421a08", slots="1-8", settings={"colour": "red"})
    assert unknown.startswith("boards.0.settings.colour = 'red': one of inputs_start")


def test_what_was_only_read_in_documents_says_so() -> None:
    for profile in ("advantech-adam-6050", "moxa-iologik-e1210"):
        assert "map from documents, check yours" in board_kinds()[profile].tried
