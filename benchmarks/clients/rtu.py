"""Reads 64 inputs of one board, or of several boards in turn, over a serial line again and again.

usage: python -m benchmarks.clients.rtu CLIENT LINE_URL BOARDS GAP_S COUNT

CLIENT is `motorpool`, `pymodbus-async` or `pymodbus-sync`. GAP_S is the silence that the boards ask for between
frames to different boards (motorpool only: pymodbus has no such setting).
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from itertools import cycle

from pymodbus.client import AsyncModbusSerialClient, ModbusSerialClient

from benchmarks.meter import Read, cpu_s, lags, quantile, repeat, report, summary
from keycabinet.line import Line
from keycabinet.modbus_device import ModbusDevice
from keycabinet.transport import LineUrl

INPUTS = 64
MASK = 0x5A5A5A5A5A5A5A5A
TIMEOUT_S = 2.0
WARM_UP = 2
Sample = Mapping[str, float]


async def motorpool(url: LineUrl, boards: int, gap_s: float, count: int) -> Sample:
    async with await Line.open("bench", url, holder="benchmark") as line:
        turns = cycle(
            ModbusDevice(line, address, reply_timeout_s=TIMEOUT_S, gap_s=gap_s)
            for address in range(1, boards + 1)
        )

        async def read() -> None:
            assert await next(turns).read_discrete_inputs(0, INPUTS) == MASK

        return await _measure(read, count)


async def pymodbus_async(url: LineUrl, boards: int, gap_s: float, count: int) -> Sample:
    client = AsyncModbusSerialClient(url.path, baudrate=url.baudrate, timeout=TIMEOUT_S, retries=0)
    await client.connect()
    addresses = cycle(range(1, boards + 1))

    async def read() -> None:
        reply = await client.read_discrete_inputs(0, count=INPUTS, device_id=next(addresses))
        assert len(reply.bits) == INPUTS

    try:
        return await _measure(read, count)
    finally:
        client.close()


async def _measure(read: Read, count: int) -> Sample:
    """First alone, then beside a 1 ms ticker: its wake-ups would hide a loop that oversleeps."""
    await repeat(read, WARM_UP)
    sample = await repeat(read, count)
    late = await lags(repeat(read, count))
    return {**sample, "lag_ms": quantile(late, 0.99) * 1e3}


def pymodbus_sync(url: LineUrl, boards: int, gap_s: float, count: int) -> Sample:
    client = ModbusSerialClient(url.path, baudrate=url.baudrate, timeout=TIMEOUT_S, retries=0)
    client.connect()
    addresses = cycle(range(1, boards + 1))
    try:
        cpu = start = 0.0
        for turn in range(WARM_UP + count):
            if turn == WARM_UP:
                cpu, start = cpu_s(), time.perf_counter()
            reply = client.read_discrete_inputs(0, count=INPUTS, device_id=next(addresses))
            assert len(reply.bits) == INPUTS
        return summary(count, time.perf_counter() - start, cpu_s() - cpu)
    finally:
        client.close()  # type: ignore[no-untyped-call]


ASYNC_CLIENTS: Mapping[str, Callable[[LineUrl, int, float, int], Awaitable[Sample]]] = {
    "motorpool": motorpool,
    "pymodbus-async": pymodbus_async,
}


async def _run(client: str, url: LineUrl, boards: int, gap_s: float, count: int) -> Sample:
    return await ASYNC_CLIENTS[client](url, boards, gap_s, count)


def main(client: str, line_url: str, boards: str, gap_s: str, count: str) -> None:
    url = LineUrl.parse(line_url)
    if client == "pymodbus-sync":
        report(pymodbus_sync(url, int(boards), float(gap_s), int(count)))
    else:
        report(asyncio.run(_run(client, url, int(boards), float(gap_s), int(count))))


if __name__ == "__main__":
    main(*sys.argv[1:])
