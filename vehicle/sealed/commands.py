"""What is said inside the channel: a request and its answer, bound to each other by an id."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from vehicle.sealed import cbor
from vehicle.sealed.cbor import BadCbor, Cbor
from vehicle.sealed.codes import ALL_RIGHTS, Code, Right, Verb
from vehicle.sealed.grant import LONGEST_VEHICLE
from vehicle.sealed.keys import COORDINATE
from vehicle.sealed.revocation import NONCE

COMMAND_ID = 16
SECRET = 10
"""Bytes of the enrolment secret on a terminal's label."""
LONGEST_COMMAND_S = 120
"""How long after now, by the terminal's clock, an action may still be executed."""
MOST_CODES = 32
MOST_ENTRIES = 8


class Doors(IntEnum):
    """The doors, as sensed."""

    UNKNOWN = 0
    LOCKED = 1
    UNLOCKED = 2


class Starting(IntEnum):
    """Whether the engine can be started: as ordered, or as sensed."""

    UNKNOWN = 0
    ALLOWED = 1
    BLOCKED = 2


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `argument` depends on the verb."""

    id: bytes
    verb: int
    argument: Cbor = None

    def encode(self) -> bytes:
        """Its bytes."""
        return cbor.encode([self.id, self.verb, self.argument])

    @classmethod
    def parse(cls, data: bytes) -> Request:
        """Raises BadCbor."""
        command_id, verb, argument = cbor.array(cbor.decode(data), 3)
        return cls(cbor.octets(command_id, COMMAND_ID), cbor.uint(verb, 255), argument)


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to the request with this id. `body` depends on the verb; a refusal has none."""

    id: bytes
    code: Code
    body: Cbor = None

    def encode(self) -> bytes:
        """Its bytes."""
        return cbor.encode([self.id, int(self.code), self.body])

    @classmethod
    def parse(cls, data: bytes) -> Answer:
        """Raises BadCbor, also for a code that this version does not know."""
        command_id, code, body = cbor.array(cbor.decode(data), 3)
        return cls(cbor.octets(command_id, COMMAND_ID), known_code(code), body)


@dataclass(frozen=True, slots=True)
class State:
    """Doors and immobiliser; None is what the grant does not entitle to know.

    `ordered` is what was accepted, `effective` what is sensed: an order to immobilise waits for standstill.
    """

    doors: Doors | None = None
    ordered: Starting | None = None
    effective: Starting | None = None

    @property
    def cbor(self) -> Cbor:
        """As it is sent."""
        return [None if each is None else int(each) for each in (self.doors, self.ordered, self.effective)]

    @classmethod
    def of(cls, value: Cbor) -> State:
        """Raises BadCbor."""
        doors, ordered, effective = cbor.array(value, 3)
        return cls(
            None if doors is None else Doors(cbor.uint(doors, 2)),
            None if ordered is None else Starting(cbor.uint(ordered, 2)),
            None if effective is None else Starting(cbor.uint(effective, 2)),
        )


@dataclass(frozen=True, slots=True)
class Greeting:
    """The answer to HELLO: the terminal's clock (Unix s), whether it trusts it, the number of its list, a question
    for a time ticket, and whether it belongs to a fleet."""

    now: int
    sure: bool
    list_number: int
    nonce: bytes
    enrolled: bool

    @property
    def cbor(self) -> Cbor:
        """As it is sent."""
        return [self.now, self.sure, self.list_number, self.nonce, self.enrolled]

    @classmethod
    def of(cls, value: Cbor) -> Greeting:
        """Raises BadCbor."""
        now, sure, number, nonce, enrolled = cbor.array(value, 5)
        return cls(
            cbor.uint(now), cbor.flag(sure), cbor.uint(number), cbor.octets(nonce, NONCE), cbor.flag(enrolled)
        )


@dataclass(frozen=True, slots=True)
class Admission:
    """The answer to PRESENT: the terminal's clock (Unix s), what the grant gives, and until when."""

    now: int
    rights: Right
    expires: int

    @property
    def cbor(self) -> Cbor:
        """As it is sent."""
        return [self.now, int(self.rights), self.expires]

    @classmethod
    def of(cls, value: Cbor) -> Admission:
        """Raises BadCbor."""
        now, rights, expires = cbor.array(value, 3)
        return cls(cbor.uint(now), Right(cbor.uint(rights, ALL_RIGHTS)), cbor.uint(expires))


@dataclass(frozen=True, slots=True)
class Measured:
    """The answer to READ; None is what the vehicle does not give.

    Odometer and distance in km (sent in steps of 0.1 and 1), energy in percent (fuel or charge; steps of 0.1), voltage
    of the supply in V (sent in mV), speed in km/h.
    """

    state: State
    odometer_km: float | None = None
    energy_percent: float | None = None
    supply_v: float | None = None
    ignition_on: bool | None = None
    speed_kmh: int | None = None
    vin: str | None = None
    stored_dtcs: tuple[str, ...] | None = None
    pending_dtcs: tuple[str, ...] | None = None
    distance_since_clear_km: int | None = None

    @property
    def cbor(self) -> Cbor:
        """As it is sent."""
        values: dict[int, Cbor] = {
            1: _scaled(self.odometer_km, 10),
            2: _scaled(self.energy_percent, 10),
            3: _scaled(self.supply_v, 1000),
            4: self.ignition_on,
            5: self.speed_kmh,
            6: self.vin,
            7: None if self.stored_dtcs is None else list(self.stored_dtcs),
            8: None if self.pending_dtcs is None else list(self.pending_dtcs),
            9: self.distance_since_clear_km,
        }
        return [self.state.cbor, {key: value for key, value in values.items() if value is not None}]

    @classmethod
    def of(cls, value: Cbor) -> Measured:
        """Raises BadCbor."""
        state, readings = cbor.array(value, 2)
        found = cbor.mapping(readings)
        if any(key not in range(1, 10) for key in found):
            raise BadCbor("a reading of unknown number")
        return cls(
            state=State.of(state),
            odometer_km=_unscaled(found.get(1), 10),
            energy_percent=_unscaled(found.get(2), 10),
            supply_v=_unscaled(found.get(3), 1000),
            ignition_on=None if 4 not in found else cbor.flag(found[4]),
            speed_kmh=None if 5 not in found else cbor.uint(found[5], 1000),
            vin=None if 6 not in found else cbor.text(found[6], 17),
            stored_dtcs=_codes(found.get(7)),
            pending_dtcs=_codes(found.get(8)),
            distance_since_clear_km=None if 9 not in found else cbor.uint(found[9]),
        )


@dataclass(frozen=True, slots=True)
class Enrolment:
    """The argument of ENROL: to which fleet and vehicle the terminal belongs from now on."""

    secret: bytes
    authority: bytes
    vehicle: str
    immobilisable: bool
    now: int
    minimum: int

    @property
    def cbor(self) -> Cbor:
        """As it is sent."""
        return [self.secret, self.authority, self.vehicle, self.immobilisable, self.now, self.minimum]

    @classmethod
    def of(cls, value: Cbor) -> Enrolment:
        """Raises BadCbor."""
        secret, authority, vehicle, immobilisable, now, minimum = cbor.array(value, 6)
        return cls(
            cbor.octets(secret, SECRET),
            cbor.octets(authority, COORDINATE),
            cbor.text(vehicle, LONGEST_VEHICLE),
            cbor.flag(immobilisable),
            cbor.uint(now),
            cbor.uint(minimum),
        )


@dataclass(frozen=True, slots=True)
class Remembered:
    """The answer to QUERY: how an earlier command of this holder ended; None if the terminal never executed it."""

    code: Code | None
    state: State

    @property
    def cbor(self) -> Cbor:
        """As it is sent."""
        return [None if self.code is None else int(self.code), self.state.cbor]

    @classmethod
    def of(cls, value: Cbor) -> Remembered:
        """Raises BadCbor."""
        code, state = cbor.array(value, 2)
        return cls(None if code is None else known_code(code), State.of(state))


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a terminal's log: something done (`code` 0 or 1) or refused, `times` in a row."""

    index: int
    at: int
    code: Code
    verb: int
    holder: bytes
    times: int

    @property
    def cbor(self) -> Cbor:
        """As it is sent."""
        return [self.index, self.at, int(self.code), self.verb, self.holder, self.times]

    @classmethod
    def of(cls, value: Cbor) -> Entry:
        """Raises BadCbor."""
        index, at, code, verb, holder, times = cbor.array(value, 6)
        return cls(
            cbor.uint(index),
            cbor.uint(at),
            known_code(code),
            cbor.uint(verb, 255),
            cbor.octets(holder),
            cbor.uint(times),
        )


def known_code(value: Cbor) -> Code:
    """The code of that number. Raises BadCbor."""
    try:
        return Code(cbor.uint(value, 255))  # type: ignore[call-arg]  # the enum's own lookup takes the number alone
    except BadCbor:
        raise
    except ValueError as error:
        raise BadCbor(f"{value!r} is no code") from error


def known_verb(number: int) -> Verb | None:
    """The verb of that number, if there is one."""
    try:
        return Verb(number)
    except ValueError:
        return None


def _scaled(value: float | None, factor: int) -> int | None:
    return None if value is None else max(0, round(value * factor))


def _unscaled(value: Cbor, factor: int) -> float | None:
    return None if value is None else cbor.uint(value) / factor


def _codes(value: Cbor) -> tuple[str, ...] | None:
    return None if value is None else tuple(cbor.text(each, 5) for each in cbor.items(value, MOST_CODES))
