"""A vehicle with a sealed terminal: read and moved under grants. Tried against the simulated one, never on hardware."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from vehicle.actions import Action, ActionOrder, ActionOutcome, ActionResult, VehicleState
from vehicle.config import TerminalConfig
from vehicle.errors import (
    ConnectionDropped,
    SealedBroken,
    SealedRefused,
    VehicleError,
)
from vehicle.link import RadioPort
from vehicle.model import Absence, Capability, Reading, Telemetry
from vehicle.sealed.access import Access
from vehicle.sealed.cbor import BadCbor
from vehicle.sealed.codes import Code, Verb
from vehicle.sealed.commands import (
    COMMAND_ID,
    LONGEST_COMMAND_S,
    Admission,
    Answer,
    Doors,
    Measured,
    Remembered,
    Starting,
    State,
)
from vehicle.sealed.keys import PublicKey
from vehicle.sealed.visit import Limits, Visit
from vehicle.terminal import Terminal

SOURCE = "sealed"
VISITS = 2
"""A visit that breaks off is made once more, to settle what is in doubt."""
_SPARE_S = 5

_VERBS = {
    Action.LOCK: Verb.LOCK,
    Action.UNLOCK: Verb.UNLOCK,
    Action.IMMOBILISE: Verb.IMMOBILISE,
    Action.MOBILISE: Verb.MOBILISE,
}
_WANTED: dict[Action, tuple[Doors | None, Starting | None]] = {
    Action.LOCK: (Doors.LOCKED, None),
    Action.UNLOCK: (Doors.UNLOCKED, None),
    Action.IMMOBILISE: (None, Starting.BLOCKED),
    Action.MOBILISE: (None, Starting.ALLOWED),
}


@dataclass(slots=True)
class _Errand:
    """An order on its way. `in_doubt`: it was sent, and no answer came."""

    order: ActionOrder
    deadline: float
    in_doubt: bool = False
    result: ActionResult | None = None


@dataclass(frozen=True, slots=True)
class _Admitted:
    """An open visit, and the terminal's clock (Unix s) at a time of the event loop's (s)."""

    visit: Visit
    admission: Admission
    at: float

    def terminal_time(self, at: float) -> int:
        """The terminal's clock at `at`, not more."""
        return self.admission.now + int(at - self.at)


class SealedTerminal(Terminal):
    """Visited like any terminal: connect, prove, ask, disconnect. Visits of one terminal take turns.

    `access` has the holder's key and grants; `random_bytes` gives ids to what needs no id of the caller's.
    """

    def __init__(
        self,
        name: str,
        config: TerminalConfig,
        radio: RadioPort,
        access: Access,
        *,
        limits: Limits | None = None,
        random_bytes: Callable[[int], bytes] = os.urandom,
    ) -> None:
        if config.address is None or config.key is None:
            raise ValueError("a sealed terminal needs an address and a key")
        super().__init__(name)
        self._config = config
        self._address = config.address
        self._key = PublicKey.from_hex(config.key)
        self._radio = radio
        self._access = access
        self._limits = limits or Limits()
        self._random_bytes = random_bytes
        self._turn = asyncio.Lock()
        self._closed = False

    @property
    def capabilities(self) -> tuple[Capability, ...]:
        """Everything that the profile has; a grant may give less."""
        return self._config.capabilities

    async def read_telemetry(self) -> Telemetry:
        """Visit the car once; a session that breaks is made once more. Raises SealedError leaves too."""
        measured = await self.read()
        return _telemetry(measured, _now())

    async def read_state(self) -> VehicleState:
        """Doors and immobiliser, in one visit. Raises as `read_telemetry`."""
        return _vehicle_state((await self.read()).state)

    async def read(self) -> Measured:
        """Everything that the terminal tells, with doors and immobiliser. Raises as `read_telemetry`."""
        async with self._turn:
            for turn in range(VISITS):
                try:
                    async with self._admitted() as admitted:
                        return Measured.of((await admitted.visit.need(Verb.READ)).body)
                except BadCbor as error:
                    raise SealedBroken(self.name, str(error)) from error
                except SealedBroken:
                    if turn == VISITS - 1:
                        raise
            raise AssertionError("the last visit returns or raises")

    async def perform(self, *orders: ActionOrder) -> tuple[ActionResult, ...]:
        """Carry out orders; see `Terminal.perform`. What is in doubt is asked about in a second visit."""
        start = _now()
        errands = [_Errand(order, start + order.expires_in_s) for order in orders]
        reason, outcome = "closed", ActionOutcome.NOT_SENT
        async with self._turn:
            for _ in range(VISITS):
                try:
                    await self._run(errands)
                except SealedRefused as error:
                    reason, outcome = error.reason, ActionOutcome.REJECTED
                    break
                except VehicleError as error:
                    reason = error.code
                    if not error.retryable:
                        break
        return tuple(
            errand.result
            or _result(
                errand.order, ActionOutcome.ACCEPTED_UNCONFIRMED if errand.in_doubt else outcome, reason
            )
            for errand in errands
        )

    async def close(self) -> None:
        """No visit begins afterwards; the one under way ends first."""
        self._closed = True
        async with self._turn:
            pass

    async def _run(self, errands: list[_Errand]) -> None:
        """One visit for everything that has no result yet."""
        for errand in errands:
            _expire(errand)
        waiting = [errand for errand in errands if errand.result is None]
        if not waiting:
            return
        async with self._admitted() as admitted:
            for errand in waiting:
                if errand.in_doubt:
                    await self._settle(admitted, errand)
                if errand.result is None:
                    await self._send(admitted, errand)

    async def _send(self, admitted: _Admitted, errand: _Errand) -> None:
        _expire(errand)
        if errand.result is not None:
            return
        order = errand.order
        latest = admitted.terminal_time(min(errand.deadline, _now() + LONGEST_COMMAND_S - _SPARE_S))
        errand.in_doubt = True
        answer = await admitted.visit.ask(_VERBS[order.action], latest, command_id(order.command_id))
        errand.result = self._judge(order, answer.code, answer)
        errand.in_doubt = False

    async def _settle(self, admitted: _Admitted, errand: _Errand) -> None:
        """Ask how an order ended whose answer was lost. One that was never executed is as if it had not been sent."""
        answer = await admitted.visit.need(Verb.QUERY, command_id(errand.order.command_id))
        try:
            found = Remembered.of(answer.body)
        except BadCbor as error:
            raise SealedBroken(self.name, str(error)) from error
        if found.code is not None:
            errand.result = self._judge(
                errand.order, found.code, replace(answer, code=found.code, body=found.state.cbor)
            )
        errand.in_doubt = False

    def _judge(self, order: ActionOrder, code: Code, answer: Answer) -> ActionResult:
        """The outcome. A confirmation that does not name the state asked for is none."""
        if code.refusal and answer.body is None:
            return _result(order, ActionOutcome.REJECTED, code.name.lower())
        try:
            state = State.of(answer.body)
        except BadCbor as error:
            raise SealedBroken(self.name, str(error)) from error
        told = _vehicle_state(state)
        if code.refusal:
            return _result(order, ActionOutcome.REJECTED, code.name.lower(), told)
        doors, starting = _WANTED[order.action]
        proved = state.doors is doors if doors is not None else state.effective is starting
        if code is Code.CONFIRMED and proved:
            return _result(order, ActionOutcome.CONFIRMED, None, told)
        waits = code is Code.ACCEPTED
        return _result(
            order, ActionOutcome.ACCEPTED_UNCONFIRMED, "not_sensed" if waits else "contradiction", told
        )

    @asynccontextmanager
    async def _admitted(self) -> AsyncIterator[_Admitted]:
        """A visit with the grant accepted. Raises VehicleError leaves."""
        if self._closed:
            raise ConnectionDropped(self.name, "the terminal was closed")
        link = await self._radio.connect(
            self.name, self._address, find_s=self._config.find_s, connect_s=self._config.connect_s
        )
        try:
            visit = Visit(
                self.name,
                link,
                self._access.holder,
                self._key,
                lambda: self._random_bytes(COMMAND_ID),
                self._limits,
            )
            await visit.open()
            yield _Admitted(visit, await visit.be_admitted(self._access), _now())
        finally:
            await link.close()


def command_id(text: str) -> bytes:
    """The id on the wire of a command: the first 16 bytes of the SHA-256 of the caller's."""
    return hashlib.sha256(text.encode()).digest()[:COMMAND_ID]


def _expire(errand: _Errand) -> None:
    """An order whose time has passed is not sent any more, and no visit is made for it; one in doubt is asked about."""
    if errand.result is None and not errand.in_doubt and _now() >= errand.deadline:
        errand.result = _result(errand.order, ActionOutcome.NOT_SENT, "expired")


def _result(
    order: ActionOrder, outcome: ActionOutcome, reason: str | None, state: VehicleState | None = None
) -> ActionResult:
    return ActionResult(order, outcome, reason, state or VehicleState(), _now())


def _vehicle_state(state: State) -> VehicleState:
    doors, ordered, effective = (
        None if each is None else each.name.lower() for each in (state.doors, state.ordered, state.effective)
    )
    return VehicleState(doors, ordered, effective)


def _telemetry(measured: Measured, at: float) -> Telemetry:
    def reading(value: object) -> Reading[object]:
        if value is None:
            return Reading.absent(Absence.NOT_SUPPORTED, SOURCE, at)
        return Reading.of(value, SOURCE, at)

    given = {
        "vin": measured.vin,
        "odometer_km": measured.odometer_km,
        "fuel_percent": measured.energy_percent,
        "adapter_v": measured.supply_v,
        "stored_dtcs": measured.stored_dtcs,
        "pending_dtcs": measured.pending_dtcs,
        "distance_since_clear_km": measured.distance_since_clear_km,
    }
    known: dict[str, Reading[object]] = {name: reading(value) for name, value in given.items()}
    nothing = Telemetry.absent(Absence.NOT_SUPPORTED, SOURCE, at)
    return replace(nothing, **known)  # type: ignore[arg-type]  # each value has the type of its field


def _now() -> float:
    return asyncio.get_running_loop().time()
