"""Reads 64 inputs over a serial line again and again.

usage: python -m benchmarks.clients.rtu CLIENT DEVICE BAUD GAP_S COUNT

CLIENT is `motorpool`, `pymodbus-async` or `pymodbus-sync`. A pty takes no parity bit (tcsetattr refuses), so
every client opens it 8N1; the device alone paces eleven bits for 8E1.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Mapping

from keycabinet.line import Line
from keycabinet.modbus_device import ModbusDevice
from keycabinet.transport import LineUrl
from pymodbus.client import AsyncModbusSerialClient, ModbusSerialClient

from benchmarks.meter import Read, cpu_s, lags, quantile, repeat, report, summary

INPUTS = 64
MASK = 0x5A5A5A5A5A5A5A5A
TIMEOUT_S = 2.0
Sample = Mapping[str, float]


async def motorpool(device: str, baud: int, gap_s: float, count: int) -> Sample:
    url = LineUrl.parse(f"serial://{device}?baudrate={baud}&parity=N")
    async with await Line.open("bench", url, holder="benchmark") as line:
        board = ModbusDevice(line, 1, reply_timeout_s=TIMEOUT_S, gap_s=gap_s)

        async def read() -> None:
            assert await board.read_discrete_inputs(0, INPUTS) == MASK

        return await _measure(read, count)


async def pymodbus_async(device: str, baud: int, gap_s: float, count: int) -> Sample:
    client = AsyncModbusSerialClient(device, baudrate=baud, parity="N", timeout=TIMEOUT_S, retries=0)
    await client.connect()

    async def read() -> None:
        reply = await client.read_discrete_inputs(0, count=INPUTS, device_id=1)
        assert len(reply.bits) == INPUTS

    try:
        return await _measure(read, count)
    finally:
        client.close()


async def _measure(read: Read, count: int) -> Sample:
    """Alone in the loop first, then beside a 1 ms ticker, which would hide a loop that oversleeps."""
    await read()
    await read()
    sample = await repeat(read, count)
    late = await lags(repeat(read, count))
    return {**sample, "lag_ms": quantile(late, 0.99) * 1e3}


def pymodbus_sync(device: str, baud: int, gap_s: float, count: int) -> Sample:
    client = ModbusSerialClient(device, baudrate=baud, parity="N", timeout=TIMEOUT_S, retries=0)
    client.connect()
    try:
        cpu = start = 0.0
        for turn in range(count + 2):
            if turn == 2:
                cpu, start = cpu_s(), time.perf_counter()
            assert len(client.read_discrete_inputs(0, count=INPUTS, device_id=1).bits) == INPUTS
        return summary(count, time.perf_counter() - start, cpu_s() - cpu)
    finally:
        client.close()  # type: ignore[no-untyped-call]


ASYNC_CLIENTS: Mapping[str, Callable[[str, int, float, int], Awaitable[Sample]]] = {
    "motorpool": motorpool,
    "pymodbus-async": pymodbus_async,
}


async def _run(client: str, device: str, baud: int, gap_s: float, count: int) -> Sample:
    return await ASYNC_CLIENTS[client](device, baud, gap_s, count)


def main(client: str, device: str, baud: str, gap_s: str, count: str) -> None:
    if client == "pymodbus-sync":
        report(pymodbus_sync(device, int(baud), float(gap_s), int(count)))
    else:
        report(asyncio.run(_run(client, device, int(baud), float(gap_s), int(count))))


if __name__ == "__main__":
    main(*sys.argv[1:])
