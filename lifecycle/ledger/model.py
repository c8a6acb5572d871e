"""The values that go into the book and come out of it.

`Row`, `Write` and `Event` are made for every step that is recorded; as named tuples they take a fifth of the time of
frozen dataclasses, which is a tenth of a whole step.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple, TypeAlias, Union

Json: TypeAlias = Union[bool, int, float, str, Sequence["Json"], Mapping[str, "Json"], None]  # noqa: UP007
"""What RFC 8785 can write: integers within +-(2**53 - 1), finite floats, no lone surrogates."""

COMMAND = "command"
"""Reserved row kind: how an event's `writes` name a command's answer."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something that happened, to be recorded. Ids are opaque: no name, plate or badge in the chain."""

    kind: str
    ids: Mapping[str, str] = field(default_factory=dict)
    actor: str | None = None
    data: Mapping[str, Json] = field(default_factory=dict)
    proof: str | None = None
    because: tuple[str, ...] = ()
    policy: str | None = None
    at: datetime | None = None
    """When it happened; None: when it is handed to `commit`. Must know its time zone."""


class Row(NamedTuple):
    """One state row. As read: its version. In a `Step`: the version it was decided on, 0 for a new row."""

    kind: str
    id: str
    version: int
    state: str
    data: Mapping[str, Json] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Command:
    """What was asked, once: `digest` of the content, and the answer that every repetition gets."""

    id: str
    digest: str
    answer: Json
    seq: int = field(default=0, compare=False)
    """The last event of the step that recorded it, where it was read from the book."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is recorded together or not at all. Nothing is recorded without an event."""

    events: tuple[NewEvent, ...]
    rows: tuple[Row, ...] = ()
    command: Command | None = None

    def __post_init__(self) -> None:
        if not self.events:
            raise ValueError("a step needs an event: nothing is recorded that nobody can read about")
        if any(row.kind == COMMAND for row in self.rows):
            raise ValueError(f"the row kind {COMMAND!r} is reserved")
        if len({(row.kind, row.id) for row in self.rows}) < len(self.rows):
            raise ValueError("a step writes a row once")


class Write(NamedTuple):
    """The chained trace of a state row or a command: SHA-256 (hex) of what the step left in it."""

    kind: str
    id: str
    version: int
    digest: str


class Event(NamedTuple):
    """A recorded event. `hash`: SHA-256 over `prev_hash` and the canonical bytes of all the rest, in hex."""

    seq: int
    at: datetime
    recorded_at: datetime
    kind: str
    ids: Mapping[str, str]
    actor: str | None
    proof: str | None
    because: tuple[str, ...]
    policy: str | None
    data: Mapping[str, Json]
    command: str | None
    """Id of the command that caused it."""
    writes: tuple[Write, ...]
    """State rows written together with it (on the last event of its step)."""
    format: int
    prev_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class Head:
    """Where the chain ends: the last sequence number (0: empty) and its hash in hex."""

    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class Verified:
    """A ledger that holds: its station, the head of its chain, and how much hangs on it."""

    station: str
    head: Head
    rows: int
    commands: int
