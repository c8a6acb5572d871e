"""A sealed terminal: the device side of the profile in docs/sealed-terminal.md, bytes in and bytes out.

Sans-IO: the caller gives the time of every byte, and its real-time clock and its randomness are passed in. EDHOC draws
its ephemeral keys itself. What the terminal refuses is in its log; nothing that is refused changes anything.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass

from simulator.terminals.sealed_actions import Actuators
from simulator.terminals.sealed_car import SealedCar
from simulator.terminals.sealed_checks import Check, Checks, Parts, ResponderPort
from simulator.terminals.sealed_desk import Desk, Session
from simulator.terminals.sealed_memory import Log, Memory, TerminalClock
from simulator.terminals.sealed_rules import Rules
from vehicle.sealed.cbor import BadCbor
from vehicle.sealed.channel import LAST_COUNTER, Opener, Sealer, SessionKeys
from vehicle.sealed.codes import Code, Refused
from vehicle.sealed.commands import Request, Starting
from vehicle.sealed.framing import LONGEST_FRAME, REASSEMBLY_S, Frame, FrameReader, FrameType, encode_frame
from vehicle.sealed.keys import AuthorityKey, PrivateKey
from vehicle.sealed.label import Label
from vehicle.sealed.revocation import Revocations

__all__ = ["SealedDevice", "Timing"]

SESSION_S = 600.0
IDLE_S = 60.0
HANDSHAKES = 8
HANDSHAKE_EVERY_S = 8.0
"""So many unfinished handshakes in a row, and one more each so many seconds."""
ADVERTISED = "terminal"
"""The name of every sealed terminal: neither plate nor VIN, nor anything made of them."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds that the terminal's processor takes; a Cortex-M4 does the handshake's curve points in about so long."""

    handshake_s: float = 0.06
    answer_s: float = 0.005


class SealedDevice:
    """One terminal in one car; a `ByteDevice`.

    `rtc` is its real-time clock (Unix s), `random_bytes` gives so many bytes. Checks in `off` are left out, and `parts`
    replaces what it has from libraries: for tests that show what a check is for.
    """

    def __init__(
        self,
        car: SealedCar,
        key: PrivateKey,
        *,
        secret: bytes,
        rtc: Callable[[], int],
        random_bytes: Callable[[int], bytes],
        timing: Timing | None = None,
        off: Collection[Check] = (),
        parts: Parts | None = None,
    ) -> None:
        self.car = car
        self.memory = Memory()
        self.log = Log()
        self.session: Session | None = None
        self._key = key
        self._secret = secret
        self._random_bytes = random_bytes
        self._timing = timing or Timing()
        self._checks = Checks(off)
        self._parts = parts or Parts()
        self.clock = TerminalClock(self.memory, rtc, self._checks)
        self._actuators = Actuators(car, self.memory, self.clock, self.log, self._checks)
        self._rules = Rules(self.memory, self.clock, self._checks, self._parts)
        self._desk = self._new_desk()
        self._reader = FrameReader(
            LONGEST_FRAME if self._checks.on(Check.FRAME_CAP) else None,
            REASSEMBLY_S if self._checks.on(Check.FRAME_TIME) else None,
        )
        self._handshake: ResponderPort | None = None
        self._tokens = float(HANDSHAKES)
        self._tokens_at = 0.0
        self._output: deque[tuple[float, bytes]] = deque()

    # -- what people do

    @property
    def label(self) -> Label:
        """What is printed on it."""
        return Label.of(self._key.public, self._secret)

    def enrol(
        self,
        authority: AuthorityKey,
        vehicle: str,
        now: int,
        *,
        immobilisable: bool = False,
        minimum: int = 0,
    ) -> None:
        """Leave it as after an enrolment; for tests and simulated fleets. `now` is Unix time (s)."""
        self.memory.authority = authority
        self.memory.vehicle = vehicle
        self.memory.immobilisable = immobilisable
        self.memory.revocations = Revocations(0, now, minimum)
        self.clock.start(now)

    def press_button(self, now: float) -> None:
        """Open the enrolment window; `now` is the event loop's time (s)."""
        self._desk.window.open(now)
        self._note(Code.BUTTON_PRESSED)

    def factory_reset(self) -> None:
        """Hold the button for half a minute: it belongs to nobody again. The clock and the immobiliser stay."""
        memory = self.memory
        memory.authority, memory.vehicle, memory.immobilisable = None, "", False
        memory.revocations = Revocations(0, 0)
        if not self._checks.on(Check.IMMOBILISER_RESET):
            memory.ordered = Starting.ALLOWED
        self._actuators.settle()
        self._note(Code.RESET)

    def power_cycle(self, *, clock_kept: bool = True) -> None:
        """Cut the supply and restore it; `clock_kept` if a battery carried the real-time clock."""
        self._hang_up()
        self._desk = self._new_desk()
        self._tokens = float(HANDSHAKES)
        if not self._checks.on(Check.IMMOBILISER_KEPT):
            self.memory.ordered = Starting.ALLOWED
        if not self._checks.on(Check.LIST_KEPT):
            self.memory.revocations = Revocations(0, 0)
        if not self._checks.on(Check.COMMAND_KEPT):
            self.memory.commands.clear()
        self.clock.boot(kept=clock_kept)
        self._actuators.settle()
        self._note(Code.POWER_RESTORED)

    def settle(self) -> None:
        """The car changed: an order to immobilise that waits for standstill may take effect now."""
        self._actuators.settle()

    # -- bytes

    def receive(self, data: bytes, now: float) -> None:
        """Bytes from the radio at `now`, the event loop's time (s)."""
        self._actuators.settle()
        try:
            for frame in self._reader.feed(data, now):
                self._take_frame(frame, now)
        except Refused as refusal:
            self._complain(refusal.code, now)

    def due(self) -> float | None:
        """When the next bytes leave, or None while nothing is to be said."""
        return self._output[0][0] if self._output else None

    def take(self, now: float) -> bytes:
        """The bytes that have left by `now`."""
        taken = bytearray()
        while self._output and self._output[0][0] <= now:
            taken += self._output.popleft()[1]
        return bytes(taken)

    def disconnected(self) -> None:
        """The radio link ended, and the session with it."""
        session = self.session
        self._hang_up()
        if not self._checks.on(Check.LINK_END):
            self.session = session

    @property
    def waiting_bytes(self) -> int:
        """Bytes of an incomplete frame that it holds."""
        return self._reader.pending

    def _new_desk(self) -> Desk:
        return Desk(
            self.memory,
            self.clock,
            self._rules,
            self._actuators,
            self.log,
            self._checks,
            secret=self._secret,
            random_bytes=self._random_bytes,
        )

    def _note(self, code: Code) -> None:
        self.log.record(self.clock.now(), code, 0, b"")

    def _abandon(self) -> None:
        """A handshake that came to nothing is remembered: somebody looked who is here."""
        if self._handshake is not None:
            self._handshake = None
            self._note(Code.HANDSHAKE_ABANDONED)

    def _hang_up(self) -> None:
        self.session = None
        self._abandon()
        self._reader.clear()
        self._output.clear()

    def _complain(self, code: Code, now: float) -> None:
        """Refuse outside a session: it is in the log, whatever was begun is over, and the far end is told the code."""
        holder = self.session.holder.thumbprint if self.session else b""
        self.session = self._handshake = None
        self.log.record(self.clock.now(), code, 0, holder)
        self._say(FrameType.ERROR, bytes([code]), now, self._timing.answer_s)

    def _say(self, kind: FrameType, body: bytes, now: float, delay_s: float) -> None:
        last = self._output[-1][0] if self._output else 0.0
        self._output.append((max(now + delay_s, last), encode_frame(kind, body)))

    def _take_frame(self, frame: Frame, now: float) -> None:
        if frame.type == FrameType.MESSAGE_1:
            self._begin(frame.body, now)
        elif frame.type == FrameType.MESSAGE_3 and self._handshake is not None:
            self._open_session(self._handshake, frame.body, now)
        elif frame.type == FrameType.RECORD:
            self._take_record(frame.body, now)
        else:
            raise Refused(Code.FRAME_UNKNOWN)

    def _begin(self, message_1: bytes, now: float) -> None:
        if self._checks.on(Check.RESTART):
            self.session = None
        self._abandon()
        self._tokens = min(HANDSHAKES, self._tokens + (now - self._tokens_at) / HANDSHAKE_EVERY_S)
        self._tokens_at = now
        self._checks.require(Check.FLOOD, self._tokens >= 1, Code.FLOODED)
        self._tokens -= 1
        responder = self._parts.responder(self._key)
        shown = self._desk.window.is_open(now, self._checks) or not self._checks.on(Check.IDENTITY)
        message_2 = responder.message_2(message_1, by_value=shown)
        self._handshake = responder
        self._say(FrameType.MESSAGE_2, message_2, now, self._timing.handshake_s)

    def _open_session(self, handshake: ResponderPort, message_3: bytes, now: float) -> None:
        self._handshake = None
        holder, keys = handshake.finish(message_3)
        self._tokens += 1
        self.session = Session(holder, self._opener(keys), Sealer(keys.to_holder), began=now, last=now)

    def _opener(self, keys: SessionKeys) -> Opener:
        opener = self._parts.opener(keys)
        lenient = [
            check for check in (Check.REPLAY, Check.ORDER, Check.COUNTER) if not self._checks.on(check)
        ]
        return LenientOpener(opener, lenient) if lenient else opener

    def _take_record(self, body: bytes, now: float) -> None:
        session = self.session
        if session is None:
            raise Refused(Code.NO_SESSION)
        old = now - session.began > SESSION_S
        self._checks.require(Check.SESSION_LIFE, not old, Code.SESSION_EXPIRED)
        idle = now - session.last > IDLE_S
        self._checks.require(Check.SESSION_IDLE, not idle, Code.SESSION_EXPIRED)
        plaintext = session.opener.open(body)
        session.last = now
        try:
            request = Request.parse(plaintext)
        except BadCbor as error:
            raise Refused(Code.MALFORMED) from error
        answer = self._desk.answer(session, request, now)
        sealed = session.sealer.seal(answer.encode())
        self._say(FrameType.RECORD, sealed, now, self._timing.answer_s)


class LenientOpener(Opener):
    """An opener without some of its checks, for tests that show what they are for."""

    def __init__(self, strict: Opener, off: Collection[Check]) -> None:
        self._strict = strict
        self._off = off
        self.next = strict.next

    def check(self, counter: int) -> None:
        """What is left of the checks."""
        if self.next > LAST_COUNTER:
            if Check.COUNTER not in self._off:
                raise Refused(Code.COUNTER_EXHAUSTED)
            self.next = 0
        if counter < self.next and Check.REPLAY not in self._off:
            raise Refused(Code.RECORD_REPLAYED)
        if counter > self.next and Check.ORDER not in self._off:
            raise Refused(Code.RECORD_SKIPPED)

    def decrypt(self, counter: int, sealed: bytes) -> bytes:
        """As the strict one."""
        return self._strict.decrypt(counter, sealed)
