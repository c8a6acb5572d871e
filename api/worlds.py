"""Finds simulated worlds by entry point, so that a station runs without the simulator."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from importlib.metadata import entry_points
from typing import Any, Protocol

from lifecycle.site import Site

GROUP = "motorpool.worlds"
_OURS = ("keycabinet", "vehicle", "lifecycle", "simulator")


class WorldMissing(Exception):
    """There is no such world, or a library that it needs is not installed; the text says what to install."""


def load(name: str) -> Any:
    """The object that the entry point `name` names. Raises `WorldMissing`."""
    found = list(entry_points(group=GROUP, name=name))
    if not found:
        raise WorldMissing(f"no simulated world {name!r} is installed: pip install 'motorpool[simulator]'")
    try:
        return found[0].load()
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] in _OURS:
            raise
        raise WorldMissing(
            f"the simulator needs {missing.name}, which is not installed: pip install 'motorpool[simulator]'"
        ) from missing


class Endpoint(Protocol):
    """One simulated device: its name, what it is, and its URL or address."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def url(self) -> str: ...


class Reach(Protocol):
    """How other processes reach the BLE terminals. `notes` says what could not be had, in sentences."""

    @property
    def ways(self) -> Sequence[Endpoint]: ...
    @property
    def notes(self) -> Sequence[str]: ...


class SimulatedStation(Protocol):
    """What the entry point `default` makes of a site: its hardware, simulated."""

    @property
    def urls(self) -> Mapping[str, str]:
        """Of every line, while it runs: the URL to open instead of the site's."""

    @property
    def radio(self) -> Any:
        """What hears the simulated terminals: a `vehicle.ble.Radio`."""

    @property
    def papers(self) -> Any:
        """The station's key and grants for simulated sealed terminals: a `vehicle.sealed.access.Access`, or None."""

    def endpoints(self) -> Sequence[Endpoint]:
        """Where each simulated device can be reached."""

    def running(self, mode: str, *, site_ports: bool) -> AbstractAsyncContextManager[SimulatedStation]:
        """Everything up; `real` means ptys, and TCP ports on loopback. Raises OSError."""

    def control(self, *, host: str, port: int, token: str | None) -> AbstractAsyncContextManager[str]:
        """The control API and its page, while it runs; gives the URL. Raises OSError."""

    def reach(self, ways: Sequence[str]) -> AbstractAsyncContextManager[Reach]:
        """Let other processes reach the BLE terminals in these ways. Raises OSError."""

    @staticmethod
    def event_loop() -> AbstractEventLoop:
        """A new event loop on which the control API can let time pass."""


def event_loop() -> AbstractEventLoop:
    """A new event loop for simulated hardware under control. Raises `WorldMissing`."""
    kind: type[SimulatedStation] = load("default")
    return kind.event_loop()


def simulated(site: Site, *, site_ports: bool = False) -> AbstractAsyncContextManager[SimulatedStation]:
    """The simulated hardware of a site, reachable from other processes while the block lasts.

    `site_ports` keeps the site's TCP ports instead of taking free ones. Raises `WorldMissing`, and `OSError` on
    entering.
    """
    station: SimulatedStation = load("default")(site)
    return station.running("real", site_ports=site_ports)
