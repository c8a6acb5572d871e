"""The terminals of a station's vehicles, and what it takes to talk to them: radios; for sealed ones key and grants."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from lifecycle.clock import Clock
from lifecycle.errors import SiteError
from lifecycle.model import Vehicle
from lifecycle.roster import Roster
from lifecycle.site import Site
from vehicle import Terminal, TerminalConfig, open_terminal
from vehicle.link import RadioPort
from vehicle.opening import open_radios
from vehicle.radio_url import RadioUrl
from vehicle.radios import Radios, Sighting

if TYPE_CHECKING:
    from vehicle.sealed.access import Access

_log = logging.getLogger(__name__)
HERE = "here"
"""The place of a radio that the site file does not name."""


class Terminals:
    """One terminal a vehicle, opened when it is first needed, so that all who visit it take turns."""

    def __init__(self, radio: RadioPort | None, access: Access | None = None) -> None:
        self._radios = radio if radio is None or isinstance(radio, Radios) else Radios({HERE: radio})
        self._access = access
        self._opened: dict[tuple[str, TerminalConfig], Terminal] = {}

    def approachable(self, vehicle: Vehicle) -> bool:
        """Whether the vehicle has a terminal, and this station what it takes to talk to it."""
        if vehicle.terminal.kind == "none" or self._radios is None:
            return False
        return vehicle.terminal.kind != "sealed" or self._access is not None

    def of(self, vehicle: Vehicle) -> Terminal:
        """The vehicle's terminal. Raises RadioUnavailable and NoGrant for one that is not approachable."""
        key = (vehicle.fleet_number, vehicle.terminal)
        terminal = self._opened.get(key)
        if terminal is None:
            terminal = open_terminal(
                vehicle.terminal, self._radios, name=vehicle.fleet_number, access=self._access
            )
            self._opened[key] = terminal
        return terminal

    def heard(self, vehicle: Vehicle, *, since: float) -> Sighting | None:
        """Where the vehicle was heard since then (loop time, s)."""
        if self._radios is None or vehicle.terminal.address is None:
            return None
        heard = self._radios.sighting(vehicle.terminal.address)
        return heard if heard is not None and heard.at >= since else None

    async def close(self) -> None:
        """Let go of every terminal."""
        for terminal in self._opened.values():
            await terminal.close()


def host_radio(roster: Roster, radios: Mapping[str, str] | None = None) -> RadioPort | None:
    """The site's radios, or this host's Bluetooth, if a vehicle of the roster needs one and the `ble` extra is there.

    `radios` are URLs by the radios' places.
    """
    if all(each.terminal.kind == "none" for each in roster.vehicles.values()):
        return None
    try:
        return open_radios(
            {place: RadioUrl.parse(url) for place, url in (radios or {HERE: "ble://"}).items()}
        )
    except ModuleNotFoundError as missing:
        _log.warning(
            "terminals are not read: %s is not installed; pip install 'motorpool[ble]'", missing.name
        )
        return None


async def host_access(site: Site, clock: Clock, roster: Callable[[], Roster]) -> Access | None:
    """The site's papers for sealed terminals, if a vehicle needs them now and the `sealed` extra is there."""
    if all(each.terminal.kind != "sealed" for each in roster().vehicles.values()):
        return None
    if site.sealed is None:
        _log.warning(
            "sealed terminals are left alone: the site file has no table [sealed] with key and grants"
        )
        return None
    try:
        from lifecycle.papers import FiledPapers  # noqa: PLC0415 - needs the extra `sealed`
    except ModuleNotFoundError as missing:
        _log.warning(
            "sealed terminals are left alone: %s is not installed; pip install 'motorpool[sealed]'",
            missing.name,
        )
        return None
    make = partial(FiledPapers, site.folder, site.sealed, roster, clock)
    try:
        return await asyncio.get_running_loop().run_in_executor(None, make)
    except SiteError as error:
        _log.error("sealed terminals are left alone: %s", error)
        return None
