"""What a sealed terminal does to its car, once for every command id, and what it then says."""

from __future__ import annotations

from simulator.terminals.sealed_car import SealedCar
from simulator.terminals.sealed_checks import Check, Checks
from simulator.terminals.sealed_memory import MOST_COMMANDS, PER_HOLDER, Done, Log, Memory, TerminalClock
from vehicle.sealed import cbor
from vehicle.sealed.cbor import BadCbor
from vehicle.sealed.codes import RELEASES, Code, Refused, Right, Verb
from vehicle.sealed.commands import (
    LONGEST_COMMAND_S,
    MOST_CODES,
    Answer,
    Doors,
    Measured,
    Remembered,
    Request,
    Starting,
    State,
)

_OF_DOORS = Right.READ | Right.LOCK | Right.UNLOCK
_OF_STARTING = Right.READ | Right.IMMOBILISE | Right.MOBILISE


class Actuators:
    """The terminal's hands, and its memory of what they did."""

    def __init__(
        self, car: SealedCar, memory: Memory, clock: TerminalClock, log: Log, checks: Checks
    ) -> None:
        self._car = car
        self._memory = memory
        self._clock = clock
        self._log = log
        self._checks = checks

    def settle(self) -> None:
        """Bring the immobiliser to what was ordered, when that may be."""
        blocked = self._memory.ordered is Starting.BLOCKED
        if blocked and self._car.restart_blocked is not True and self._parked():
            self._car.block_restart(True)
        elif not blocked and self._car.restart_blocked is not False:
            self._car.block_restart(False)

    def state(self, rights: Right) -> State:
        """Doors and immobiliser, as far as `rights` entitle to know."""
        everything = not self._checks.on(Check.STATE_ENTITLED)
        doors = everything or bool(rights & _OF_DOORS)
        starting = everything or bool(rights & _OF_STARTING)
        return State(
            _doors(self._car.doors_locked) if doors else None,
            self._memory.ordered if starting else None,
            _starting(self._car.restart_blocked) if starting else None,
        )

    def measure(self, rights: Right) -> Measured:
        """Everything the car gives."""
        car = self._car
        return Measured(
            state=self.state(rights),
            odometer_km=car.odometer_km,
            energy_percent=car.fuel_percent,
            supply_v=car.battery_v,
            ignition_on=car.engine_on,
            speed_kmh=None if car.speed_kmh is None else round(car.speed_kmh),
            vin=car.vin,
            stored_dtcs=tuple(car.stored_dtcs[:MOST_CODES]),
            pending_dtcs=tuple(car.pending_dtcs[:MOST_CODES]),
            distance_since_clear_km=int(car.distance_since_clear_km),
        )

    def perform(self, verb: Verb, request: Request, holder: bytes, rights: Right) -> Answer:
        """Execute an action, or answer as before if its id was executed before. Raises Refused."""
        try:
            expires = cbor.uint(request.argument)
        except BadCbor as error:
            raise Refused(Code.MALFORMED) from error
        before = self._find(holder, request.id)
        if before is not None and self._checks.on(Check.COMMAND_ONCE):
            self._checks.require(Check.COMMAND_SAME, before.verb == verb, Code.COMMAND_REUSED)
            self._log.record(self._clock.now(), Code.COMMAND_REPEATED, verb, holder)
            return Answer(request.id, before.code, before.state.cbor)
        self._check_time(expires)
        if verb in RELEASES:
            self._checks.require(Check.CLOCK_SURE, self._memory.sure, Code.CLOCK_UNSURE)
        if verb is Verb.IMMOBILISE:
            self._checks.require(Check.CLASS, self._memory.immobilisable, Code.CLASS_FORBIDS)
        self._make_room(holder)
        code = self._drive_locks(verb) if verb in (Verb.LOCK, Verb.UNLOCK) else self._order(verb)
        state = self.state(rights)
        self._memory.commands.append(Done(holder, request.id, verb, expires, code, state))
        self._log.record(self._clock.now(), code, verb, holder)
        return Answer(request.id, code, state.cbor)

    def recall(self, asked: bytes, holder: bytes, rights: Right) -> Remembered:
        """How the command with that id ended."""
        found = self._find(holder, asked)
        foreign = next((done for done in self._memory.commands if done.id == asked), None)
        if found is None and foreign is not None:
            self._log.record(self._clock.now(), Code.COMMAND_FOREIGN, Verb.QUERY, holder)
            found = None if self._checks.on(Check.QUERY_OWN) else foreign
        return Remembered(None, self.state(rights)) if found is None else Remembered(found.code, found.state)

    def _find(self, holder: bytes, command_id: bytes) -> Done | None:
        for done in self._memory.commands:
            if (done.holder, done.id) == (holder, command_id):
                return done
        return None

    def _check_time(self, expires: int) -> None:
        now = self._clock.now()
        self._checks.require(Check.COMMAND_EXPIRY, now <= expires, Code.COMMAND_EXPIRED)
        self._checks.require(
            Check.COMMAND_LIFETIME, expires - now <= LONGEST_COMMAND_S, Code.COMMAND_LIFETIME
        )

    def _make_room(self, holder: bytes) -> None:
        """Room for one command more: one that has expired, and cannot be executed again, is forgotten."""
        commands, now = self._memory.commands, self._clock.now()
        mine = [done for done in commands if done.holder == holder]
        for crowd, most in ((mine, PER_HOLDER), (commands, MOST_COMMANDS)):
            if len(crowd) < most:
                continue
            expired = next((done for done in crowd if done.expires < now), None)
            self._checks.require(Check.COMMAND_ROOM, expired is not None, Code.COMMAND_MEMORY)
            commands.remove(expired or crowd[0])

    def _drive_locks(self, verb: Verb) -> Code:
        wanted = verb is Verb.LOCK
        self._car.drive_locks(wanted)
        sensed = self._car.doors_locked
        if sensed is None:
            return Code.ACCEPTED
        return Code.CONFIRMED if sensed is wanted else Code.ACTUATOR_FAILED

    def _order(self, verb: Verb) -> Code:
        wanted = verb is Verb.IMMOBILISE
        self._memory.ordered = Starting.BLOCKED if wanted else Starting.ALLOWED
        self.settle()
        return Code.CONFIRMED if self._car.restart_blocked is wanted else Code.ACCEPTED

    def _parked(self) -> bool:
        """Whether no order to immobilise can surprise anybody: standing, by a speed that is known, and switched off."""
        speed, on = self._car.speed_kmh, self._checks.on
        standing = not on(Check.SPEED_KNOWN) if speed is None else speed == 0 or not on(Check.STANDSTILL)
        return standing and (not self._car.engine_on or not on(Check.IGNITION_OFF))


def _doors(locked: bool | None) -> Doors:
    if locked is None:
        return Doors.UNKNOWN
    return Doors.LOCKED if locked else Doors.UNLOCKED


def _starting(blocked: bool | None) -> Starting:
    if blocked is None:
        return Starting.UNKNOWN
    return Starting.BLOCKED if blocked else Starting.ALLOWED
