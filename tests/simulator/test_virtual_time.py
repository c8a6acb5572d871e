from __future__ import annotations

import asyncio
import time

import pytest

from simulator import virtual_time
from simulator.virtual_time import Deadlock, VirtualTimeLoop


async def test_a_day_passes_at_once() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.timeout(100_000):
        await asyncio.sleep(86_400)
    assert loop.time() - began == 86_400


async def test_timers_fire_in_the_order_of_time_then_of_setting() -> None:
    loop = asyncio.get_running_loop()
    fired: list[object] = []
    for name in "cab":
        loop.call_later(2, fired.append, name)
    loop.call_later(1, fired.append, 1)
    loop.call_soon(fired.append, 0)
    await asyncio.sleep(2)
    assert fired == [0, 1, "c", "a", "b"]


async def test_a_cancelled_timer_neither_fires_nor_moves_the_clock() -> None:
    loop = asyncio.get_running_loop()
    fired: list[int] = []
    timers = [loop.call_later(10 + n, fired.append, n) for n in range(500)]
    for timer in timers:
        timer.cancel()
    await asyncio.sleep(1)
    assert loop.time() == 1
    assert fired == []


async def test_a_timer_cancelled_in_the_turn_in_which_it_is_due_does_not_fire() -> None:
    loop = asyncio.get_running_loop()
    fired: list[str] = []
    second: asyncio.TimerHandle | None = None

    def cancel() -> None:
        assert second is not None
        second.cancel()

    loop.call_later(1, cancel)
    second = loop.call_later(1, fired.append, "second")
    await asyncio.sleep(2)
    assert fired == []


async def test_timers_set_and_cancelled_for_ever_do_not_pile_up() -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    for _ in range(5000):
        async with asyncio.timeout(60):
            await asyncio.sleep(0.001)
    assert len(loop._timers) < 500


async def test_a_timer_in_the_past_does_not_turn_the_clock_back() -> None:
    loop = asyncio.get_running_loop()
    await asyncio.sleep(5)
    done = loop.create_future()
    loop.call_at(1, done.set_result, None)
    await done
    assert loop.time() == 5


async def test_an_executor_runs_inline_in_a_later_turn() -> None:
    order: list[str] = []

    def work(word: str) -> str:
        order.append(word)
        return word * 2

    future = asyncio.get_running_loop().run_in_executor(None, work, "ab")
    order.append("asked")
    assert await future == "abab"
    assert order == ["asked", "ab"]
    assert await asyncio.to_thread(work, "c") == "cc"


async def test_an_executor_hands_exceptions_to_the_awaiter() -> None:
    loop = asyncio.get_running_loop()

    def fail(error: Exception) -> None:
        raise error

    with pytest.raises(KeyError):
        await loop.run_in_executor(None, fail, KeyError("k"))
    with pytest.raises(RuntimeError, match="StopIteration"):
        await loop.run_in_executor(None, fail, StopIteration())


async def test_work_cancelled_before_its_turn_is_not_done() -> None:
    done: list[int] = []
    future = asyncio.get_running_loop().run_in_executor(None, done.append, 1)
    future.cancel()
    await asyncio.sleep(1)
    assert done == []


async def test_call_soon_threadsafe_wakes_a_waiter() -> None:
    loop = asyncio.get_running_loop()
    event = asyncio.Event()
    loop.call_soon_threadsafe(event.set)
    await event.wait()


async def test_signals_are_accepted_and_udp_is_not() -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(15, print)
    assert loop.remove_signal_handler(15) is False
    with pytest.raises(NotImplementedError):
        await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
    with pytest.raises(NotImplementedError):
        await asyncio.create_subprocess_exec("true")


def test_a_deadlock_names_each_task_and_where_it_waits() -> None:
    async def inner() -> None:
        await asyncio.Event().wait()

    async def outer() -> None:
        await inner()

    async def main() -> None:
        task = asyncio.create_task(outer(), name="the poller")
        await asyncio.sleep(7)
        await task

    with pytest.raises(Deadlock) as caught:
        virtual_time.run(main())
    assert caught.value.at == 7
    first, second = caught.value.waiting
    assert "main" in first
    assert "test_virtual_time.py" in first
    assert "the poller" in first  # it is what main awaits
    assert second.startswith("the poller (")
    assert "in Event.wait, awaiting <Future pending" in second


def test_leftovers_are_cancelled_oldest_first_and_generators_closed() -> None:
    ended: list[object] = []

    async def wait(number: int) -> None:
        try:
            await asyncio.sleep(1000)
        except asyncio.CancelledError:
            ended.append(number)
            raise

    async def generate() -> object:  # type: ignore[misc]
        try:
            yield 1
        finally:
            ended.append("generator")

    async def main() -> str:
        kept.extend(asyncio.create_task(wait(n)) for n in range(20))
        generators.append(generate())
        await anext(generators[0])
        await asyncio.sleep(1)
        return "result"

    kept: list[asyncio.Task[None]] = []
    generators: list[object] = []
    assert virtual_time.run(main()) == "result"
    assert ended == [*range(20), "generator"]


def test_run_refuses_what_is_no_coroutine_and_a_running_loop() -> None:
    with pytest.raises(ValueError, match="coroutine"):
        virtual_time.run(print)  # type: ignore[arg-type]

    async def nested() -> None:
        virtual_time.run(asyncio.sleep(0))

    with pytest.raises(RuntimeError, match="running event loop"):
        virtual_time.run(nested())


def test_the_clock_starts_where_it_is_told_and_randomness_by_seed() -> None:
    async def main() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        return loop.time(), loop.random.random()

    assert virtual_time.run(main(), start=500.0)[0] == 500.0
    assert virtual_time.run(main(), seed=1) == virtual_time.run(main(), seed=1)
    assert virtual_time.run(main(), seed=1) != virtual_time.run(main(), seed=2)


def test_one_seed_gives_one_order() -> None:
    async def main() -> list[str]:
        seen: list[str] = []
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)

        async def person(name: int) -> None:
            for step in range(20):
                await asyncio.sleep(loop.random.random())
                seen.append(f"{name}.{step}@{loop.time():.9f}")

        await asyncio.gather(*(person(n) for n in range(20)))
        return seen

    assert virtual_time.run(main(), seed=4) == virtual_time.run(main(), seed=4)


def test_virtual_seconds_cost_little() -> None:
    async def main() -> None:
        for _ in range(20_000):
            async with asyncio.timeout(5):
                await asyncio.sleep(1)

    began = time.perf_counter()
    virtual_time.run(main())
    assert time.perf_counter() - began < 5  # it takes 0.2 s; the bound only tells jumping from waiting
