"""Reads one kind of device again and again, on one line or on several at once.

usage: python -m benchmarks.clients.serial KIND COUNT PTY...

KIND is one of `benchmarks.protocols`.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack

from benchmarks.meter import Read, cpu_s, report
from benchmarks.protocols import SPOKEN
from keycabinet.line import Line
from keycabinet.transport import LineUrl

WARM_UP = 2


async def measure(kind: str, count: int, devices: Sequence[str]) -> Mapping[str, float]:
    """The slowest line's readings a second, and CPU a reading of all lines."""
    spoken = SPOKEN[kind]
    async with AsyncExitStack() as stack:
        reads = []
        for number, device in enumerate(devices):
            url = LineUrl.parse(f"serial://{device}?baudrate={spoken.baud}")
            line = await stack.enter_async_context(await Line.open(f"bench{number}", url, holder="benchmark"))
            reads.append(spoken.reader(line))
        await asyncio.gather(*(_repeat(read, WARM_UP) for read in reads))
        cpu = cpu_s()
        rates = await asyncio.gather(*(_repeat(read, count) for read in reads))
        return {"per_s": min(rates), "cpu_us": (cpu_s() - cpu) / count / len(reads) * 1e6}


async def _repeat(read: Read, count: int) -> float:
    """Readings a second."""
    start = time.perf_counter()
    for _ in range(count):
        await read()
    return count / (time.perf_counter() - start)


def main(kind: str, count: str, *devices: str) -> None:
    report(asyncio.run(measure(kind, int(count), devices)))


if __name__ == "__main__":
    main(*sys.argv[1:])
