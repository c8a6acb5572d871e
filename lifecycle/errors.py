"""Everything the motor pool raises.

MotorPoolError                 code, retryable
├── Refused                    the rules say no: codes, words, alternatives
├── InvalidRequest             a field's value is not allowed
├── UnknownThing               no such officer, vehicle, check-out, order, cabinet or slot
├── CommandConflict            the same command id with other content
├── StationUnavailable         nothing can be released or recorded just now
│   └── StationClosed          it was closed by this program
├── NotTaken                   nobody took the set in time
├── OtherSetTaken              another set left its slot instead
├── ReleaseFailed              the slot did not open
└── SiteError                  a site or roster file: every problem at once
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lifecycle.model import Alternative, Reason


class MotorPoolError(Exception):
    """Root. `code` is for programs; `retryable` says whether the same request may succeed later."""

    code = "motorpool_error"
    retryable = False


class Refused(MotorPoolError):
    """The rules are against it. Every reason is given, and what could be had instead."""

    code = "refused"

    def __init__(self, reasons: Sequence[Reason], alternatives: Sequence[Alternative] = ()) -> None:
        self.reasons = tuple(reasons)
        self.alternatives = tuple(alternatives)
        super().__init__(self.text("en"))

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(reason.code for reason in self.reasons)

    def text(self, language: str = "en") -> str:
        """Words for people: "en" or "zh-CN"."""
        return "; ".join(reason.text(language) for reason in self.reasons)


class InvalidRequest(MotorPoolError):
    code = "invalid_request"

    def __init__(self, field: str, value: object, allowed: str) -> None:
        self.field, self.value, self.allowed = field, value, allowed
        super().__init__(f"{field} = {value!r}: allowed is {allowed}")


class UnknownThing(MotorPoolError):
    """`kind` is officer, vehicle, checkout, order, defect, cabinet or slot."""

    def __init__(self, kind: str, ref: object, hint: str = "") -> None:
        self.kind, self.ref = kind, ref
        self.code = f"unknown_{kind}"
        super().__init__(f"there is no {kind} {ref!r}{': ' + hint if hint else ''}")


class CommandConflict(MotorPoolError):
    code = "command_conflict"

    def __init__(self, command_id: str) -> None:
        self.command_id = command_id
        super().__init__(
            f"command id {command_id!r} was used before with other content: use a new id for a new request"
        )


class AheadOfLedger(MotorPoolError):
    """The reader has read another ledger, a newer copy of this one say: waiting would be for nothing."""

    code = "ahead_of_ledger"

    def __init__(self, after: int, head: int) -> None:
        self.after, self.head = after, head
        super().__init__(f"after = {after}, but the last recorded event is {head}: read again from 0")


class StationUnavailable(MotorPoolError):
    code = "station_unavailable"
    retryable = True


class StationClosed(StationUnavailable):
    retryable = False

    def __init__(self) -> None:
        super().__init__("the station is closed; open it again")


class NotTaken(MotorPoolError):
    code = "not_taken"
    retryable = True


class OtherSetTaken(MotorPoolError):
    code = "other_set_taken"

    def __init__(self, expected: str, taken: str, slot: str) -> None:
        self.expected, self.taken, self.slot = expected, taken, slot
        super().__init__(f"key set {taken} left {slot}; {expected} was to be taken: put it back in {slot}")


class ReleaseFailed(MotorPoolError):
    code = "release_failed"
    retryable = True

    def __init__(self, slot: str, outcome: str, reason: str | None) -> None:
        self.slot, self.outcome, self.reason = slot, outcome, reason
        super().__init__(f"slot {slot} was not opened ({outcome}): {reason or 'no reason known'}")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a file: where (key path), what stands there, and what is allowed."""

    file: str
    key: str
    value: object
    allowed: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key} = {self.value!r}: {self.allowed}"


class SiteError(MotorPoolError):
    code = "bad_site"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))
