"""Who is answered what: one request of an open session in, one answer out."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from simulator.terminals.sealed_actions import Actuators
from simulator.terminals.sealed_checks import Check, Checks
from simulator.terminals.sealed_memory import Log, Memory, TerminalClock
from simulator.terminals.sealed_rules import Rules
from vehicle.sealed import cbor
from vehicle.sealed.cbor import BadCbor, Cbor
from vehicle.sealed.channel import Opener, Sealer
from vehicle.sealed.codes import ALL_RIGHTS, NEEDS, Code, Refused, Right, Verb
from vehicle.sealed.commands import (
    COMMAND_ID,
    MOST_ENTRIES,
    Admission,
    Answer,
    Enrolment,
    Greeting,
    Request,
    known_verb,
)
from vehicle.sealed.grant import Grant
from vehicle.sealed.keys import AuthorityKey, BadKey, PublicKey
from vehicle.sealed.revocation import NONCE, Revocations

WINDOW_S = 60.0
TRIES = 3
NO_RIGHTS = Right(0)

RIGHT_CHECKS = {
    Right.READ: Check.RIGHT_READ,
    Right.LOCK: Check.RIGHT_LOCK,
    Right.UNLOCK: Check.RIGHT_UNLOCK,
    Right.IMMOBILISE: Check.RIGHT_IMMOBILISE,
    Right.MOBILISE: Check.RIGHT_MOBILISE,
    Right.ENROL: Check.RIGHT_ENROL,
}


@dataclass(slots=True)
class Session:
    """One open session. Times are the event loop's (s)."""

    holder: PublicKey
    opener: Opener
    sealer: Sealer
    began: float
    last: float
    grant: Grant | None = None
    nonce: bytes | None = None


@dataclass(slots=True)
class Window:
    """The time after the button was pressed in which the terminal may be enrolled."""

    until: float | None = None
    tries: int = 0

    def open(self, now: float) -> None:
        """The button was pressed."""
        self.until, self.tries = now + WINDOW_S, 0

    def shut(self) -> None:
        """No enrolment any more."""
        self.until = None

    def is_open(self, now: float, checks: Checks) -> bool:
        """Whether enrolment is possible."""
        if self.until is None:
            return False
        return now < self.until or not checks.on(Check.WINDOW_TIME)


class Desk:
    """Answers requests. `secret` is the one on the terminal's label."""

    def __init__(
        self,
        memory: Memory,
        clock: TerminalClock,
        rules: Rules,
        actuators: Actuators,
        log: Log,
        checks: Checks,
        *,
        secret: bytes,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._memory = memory
        self._clock = clock
        self._rules = rules
        self._actuators = actuators
        self._log = log
        self._checks = checks
        self._secret = secret
        self._random_bytes = random_bytes
        self.window = Window()

    def answer(self, session: Session, request: Request, now: float) -> Answer:
        """The answer; a refusal is one too. What was done, and what was refused, is in the log."""
        try:
            answer = self._answer(session, request, now)
        except BadCbor:
            answer = Answer(request.id, Code.MALFORMED)
        except Refused as refusal:
            answer = Answer(request.id, refusal.code)
        acted = answer.code in (Code.CONFIRMED, Code.ACCEPTED, Code.ACTUATOR_FAILED)
        if not acted or request.verb in (Verb.UPDATE, Verb.SET_TIME, Verb.ENROL):
            self._log.record(self._clock.now(), answer.code, request.verb, session.holder.thumbprint)
        return answer

    def _answer(self, session: Session, request: Request, now: float) -> Answer:
        verb = known_verb(request.verb)
        if verb is None:
            raise Refused(Code.COMMAND_UNKNOWN)
        if verb is Verb.ENROL:
            self._enrol(session, Enrolment.of(request.argument), now)
            return Answer(request.id, Code.CONFIRMED)
        if verb in NEEDS:
            return self._under_grant(session, request, verb)
        return Answer(request.id, Code.CONFIRMED, self._free(session, request, verb))

    def _free(self, session: Session, request: Request, verb: Verb) -> Cbor:
        """What needs no right: it is signed by the authority, or concerns nobody but the holder."""
        argument = request.argument
        if verb is Verb.PRESENT:
            session.grant = self._rules.admit(cbor.octets(argument), session.holder)
            return Admission(self._clock.now(), session.grant.rights, session.grant.expires).cbor
        if verb is Verb.UPDATE:
            return self._rules.update(cbor.octets(argument))
        if verb is Verb.SET_TIME:
            nonce, session.nonce = session.nonce, None
            self._rules.set_time(cbor.octets(argument), nonce)
            return self._clock.now()
        if verb is Verb.QUERY:
            asked = cbor.octets(argument, COMMAND_ID)
            rights = session.grant.rights if session.grant else NO_RIGHTS
            return self._actuators.recall(asked, session.holder.thumbprint, rights).cbor
        session.nonce = self._random_bytes(NONCE)
        memory = self._memory
        return Greeting(
            self._clock.now(),
            memory.sure,
            memory.revocations.number,
            session.nonce,
            memory.authority is not None,
        ).cbor

    def _under_grant(self, session: Session, request: Request, verb: Verb) -> Answer:
        rights = self._rights(session, NEEDS[verb])
        if verb is Verb.READ:
            return Answer(request.id, Code.CONFIRMED, self._actuators.measure(rights).cbor)
        if verb is Verb.LOG:
            after = cbor.uint(request.argument)
            entries = [entry.cbor for entry in self._log.entries if entry.index > after]
            return Answer(request.id, Code.CONFIRMED, entries[:MOST_ENTRIES])
        return self._actuators.perform(verb, request, session.holder.thumbprint, rights)

    def _rights(self, session: Session, needed: Right) -> Right:
        """What the session's grant gives now, if `needed` is among it. Raises Refused."""
        grant = session.grant
        if grant is None:
            self._checks.require(Check.GRANT_PRESENT, False, Code.GRANT_MISSING)
            return Right(ALL_RIGHTS)
        if self._checks.on(Check.GRANT_AGAIN):
            self._rules.judge(grant, session.holder)
        self._checks.require(RIGHT_CHECKS[needed], needed in grant.rights, Code.RIGHT_MISSING)
        return grant.rights

    def _enrol(self, session: Session, enrolment: Enrolment, now: float) -> None:
        checks, memory, window = self._checks, self._memory, self.window
        checks.require(Check.WINDOW, window.is_open(now, checks), Code.WINDOW_CLOSED)
        right = hmac.compare_digest(enrolment.secret, self._secret)
        if not right and checks.on(Check.LABEL):
            window.tries += 1
            if window.tries >= TRIES and checks.on(Check.WINDOW_TRIES):
                window.shut()
            raise Refused(Code.ENROL_SECRET)
        if memory.authority is not None and checks.on(Check.RIGHT_ENROL):
            self._rights(session, Right.ENROL)
        if not enrolment.immobilisable and memory.ordered is not memory.ordered.ALLOWED:
            raise Refused(Code.CLASS_FORBIDS)
        try:
            memory.authority = AuthorityKey(enrolment.authority)
        except BadKey as error:
            raise Refused(Code.MALFORMED) from error
        memory.vehicle = enrolment.vehicle
        memory.immobilisable = enrolment.immobilisable
        memory.revocations = Revocations(0, enrolment.now, enrolment.minimum)
        session.grant = None
        self._clock.start(enrolment.now)
        if checks.on(Check.WINDOW_ONCE):
            window.shut()
