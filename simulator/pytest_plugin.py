"""Fixtures for everyone's tests: a world, a running station, a cabinet, a terminal, all in virtual time.

Loaded by pytest through its entry point, also in projects that do not use it; so nothing but pytest is imported until a
fixture is asked for, and a fixture whose extra is not installed skips nothing silently: it says what to install.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from lifecycle import Site
    from simulator.testing import RunningStation, SimulatedCabinet, SimulatedTerminal
    from simulator.world import World

MARKER = "virtual_time"
EXTRA = "the motorpool fixtures need the simulator: pip install 'motorpool[simulator]' ({} is not installed)"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        f"{MARKER}(seed=0): run this `async def` test on motorpool's virtual clock: waiting takes no time, and the "
        "same seed plays the same way",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a marked coroutine in virtual time; leave every other test to whoever runs it."""
    marker = pyfuncitem.get_closest_marker(MARKER)
    if marker is None or not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    _needed("virtual_time").run(pyfuncitem.obj(**arguments), seed=marker.kwargs.get("seed", 0))
    return True


def _needed(module: str) -> Any:
    """A module of the simulator, or a failure that says what to install."""
    import importlib  # noqa: PLC0415 - see the module's docstring

    try:
        return importlib.import_module(f"simulator.{module}")
    except ModuleNotFoundError as missing:
        raise pytest.UsageError(EXTRA.format(missing.name)) from missing


@pytest.fixture
def motorpool_site(tmp_path: Path) -> Site:
    """The example station: three 16-slot cabinets on two lines, four cars. Override it with a site of your own."""
    site: Site = _needed("demo").example_site(tmp_path)
    return site


@pytest.fixture
def motorpool_world(motorpool_site: Site) -> World:
    """What is physically true at the site, with nothing running: pull, put, force, drive, and see what it says."""
    world: World = _needed("station").SimulatedStation(motorpool_site).world
    return world


@pytest.fixture
def motorpool_station(motorpool_site: Site) -> Callable[..., AbstractAsyncContextManager[RunningStation]]:
    """`async with motorpool_station(seed=1) as station:` a pool on simulated hardware, and hands to act with."""
    running_station = _needed("testing").running_station

    def station(**options: Any) -> AbstractAsyncContextManager[RunningStation]:
        running: AbstractAsyncContextManager[RunningStation] = running_station(motorpool_site, **options)
        return running

    return station


@pytest.fixture
def simulated_cabinet() -> Callable[..., AbstractAsyncContextManager[SimulatedCabinet]]:
    """`async with simulated_cabinet(slots=16) as cabinet:` one cabinet of Modbus boards with no station above it."""
    made: Callable[..., AbstractAsyncContextManager[SimulatedCabinet]] = _needed("testing").simulated_cabinet
    return made


@pytest.fixture
def simulated_terminal() -> Callable[..., AbstractAsyncContextManager[SimulatedTerminal]]:
    """`async with simulated_terminal(odometer_km=12345) as terminal:` one car's adapter on a simulated radio."""
    made: Callable[..., AbstractAsyncContextManager[SimulatedTerminal]] = _needed(
        "testing"
    ).simulated_terminal
    return made
