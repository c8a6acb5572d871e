"""What a site file says, held against the line."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from keycabinet import CabinetConfig, Line, LineUrl
from keycabinet.config import resolve
from keycabinet.inspection import Finding, Inspector
from simulator.cabinets.board import Mode
from simulator.hardware import SimulatedHardware

LINES = {"a": "serial:///dev/ttyS9?baudrate=19200", "r": "serial:///dev/ttyS8?baudrate=9600"}
D8 = {
    "name": "a1",
    "line": "a",
    "address": 1,
    "profile": "waveshare-relay-d-8",
    "slots": "1-7",
    "lamps": "1@8",
}
XOR = {"name": "x", "line": "a", "address": 2, "profile": "xor-8a-8", "slots": "9-16"}


class Rig:
    def __init__(self, hardware: SimulatedHardware, lines: dict[str, Line], config: CabinetConfig) -> None:
        self.hardware = hardware
        self.lines = lines
        self.config = config
        self.told: list[str] = []

    def inspector(self, **other: Any) -> Inspector:
        config = CabinetConfig.model_validate({**self.config.model_dump(), **other})
        return Inspector({"A": config}, self.lines, self.told.append)


@asynccontextmanager
async def rig(*boards: dict[str, Any], **rest: Any) -> AsyncIterator[Rig]:
    config = CabinetConfig.model_validate({"boards": list(boards), **rest})
    sets = {f"k{slot.slot}": ("A", slot.slot) for slot in resolve("A", config).slots}
    async with SimulatedHardware(lines=LINES, cabinets={"A": config}, sets=sets) as hardware:
        lines = {
            name: await Line.open(name, LineUrl.parse(url), opener=hardware.opener)
            for name, url in hardware.urls.items()
        }
        yield Rig(hardware, lines, config)
        for line in lines.values():
            await line.close()


def wrong(findings: list[Finding]) -> dict[str, str]:
    return {each.what: each.text for each in findings if not each.ok}


async def test_a_cabinet_that_is_as_the_file_says() -> None:
    readers = [{"line": "r", "kind": "rs485-125k-ascii", "slots": "1-2"}]
    async with rig(D8, XOR, readers=readers) as at:
        inspector = at.inspector()
        devices = await inspector.devices()
        assert wrong(devices) == {}
        assert [each.what for each in devices] == [
            "board a1",
            "board x",
            "reader rr of slot 1",
            "reader rr of slot 2",
        ]
        assert "version 2.00, 8 outputs, 8 inputs" in devices[0].text
        slots = await inspector.slots()
        assert wrong(slots) == {}
        assert (slots[0].what, slots[0].text) == ("slot 1", "present")
        assert slots[-1].text == "latch locked"
        assert any("board x, xor-8a-8" in text for text in at.told)


async def test_another_board_than_the_file_says() -> None:
    async with rig({**D8, "lamps": None, "profile": "waveshare-relay-32", "slots": "1-32"}) as at:
        devices = await at.inspector(
            boards=[{**D8, "lamps": None, "profile": "waveshare-relay-16", "slots": "1-16"}]
        ).devices()
        assert "answers as waveshare-relay-32" in wrong(devices)["board a1"]
        devices = await at.inspector(boards=[D8]).devices()
        assert "does not tell how its inputs act" in wrong(devices)["board a1"]
    async with rig(XOR) as at:
        devices = await at.inspector(boards=[{**XOR, "profile": "xor-8a-50", "slots": "1-50"}]).devices()
        assert "map has 3 bytes" in wrong(devices)["board x"]
        devices = await at.inspector(boards=[{**XOR, "profile": "kerong-cu16"}]).devices()
        assert "no reply" in wrong(devices)["board x"]


async def test_a_silent_and_a_dangerous_board_are_named_and_the_rest_is_inspected() -> None:
    async with rig(D8, XOR) as at:
        at.hardware.board("A", "a1").link(Mode.LINKAGE)
        at.hardware.power("A", "x", False)
        inspector = at.inspector()
        faults = wrong(await inspector.devices())
        assert "write 0" in faults["board a1"]
        assert "no reply" in faults["board x"]
        assert await inspector.slots() == []  # nothing is believed of a cabinet that must not be used
        assert list(inspector.lamps()) == []


async def test_latches_that_all_read_unlocked_may_be_the_other_way_round() -> None:
    async with rig(XOR) as at:
        inspector = at.inspector(boards=[{**XOR, "inverted": ["latches"]}])
        await inspector.devices()
        findings = await inspector.slots()
        assert wrong(findings) == {}
        assert findings[-1].doubt
        assert "inverted" in findings[-1].text


async def test_mains_and_battery() -> None:
    board = {**D8, "slots": "1-4", "lamps": None, "mains": 7, "battery_low": 8}
    async with rig(board) as at:
        inspector = at.inspector()
        await inspector.devices()
        said = {each.what: (each.text, each.doubt) for each in await inspector.slots()}
        assert said["mains"] == ("on", False)
        assert said["battery"] == ("good", False)
        inspector = at.inspector(boards=[{**board, "inverted": ["mains", "battery_low"]}])
        await inspector.devices()
        said = {each.what: (each.text, each.doubt) for each in await inspector.slots()}
        assert said["mains"] == ('lost; if they are there, set inverted = ["mains"]', True)
        assert said["battery"][1]


async def test_lamps_are_lit_one_after_another_and_put_out() -> None:
    async with rig({**D8, "slots": "1-4", "lamps": "1-4@5"}) as at:
        inspector = at.inspector()
        await inspector.devices()
        lamps = list(inspector.lamps())
        assert lamps == [("A", 1), ("A", 2), ("A", 3), ("A", 4)]
        board = at.hardware.board("A", "a1")
        lit: list[int] = []
        lighting = asyncio.ensure_future(inspector.light(lamps))
        while not lighting.done():
            on = [channel for channel, state in enumerate(board.relays, 1) if state]
            assert len(on) < 2
            lit += [each for each in on if each not in lit]
            await asyncio.sleep(0.05)
        assert lit == [5, 6, 7, 8]
        assert wrong(await lighting) == {}
        assert not any(board.relays)
        assert at.hardware.world.pulses("A", 1) == 0


async def test_a_lamp_is_put_out_when_somebody_gives_up() -> None:
    async with rig(D8) as at:
        inspector = at.inspector()
        await inspector.devices()
        lighting = asyncio.ensure_future(inspector.light([("A", 1)], seconds=60))
        await asyncio.sleep(5)
        assert at.hardware.board("A", "a1").relays[7]
        lighting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await lighting
        assert not any(at.hardware.board("A", "a1").relays)
