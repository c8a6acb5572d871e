"""Reads a car's terminal at the next chance and enters what it says: values, fault codes, the wrong car.

A car out of range is ordinary: its visit tries again, less and less often, and nothing waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import fields
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from lifecycle.book import Book, Draft
from lifecycle.errors import StationUnavailable
from lifecycle.model import Vehicle
from lifecycle.repairs import Found, open_defects, report
from lifecycle.roster import Roster
from vehicle import Reading, Telemetry, Terminal, TerminalConfig, VehicleError, open_terminal
from vehicle.link import RadioPort

_log = logging.getLogger(__name__)
FIRST_RETRY_S = 5.0
LAST_RETRY_S = 300.0


Spawn = Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]]


class Visits:
    """One visit at a time for each vehicle; a new request for the same vehicle takes the place of the old one."""

    def __init__(self, book: Book, radio: RadioPort | None, spawn: Spawn) -> None:
        self._book = book
        self._radio = radio
        self._spawn = spawn
        self._terminals: dict[TerminalConfig, Terminal] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def request(self, vehicle: Vehicle, checkout: str | None) -> None:
        """Have the vehicle's terminal read as soon as it can be. Returns at once."""
        if vehicle.terminal.kind == "none" or self._radio is None:
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
            try:
                telemetry = await self._terminal(vehicle).read_telemetry()
                await self._book.step(partial(self._enter, vehicle, checkout, telemetry))
                return
            except (VehicleError, StationUnavailable) as error:
                _log.info("%s: %s; again in %.0f s", vehicle.fleet_number, error, delay)
            await asyncio.sleep(delay)
            delay = min(2 * delay, LAST_RETRY_S)

    def _terminal(self, vehicle: Vehicle) -> Terminal:
        terminal = self._terminals.get(vehicle.terminal)
        if terminal is None:
            assert self._radio is not None
            terminal = open_terminal(vehicle.terminal, self._radio, name=vehicle.fleet_number)
            self._terminals[vehicle.terminal] = terminal
        return terminal

    def _enter(self, vehicle: Vehicle, checkout: str | None, telemetry: Telemetry, draft: Draft) -> None:
        loop_now, now = asyncio.get_running_loop().time(), self._book.clock()
        draft.ids["vehicle"] = vehicle.id
        if checkout is not None:
            draft.ids["checkout"] = checkout
        readings = {
            each.name: _reading_json(getattr(telemetry, each.name), loop_now, now)
            for each in fields(telemetry)
            if each.name != "vin"
        }
        matches = (
            None if telemetry.vin.value is None or vehicle.vin is None else telemetry.vin.value == vehicle.vin
        )
        draft.data.update(vin_matches=matches, source=telemetry.stored_dtcs.source)
        if matches is False:
            draft.note("TerminalOfOtherVehicle")
            return
        draft.data["readings"] = {
            name: {k: v for k, v in each.items() if k != "at"} for name, each in readings.items()
        }
        draft.note("TelemetryRead")
        draft.put("telemetry", vehicle.id, "read", **readings)
        found = self._new_codes(vehicle.id, telemetry)
        if found:
            report(draft, vehicle.id, found, source=telemetry.stored_dtcs.source, now=now)

    def _new_codes(self, vehicle: str, telemetry: Telemetry) -> list[Found]:
        """Codes that are not an open defect yet: stored ones block, pending ones are noted."""
        known = [row.data["code"] for row in open_defects(self._book.rows("defect"), vehicle)]
        found: dict[str, Found] = {}
        for codes, severity in ((telemetry.stored_dtcs, "major"), (telemetry.pending_dtcs, "minor")):
            for code in codes.value or ():
                if code not in known and code not in found:
                    found[code] = Found(self._book.new_id("df"), code, severity)
        return list(found.values())


def _reading_json(reading: Reading[Any], loop_now: float, now: datetime) -> dict[str, Any]:
    """A reading as JSON; its loop time becomes wall time."""
    value = list(reading.value) if isinstance(reading.value, tuple) else reading.value
    at = (now - timedelta(seconds=reading.age(loop_now))).isoformat()
    known = {"value": value} if reading.reason is None else {"value": None, "reason": reading.reason}
    return {**known, "source": reading.source, "at": at}


def host_radio(roster: Roster) -> RadioPort | None:
    """This host's Bluetooth, if a vehicle of the roster needs it and the `ble` extra is installed."""
    if all(each.terminal.kind == "none" for each in roster.vehicles.values()):
        return None
    try:
        from vehicle.ble import Radio  # noqa: PLC0415 - an extra that a station without terminals does not install
    except ModuleNotFoundError as missing:
        _log.warning(
            "terminals are not read: %s is not installed; pip install 'motorpool[ble]'", missing.name
        )
        return None
    return Radio()
