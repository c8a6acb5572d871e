"""The thread that does a ledger's file work: in order, one piece at a time, gone when nothing comes."""

from __future__ import annotations

import asyncio
import threading

import pytest

from lifecycle.ledger.worker import Worker


async def test_pieces_are_done_in_order() -> None:
    worker, done = Worker(), []
    pieces = [worker.run(done.append, number) for number in range(5)]
    await asyncio.gather(*pieces)
    assert done == list(range(5))
    assert await worker.run(max, 3, 7) == 7
    await worker.close()


async def test_an_error_goes_to_who_handed_the_piece_in() -> None:
    worker = Worker()
    bad, good = worker.run(int, "x"), worker.run(int, "1")
    with pytest.raises(ValueError, match="invalid literal"):
        await bad
    assert await good == 1
    await worker.close()


async def test_closing_waits_for_what_was_handed_in() -> None:
    worker, done = Worker(), []
    pieces = [worker.run(done.append, number) for number in range(3)]
    await worker.close()
    assert done == [0, 1, 2]
    await asyncio.gather(*pieces)


async def test_a_worker_that_never_worked_closes() -> None:
    await Worker().close()


@pytest.mark.real_time
async def test_one_thread_beside_the_loop_stays_while_pieces_come() -> None:
    worker = Worker()
    threads = {await worker.run(threading.get_ident) for _ in range(50)}
    assert len(threads) == 1
    assert threading.get_ident() not in threads
    await worker.close()


@pytest.mark.real_time
async def test_a_thread_that_went_home_comes_back() -> None:
    worker = Worker()
    for number in range(3):
        assert await worker.run(int, number) == number
        while worker._shift is not None:
            await asyncio.wait([worker._shift])  # unlike a finished future, this lets the loop have its turn
    await worker.close()


@pytest.mark.real_time
async def test_a_piece_that_nobody_waits_for_is_done_all_the_same() -> None:
    worker, go_on, done = Worker(), threading.Event(), []
    first = worker.run(go_on.wait)
    second, third = worker.run(done.append, 2), worker.run(int, "x")
    second.cancel()
    third.cancel()
    go_on.set()
    await first
    await worker.close()
    assert done == [2]


@pytest.mark.real_time
async def test_closing_between_the_end_of_a_shift_and_the_loop_hearing_of_it() -> None:
    """The shift is over, and the loop has not yet been told: closing lets it be told, and ends."""
    worker = Worker()
    assert await worker.run(lambda: 1) == 1
    shift = worker._shift
    assert shift is not None
    shift.remove_done_callback(worker._ended)
    await asyncio.wait([shift])
    asyncio.get_running_loop().call_soon(worker._ended, shift)
    await worker.close()
    assert worker._shift is None
