"""The checks of a sealed terminal, each of which a test can switch off to see what it is for.

docs/sealed-terminal.md names the attack that each one refuses.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from vehicle.sealed import signed
from vehicle.sealed.channel import Opener, SessionKeys
from vehicle.sealed.codes import Code, Refused
from vehicle.sealed.handshake import Responder
from vehicle.sealed.keys import PrivateKey, PublicKey


class Check(StrEnum):
    """What is looked at before anything is done."""

    FRAME_CAP = "a frame has at most 1024 bytes"
    FRAME_TIME = "a frame is complete within a second"
    FLOOD = "handshakes that come to nothing are counted"
    LINK_END = "a session ends with its connection"
    RESTART = "a new handshake ends the session before it"
    SESSION_LIFE = "a session ends after ten minutes"
    SESSION_IDLE = "a session ends after a minute of silence"
    REPLAY = "no record is opened twice"
    ORDER = "no record is opened before the one before it"
    COUNTER = "a counter never wraps"
    GRANT_PRESENT = "nothing is done without a grant"
    GRANT_KIND = "a grant is signed as a grant"
    GRANT_VEHICLE = "a grant is for this vehicle"
    GRANT_HOLDER = "a grant is for the key that made the handshake"
    GRANT_EARLY = "a grant has begun"
    GRANT_EXPIRY = "a grant has not ended"
    GRANT_LIFETIME = "a grant is valid for at most 31 days"
    GRANT_REVOKED = "a grant is not on the list"
    GRANT_MINIMUM = "a grant's number is not below the minimum"
    HOLDER_REVOKED = "the holder's key is not on the list"
    GRANT_AGAIN = "the grant is judged again at every command"
    RIGHT_READ = "reading needs its right"
    RIGHT_LOCK = "locking needs its right"
    RIGHT_UNLOCK = "unlocking needs its right"
    RIGHT_IMMOBILISE = "immobilising needs its right"
    RIGHT_MOBILISE = "mobilising needs its right"
    RIGHT_ENROL = "enrolling anew needs its right"
    STATE_ENTITLED = "an answer tells only what the grant entitles to know"
    CLOCK_FLOOR = "the clock never goes backwards"
    CLOCK_KEPT = "the latest time known survives a loss of power"
    CLOCK_TAMPER = "a clock that was pushed back is not trusted"
    CLOCK_SURE = "nothing is released while the clock is not trusted"
    CLOCK_JUMP = "a signed date moves the clock by at most a year"
    TIME_KIND = "a time ticket is signed as one"
    TIME_NONCE = "a time ticket answers the question just asked"
    TIME_FORWARD = "a time ticket moves the clock forward only"
    LIST_KIND = "a list is signed as a list"
    LIST_NUMBER = "a list is newer than the one there"
    LIST_MINIMUM = "a list does not lower the minimum"
    LIST_KEPT = "the list survives a loss of power"
    COMMAND_ONCE = "an id acts once"
    COMMAND_SAME = "an id stands for one command"
    COMMAND_KEPT = "the ids survive a loss of power"
    COMMAND_EXPIRY = "a command is not executed late"
    COMMAND_LIFETIME = "a command expires within two minutes"
    COMMAND_ROOM = "an id is not forgotten before its command has expired"
    QUERY_OWN = "a holder learns of its own commands only"
    CLASS = "vehicles of some classes are never immobilised"
    STANDSTILL = "an order to immobilise waits for speed 0"
    SPEED_KNOWN = "an unknown speed is not standstill"
    IGNITION_OFF = "an order to immobilise waits for the ignition to be off"
    IMMOBILISER_KEPT = "the immobiliser survives a loss of power"
    IMMOBILISER_RESET = "the immobiliser survives a factory reset"
    WINDOW = "enrolment needs a physical act"
    WINDOW_TIME = "the enrolment window shuts after a minute"
    WINDOW_ONCE = "the first enrolment shuts the window"
    WINDOW_TRIES = "three wrong secrets shut the window"
    LABEL = "enrolment needs the secret on the label"
    IDENTITY = "the terminal shows its key in the enrolment window only"


class Checks:
    """The checks that are on: all but those in `off`."""

    def __init__(self, off: Collection[Check] = ()) -> None:
        self._off = tuple(off)

    def on(self, check: Check) -> bool:
        """Whether a check is made."""
        return check not in self._off

    def require(self, check: Check, holds: bool, code: Code) -> None:
        """Raise Refused with `code` unless it holds, or is not looked at."""
        if not holds and self.on(check):
            raise Refused(code)


class ResponderPort(Protocol):
    """The terminal's side of a handshake."""

    def message_2(self, message_1: bytes, *, by_value: bool) -> bytes: ...
    def finish(self, message_3: bytes) -> tuple[PublicKey, SessionKeys]: ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What the terminal has from libraries. A test puts in one that does not verify, to see what verifying is for."""

    responder: Callable[[PrivateKey], ResponderPort] = Responder
    opener: Callable[[SessionKeys], Opener] = lambda keys: Opener(keys.to_terminal)
    verify: signed.Verify = signed.verify
