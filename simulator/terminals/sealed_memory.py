"""What a sealed terminal keeps when its supply is cut, and its clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from simulator.terminals.sealed_checks import Check, Checks
from vehicle.sealed.codes import Code, Refused
from vehicle.sealed.commands import Entry, Starting, State
from vehicle.sealed.keys import AuthorityKey
from vehicle.sealed.revocation import Revocations

PER_HOLDER = 16
MOST_COMMANDS = 64
LOG_SIZE = 64
YEAR_S = 366 * 86_400
WOBBLE_S = 2
"""How far a real-time clock may step back without being suspected."""


@dataclass(frozen=True, slots=True)
class Done:
    """A command that was executed: enough to answer the same again and not to act again."""

    holder: bytes
    id: bytes
    verb: int
    expires: int
    code: Code
    state: State


@dataclass(slots=True)
class Memory:
    """Everything in non-volatile memory. Times are Unix seconds; `offset` is added to the real-time clock."""

    authority: AuthorityKey | None = None
    vehicle: str = ""
    immobilisable: bool = False
    revocations: Revocations = field(default_factory=lambda: Revocations(0, 0))
    ordered: Starting = Starting.ALLOWED
    floor: int = 0
    offset: int = 0
    sure: bool = False
    commands: list[Done] = field(default_factory=list)


class Log:
    """What was done and what was refused, each in a ring of its own: refusals cannot push out what was done.

    `listeners` hear the code and the verb of each entry.
    """

    def __init__(self) -> None:
        self.listeners: list[Callable[[Code, int], None]] = []
        self._done: deque[Entry] = deque(maxlen=LOG_SIZE)
        self._refused: deque[Entry] = deque(maxlen=LOG_SIZE)
        self._next = 1

    def record(self, at: int, code: Code, verb: int, holder: bytes) -> None:
        """Enter something; the same once more in a row is counted."""
        for listener in tuple(self.listeners):
            listener(code, verb)
        ring = self._refused if code.refusal else self._done
        last = ring[-1] if ring else None
        if code.refusal and last and (last.code, last.verb, last.holder) == (code, verb, holder):
            ring[-1] = replace(last, at=at, times=last.times + 1)
            return
        ring.append(Entry(self._next, at, code, verb, holder, 1))
        self._next += 1

    @property
    def entries(self) -> list[Entry]:
        """All entries, oldest first."""
        return sorted((*self._done, *self._refused), key=lambda entry: entry.index)

    @property
    def refusals(self) -> list[Entry]:
        """What was refused, oldest first."""
        return list(self._refused)

    @property
    def done(self) -> list[Entry]:
        """What was done, oldest first."""
        return list(self._done)


class TerminalClock:
    """Unix time as the terminal knows it: never less than it ever was. `rtc` is its real-time clock (Unix s)."""

    def __init__(self, memory: Memory, rtc: Callable[[], int], checks: Checks) -> None:
        self._memory = memory
        self._rtc = rtc
        self._checks = checks
        self._reading = rtc()

    def now(self) -> int:
        """The time; a real-time clock that stepped back loses its trust."""
        memory, reading = self._memory, self._rtc()
        if reading < self._reading - WOBBLE_S and self._checks.on(Check.CLOCK_TAMPER):
            memory.sure = False
        self._reading = reading
        now = reading + memory.offset
        if self._checks.on(Check.CLOCK_FLOOR):
            now = max(now, memory.floor)
        memory.floor = max(memory.floor, now)
        return now

    def witness(self, date: int) -> None:
        """The authority signed something at `date`: it is not earlier than that now. Raises Refused."""
        ahead = date - self.now()
        self._checks.require(Check.CLOCK_JUMP, ahead <= YEAR_S, Code.CLOCK_JUMP)
        if ahead > 0:
            self._memory.offset += ahead
            self.now()

    def set(self, now: int) -> None:
        """The authority told the time. Raises Refused for going backwards."""
        if now < self.now() and self._checks.on(Check.TIME_FORWARD):
            raise Refused(Code.CLOCK_BACKWARDS)
        self.start(now)

    def start(self, now: int) -> None:
        """Set the clock, as enrolment alone may do, also backwards."""
        self._reading = self._rtc()
        self._memory.offset = now - self._reading
        self._memory.floor = now
        self._memory.sure = True

    def boot(self, *, kept: bool) -> None:
        """The supply is back; `kept` if a battery carried the real-time clock through."""
        memory = self._memory
        if not self._checks.on(Check.CLOCK_KEPT):
            memory.floor = memory.revocations.issued
        self._reading = self._rtc()
        if not kept:
            memory.sure = False
            memory.offset = memory.floor - self._reading
