"""`motorpool simulate` and BLE programs in processes of their own, which know nothing but what it printed."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from programs import MOTORPOOL, PATIENCE_S, ROOT, SITE, Program, require, run, running

HERE = Path(__file__).parent
BLE_PROGRAM = str(HERE / "ble_program.py")
HCI_PROGRAM = str(HERE / "hci_program.py")
VARIABLE = "DBUS_SYSTEM_BUS_ADDRESS"
IDENTITY = repr(b"ATI\rELM327 v1.5\r\r>")

pytestmark = [pytest.mark.real_time, pytest.mark.peer]


class Simulated:
    """A running `simulate` and its endpoints by name."""

    def __init__(self, program: Program, printed: dict[str, Any]) -> None:
        self.program = program
        self.urls: dict[str, str] = {each["name"]: each["url"] for each in printed["endpoints"]}

    def address(self, car: str) -> str:
        return self.urls[car].removeprefix("ble://")

    @asynccontextmanager
    async def ble_program(self, car: str) -> AsyncIterator[Program]:
        bus = f"{VARIABLE}={self.urls[VARIABLE]}"
        async with running("env", bus, sys.executable, BLE_PROGRAM, self.address(car)) as program:
            yield program


async def asked(program: Program, what: str) -> str:
    program.tell(what)
    return await program.says()


async def park(control: httpx.AsyncClient, car: str, *, in_range: bool) -> None:
    """Drive a car out of the radio's range, or back."""
    changed = await control.patch(f"/v1/cars/{car}", json={"in_range": in_range})
    assert changed.status_code == 200, changed.text


@asynccontextmanager
async def simulate(*options: str) -> AsyncIterator[Simulated]:
    async with running(*MOTORPOOL, "simulate", str(SITE), "--json", *options) as program:
        yield Simulated(program, json.loads(await program.says()))


async def test_a_program_with_unmodified_bleak_reads_a_terminal() -> None:
    require("dbus-daemon", "dbus")
    async with simulate() as simulated, simulated.ble_program("v-112") as program:
        assert await asked(program, "scan") == "OBDII"
        for _ in range(2):
            assert await asked(program, "connect") == "connected"
            assert await asked(program, "identify") == IDENTITY
            assert await asked(program, "disconnect") == "disconnected"
        assert await program.end() == []


async def test_the_program_of_the_documentation_runs(tmp_path: Path) -> None:
    require("dbus-daemon", "dbus")
    section = (ROOT / "docs" / "simulator.md").read_text(encoding="utf-8").partition("## Bluetooth")[2]
    program = tmp_path / "program.py"
    program.write_text(section.partition("```python\n")[2].partition("```")[0], encoding="utf-8")
    async with simulate() as simulated:
        said = await run("env", f"{VARIABLE}={simulated.urls[VARIABLE]}", sys.executable, str(program))
        assert "ELM327 v1.5" in said


async def test_a_program_that_dies_leaves_its_connection_as_with_bluez() -> None:
    require("dbus-daemon", "dbus")
    async with simulate() as simulated:
        async with simulated.ble_program("v-112") as program:
            assert await asked(program, "connect") == "connected"
            program.process.kill()
        async with simulated.ble_program("v-112") as program:
            assert await asked(program, "scan") == "nothing"  # a connected adapter does not advertise
        async with simulated.ble_program("v-203") as program:
            assert await asked(program, "connect") == "connected"
            assert await asked(program, "identify") == IDENTITY


async def test_a_car_that_drives_away_and_comes_back() -> None:
    require("dbus-daemon", "dbus")
    async with (
        simulate("--control", "0") as simulated,
        simulated.ble_program("v-112") as program,
        httpx.AsyncClient(base_url=simulated.urls["control"]) as control,
    ):
        assert await asked(program, "connect") == "connected"
        await park(control, "v-112", in_range=False)
        assert "BleakGATTProtocolError" in await asked(program, "identify")
        assert await asked(program, "ended") == "ended, connected: False"
        assert (await asked(program, "connect")).startswith("TimeoutError")
        await park(control, "v-112", in_range=True)
        assert await asked(program, "connect") == "connected"
        assert await asked(program, "identify") == IDENTITY


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
async def test_the_end_of_the_simulation_is_noticed_and_nothing_stays_behind(end: signal.Signals) -> None:
    require("dbus-daemon", "dbus")
    async with simulate() as simulated, simulated.ble_program("v-112") as program:
        assert await asked(program, "connect") == "connected"
        simulated.program.process.send_signal(end)
        assert await asked(program, "ended") == "ended, connected: False"
        await simulated.program.process.wait()
        socket = Path(simulated.urls[VARIABLE].removeprefix("unix:path=").partition(",")[0])
        async with asyncio.timeout(PATIENCE_S):
            while socket.parent.exists():
                await asyncio.sleep(0)
        assert (await asked(program, "connect")).startswith(("FileNotFoundError", "ConnectionRefusedError"))


async def test_a_program_with_bumbles_host_reads_a_terminal_over_tcp() -> None:
    async with simulate("--ble", "hci-tcp:0") as simulated:
        assert VARIABLE not in simulated.urls
        said = await run(sys.executable, HCI_PROGRAM, simulated.urls["hci"], simulated.address("v-112"))
        assert said == IDENTITY


async def test_ways_that_cannot_be_had_are_said() -> None:
    async with simulate("--ble", "none") as simulated:
        assert not {VARIABLE, "hci"}.intersection(simulated.urls)
    async with running(*MOTORPOOL, "simulate", str(SITE), "--ble", "smoke-signals") as program:
        said, complaint = await program.process.communicate()
        assert program.process.returncode == 2
        assert said == b""
        assert b"--ble = 'smoke-signals': allowed is dbus, hci-tcp:PORT" in complaint
