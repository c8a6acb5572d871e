"""Asking a car through an adapter that is set up: the reaction to everything an adapter can say."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass

from vehicle.adapter import Adapter, Limits
from vehicle.errors import (
    AdapterAsleep,
    AdapterError,
    AdapterReset,
    AdapterTimeout,
    BufferFull,
    BusError,
    BusFault,
    NoData,
    RequestRefused,
    Stopped,
    TruncatedReply,
    UnableToConnect,
    Unsupported,
    VehicleError,
)
from vehicle.obd.elm327 import Problem, Reply
from vehicle.obd.frames import FRAMINGS, Answer, Framing, parse_answer


@dataclass(frozen=True, slots=True)
class Reaction:
    """What a problem means and how often the same request is sent again; with `back_off`, after a pause."""

    error: type[VehicleError]
    retries: int = 0
    back_off: bool = False


REACTIONS: Mapping[Problem, Reaction] = {
    Problem.NOT_UNDERSTOOD: Reaction(Unsupported),
    Problem.NO_DATA: Reaction(NoData, retries=1),
    Problem.UNABLE_TO_CONNECT: Reaction(UnableToConnect),
    Problem.BUS_INIT_ERROR: Reaction(UnableToConnect),
    Problem.CAN_ERROR: Reaction(BusFault, retries=1, back_off=True),
    Problem.BUS_BUSY: Reaction(BusFault, retries=2, back_off=True),
    Problem.BUS_ERROR: Reaction(BusFault, retries=1, back_off=True),
    Problem.FB_ERROR: Reaction(BusFault, retries=1, back_off=True),
    Problem.DATA_ERROR: Reaction(BusFault, retries=1),
    Problem.RX_ERROR: Reaction(BusFault, retries=1),
    Problem.BUFFER_FULL: Reaction(BufferFull, retries=1),
    Problem.STOPPED: Reaction(Stopped, retries=2),
    Problem.ACT_ALERT: Reaction(AdapterAsleep, retries=1),
    Problem.LP_ALERT: Reaction(AdapterAsleep, retries=1),
    Problem.LV_RESET: Reaction(AdapterReset),
    Problem.INTERNAL: Reaction(AdapterReset),
    Problem.TOO_LONG: Reaction(TruncatedReply, retries=1),
}
"""The ELM327DSL data sheet's error messages, and what to do about each."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the set-up. An adapter may refuse a step that is not `needed`."""

    command: str
    needed: bool = False


RESET = "ATZ"
STEPS: tuple[Step, ...] = (
    Step("ATE0", needed=True),  # no echo
    Step("ATL0"),  # no line feeds
    Step("ATS0"),  # no spaces: a third of the air time; old clones ignore it
    Step("ATAT1"),  # adaptive timing
    Step("ATST64"),  # wait 400 ms at most for a control unit
)
_IDENTITY = re.compile(r"ELM327|STN|OBDLINK", re.IGNORECASE)
_VOLTAGE = re.compile(r"([0-9]{1,2}\.[0-9])V?", re.IGNORECASE)
_PROTOCOL = re.compile(r"A?([1-9A-C])")
SEARCH = "0100"


async def identify(adapter: Adapter, limits: Limits) -> str | None:
    """What the device calls itself, or None when it is something else or does not answer."""
    for _ in range(3):
        try:
            reply = await adapter.ask("ATI", limits.command_s)
        except AdapterTimeout:
            return None
        if reply.problem is not Problem.STOPPED:  # left busy by whoever was connected before
            return next((line for line in reply.lines if _IDENTITY.search(line)), None)
    return None


class Session:
    """A car behind one adapter, for as long as one connection lasts."""

    def __init__(self, adapter: Adapter, limits: Limits) -> None:
        self._adapter = adapter
        self._limits = limits
        self._framing = Framing.PLAIN
        self.protocol = ""

    @property
    def on_can(self) -> bool:
        """Whether the car speaks CAN, where trouble codes are counted."""
        return FRAMINGS.get(self.protocol) in (Framing.CAN11, Framing.CAN29)

    async def set_up(self, protocol: str | None) -> None:
        """Reset the adapter, set it up, and find the car's protocol, trying `protocol` first.

        Raises AdapterError, BusError and LinkError leaves; afterwards `protocol` has the number found.
        """
        await self._adapter.ask(RESET, self._limits.reset_s)
        for step in STEPS:
            await self._set(step.command, needed=step.needed)
        with_headers = await self._set("ATH1", needed=False)
        found = protocol is not None and await self._try_protocol(f"ATTP{protocol}")
        if not found:
            await self._set("ATSP0", needed=True)
            await self._exchange(SEARCH, self._limits.first_request_s)
        reply = await self._command("ATDPN", needed=True)
        printed = reply.lines[0] if reply and reply.lines else "nothing"
        named = _PROTOCOL.fullmatch(printed)
        if named is None or named[1] not in FRAMINGS:
            raise UnableToConnect(self._adapter.name, f"its protocol, {printed[:8]}, is not OBD-II")
        self.protocol = named[1]
        self._framing = FRAMINGS[self.protocol] if with_headers else Framing.PLAIN

    async def voltage(self) -> float | None:
        """The voltage at the OBD socket in volts, if the adapter measures it."""
        reply = await self._command("ATRV", needed=False)
        measured = _VOLTAGE.fullmatch(reply.lines[0]) if reply and reply.lines else None
        return float(measured[1]) if measured else None

    async def ask(self, request: str) -> Answer:
        """What the car says to `request` (hexadecimal digits); at least one control unit answered.

        Faults of others are in the answer. Raises a leaf of VehicleError after the retries of REACTIONS.
        """
        service = int(request[:2], 16)
        last = Answer()
        for _ in range(2):
            reply = await self._exchange(request, self._limits.request_s, service)
            last = parse_answer(reply, request, self._framing)
            if not last.faults and not last.waiting:
                break
        if last.messages:
            return last
        if last.refusals:
            raise RequestRefused(self._adapter.name, f"{request}: code {last.refusals[0].code:02X}")
        if last.faults or last.waiting:
            why = last.faults[0] if last.faults else "more time was asked for"
            raise TruncatedReply(self._adapter.name, f"{request}: {why}")
        raise NoData(self._adapter.name, request)

    async def _try_protocol(self, command: str) -> bool:
        if not await self._set(command, needed=False):
            return False
        try:
            await self._exchange(SEARCH, self._limits.first_request_s)
        except BusError:
            return False
        return True

    async def _set(self, command: str, *, needed: bool) -> bool:
        """Whether the adapter took a setting. Raises Unsupported when it must and does not."""
        for _ in range(2):
            reply = await self._command(command, needed=needed)
            if reply is None:
                return False
            if "OK" in reply.lines:
                return True
        raise Unsupported(self._adapter.name, f"{command} is not confirmed")

    async def _command(self, command: str, *, needed: bool) -> Reply | None:
        """The reply to an AT command, or None when the adapter does not know it and need not."""
        try:
            return await self._exchange(command, self._limits.command_s)
        except Unsupported:
            if needed:
                raise
            return None

    async def _exchange(self, command: str, limit_s: float, service: int | None = None) -> Reply:
        """The reply to a command without problems, after the retries that its problems deserve."""
        sent = 0
        while True:
            sent += 1
            try:
                reply = await self._adapter.ask(command, limit_s, service=service)
            except AdapterTimeout:
                if sent > 1 or not self._adapter.usable:
                    raise
                continue
            if reply.problem is None:
                return reply
            reaction = REACTIONS[reply.problem]
            if sent > reaction.retries:
                raise reaction.error(self._adapter.name, f"{command}: {reply.problem}")
            if reaction.back_off:
                await asyncio.sleep(self._limits.back_off_s)


FATAL: tuple[type[VehicleError], ...] = (AdapterReset, AdapterAsleep, UnableToConnect)
"""After one of these the rest of the visit would say the same."""


def ends_visit(error: AdapterError | BusError, adapter: Adapter) -> bool:
    """Whether asking for the next value makes no sense after `error`."""
    return isinstance(error, FATAL) or not adapter.usable
