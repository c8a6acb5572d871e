"""Runs `async def` tests, in virtual time unless marked `real_time`, and fails a test that leaves anything behind."""

from __future__ import annotations

import asyncio
import gc
import inspect
import os
from collections.abc import Iterator
from typing import Any

import pytest


async def _alone(coroutine: Any) -> None:
    """Await the test and insist that it ended every task it started."""
    await coroutine
    mine = asyncio.current_task()
    left = [task for task in asyncio.all_tasks() if task is not mine]
    for _ in range(3):  # a task that was just cancelled or finished gets the turns it needs to end
        if all(task.done() for task in left):
            return
        await asyncio.sleep(0)
    leaked = [repr(task.get_coro()) for task in left if not task.done()]
    assert not leaked, f"the test leaked {len(leaked)} task(s): {leaked}"


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    function = pyfuncitem.obj
    if not inspect.iscoroutinefunction(function):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    if pyfuncitem.get_closest_marker("real_time"):
        asyncio.run(_alone(function(**arguments)))
    else:
        from simulator import virtual_time

        virtual_time.run(_alone(function(**arguments)))
    gc.collect()  # an unclosed link or an unawaited coroutine warns here, in the test it belongs to
    return True


@pytest.fixture(autouse=True, scope="session")
def own_line_locks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Each worker's in-memory networks number their ports alike: without locks of its own it would hold another's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTORPOOL_LOCK_DIR", str(tmp_path_factory.mktemp("runtime")))
        yield


def pytest_collection_finish() -> None:
    """What the imports and the collection made stays: the collections after each test need not look at it again."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Two workers share the tests; those that live by the wall clock go to one of them, one after the other."""
    for item in items:
        if item.get_closest_marker("real_time") or "system" in item.path.parts:
            item.add_marker(pytest.mark.xdist_group("wall clock"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    outcome = yield
    report = outcome.get_result()
    if report.skipped and os.environ.get("CI") == "true" and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"in CI a skip is a failure: {report.longrepr}"
