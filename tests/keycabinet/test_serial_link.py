"""A real serial line discipline: a pty with pymodbus' server codec at the other end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
from modbus_peer import Board, Wire

from keycabinet.errors import LineHeld, LinkLost, PortUnavailable
from keycabinet.line import Line
from keycabinet.modbus_device import ModbusDevice
from keycabinet.transport import LineUrl

pytestmark = pytest.mark.real_time


@pytest.fixture
def port(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, str]]:
    monkeypatch.setenv("MOTORPOOL_LOCK_DIR", str(tmp_path))
    master, slave = pty.openpty()
    tty.setraw(slave)
    name = os.ttyname(slave)
    os.close(slave)
    yield master, name
    with contextlib.suppress(OSError):
        os.close(master)


def serve(master: int, wire: Wire) -> None:
    asyncio.get_running_loop().add_reader(master, lambda: os.write(master, wire.reply(os.read(master, 512))))


async def test_read_and_write(port: tuple[int, str]) -> None:
    master, name = port
    board = Board()
    board.input_mask = 0xC3
    async with await Line.open("a", LineUrl.parse(f"serial://{name}?baudrate=115200")) as line:
        serve(master, Wire(board))
        device = ModbusDevice(line, 1)
        for _ in range(20):
            assert await device.read_discrete_inputs(0, 8) == 0xC3
        await device.write_coil_word(0x0200, 2)
        assert board.pulses == [(1, 2)]
        asyncio.get_running_loop().remove_reader(master)


async def test_silence_is_kept_to_a_fraction_of_a_millisecond(port: tuple[int, str]) -> None:
    master, name = port
    loop = asyncio.get_running_loop()
    wire = Wire(Board())
    answered: list[float] = []
    gaps: list[float] = []

    def readable() -> None:
        request = os.read(master, 512)
        if answered:
            gaps.append(loop.time() - answered[-1])
        answered.append(loop.time())
        os.write(master, wire.reply(request))

    async with await Line.open("a", LineUrl.parse(f"serial://{name}?baudrate=115200")) as line:
        loop.add_reader(master, readable)
        device = ModbusDevice(line, 1)
        for _ in range(50):
            await device.read_coils(0, 8)
        loop.remove_reader(master)
    assert min(gaps) >= 0.00175
    assert sorted(gaps)[len(gaps) // 2] < 0.00175 + 0.001


async def test_a_port_that_hangs_up_is_lost_and_comes_back_as_lost(port: tuple[int, str]) -> None:
    master, name = port
    async with await Line.open("a", LineUrl.parse(f"serial://{name}")) as line:
        device = ModbusDevice(line, 1, reply_timeout_s=5.0)
        asked = asyncio.ensure_future(device.read_coils(0, 8))
        await asyncio.to_thread(os.read, master, 8)
        os.close(master)
        with pytest.raises(LinkLost):
            await asked
        assert not line.connected
        with pytest.raises(LinkLost):
            await device.read_coils(0, 8)


async def test_a_second_line_on_the_port_is_told_who_has_it(port: tuple[int, str]) -> None:
    url = LineUrl.parse(f"serial://{port[1]}")
    async with await Line.open("a", url, holder="station 04"):
        with pytest.raises(LineHeld, match="station 04"):
            await Line.open("a", url)
        with pytest.raises(LineHeld, match="another program"):
            await Line.open("a", url, exclusive=False)


@pytest.mark.parametrize("path", ["/dev/no-such-port", "/dev/null", "/etc/passwd"])
async def test_a_port_that_cannot_be_opened(path: str, port: tuple[int, str]) -> None:
    with pytest.raises(PortUnavailable) as refused:
        await Line.open("a", LineUrl.parse(f"serial://{path}"))
    assert path in str(refused.value)
