"""Asking a car through an adapter that is set up: the reaction to everything an adapter can say."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

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
from vehicle.obd.at import read_identity, read_protocol, read_protocol_name, read_voltage
from vehicle.obd.elm327 import Problem, Reply
from vehicle.obd.frames import FRAMINGS, Answer, Framing, parse_answer


class Act(Enum):
    """What is done before the same request is sent again."""

    ASK_AGAIN = "ask again"
    BACK_OFF = "ask again after a pause"
    SEARCH_AGAIN = "search for the car's protocol again"
    SHORTEN = "switch headers off for this reply, so that the adapter prints less"


@dataclass(frozen=True, slots=True)
class Reaction:
    """What a problem means, how often the same request is sent again, and what is done first."""

    error: type[VehicleError]
    retries: int = 0
    act: Act = Act.ASK_AGAIN


REACTIONS: Mapping[Problem, Reaction] = {
    Problem.NOT_UNDERSTOOD: Reaction(Unsupported),
    Problem.NO_DATA: Reaction(NoData, 1),
    Problem.UNABLE_TO_CONNECT: Reaction(UnableToConnect),
    Problem.BUS_INIT_ERROR: Reaction(UnableToConnect),
    Problem.CAN_ERROR: Reaction(BusFault, 1, Act.SEARCH_AGAIN),
    Problem.BUS_BUSY: Reaction(BusFault, 2, Act.BACK_OFF),
    Problem.BUS_ERROR: Reaction(BusFault, 1, Act.BACK_OFF),
    Problem.FB_ERROR: Reaction(BusFault, 1, Act.BACK_OFF),
    Problem.DATA_ERROR: Reaction(BusFault, 1),
    Problem.RX_ERROR: Reaction(BusFault, 1),
    Problem.BUFFER_FULL: Reaction(BufferFull, 1, Act.SHORTEN),
    Problem.STOPPED: Reaction(Stopped, 2),
    Problem.ACT_ALERT: Reaction(AdapterAsleep, 1),  # what is sent keeps it awake, or it is let go
    Problem.LP_ALERT: Reaction(AdapterAsleep, 1),
    Problem.LV_RESET: Reaction(AdapterReset),  # the settings are lost: the whole visit is made again
    Problem.INTERNAL: Reaction(AdapterReset),
    Problem.TOO_LONG: Reaction(TruncatedReply, 1, Act.SHORTEN),
}
"""The ELM327DSL data sheet's error messages, and what to do about each. A command that is not understood is not
sent again in the same session."""


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
SEARCH = "0100"
FALLBACK = ("6", "8", "1", "7", "9", "2", "3", "4", "5", "A")
"""The order in which protocols are tried where the automatic search finds none; the commonest first."""
LEAST_SUPPLY_V = 6.0
"""Below, the adapter is not in a socket of a car."""


async def identify(adapter: Adapter, limits: Limits) -> str | None:
    """What the device calls itself, or None when it is something else or does not answer."""
    for _ in range(3):
        try:
            reply = await adapter.ask("ATI", limits.command_s)
        except AdapterTimeout:
            return None
        if reply.problem is not Problem.STOPPED:  # left busy by whoever was connected before
            return read_identity(reply.lines)
    return None


class Session:
    """A car behind one adapter, for as long as one connection lasts."""

    def __init__(self, adapter: Adapter, limits: Limits) -> None:
        self._adapter = adapter
        self._limits = limits
        self._headers = False
        self._framing = Framing.PLAIN
        self._unknown: dict[str, None] = {}
        self.protocol = ""

    @property
    def on_can(self) -> bool:
        """Whether the car speaks CAN, where trouble codes are counted."""
        return FRAMINGS.get(self.protocol) in (Framing.CAN11, Framing.CAN29)

    async def set_up(self) -> None:
        """Reset the adapter and set it up; nothing is asked of the car. Raises AdapterError and LinkError leaves."""
        await self._adapter.ask(RESET, self._limits.reset_s)
        for step in STEPS:
            await self._set(step.command, needed=step.needed)
        self._headers = await self._set("ATH1", needed=False)

    async def find_protocol(self, known: str | None) -> None:
        """Find the car's protocol, trying `known` first; afterwards `protocol` has its number.

        The adapter's own search comes next; where that fails and the car has never spoken, each protocol is tried.
        Raises AdapterError, BusError and LinkError leaves.
        """
        found = known if known is not None and await self._try(known) else None
        if found is None:
            found = await self._search(never_spoke=known is None)
        self._take(await self._printed_protocol() or found)

    async def voltage(self) -> float | None:
        """The voltage at the OBD socket in volts, if the adapter measures it."""
        reply = await self._command("ATRV", needed=False)
        return read_voltage(reply.lines) if reply else None

    async def ask(self, request: str) -> Answer:
        """What the car says to `request` (hexadecimal digits); at least one control unit answered.

        Faults of others are in the answer. Raises a leaf of VehicleError after the retries of REACTIONS.
        """
        last = Answer()
        for _ in range(2):
            last = await self._asked(request)
            if not last.faults and not last.waiting:
                break
        return self._judged(request, last)

    async def ask_once(self, request: str) -> Answer:
        """The same for a request that changes something: it is sent once, whatever comes back."""
        service = int(request[:2], 16)
        reply = await self._adapter.ask(request, self._limits.request_s, service=service)
        if reply.problem is not None:
            raise REACTIONS[reply.problem].error(self._adapter.name, f"{request}: {reply.problem}")
        return self._judged(request, parse_answer(reply, request, self._framing))

    async def _asked(self, request: str) -> Answer:
        if self._headers and self._framing is Framing.PLAIN:  # they were switched off for one reply
            self._headers = await self._set("ATH1", needed=False)
            self._take(self.protocol)
        reply = await self._exchange(request, self._limits.request_s, int(request[:2], 16))
        return parse_answer(reply, request, self._framing)

    def _judged(self, request: str, answer: Answer) -> Answer:
        name = self._adapter.name
        if answer.messages:
            return answer
        if answer.refusals:
            raise RequestRefused(name, f"{request}: code {answer.refusals[0].code:02X}")
        if answer.faults or answer.waiting:
            why = answer.faults[0] if answer.faults else "more time was asked for"
            raise TruncatedReply(name, f"{request}: {why}")
        raise NoData(name, request)

    # -- protocols

    async def _search(self, *, never_spoke: bool) -> str | None:
        """The adapter's own search; the number found where only we know it."""
        await self._set("ATSP0", needed=True)
        try:
            await self._exchange(SEARCH, self._limits.first_request_s)
        except (UnableToConnect, BusFault) as error:
            found = await self._try_each() if never_spoke and self._adapter.usable else None
            if found is None:
                raise error
            return found
        return None

    async def _try_each(self) -> str | None:
        give_up = asyncio.get_running_loop().time() + self._limits.search_s
        for number in FALLBACK:
            if asyncio.get_running_loop().time() >= give_up:
                return None
            if await self._try(number):
                return number
        return None

    async def _try(self, number: str) -> bool:
        """Whether the car speaks this protocol."""
        if not await self._set(f"ATTP{number}", needed=False) and not await self._set(
            f"ATSP{number}", needed=False
        ):
            return False
        try:
            await self._exchange(SEARCH, self._limits.first_request_s)
        except BusError:
            return False
        return True

    async def _printed_protocol(self) -> str | None:
        """The number of the protocol in use, as the adapter says; None where it does not."""
        reply = await self._command("ATDPN", needed=False)
        if reply is not None:
            found = read_protocol(reply.lines)
            if found is None:
                printed = reply.lines[0][:8] if reply.lines else "nothing"
                raise UnableToConnect(self._adapter.name, f"its protocol, {printed}, is not OBD-II")
            return found[0]
        reply = await self._command("ATDP", needed=False)
        return read_protocol_name(reply.lines) if reply else None

    def _take(self, number: str | None) -> None:
        if number is None:
            raise Unsupported(self._adapter.name, "ATDPN and ATDP, which name the car's protocol")
        if number not in FRAMINGS:
            raise UnableToConnect(self._adapter.name, f"its protocol, {number}, is not OBD-II")
        self.protocol = number
        self._framing = FRAMINGS[number] if self._headers else Framing.PLAIN

    # -- one command

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
        if command in self._unknown:
            raise Unsupported(self._adapter.name, f"{command}: not asked again")
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
            if reply.problem is Problem.NOT_UNDERSTOOD:
                self._unknown[command] = None
            if sent > reaction.retries:
                raise reaction.error(self._adapter.name, f"{command}: {reply.problem}")
            await self._prepare(reaction.act, asks_car=service is not None)

    async def _prepare(self, act: Act, *, asks_car: bool) -> None:
        """What is done before a request is sent again; what concerns the car's bus, only if the car was asked."""
        if act is Act.BACK_OFF:
            await asyncio.sleep(self._limits.back_off_s)
        elif act is Act.SEARCH_AGAIN and asks_car:
            await self._adapter.ask("ATSP0", self._limits.command_s)
            searched = await self._adapter.ask(SEARCH, self._limits.first_request_s)
            if searched.problem is None:
                self._take(await self._printed_protocol() or self.protocol)
        elif act is Act.SHORTEN and asks_car and self._framing is not Framing.PLAIN:
            await self._adapter.ask("ATH0", self._limits.command_s)
            self._framing = Framing.PLAIN


FATAL: tuple[type[VehicleError], ...] = (AdapterReset, AdapterAsleep, UnableToConnect)
"""After one of these the rest of the visit would say the same."""


def ends_visit(error: AdapterError | BusError, adapter: Adapter) -> bool:
    """Whether asking for the next value makes no sense after `error`."""
    return isinstance(error, FATAL) or not adapter.usable
