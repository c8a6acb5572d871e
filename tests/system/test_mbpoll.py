"""mbpoll (Debian), which knows nothing of us, reads the boards of `motorpool simulate` over TCP and over the pty."""

from __future__ import annotations

import re
import signal

import pytest
from programs import Simulation, require, run, simulation

from keycabinet.commissioning import read_board
from keycabinet.transport import LineUrl

pytestmark = [pytest.mark.peer, pytest.mark.real_time]

COILS, INPUTS, HOLDING_REGISTERS = "0", "1", "4"
POLLED = re.compile(r"-- Polling slave (\d+)")
VALUE = re.compile(r"\[(\d+)\]:\s+(\d+)")


@pytest.fixture(autouse=True)
def _needs_mbpoll() -> None:
    require("mbpoll", "mbpoll")


async def mbpoll(*arguments: str) -> dict[int, list[int]]:
    """Ask once; the values by address of the board. AssertionError unless every board answers."""
    said = await run("mbpoll", "-1", "-o", "2", *arguments)
    values: dict[int, list[int]] = {}
    for line in said.splitlines():
        if polled := POLLED.match(line):
            values[int(polled[1])] = []
        elif value := VALUE.match(line):
            board = values[list(values)[-1]]
            board.append(int(value[2]))
            assert int(value[1]) == int(arguments[arguments.index("-r") + 1]) + len(board) - 1
    assert values, said
    return values


def over_pty(simulated: Simulation) -> tuple[str, ...]:
    return ("-m", "rtu", "-b", "9600", "-P", "none", simulated.pty)


def over_tcp(simulated: Simulation) -> tuple[str, ...]:
    return ("-m", "tcp", "-p", simulated.tcp_port, "127.0.0.1")


def bits(*on: int) -> list[int]:
    """Eight channels, counted from 1."""
    return [int(channel in on) for channel in range(1, 9)]


async def test_mbpoll_reads_inputs_relays_and_registers_while_simulate_runs() -> None:
    async with simulation() as simulated:
        pty, tcp = over_pty(simulated), over_tcp(simulated)
        eight = ("-r", "1", "-c", "8")
        on_a = await mbpoll("-a", "1,2,3,4", "-t", INPUTS, *eight, *pty)
        assert on_a == {1: bits(1, 2), 2: bits(), 3: bits(3), 4: bits()}  # B-03
        on_b = await mbpoll("-a", "1,2,3", "-t", INPUTS, *eight, *tcp)
        assert on_b == {1: bits(1), 2: bits(), 3: bits(1)}  # C-01; the door's contact: shut
        for boards, where in (("1,2,3,4", pty), ("1,2,3", tcp)):
            relays = await mbpoll("-a", boards, "-t", COILS, *eight, *where)
            assert all(read == bits() for read in relays.values())
            version = await mbpoll("-a", "1", "-t", HOLDING_REGISTERS, "-0", "-r", "32768", "-c", "1", *where)
            assert version == {1: [200]}
            modes = await mbpoll("-a", "1", "-t", HOLDING_REGISTERS, "-0", "-r", "4096", "-c", "8", *where)
            assert modes == {1: [0] * 8}  # no input opens a lock


async def test_what_mbpoll_switches_on_mbpoll_and_the_driver_read_on() -> None:
    async with simulation() as simulated:
        for line, address, where in (("a", 3, over_pty(simulated)), ("b", 1, over_tcp(simulated))):
            board = ("-a", str(address), "-t", COILS)
            await run("mbpoll", "-1", *board, "-r", "6", *where, "1")
            relays = await mbpoll(*board, "-r", "1", "-c", "8", *where)
            assert relays == {address: bits(6)}
            url = LineUrl.parse(simulated.printed["lines"][line])
            ours = await read_board(url, "waveshare-relay-d-8", address)
            assert [int(on) for on in ours.outputs] == bits(6)


async def test_what_simulate_prints_and_that_sigterm_stops_it() -> None:
    async with simulation() as simulated:
        assert simulated.printed["station"] == "330108-04"
        kinds = {each["name"]: each["kind"] for each in simulated.printed["endpoints"]}
        lines = {"a": "serial line (pty)", "b": "Modbus TCP"}
        terminals = dict.fromkeys(("v-112", "v-118", "v-203"), "BLE terminal")
        assert lines.items() | terminals.items() <= kinds.items()
        await mbpoll("-a", "1", "-t", INPUTS, "-r", "1", "-c", "8", *over_tcp(simulated))
        simulated.program.process.send_signal(signal.SIGTERM)
        assert await simulated.program.end() == []
