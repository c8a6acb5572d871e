"""A simulated line on a real pseudo-terminal, used by programs that know nothing of it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pymodbus.client import AsyncModbusSerialClient

from keycabinet.timerfd import TimerFd
from simulator.cabinets import PtyLine, RelayBoard, Wire
from simulator.cabinets.frames import seal_rtu

READ_RELAYS = bytes.fromhex("0100000008")


@asynccontextmanager
async def line(baudrate: int, *, strict: bool = False) -> AsyncIterator[tuple[PtyLine, Wire]]:
    timer = TimerFd.create(asyncio.get_running_loop())
    wire = Wire(
        [RelayBoard(1, 8, 8, sense=lambda channel: channel == 3), RelayBoard(2, 32)],
        baudrate=baudrate,
        byte_by_byte=True,
        strict=strict,
        call_later=timer.call_later if timer else None,
    )
    pty = PtyLine(wire, timer)
    try:
        yield pty, wire
    finally:
        pty.close()


@pytest.mark.real_time
@pytest.mark.parametrize("baudrate", [9600, 19200, 115200])
async def test_the_unmodified_pymodbus_client_reads_over_a_pty(baudrate: int) -> None:
    async with line(baudrate) as (pty, wire):
        for _ in range(2):  # a second program finds the same port
            client = AsyncModbusSerialClient(pty.path, baudrate=baudrate, timeout=1, retries=0)
            assert await client.connect()
            assert (await client.read_discrete_inputs(0, count=8, device_id=1)).bits[2]
            await asyncio.sleep(0.01)
            assert len((await client.read_coils(0, count=32, device_id=2)).bits) == 32
            await asyncio.sleep(0.01)
            assert not (await client.write_coil(31, True, device_id=2)).isError()
            client.close()
            await asyncio.sleep(0.01)
        assert wire.boards[1].relays[31]
        assert wire.log.requests == 6


class Reader:
    """Reads the slave's side without any driver above it, noting when."""

    def __init__(self, path: str) -> None:
        self.loop = asyncio.get_running_loop()
        self.descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self.heard: list[tuple[float, bytes]] = []
        self._more = asyncio.Event()
        self.loop.add_reader(self.descriptor, self._readable)

    def _readable(self) -> None:
        self.heard.append((self.loop.time(), os.read(self.descriptor, 256)))
        self._more.set()

    async def take(self, count: int) -> bytes:
        async with asyncio.timeout(2):
            while len(data := b"".join(chunk for _, chunk in self.heard)) < count:
                self._more.clear()
                await self._more.wait()
        return data

    def close(self) -> None:
        self.loop.remove_reader(self.descriptor)
        os.close(self.descriptor)


@pytest.mark.real_time
async def test_a_reply_comes_no_faster_than_the_baud_rate() -> None:
    async with line(9600) as (pty, wire):
        reader = Reader(pty.path)
        began = asyncio.get_running_loop().time()
        os.write(reader.descriptor, seal_rtu(1, bytes.fromhex("0310000008")))  # 8 registers: 21 bytes
        await reader.take(21)
        took = asyncio.get_running_loop().time() - began
        least = (8 + 3.5 + 21) * wire.character_s + wire.turnaround_s
        assert least <= took < least + 0.1
        assert len(reader.heard) > 10  # it trickled in
        reader.close()


@pytest.mark.real_time
@pytest.mark.parametrize("strict", [False, True])
async def test_missing_silence_is_seen_over_a_pty(strict: bool) -> None:
    async with line(9600, strict=strict) as (pty, wire):
        reader = Reader(pty.path)
        request = seal_rtu(1, READ_RELAYS)
        os.write(reader.descriptor, request)
        await reader.take(6)
        os.write(reader.descriptor, request)  # at once
        if strict:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await reader.take(12)
        else:
            await reader.take(12)
        assert wire.log.silence_violations == 1
        reader.close()


@pytest.mark.real_time
async def test_closing_hangs_up() -> None:
    async with line(9600) as (pty, _):
        descriptor = os.open(pty.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    with pytest.raises(OSError, match="Input/output error"):
        os.write(descriptor, b"x")
    os.close(descriptor)
