"""What the measured programs share: repeated reads timed, CPU time, and a ticker that shows a held loop."""

from __future__ import annotations

import asyncio
import json
import resource
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

Read = Callable[[], Awaitable[None]]
TICK_S: Final = 0.001


def cpu_s() -> float:
    """CPU time of this process, user and system."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def repeat(read: Read, count: int, callers: int = 1) -> Mapping[str, float]:
    """Read `count` times, shared by so many concurrent callers; requests a second and CPU a request."""

    async def caller() -> None:
        for _ in range(count // callers):
            await read()

    cpu, start = cpu_s(), time.perf_counter()
    if callers == 1:
        await caller()
    else:
        await asyncio.gather(*(caller() for _ in range(callers)))
    return summary(count // callers * callers, time.perf_counter() - start, cpu_s() - cpu)


def summary(count: int, wall: float, cpu: float) -> Mapping[str, float]:
    return {"per_s": count / wall, "cpu_us": cpu / count * 1e6}


async def lags(busy: Awaitable[object]) -> Sequence[float]:
    """How late a 1 ms ticker of the same loop was at each tick while `busy` ran, in seconds."""
    loop = asyncio.get_running_loop()
    late: list[float] = []

    async def tick() -> None:
        while True:
            due = loop.time() + TICK_S
            await asyncio.sleep(TICK_S)
            late.append(loop.time() - due)

    ticker = asyncio.create_task(tick())
    try:
        await busy
    finally:
        ticker.cancel()
    return late


def report(sample: Mapping[str, float]) -> None:
    """Hand the result to the harness."""
    print(json.dumps(dict(sample)))
