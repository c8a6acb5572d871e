"""Finds simulated worlds by entry point, so that a station runs without the simulator."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import entry_points
from typing import Any, Protocol

from lifecycle.site import Site
from vehicle import Radio

GROUP = "motorpool.worlds"


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
        raise WorldMissing(
            f"the simulator needs {missing.name}, which is not installed: pip install 'motorpool[simulator]'"
        ) from missing


class Hardware(Protocol):
    """What the entry point `default` makes with `of_site(site, seed=...)`: a station's hardware, simulated."""

    @property
    def urls(self) -> Mapping[str, str]:
        """Of every line, while it runs: the URL to open instead of the site's."""

    @property
    def radio(self) -> Radio | None:
        """What hears the simulated terminals."""

    def endpoints(self) -> Sequence[Endpoint]:
        """Where each simulated device can be reached."""

    async def start(self, mode: str, *, site_ports: bool) -> None:
        """`real`: ptys and TCP ports on loopback. Raises OSError."""

    async def stop(self) -> None:
        """Take every line down."""


class Endpoint(Protocol):
    """One simulated device: its name, what it is, and its URL or address."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def url(self) -> str: ...


@asynccontextmanager
async def running(site: Site, *, site_ports: bool = False) -> AsyncIterator[Hardware]:
    """The simulated hardware of a site, reachable from other processes. Raises `WorldMissing`, `OSError`."""
    hardware: Hardware = load("default").of_site(site, seed=0)
    await hardware.start("real", site_ports=site_ports)
    try:
        yield hardware
    finally:
        await hardware.stop()
