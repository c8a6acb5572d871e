"""A car read through an ELM327-compatible adapter. Tried against simulated adapters, never on hardware."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from vehicle.adapter import Adapter, Limits
from vehicle.config import TerminalConfig
from vehicle.errors import (
    AdapterReset,
    AdapterTimeout,
    ConnectionDropped,
    ForbiddenByHold,
    LeftAsleep,
    NotAnAdapter,
    RequestRefused,
    UnableToConnect,
    VehicleError,
)
from vehicle.guard import BatteryGuard, Power
from vehicle.link import Link, RadioPort
from vehicle.model import Capability, ClearOrder, ClearOutcome, CodesCleared, Telemetry
from vehicle.session import LEAST_SUPPLY_V, Session, identify
from vehicle.terminal import Terminal
from vehicle.visit import Visit, unread

T = TypeVar("T")
FORGET_S = 900.0
"""After so long the ignition may have been switched in between; what was silent is asked again."""
CLEAR = "04"
LIMITS = Limits()
NOTHING: frozenset[str] = frozenset()
"""One for all terminals, as the limits: a fleet has many, and most are out of range."""


class ObdTerminal(Terminal):
    """An adapter that is visited: connect, read, disconnect, since a connected adapter keeps the car awake.

    Reads of one terminal take turns; terminals do not wait for each other. The OBD protocol found is
    remembered and tried first on the next visit, and what the car did not answer is not asked again in the same
    ignition cycle. A car whose battery is low is left asleep (`vehicle.guard`).
    """

    __slots__ = (
        "_closed",
        "_config",
        "_guard",
        "_known",
        "_limits",
        "_protocol",
        "_radio",
        "_silent",
        "_turn",
        "_visited_at",
    )

    def __init__(
        self, name: str, config: TerminalConfig, radio: RadioPort, limits: Limits | None = None
    ) -> None:
        if config.address is None:
            raise ValueError("an obd terminal needs an address")
        super().__init__(name)
        self._config = config
        self._radio = radio
        self._limits = limits or LIMITS
        self._turn = asyncio.Lock()
        self._guard = BatteryGuard(config.low_battery_v)
        self._closed = False
        self._known = False
        self._protocol: str | None = config.protocol
        self._silent: frozenset[str] = NOTHING
        self._visited_at = 0.0

    @property
    def capabilities(self) -> tuple[Capability, ...]:
        """Reads telemetry and clears codes."""
        return self._config.capabilities

    @property
    def rest_s(self) -> float:
        """Seconds for which the car had better be left alone, by the voltage seen last."""
        return self._guard.rest_s(_now())

    async def read_telemetry(self) -> Telemetry:
        """Visit the car once; a visit that an adapter spoils by resetting or hanging is made once more.

        With a low battery only the voltage is read, and for a while afterwards LeftAsleep is raised.
        """
        async with self._turn:
            try:
                return await self._visit(self._read)
            except (AdapterReset, AdapterTimeout):
                return await self._visit(self._read)

    async def clear_codes(self, order: ClearOrder) -> CodesCleared:
        """Clear stored and pending codes, and readiness with them (service 04); see `Terminal.clear_codes`.

        The codes are read before, so that they are not lost, and after, since only that proves it.
        """
        if order.holds:
            raise ForbiddenByHold(self.name, ", ".join(order.holds))
        async with self._turn:
            return await self._visit(lambda session, adapter: self._clear(session, adapter, order))

    async def close(self) -> None:
        """No visit begins afterwards; the one under way ends first."""
        self._closed = True
        async with self._turn:
            pass

    async def _visit(self, act: Callable[[Session, Adapter], Awaitable[T]]) -> T:
        if self._closed:
            raise ConnectionDropped(self.name, "the terminal was closed")
        asleep_s = self._guard.asleep_s(_now())
        if asleep_s:
            raise LeftAsleep(self.name, f"for {asleep_s:.0f} s more")
        config = self._config
        link = await self._radio.connect(
            self.name, config.address or "", find_s=config.find_s, connect_s=config.connect_s
        )
        try:
            adapter = await self._identify(link)
            session = Session(adapter, self._limits)
            await session.set_up()
            return await act(session, adapter)
        finally:
            await link.close()

    async def _read(self, session: Session, adapter: Adapter) -> Telemetry:
        volts = await self._measure(session)
        if self._guard.power is Power.LOW:
            return unread(volts, _now())
        await self._reach(session)
        visit = Visit(session, adapter, self._silent)
        try:
            return await visit.read(volts)
        finally:
            self._silent = frozenset(visit.silent)

    async def _clear(self, session: Session, adapter: Adapter, order: ClearOrder) -> CodesCleared:
        """The record is made whatever happens after the request has left; before, errors are the caller's."""
        await self._measure(session)
        if self._guard.power is Power.LOW:
            raise LeftAsleep(self.name, "control units do not forget safely on a low battery")
        await self._reach(session)
        visit = Visit(session, adapter, NOTHING)
        before = await visit.codes()
        outcome, detail = ClearOutcome.CONFIRMED, ""
        try:
            await session.ask_once(CLEAR)
        except RequestRefused as refused:
            outcome, detail = ClearOutcome.REFUSED, refused.detail
        except VehicleError as error:
            outcome, detail = ClearOutcome.UNCONFIRMED, str(error)
        after = await visit.codes_if_possible()
        if outcome is ClearOutcome.CONFIRMED and (after.stored.value != () or after.pending.value != ()):
            outcome, detail = ClearOutcome.UNCONFIRMED, "the lists afterwards are not known to be empty"
        return CodesCleared(order, outcome, detail, before, after, _now())

    async def _measure(self, session: Session) -> float | None:
        """The voltage at the socket, for the guard. What was silent is forgotten with the ignition cycle."""
        was, since = self._guard.power, _now() - self._visited_at
        volts = await session.voltage()
        if volts is not None and volts < LEAST_SUPPLY_V:
            raise UnableToConnect(self.name, f"{volts:g} V at its socket: it is not plugged into a car")
        power = self._guard.measured(volts, _now())
        self._visited_at = _now()
        if power is not was or since > FORGET_S:
            self._silent = NOTHING
        return volts

    async def _reach(self, session: Session) -> None:
        await session.find_protocol(self._protocol)
        self._protocol = session.protocol

    async def _identify(self, link: Link) -> Adapter:
        """Ask on each profile that the device offers who it is, and keep to the one that answers rightly."""
        pinned = self._config.profile
        offered = [profile for profile in link.profiles if pinned in (None, profile.name)]
        for profile in offered:
            adapter = Adapter(self.name, link, self._limits, slow_writes=self._config.slow_writes)
            await adapter.open(profile)
            if await identify(adapter, self._limits) is not None:
                self._known = True
                return adapter
            await link.unsubscribe()
        if self._known:
            raise AdapterTimeout(self.name, "it does not say who it is any more")
        asked = ", ".join(profile.name for profile in offered) or "no known profile"
        raise NotAnAdapter(self.name, f"{asked}: no ELM327 answered")


def _now() -> float:
    return asyncio.get_running_loop().time()
