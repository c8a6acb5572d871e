"""A sealed terminal on a bench: its car, its fleet, and holders who talk to it, all without a radio."""

from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import dataclass, field

from cwt import COSE, COSEKey
from standing_car import StandingCar

from simulator.terminals.sealed import SealedDevice, Timing
from simulator.terminals.sealed_car import FittedCar
from simulator.terminals.sealed_checks import Check, Parts
from vehicle.sealed import cbor
from vehicle.sealed.client import Hearsay, HolderSession
from vehicle.sealed.codes import Code, Right, Verb
from vehicle.sealed.commands import Admission, Answer, Enrolment, Greeting, Request
from vehicle.sealed.framing import Frame, FrameReader, FrameType
from vehicle.sealed.grant import Grant, issue
from vehicle.sealed.keys import Authority, PrivateKey
from vehicle.sealed.revocation import Revocations, TimeTicket, revoke, tell_time

T0 = 1_800_000_000
HOUR = 3600
CAR = "P-112"
FLEET, STRANGER = Authority.of(b"\x11" * 32), Authority.of(b"\x12" * 32)
TERMINAL, HOLDER, THIEF, OTHER_TERMINAL = (PrivateKey.of(bytes([n]) * 32) for n in (0x21, 0x22, 0x23, 0x24))
SECRET = b"labelsecre"
DRIVE = Right.READ | Right.LOCK | Right.UNLOCK | Right.MOBILISE
EVERYTHING = DRIVE | Right.IMMOBILISE


@dataclass
class BenchCar(StandingCar):
    fuel_percent: float | None = 40.0
    battery_v: float = 12.5
    stored_dtcs: tuple[str, ...] = ("P0133", "C0123")
    distance_since_clear_km: float = 412.0


@dataclass
class Bench:
    """`now` is the time of the link (s), `unix` the true time, `rtc_error` what the terminal's own clock is off by."""

    off: Collection[Check] = ()
    parts: Parts | None = None
    now: float = 0.0
    unix: int = T0
    rtc_error: int = 0
    immobilisable: bool = True
    enrolled: bool = True
    chance: random.Random = field(default_factory=lambda: random.Random(7))

    def __post_init__(self) -> None:
        self.truth = BenchCar()
        self.car = FittedCar(self.truth)
        self.terminal = SealedDevice(
            self.car,
            TERMINAL,
            secret=SECRET,
            rtc=lambda: self.unix + self.rtc_error,
            random_bytes=self.chance.randbytes,
            timing=Timing(0.0, 0.0),
            off=self.off,
            parts=self.parts,
        )
        if self.enrolled:
            self.terminal.enrol(FLEET.public, CAR, T0, immobilisable=self.immobilisable)
        self._numbers = 100
        self.mark()

    # -- paper

    def grant(
        self,
        rights: Right = EVERYTHING,
        *,
        holder: PrivateKey = HOLDER,
        vehicle: str = CAR,
        begins: int = T0 - HOUR,
        ends: int = T0 + 8 * HOUR,
        issued: int | None = None,
        number: int | None = None,
        authority: Authority = FLEET,
    ) -> bytes:
        self._numbers += 1
        made = Grant(
            vehicle=vehicle,
            holder=holder.public,
            rights=rights,
            not_before=begins,
            expires=ends,
            issued=begins if issued is None else issued,
            number=self._numbers if number is None else number,
        )
        return issue(made, authority)

    def revocations(self, number: int = 1, *, authority: Authority = FLEET, **what: object) -> bytes:
        return revoke(Revocations(number, self.unix, **what), authority)  # type: ignore[arg-type]

    def ticket(self, nonce: bytes, now: int, *, authority: Authority = FLEET) -> bytes:
        return tell_time(TimeTicket(nonce, now), authority)

    # -- talking

    def pass_time(self, seconds: int) -> None:
        self.now += seconds
        self.unix += seconds

    def hear(self) -> bytes:
        """What the terminal has said by now."""
        return self.terminal.take(self.now)

    def say(self, data: bytes) -> bytes:
        """Put bytes on the link, and take the reply."""
        self.terminal.receive(data, self.now)
        return self.hear()

    def reconnect(self) -> None:
        """The link ends, and another begins."""
        self.terminal.disconnected()

    def open(self, holder: PrivateKey = HOLDER) -> Talk:
        """A session without a grant."""
        return Talk(self, holder)

    def admitted(self, rights: Right = EVERYTHING, holder: PrivateKey = HOLDER, **grant: object) -> Talk:
        """A session with a grant that was accepted."""
        talk = self.open(holder)
        answer = talk.ask(Verb.PRESENT, self.grant(rights, holder=holder, **grant))  # type: ignore[arg-type]
        assert Admission.of(answer.body).rights == rights
        return talk

    # -- what changed

    def mark(self) -> None:
        """What follows is hostile: it must leave no trace but in the log."""
        self._marked = self.state

    @property
    def changed(self) -> bool:
        return self.state != self._marked

    @property
    def state(self) -> tuple[object, ...]:
        memory = self.terminal.memory
        return (
            self.car.locked,
            self.car.blocked,
            self.car.pulses,
            memory.authority,
            memory.vehicle,
            memory.immobilisable,
            memory.revocations,
            memory.ordered,
            tuple(memory.commands),
        )

    @property
    def logged(self) -> tuple[Code, ...]:
        return tuple(entry.code for entry in self.terminal.log.entries)


class Talk:
    """One holder's session over the bench. `sent` is every piece that went out, for whoever listens."""

    def __init__(self, bench: Bench, holder: PrivateKey) -> None:
        self.bench = bench
        self.session = HolderSession(holder, TERMINAL.public)
        self.sent: list[bytes] = [self.session.begin()]
        reply = bench.say(self.sent[0])
        self.sent.append(self.session.receive(reply, bench.now).to_send)
        bench.say(self.sent[1])

    def new_id(self) -> bytes:
        return self.bench.chance.randbytes(16)

    def seal(self, verb: int, argument: cbor.Cbor = None, command_id: bytes | None = None) -> bytes:
        """The bytes of a request, not sent."""
        self.sent.append(self.session.ask(Request(command_id or self.new_id(), verb, argument)))
        return self.sent[-1]

    def ask(self, verb: int, argument: cbor.Cbor = None, command_id: bytes | None = None) -> Answer:
        """One request and its answer. Raises Hearsay for an error in the clear."""
        reply = self.bench.say(self.seal(verb, argument, command_id))
        answer = self.session.receive(reply, self.bench.now).answer
        assert answer is not None
        return answer

    def act(self, verb: Verb, command_id: bytes | None = None) -> Answer:
        """An action that may be executed for a minute from the terminal's now."""
        return self.ask(verb, self.bench.terminal.clock.now() + 60, command_id)

    def hello(self) -> Greeting:
        return Greeting.of(self.ask(Verb.HELLO).body)

    def enrol(
        self, secret: bytes = SECRET, authority: Authority = STRANGER, *, immobilisable: bool = True
    ) -> Answer:
        wish = Enrolment(secret, authority.public.raw, "X-1", immobilisable, self.bench.unix, 0)
        return self.ask(Verb.ENROL, wish.cbor)

    def code(self, verb: int, argument: cbor.Cbor = None, command_id: bytes | None = None) -> Code | None:
        """What a request ends with, in the channel or in the clear."""
        try:
            return self.ask(verb, argument, command_id).code
        except Hearsay as hearsay:
            return hearsay.code


def frames(data: bytes) -> list[Frame]:
    return FrameReader().feed(data, 0.0)


def errors(data: bytes) -> list[Code]:
    return [Code(frame.body[0]) for frame in frames(data) if frame.type == FrameType.ERROR]  # type: ignore[call-arg]


def answered(data: bytes) -> bool:
    """Whether the terminal took a record and answered in the channel."""
    return any(frame.type == FrameType.RECORD for frame in frames(data))


def signed_as(kind: str, payload: cbor.Cbor, authority: Authority = FLEET) -> bytes:
    """Something that the authority signed for a purpose of its own."""
    key = COSEKey.new(
        {1: 1, -1: 6, -2: authority.public.raw, -4: authority.secret, 2: authority.public.key_id, 3: -8}
    )
    header = {1: -8, 4: authority.public.key_id, 16: kind}
    return bytes(COSE.new().encode(cbor.encode(payload), key, protected=header, unprotected={}))
