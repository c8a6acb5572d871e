"""What a cabinet is made of and what can happen to it, as plain frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from keycabinet.fobs import Fob


class Presence(StrEnum):
    """Whether a key set hangs in a slot. `unknown` is not `absent`: nobody can tell at the moment."""

    PRESENT = "present"
    ABSENT = "absent"
    UNKNOWN = "unknown"  # no sensor, or its board does not answer
    FAULT = "fault"  # the sensor answers, but not in a way that can be believed


class Sense(StrEnum):
    """A fact that a wiring can observe."""

    KEY = "key"
    FOB = "fob"
    LATCH = "latch"
    COMPARTMENT = "compartment"


class Proof(StrEnum):
    """How well a cabinet knows that a key set left or came home."""

    PROVED = "proved"  # the key or its fob was sensed
    INFERRED = "inferred"  # something else changed with it: a latch, a compartment
    ASSUMED = "assumed"  # nothing can tell


class DoorState(StrEnum):
    """The cabinet's own door, where it has a contact."""

    OPEN = "open"
    SHUT = "shut"
    UNKNOWN = "unknown"


class Mains(StrEnum):
    """Whether the cabinet is fed from the mains, where an input tells."""

    ON = "on"
    LOST = "lost"  # it lives on its battery
    UNKNOWN = "unknown"


class LatchState(StrEnum):
    """The bolt of one slot, where it is fed back."""

    LOCKED = "locked"
    UNLOCKED = "unlocked"
    UNKNOWN = "unknown"


class ReleaseOutcome(StrEnum):
    """What became of one command to open. Only `not_sent` may be given again blindly."""

    NOT_SENT = "not_sent"  # no byte of it reached the line
    REJECTED = "rejected"  # the board refused it
    UNCONFIRMED = "unconfirmed"  # it went out; nothing proves that the lock moved
    CONFIRMED = "confirmed"  # read back: the output was on, or the latch opened


@dataclass(frozen=True, slots=True)
class SlotState:
    """One slot as last seen; `since` is the loop time (s) at which it became so."""

    slot: int
    presence: Presence
    latch: LatchState
    since: float


@dataclass(frozen=True, slots=True)
class Power:
    """What feeds a cabinet; `battery_low` is None where no input tells."""

    mains: Mains = Mains.UNKNOWN
    battery_low: bool | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A whole cabinet as last seen; `online` is true while every board answers."""

    cabinet: str
    online: bool
    door: DoorState
    slots: tuple[SlotState, ...]
    proof: Proof
    power: Power = Power()

    def slot(self, number: int) -> SlotState:
        """The state of one slot; KeyError when the cabinet has no such slot."""
        for state in self.slots:
            if state.slot == number:
                return state
        raise KeyError(number)


@dataclass(frozen=True, slots=True)
class BoardState:
    """One board of a cabinet: `version` once it was read, `error` while it is lost or must not be used."""

    board: str
    online: bool
    version: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Release:
    """The outcome of one command to open a slot, or the cabinet's door (`slot` 0)."""

    slot: int
    command_id: str
    outcome: ReleaseOutcome
    reason: str | None = None


DOOR = 0
"""The `slot` of a Release that opened the cabinet's own door."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """The fobs that a reader found at a slot, in rising order, and how surely they hang in that slot and no other:

    `proved` by a reader of that slot, or `inferred` as they came to a cabinet-wide inventory with that one slot.
    """

    fobs: tuple[Fob, ...]
    proof: Proof


@dataclass(frozen=True, slots=True)
class PresenceChanged:
    """A key set came, went, or can no longer be told; `at` is loop time in seconds.

    `sighting` is what a reader made of a set that came; None where none looks, or it does not answer.
    """

    cabinet: str
    slot: int
    presence: Presence
    previous: Presence
    proof: Proof
    at: float
    sighting: Sighting | None = None


@dataclass(frozen=True, slots=True)
class FobsChanged:
    """Other fobs are read than before, though no slot was seen to change; `slot` None: in the whole cabinet."""

    cabinet: str
    slot: int | None
    fobs: tuple[Fob, ...]
    previous: tuple[Fob, ...]
    at: float


@dataclass(frozen=True, slots=True)
class BadgeRead:
    """Somebody held a badge to a reader of the cabinet."""

    cabinet: str
    reader: str
    badge: Fob
    at: float


@dataclass(frozen=True, slots=True)
class DoorChanged:
    """The cabinet's door was opened or shut, or can no longer be told; `at` is loop time in seconds."""

    cabinet: str
    door: DoorState
    at: float


@dataclass(frozen=True, slots=True)
class PowerChanged:
    """The mains were lost or are back, the battery is low or no longer, or it cannot be told; `at` is loop time (s)."""

    cabinet: str
    power: Power
    previous: Power
    at: float


@dataclass(frozen=True, slots=True)
class BoardLost:
    """A board stopped answering (or was refused), and its inputs are unknown from now on; or a reader of fobs did."""

    cabinet: str
    board: str
    error: str
    at: float


@dataclass(frozen=True, slots=True)
class TwoBoardsAtAddress:
    """Another board answers at this board's address, so that neither is used; `error` says what to do.

    The board is lost with it, or was before. `address` is None where its driver does not tell one; `sure` is false for
    what a bad cable looks like too.
    """

    cabinet: str
    board: str
    address: int | None
    sure: bool
    error: str
    at: float


@dataclass(frozen=True, slots=True)
class BoardRecovered:
    """A lost board answers again and passed its checks; or a lost reader answers."""

    cabinet: str
    board: str
    at: float


@dataclass(frozen=True, slots=True)
class SlotReleased:
    """One slot of a release of many is over, however it ended; `done` of `total` are."""

    cabinet: str
    command_id: str
    slot: int
    outcome: ReleaseOutcome
    done: int
    total: int
    at: float


CabinetEvent = (
    PresenceChanged
    | FobsChanged
    | BadgeRead
    | DoorChanged
    | PowerChanged
    | BoardLost
    | TwoBoardsAtAddress
    | BoardRecovered
    | SlotReleased
)
