"""The published frames, a cabinet on the simulated board, and the contract that every board is under.

The contract lives in motorpool's repository: run with its tests/contract on PYTHONPATH.
"""

from __future__ import annotations

import asyncio

from device_bench import DeviceContract
from motorpool_kerong50.protocol import AskStates, Unlock

from keycabinet import Cabinet, CabinetConfig, Line, LineUrl, Proof, ReleaseOutcome
from keycabinet.boards.base import board_kinds
from simulator import virtual_time
from simulator.hardware import SimulatedHardware


def test_published_frames() -> None:
    asked = AskStates("x", 0)
    assert asked.request.hex() == "020000500355"
    assert asked.reader().feed(bytes.fromhex("0200006501000000008003EB")) == 1 | 1 << 47
    assert Unlock("x", 0, 1).request.hex() == "020000510356"


def test_motorpool_found_it() -> None:
    assert board_kinds()["kerong-cu48-50"].shape.latches == 48


class TestOnASimulatedBoard(DeviceContract):
    profile = "kerong-cu48-50"


def test_a_cabinet_of_it() -> None:
    async def main() -> None:
        boards = [{"line": "a", "address": 1, "profile": "kerong-cu48-50", "slots": "1-48"}]
        config = CabinetConfig.model_validate({"boards": boards})
        url = "serial:///dev/ttyS9?baudrate=19200"
        async with SimulatedHardware(
            lines={"a": url}, cabinets={"A": config}, sets={"k": ("A", 7)}
        ) as hardware:
            line = await Line.open("a", LineUrl.parse(url), opener=hardware.opener)
            async with line, Cabinet("A", config, {"a": line}) as cabinet:
                assert cabinet.proof is Proof.INFERRED
                assert (await cabinet.open_slot(7, "first")).outcome is ReleaseOutcome.CONFIRMED
                await asyncio.sleep(1)
                hardware.world.pull("k")

    virtual_time.run(main())
