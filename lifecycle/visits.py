"""Reads a car's terminal at the next chance and has entered what it says.

A car out of range is ordinary: its visit tries again, less and less often, and nothing waits for it. That it was heard
is entered even if it could not be read.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from lifecycle.book import Book, Draft
from lifecycle.errors import StationUnavailable
from lifecycle.model import Vehicle
from lifecycle.telemetry import Moment, enter, enter_sighting, is_news
from lifecycle.terminals import Terminals
from vehicle import Telemetry, VehicleError
from vehicle.radios import Sighting

_log = logging.getLogger(__name__)
FIRST_RETRY_S = 5.0
LAST_RETRY_S = 300.0

Spawn = Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]]


class Visits:
    """One visit at a time for each vehicle; a new request for the same vehicle takes the place of the old one."""

    def __init__(self, book: Book, terminals: Terminals, spawn: Spawn) -> None:
        self._book = book
        self._terminals = terminals
        self._spawn = spawn
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def request(self, vehicle: Vehicle, checkout: str | None) -> None:
        """Have the vehicle's terminal read as soon as it can be. Returns at once."""
        if not self._terminals.approachable(vehicle):
            return
        running = self._tasks.get(vehicle.id)
        if running is not None:
            running.cancel()
        self._tasks[vehicle.id] = self._spawn(self._visit(vehicle, checkout), f"visit {vehicle.id}")

    async def close(self) -> None:
        """End every visit."""
        tasks = [task for task in self._tasks.values() if not task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _visit(self, vehicle: Vehicle, checkout: str | None) -> None:
        delay = FIRST_RETRY_S
        while True:
            began = asyncio.get_running_loop().time()
            terminal = self._terminals.of(vehicle)
            try:
                telemetry = await terminal.read_telemetry()
                heard = self._terminals.heard(vehicle, since=began)
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
        heard, moment = self._terminals.heard(vehicle, since=began), self._moment()
        if heard is None or not is_news(self._book.row("sighting", vehicle.id), heard, moment):
            return
        try:
            await self._book.step(partial(enter_sighting, vehicle=vehicle, heard=heard, moment=moment))
        except StationUnavailable as error:
            _log.info("%s: heard at %s, not entered: %s", vehicle.fleet_number, heard.place, error)

    def _moment(self) -> Moment:
        return Moment(asyncio.get_running_loop().time(), self._book.clock())
