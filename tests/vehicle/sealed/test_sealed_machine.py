"""Holder and terminal with an adversary on the link: 10,000 steps, and what must hold after each of them.

The adversary sees and keeps every frame; it drops, repeats, reorders, flips, cuts and splices, plays old frames on new
connections, cuts the link and the supply, sets the terminal's clock back, and has a key and a stolen grant of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import ParamSpec

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sealed_bench import HOLDER, HOUR, T0, TERMINAL, THIEF, Bench, Talk

from vehicle.sealed.client import Hearsay, HolderSession
from vehicle.sealed.codes import ACTIONS, RELEASES, Code, Refused, Verb
from vehicle.sealed.commands import Answer, Greeting, Request, Starting
from vehicle.sealed.framing import FrameType, encode_frame
from vehicle.sealed.grant import Grant, parse_grant
from vehicle.sealed.revocation import Revocations

EXAMPLES, STEPS, ENOUGH, MOST_RUNS = 120, 100, 10_000, 4
GREETING = 5
PICK = st.integers(0, 10_000)
P = ParamSpec("P")


@dataclass(frozen=True)
class Issued:
    """An action that the honest holder asked for, and under which grant."""

    verb: Verb
    expires: int
    grant: Grant


def when(holds: Callable[[Adversary], bool]) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """A rule that does nothing unless `holds`.

    Not hypothesis' own precondition: what is drawn must not depend on lakers' ephemeral keys, which no seed decides.
    """

    def guard(function: Callable[P, None]) -> Callable[P, None]:
        @wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
            if holds(args[0]):  # type: ignore[arg-type]
                function(*args, **kwargs)

        return guarded

    return guard


@dataclass
class Tally:
    steps: int = 0
    executed: int = 0
    refused: int = 0


class Adversary(RuleBasedStateMachine):
    tally = Tally()

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench()
        self.session: HolderSession | None = None
        self.grant: Grant | None = None
        self.to_terminal: list[bytes] = []
        self.to_holder: list[bytes] = []
        self.seen: list[bytes] = [b"\x00\x02\x20\x00"]
        self.issued: dict[bytes, Issued] = {}
        self.asked: bytes | None = None
        self.confirmed: list[bytes] = []
        self.executed: dict[bytes, Code] = {}
        self.listed = Revocations(0, T0)
        self.last_clock = T0
        self.last_memory = self.bench.terminal.memory.revocations
        self.last_blocked = False
        self.number = 100
        self.nonce = b""
        self.errand(Verb.UNLOCK, arrives=True)

    # -- the honest holder

    @rule()
    def connect(self) -> None:
        """Give up whatever there is, and begin again."""
        self._hang_up()
        self.session = HolderSession(HOLDER, TERMINAL.public)
        self._send(self.session.begin())

    def _send(self, frame: bytes) -> None:
        self.seen.append(frame)
        self.to_terminal.append(frame)

    def _free(self) -> bool:
        return self.session is not None and self.session.established and self.asked is None

    def _ask(self, verb: Verb, argument: object) -> bytes:
        assert self.session is not None
        self.number += 1
        self.asked = self.number.to_bytes(16, "big")
        self._send(self.session.ask(Request(self.asked, verb, argument)))  # type: ignore[arg-type]
        return self.asked

    @rule(lasts=st.sampled_from([30, 600, HOUR]))
    @when(_free)
    def present(self, lasts: int) -> None:
        self.number += 1
        data = self.bench.grant(begins=self.bench.unix - 60, ends=self.bench.unix + lasts, number=self.number)
        self.grant = parse_grant(data)
        self._ask(Verb.PRESENT, data)

    @rule(verb=st.sampled_from(ACTIONS))
    @when(lambda self: self._free() and self.grant is not None)
    def act(self, verb: Verb) -> None:
        assert self.grant is not None
        expires = self.bench.terminal.clock.now() + 60
        command_id = self._ask(verb, expires)
        self.issued[command_id] = Issued(verb, expires, self.grant)

    @rule()
    @when(_free)
    def read(self) -> None:
        self._ask(Verb.READ, None)

    @rule(raises=st.booleans())
    @when(_free)
    def update(self, raises: bool) -> None:
        """The authority revokes the grant in use, and the list gets on its way."""
        revoked = () if self.grant is None or raises else (self.grant.number,)
        minimum = self.number if raises else self.listed.minimum
        self.listed = Revocations(self.listed.number + 1, self.bench.unix, minimum, revoked)
        self._ask(Verb.UPDATE, self.bench.revocations(self.listed.number, minimum=minimum, grants=revoked))

    @rule()
    @when(_free)
    def hello(self) -> None:
        self._ask(Verb.HELLO, None)

    @rule()
    @when(lambda self: self._free() and bool(self.nonce))
    def bring_time(self) -> None:
        """The authority's answer to the last question, which may be an old one."""
        self._ask(Verb.SET_TIME, self.bench.ticket(self.nonce, self.bench.unix))

    # -- the link, when nobody meddles

    @rule()
    @when(lambda self: bool(self.to_terminal))
    def deliver(self) -> None:
        self._to_terminal(self.to_terminal.pop(0))

    @rule()
    @when(lambda self: bool(self.to_holder))
    def hear(self) -> None:
        self._to_holder(self.to_holder.pop(0))

    @rule()
    def carry_on(self) -> None:
        """Deliver everything, so that sessions get somewhere."""
        while self.to_terminal or self.to_holder:
            if self.to_terminal:
                self.deliver()
            if self.to_holder:
                self.hear()

    @rule()
    @when(lambda self: self.session is None or not self.session.established)
    def reach(self) -> None:
        """An undisturbed session with a grant, to be disturbed afterwards."""
        self.connect()
        self.carry_on()
        for step in (self.hello, self.bring_time, lambda: self.present(HOUR)):
            step()
            self.carry_on()

    @rule(verb=st.sampled_from(ACTIONS), arrives=st.booleans())
    def errand(self, verb: Verb, arrives: bool) -> None:
        """An undisturbed session with an action at its end, whose answer may be left to the adversary."""
        self.reach()
        if self._free() and self.grant is not None:
            self.act(verb)
            if arrives:
                self.carry_on()

    # -- the adversary

    @rule()
    @when(lambda self: bool(self.to_terminal))
    def drop(self) -> None:
        self.to_terminal.pop(0)

    @rule()
    @when(lambda self: bool(self.to_holder))
    def drop_answer(self) -> None:
        self.to_holder.pop(0)

    @rule()
    @when(lambda self: len(self.to_terminal) > 1)
    def reorder(self) -> None:
        self.to_terminal.insert(0, self.to_terminal.pop())

    @rule(which=PICK)
    def replay(self, which: int) -> None:
        """Any frame that ever crossed the link, either way."""
        self._to_terminal(self.seen[which % len(self.seen)])

    @rule(which=PICK)
    def replay_answer(self, which: int) -> None:
        self._to_holder(self.seen[which % len(self.seen)])

    @rule(which=PICK, at=PICK, bit=st.integers(0, 7))
    def flip(self, which: int, at: int, bit: int) -> None:
        frame = bytearray(self.seen[which % len(self.seen)])
        frame[at % len(frame)] ^= 1 << bit
        self._to_terminal(bytes(frame))

    @rule(at=PICK, bit=st.integers(0, 7))
    @when(lambda self: bool(self.to_holder))
    def flip_answer(self, at: int, bit: int) -> None:
        frame = bytearray(self.to_holder.pop(0))
        frame[at % len(frame)] ^= 1 << bit
        self._to_holder(bytes(frame))

    @rule(first=PICK, second=PICK, at=PICK)
    def splice(self, first: int, second: int, at: int) -> None:
        one, other = self.seen[first % len(self.seen)], self.seen[second % len(self.seen)]
        cut = at % len(one)
        self._to_terminal(one[:cut] + other[cut:])

    @rule(code=st.sampled_from([Code.CONFIRMED, Code.RIGHT_MISSING, Code.FLOODED]))
    def lie_in_the_clear(self, code: Code) -> None:
        self._to_holder(encode_frame(FrameType.ERROR, bytes([code])))

    @rule(junk=st.binary(max_size=80))
    def shout(self, junk: bytes) -> None:
        self._to_terminal(junk)

    @rule()
    def cut_link(self) -> None:
        self._hang_up()

    @rule(clock_kept=st.booleans())
    def cut_supply(self, clock_kept: bool) -> None:
        self._hang_up()
        self.bench.terminal.power_cycle(clock_kept=clock_kept)

    @rule(by=st.sampled_from([5, HOUR, 30 * 24 * HOUR]))
    def push_clock_back(self, by: int) -> None:
        self.bench.rtc_error = -by

    @rule()
    def steal(self) -> None:
        """With a key of its own and a grant that was never meant for it."""
        self._hang_up()
        try:
            thief = Talk(self.bench, THIEF)
        except Hearsay:  # the adversary flooded the terminal before
            self.bench.reconnect()
            return
        thief.code(Verb.PRESENT, self.bench.grant())
        assert thief.code(Verb.UNLOCK, self.bench.terminal.clock.now() + 60) is Code.GRANT_MISSING
        self.bench.reconnect()

    # -- the world

    @rule(seconds=st.sampled_from([1, 20, 90, HOUR]))
    def wait(self, seconds: int) -> None:
        self.bench.pass_time(seconds)

    @rule(speed=st.sampled_from([0.0, 50.0, None]), engine_on=st.booleans())
    def drive(self, speed: float | None, engine_on: bool) -> None:
        self.bench.car.speed_kmh, self.bench.truth.engine_on = speed, engine_on

    # -- what must hold

    @invariant()
    def count(self) -> None:
        self.tally.steps += 1

    def teardown(self) -> None:
        self.tally.executed += len(self.executed)
        self.tally.refused += sum(entry.times for entry in self.bench.terminal.log.refusals)

    @invariant()
    def each_command_acts_once_and_was_asked_for(self) -> None:
        bench = self.bench
        for done in bench.terminal.memory.commands:
            if done.id in self.executed:
                continue
            issued = self.issued[done.id]
            self.executed[done.id] = done.code
            assert done.verb == issued.verb
            known = bench.terminal.memory.revocations
            assert issued.grant.number not in known.grants
            assert issued.grant.number >= known.minimum
            assert bench.terminal.clock.now() <= issued.expires
            if done.verb in RELEASES and bench.terminal.memory.sure:
                assert issued.grant.not_before <= bench.terminal.clock.now() < issued.grant.expires
        moved = [each for each in self.executed if self.issued[each].verb in (Verb.LOCK, Verb.UNLOCK)]
        assert bench.car.pulses == len(moved)

    @invariant()
    def what_is_confirmed_was_executed(self) -> None:
        for command_id in self.confirmed:
            assert self.executed[command_id] in (Code.CONFIRMED, Code.ACCEPTED)

    @invariant()
    def nothing_goes_back(self) -> None:
        now, revocations = self.bench.terminal.clock.now(), self.bench.terminal.memory.revocations
        assert now >= self.last_clock
        assert revocations.number >= self.last_memory.number
        assert revocations.minimum >= self.last_memory.minimum
        self.last_clock, self.last_memory = now, revocations

    @invariant()
    def the_immobiliser_obeys_orders_alone(self) -> None:
        bench, orders = self.bench, (Verb.IMMOBILISE, Verb.MOBILISE)
        last = next(
            (self.issued[each].verb for each in reversed(self.executed) if self.issued[each].verb in orders),
            None,
        )
        wanted = Starting.BLOCKED if last is Verb.IMMOBILISE else Starting.ALLOWED
        assert bench.terminal.memory.ordered is wanted
        if bench.car.blocked and not self.last_blocked:
            assert last is Verb.IMMOBILISE
            assert bench.car.speed_kmh == 0.0
            assert not bench.truth.engine_on
        assert bench.car.blocked <= (wanted is Starting.BLOCKED)
        self.last_blocked = bench.car.blocked

    # -- inside

    def _hang_up(self) -> None:
        self.bench.reconnect()
        self.session = self.grant = self.asked = None
        self.to_terminal.clear()
        self.to_holder.clear()

    def _to_terminal(self, data: bytes) -> None:
        reply = self.bench.say(data)
        if reply:
            self.seen.append(reply)
            self.to_holder.append(reply)

    def _to_holder(self, data: bytes) -> None:
        if self.session is None:
            return
        try:
            received = self.session.receive(data, self.bench.now)
        except (Refused, Hearsay):
            self._hang_up()
            return
        if received.to_send:
            self._send(received.to_send)
        if received.answer is not None:
            self._answered(received.answer)

    def _answered(self, answer: Answer) -> None:
        assert answer.id == self.asked
        self.asked = None
        if isinstance(answer.body, list) and len(answer.body) == GREETING:
            self.nonce = Greeting.of(answer.body).nonce
        if answer.id in self.issued and answer.code in (Code.CONFIRMED, Code.ACCEPTED):
            self.confirmed.append(answer.id)


def test_ten_thousand_steps_break_nothing() -> None:
    tally = Tally()
    Adversary.tally = tally
    limits = settings(max_examples=EXAMPLES, stateful_step_count=STEPS, deadline=None, database=None)
    for _ in range(MOST_RUNS):
        run_state_machine_as_test(Adversary, settings=limits)  # type: ignore[no-untyped-call]
        if tally.steps >= ENOUGH:
            break
    assert tally.steps >= ENOUGH
    assert tally.executed > ENOUGH // 100, (
        "sessions must get somewhere for the adversary to have something to do"
    )
    assert tally.refused > ENOUGH // 50
