"""The station's computer: starts its program, and again when it died; knows when it must stay dark."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from lifecycle import MotorPoolError
from lifecycle.ledger import LedgerBroken, LedgerError
from simulator.faults import Faults, Injection, Moment
from simulator.process import StationDark, StationProcess

START_AGAIN_S = 20.0
"""How long the supervisor waits before it starts a program that died, or did not come up."""


class Host:
    """Keeps the program running, as a supervisor does. `broken` hears when its book cannot be opened any more."""

    def __init__(self, process: StationProcess, faults: Faults, broken: Callable[[str], None]) -> None:
        self._process = process
        self._faults = faults
        self._broken = broken
        self._dark_until = 0.0
        self._supply: asyncio.Event = asyncio.Event()
        self._wanted: asyncio.Event = asyncio.Event()
        self._given_up = False
        self.starts = 0
        process.told.append(self._told)
        self._leave = faults.subscribe(self._fault)

    async def run(self) -> None:
        """Start the program and keep it running until cancelled."""
        loop = asyncio.get_running_loop()
        while not self._given_up:
            await asyncio.sleep(max(0.0, self._dark_until - loop.time()))
            if self._dark_until > loop.time():
                continue
            self._wanted.clear()
            try:
                await self._process.start()
                self.starts += 1
                await self._wanted.wait()
                await asyncio.sleep(START_AGAIN_S)
            except LedgerBroken as error:
                self._given_up = True
                self._broken(f"the station does not start any more: {error}")
            except (StationDark, MotorPoolError, LedgerError):
                await asyncio.sleep(START_AGAIN_S)

    async def stay_dead(self, seconds: float) -> None:
        """The program is killed, and nobody starts it for so long."""
        self._dark_until = max(self._dark_until, asyncio.get_running_loop().time() + seconds)
        await self._process.kill()

    async def restart(self) -> None:
        """End the program in order; it is started again at once."""
        await self._process.stop()

    def close(self) -> None:
        """Hear of no more faults."""
        self._leave()

    def _told(self, what: str) -> None:
        if what in ("killed", "stopped"):
            self._wanted.set()

    def _fault(self, moment: Moment, injection: Injection) -> None:
        if injection.kind.name == "process_killed" and moment is Moment.INJECTED and self._process.running:
            self._faults.meet(injection)
            self._dark_until = max(self._dark_until, injection.until)
            asyncio.get_running_loop().call_soon(self._process.die)
