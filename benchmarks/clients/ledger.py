"""Full durable steps on a ledger: state row under its version, event, outbox row, chain, group commit.

usage: python -m benchmarks.clients.ledger FILE WAITERS COUNT

Each waiter commits its next step when the last one is on the disk, on the loop that `motorpool serve` runs on. The
steps are made beforehand: who decides them is not measured. A second, shorter run on a ledger of its own, through a
connection that holds a watch, tells the parts.
"""

from __future__ import annotations

import asyncio
import gc
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypeVar

from api.server import loop_factory
from benchmarks.meter import cpu_s, report, summary
from lifecycle.ledger import Json, Ledger, NewEvent, Row, Step, verify
from lifecycle.ledger.chain import instant, prepare
from lifecycle.ledger.schema import Connect, connect
from lifecycle.ledger.writer import Batch

WARM_UP = 20
PARTS = 0.25
"""Share of the steps that the run with the watch takes."""

Sample = Mapping[str, float]
T = TypeVar("T")


def clock() -> datetime:
    return datetime.now(UTC)


class Watch:
    """Opens connections that add up how long the driver works: on statements, and on commits (the fsync)."""

    def __init__(self) -> None:
        self.sql_s = self.commit_s = 0.0

    def __call__(self, path: Path) -> sqlite3.Connection:
        watch = self

        class Cursor(sqlite3.Cursor):
            def execute(self, sql: str, values: Any = (), /) -> Self:
                return watch.statement(super().execute, sql, values)

            def executemany(self, sql: str, values: Any, /) -> Self:
                return watch.statement(super().executemany, sql, values)

        class Connection(sqlite3.Connection):
            def cursor(self, *_: object) -> Any:
                return super().cursor(Cursor)

            def commit(self) -> None:
                start = time.perf_counter()
                super().commit()
                watch.commit_s += time.perf_counter() - start

        return sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=Connection)

    def statement(self, run: Callable[[str, Any], T], sql: str, values: Any) -> T:
        start = time.perf_counter()
        cursor = run(sql, values)
        self.sql_s += time.perf_counter() - start
        return cursor


def steps(waiter: int, count: int) -> Sequence[Step]:
    """The same key set leaving and coming home, over and over."""
    key_set, words = f"ks-{waiter}", ("ready", "even_wear")
    data: Mapping[str, Json] = {"cabinet": "A", "slot": waiter, "purpose": "call_out", "checkout": "co_7Q"}
    row: Mapping[str, Json] = {"holder": "o-1234", "since": "2026-11-21T20:00:00Z", "cabinet": "A"}
    ids = {"key_set": key_set, "vehicle": "v-112"}
    event = NewEvent("KeySetTaken", ids, "o-1234", data, "proved", words, "policy-1")
    return [Step((event,), (Row("key_set", key_set, version, "out", row),)) for version in range(count)]


async def run(path: Path, waiters: int, count: int, connecting: Connect) -> Sample:
    """Steps a second and CPU a step, after a warm-up."""
    plans = [steps(waiter, WARM_UP + count // waiters) for waiter in range(waiters)]
    gc.collect()
    gc.freeze()
    async with await Ledger.open(
        path, station="bench", holder="benchmark", clock=clock, connect=connecting
    ) as ledger:

        async def caller(plan: Sequence[Step]) -> None:
            for step in plan:
                await ledger.commit(step)

        await asyncio.gather(*[caller(plan[:WARM_UP]) for plan in plans])
        if isinstance(connecting, Watch):
            connecting.sql_s = connecting.commit_s = 0.0
        cpu, start = cpu_s(), time.perf_counter()
        await asyncio.gather(*[caller(plan[WARM_UP:]) for plan in plans])
        result = summary(count // waiters * waiters, time.perf_counter() - start, cpu_s() - cpu)
        recorded = ledger.head.seq
    assert verify(path).head.seq == recorded == sum(map(len, plans))
    return result


def chain_s(count: int) -> float:
    """Seconds for the canonical text and the hashes of so many steps."""
    plan, now = steps(0, count), clock()
    batch = Batch(0, bytes(32), now, instant(now))
    start = time.perf_counter()
    for step in plan:
        batch.add(prepare(step, now))
    return time.perf_counter() - start


async def main(path: Path, waiters: int, count: int) -> None:
    sample = dict(await run(path, waiters, count, connect))
    watch, fewer = Watch(), max(int(count * PARTS), waiters)
    watched = await run(path.with_name(path.name + "-watched"), waiters, fewer, watch)
    fewer = fewer // waiters * waiters
    spent = {"sql": watch.sql_s / fewer, "commit": watch.commit_s / fewer, "chain": chain_s(fewer) / fewer}
    spent["hop"] = 1 / watched["per_s"] - sum(spent.values())
    report(sample | {f"{part}_us": seconds * 1e6 for part, seconds in spent.items()})


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
