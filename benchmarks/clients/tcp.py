"""Modbus TCP clients reading 64 inputs: one connection flat out, or many at a steady rate.

usage: python -m benchmarks.clients.tcp one CLIENT PORT CALLERS COUNT
       python -m benchmarks.clients.tcp many CLIENT PORT CONNECTIONS HZ SECONDS

CLIENT is `motorpool` or `pymodbus`, both on the plain asyncio loop.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

from pymodbus.client import AsyncModbusTcpClient

from benchmarks.meter import Read, cpu_s, quantile, repeat, report, summary
from keycabinet.line import Line
from keycabinet.modbus_device import ModbusDevice
from keycabinet.transport import LineUrl

INPUTS = 64
MASK = 0x5A5A5A5A5A5A5A5A
TIMEOUT_S = 3.0
WARM_UP_S = 0.7
Sample = Mapping[str, float]
Connect = Callable[[int, int], AbstractAsyncContextManager[Read]]


@asynccontextmanager
async def motorpool(port: int, depth: int) -> AsyncIterator[Read]:
    url = LineUrl.parse(f"modbus+tcp://127.0.0.1:{port}")
    async with await Line.open("bench", url, exclusive=False) as line:  # many lines to one server
        board = ModbusDevice(line, 1, reply_timeout_s=TIMEOUT_S, depth=depth)

        async def read() -> None:
            assert await board.read_discrete_inputs(0, INPUTS) == MASK

        yield read


@asynccontextmanager
async def pymodbus(port: int, depth: int) -> AsyncIterator[Read]:
    """`depth` is without effect: one lock holds each connection from the request to its reply."""
    client = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=TIMEOUT_S, retries=0)
    await client.connect()

    async def read() -> None:
        reply = await client.read_discrete_inputs(0, count=INPUTS, device_id=1)
        assert len(reply.bits) == INPUTS

    try:
        yield read
    finally:
        client.close()


CLIENTS: Mapping[str, Connect] = {"motorpool": motorpool, "pymodbus": pymodbus}


async def one(connect: Connect, port: int, callers: int, count: int) -> Sample:
    async with connect(port, callers) as read:
        await repeat(read, count // 10)
        return await repeat(read, count, callers)


async def many(connect: Connect, port: int, connections: int, hz: float, seconds: float) -> Sample:
    """CPU a poll, one `asyncio.sleep` included in each."""
    async with AsyncExitStack() as stack:
        reads = [await stack.enter_async_context(connect(port, 1)) for _ in range(connections)]
        return await _poll(reads, hz, seconds)


async def _poll(reads: Sequence[Read], hz: float, seconds: float) -> Sample:
    loop = asyncio.get_running_loop()
    took: list[float] = []
    stopping = False

    async def poll(read: Read, phase: float) -> None:
        due = loop.time() + phase / hz
        while not stopping:
            await asyncio.sleep(max(0.0, due - loop.time()))
            due += 1 / hz
            start = loop.time()
            await read()
            took.append(loop.time() - start)

    tasks = [asyncio.create_task(poll(read, n / len(reads))) for n, read in enumerate(reads)]
    await asyncio.sleep(WARM_UP_S)
    took.clear()
    cpu, start = cpu_s(), time.perf_counter()
    await asyncio.sleep(seconds)
    sample = summary(len(took), time.perf_counter() - start, cpu_s() - cpu)
    late = {"p99_ms": quantile(took, 0.99) * 1e3}
    stopping = True
    await asyncio.gather(*tasks)
    return {**sample, **late}


def main(kind: str, client: str, port: str, *figures: str) -> None:
    connect = CLIENTS[client]
    if kind == "one":
        callers, count = figures
        report(asyncio.run(one(connect, int(port), int(callers), int(count))))
    else:
        connections, hz, seconds = figures
        report(asyncio.run(many(connect, int(port), int(connections), float(hz), float(seconds))))


if __name__ == "__main__":
    main(*sys.argv[1:])
