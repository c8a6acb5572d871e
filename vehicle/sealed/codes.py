"""The numbers of the profile: rights, verbs, and what an answer or an error says.

docs/sealed-terminal.md has the same tables; a test keeps them equal.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag


class Right(IntFlag):
    """What a grant allows. None implies another."""

    READ = 1
    LOCK = 2
    UNLOCK = 4
    IMMOBILISE = 8
    MOBILISE = 16
    ENROL = 32


ALL_RIGHTS = 63


class Verb(IntEnum):
    """What a request asks for."""

    HELLO = 1
    PRESENT = 2
    UPDATE = 3
    SET_TIME = 4
    READ = 5
    QUERY = 6
    LOG = 7
    LOCK = 16
    UNLOCK = 17
    IMMOBILISE = 18
    MOBILISE = 19
    ENROL = 32


NEEDS: dict[Verb, Right] = {
    Verb.READ: Right.READ,
    Verb.LOG: Right.READ,
    Verb.LOCK: Right.LOCK,
    Verb.UNLOCK: Right.UNLOCK,
    Verb.IMMOBILISE: Right.IMMOBILISE,
    Verb.MOBILISE: Right.MOBILISE,
}
"""The right that a verb needs; a verb that is not here needs none."""

ACTIONS = (Verb.LOCK, Verb.UNLOCK, Verb.IMMOBILISE, Verb.MOBILISE)
"""Verbs that move something: they carry an expiry and their ids are remembered."""
RELEASES = (Verb.UNLOCK, Verb.MOBILISE)
"""Actions that give the vehicle away: refused while the terminal is not sure of its clock."""


class Code(IntEnum):
    """What an answer says (0 and 1: done), and why something was refused. The text is for people."""

    text: str

    def __new__(cls, value: int, text: str) -> Code:
        made = int.__new__(cls, value)
        made._value_ = value
        made.text = text
        return made

    CONFIRMED = 0, "done, and sensed"
    ACCEPTED = 1, "accepted; the effect is not sensed, or waits"

    FRAME_TOO_LONG = 16, "a frame is longer than allowed"
    FRAME_TIMEOUT = 17, "a frame was not complete in time"
    FRAME_UNKNOWN = 18, "a frame of unknown type, or not in its place"
    HANDSHAKE_FAILED = 19, "the handshake does not verify"
    FLOODED = 20, "too many handshakes; wait"
    NO_SESSION = 21, "there is no session"
    SESSION_EXPIRED = 22, "the session is too old"
    RECORD_REPLAYED = 23, "a record was seen before"
    RECORD_SKIPPED = 24, "a record is missing before this one"
    RECORD_FORGED = 25, "a record does not verify"
    COUNTER_EXHAUSTED = 26, "the session has used up its counter"
    MALFORMED = 27, "a message breaks the grammar"
    HANDSHAKE_ABANDONED = 28, "a handshake was begun and not finished"

    GRANT_MISSING = 32, "no grant was presented"
    GRANT_MALFORMED = 33, "the grant breaks the grammar"
    GRANT_KIND = 34, "what was presented is signed for another purpose"
    GRANT_SIGNATURE = 35, "the grant's signature does not verify"
    GRANT_VEHICLE = 36, "the grant is for another vehicle"
    GRANT_HOLDER = 37, "the grant is for another holder"
    GRANT_EARLY = 38, "the grant is not valid yet"
    GRANT_EXPIRED = 39, "the grant has expired"
    GRANT_LIFETIME = 40, "the grant is valid for too long"
    GRANT_REVOKED = 41, "the grant is revoked"
    GRANT_SUPERSEDED = 42, "the grant's number is below the minimum"
    HOLDER_REVOKED = 43, "the holder's key is revoked"
    RIGHT_MISSING = 44, "the grant does not give this right"

    LIST_MALFORMED = 48, "the list breaks the grammar"
    LIST_KIND = 49, "what was sent as a list is signed for another purpose"
    LIST_SIGNATURE = 50, "the list's signature does not verify"
    LIST_STALE = 51, "the list is not newer than the one there"
    LIST_MINIMUM = 52, "the list lowers the minimum grant number"

    TIME_MALFORMED = 56, "the time ticket breaks the grammar"
    TIME_KIND = 57, "what was sent as a time ticket is signed for another purpose"
    TIME_SIGNATURE = 58, "the time ticket's signature does not verify"
    TIME_NONCE = 59, "the time ticket answers another question"
    CLOCK_BACKWARDS = 60, "the clock would go backwards"
    CLOCK_JUMP = 61, "the clock would jump by more than a year"
    CLOCK_UNSURE = 62, "the terminal is not sure of its clock; it needs a time ticket"

    COMMAND_UNKNOWN = 64, "the verb is unknown"
    COMMAND_EXPIRED = 65, "the command came too late"
    COMMAND_LIFETIME = 66, "the command may be executed for too long"
    COMMAND_REUSED = 67, "the command's id was used for another command"
    COMMAND_MEMORY = 68, "too many commands are remembered; wait"
    CLASS_FORBIDS = 69, "vehicles of this class are never immobilised"
    ACTUATOR_FAILED = 70, "the vehicle did not follow"
    COMMAND_REPEATED = 71, "the command had been executed before, and was not again"
    COMMAND_FOREIGN = 72, "the command asked about was another holder's"

    NOT_ENROLLED = 80, "the terminal belongs to no fleet yet"
    WINDOW_CLOSED = 81, "the enrolment window is shut"
    ENROL_SECRET = 82, "the enrolment secret is wrong"

    POWER_RESTORED = 96, "the supply came back"
    BUTTON_PRESSED = 97, "the enrolment window was opened"
    RESET = 98, "the terminal was reset to factory settings"

    @property
    def refusal(self) -> bool:
        """Whether something was refused; 96 and above are entries of the log only, as are 28, 71 and 72."""
        return Code.ACCEPTED < self < Code.POWER_RESTORED


class Refused(Exception):
    """A rule of the profile refuses something; `code` says which."""

    def __init__(self, code: Code) -> None:
        self.code = code
        super().__init__(code.text)
