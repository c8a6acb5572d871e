"""Reads a car's terminal at the next chance and has entered what it says.

A car out of range is ordinary: its visit tries again, less and less often, and nothing waits for it. That it was heard
is entered even if it could not be read.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from typing import Any

from lifecycle.book import Book, Draft
from lifecycle.errors import StationUnavailable
from lifecycle.model import Vehicle
from lifecycle.roster import Roster
from lifecycle.telemetry import Moment, enter, enter_sighting, is_news
from vehicle import Telemetry, Terminal, TerminalConfig, VehicleError, open_terminal
from vehicle.link import RadioPort
from vehicle.opening import open_radios
from vehicle.radio_url import RadioUrl
from vehicle.radios import Radios, Sighting

_log = logging.getLogger(__name__)
FIRST_RETRY_S = 5.0
LAST_RETRY_S = 300.0
HERE = "here"
"""The place of a radio that the site file does not name."""

Spawn = Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]]


class Visits:
    """One visit at a time for each vehicle; a new request for the same vehicle takes the place of the old one."""

    def __init__(self, book: Book, radio: RadioPort | None, spawn: Spawn) -> None:
        self._book = book
        self._radios = radio if radio is None or isinstance(radio, Radios) else Radios({HERE: radio})
        self._spawn = spawn
        self._terminals: dict[TerminalConfig, Terminal] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def request(self, vehicle: Vehicle, checkout: str | None) -> None:
        """Have the vehicle's terminal read as soon as it can be. Returns at once."""
        if vehicle.terminal.kind == "none" or self._radios is None:
            return
        running = self._tasks.get(vehicle.id)
        if running is not None:
            running.cancel()
        self._tasks[vehicle.id] = self._spawn(self._visit(vehicle, checkout), f"visit {vehicle.id}")

    async def close(self) -> None:
        """End every visit and let go of the terminals."""
        tasks = [task for task in self._tasks.values() if not task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for terminal in self._terminals.values():
            await terminal.close()

    async def _visit(self, vehicle: Vehicle, checkout: str | None) -> None:
        delay = FIRST_RETRY_S
        while True:
            began = asyncio.get_running_loop().time()
            terminal = self._terminal(vehicle)
            try:
                telemetry = await terminal.read_telemetry()
                heard = self._heard(vehicle, began)
                await self._book.step(partial(self._enter, vehicle, checkout, telemetry, heard))
                return
            except (VehicleError, StationUnavailable) as error:
                # A car that rests is not woken again and again to hear that its ignition is off.
                delay = min(max(delay, terminal.rest_s), LAST_RETRY_S)
                _log.info("%s: %s; again in %.0f s", vehicle.fleet_number, error, delay)
            await self._sighted(vehicle, began)
            await asyncio.sleep(delay)
            delay = min(2 * delay, LAST_RETRY_S)

    def _enter(
        self,
        vehicle: Vehicle,
        checkout: str | None,
        telemetry: Telemetry,
        heard: Sighting | None,
        draft: Draft,
    ) -> None:
        moment, new_id = self._moment(), self._book.new_id
        enter(draft, vehicle, telemetry, moment, checkout=checkout, heard=heard, new_id=new_id)

    async def _sighted(self, vehicle: Vehicle, began: float) -> None:
        heard, moment = self._heard(vehicle, began), self._moment()
        if heard is None or not is_news(self._book.row("sighting", vehicle.id), heard, moment):
            return
        try:
            await self._book.step(partial(enter_sighting, vehicle=vehicle, heard=heard, moment=moment))
        except StationUnavailable as error:
            _log.info("%s: heard at %s, not entered: %s", vehicle.fleet_number, heard.place, error)

    def _heard(self, vehicle: Vehicle, began: float) -> Sighting | None:
        """Where the car was heard since then."""
        if self._radios is None or vehicle.terminal.address is None:
            return None
        heard = self._radios.sighting(vehicle.terminal.address)
        return heard if heard is not None and heard.at >= began else None

    def _moment(self) -> Moment:
        return Moment(asyncio.get_running_loop().time(), self._book.clock())

    def _terminal(self, vehicle: Vehicle) -> Terminal:
        terminal = self._terminals.get(vehicle.terminal)
        if terminal is None:
            terminal = open_terminal(vehicle.terminal, self._radios, name=vehicle.fleet_number)
            self._terminals[vehicle.terminal] = terminal
        return terminal


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
