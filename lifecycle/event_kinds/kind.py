"""What is said of a kind of event, and what many kinds have in common.

What one step records shares its ids and its data: a set that comes home with a declaration is two events, and each
carries the odometer. So a kind may carry what belongs to another that was recorded with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from keycabinet import Proof
from lifecycle.event_kinds.values import (
    COUNT,
    NUMBER,
    TEXT,
    TIME,
    Members,
    Type,
    many,
    maybe,
    perhaps,
    record,
    word,
)
from lifecycle.model import SEVERITIES


@dataclass(frozen=True, slots=True)
class EventKind:
    """`ids` and `data` by name; a name that ends in "?" may be absent.

    `alarm`: a set is gone, or what may be one, and nobody answers for it. A person has to look at once.
    """

    kind: str
    says: str
    to_do: str
    ids: tuple[str, ...] = ()
    data: Members = field(default_factory=dict)
    alarm: bool = False


ENVELOPE: Mapping[str, tuple[Type, str]] = {
    "seq": (
        Type("whole number", {"type": "integer", "minimum": 1}),
        "counts the station's events, without gaps",
    ),
    "at": (TIME, "when it happened"),
    "recorded_at": (TIME, "when it was written down"),
    "kind": (TEXT, "what happened: one of the kinds below"),
    "ids": (Type("names and texts", {"type": "object"}), "what it is about"),
    "actor": (perhaps(TEXT), "the officer who did it, where that is known"),
    "proof": (
        perhaps(word(*Proof)),
        "where a set moved: how well that is known",
    ),
    "because": (many(TEXT), "codes of the reasons"),
    "policy": (perhaps(TEXT), "version of the rules that held"),
    "command": (perhaps(TEXT), "id of the command (Idempotency-Key) that caused it"),
    "data": (Type("names and values", {"type": "object"}), "what else is to be said"),
    "hash": (Type("64 hex digits", {"type": "string", "pattern": "^[0-9a-f]{64}$"}), "its link in the chain"),
}
"""What every event has: its type, and what it says."""

IDS: Mapping[str, str] = {
    "action": "the order to a terminal",
    "address": "the address on the line at which two boards answer",
    "board": "the board, or the reader of fobs, by its name in the site file",
    "cabinet": "the cabinet",
    "checkout": "the release under which the set is out, or was",
    "expected": "the key set that was released, where another was taken",
    "key_set": "the key set",
    "officer": "who asked for the release; in a handover, who has the set now; at a cabinet, who was let in",
    "order": "the work order",
    "reader": "the reader of badges",
    "slot": "the slot, such as A-07",
    "vehicle": "the vehicle",
}
"""What each id names."""

SLOT = ("cabinet", "slot")
SET = (*SLOT, "key_set", "vehicle")
RELEASE = ("checkout", "officer")
WAS_AWAY = (*SET, *maybe(RELEASE), "order?")

IDENTITY = word(*Proof)
DEFECTS = many(record({"id": TEXT, "code": TEXT, "severity": word(*SEVERITIES)}))
SAID: Members = {
    "odometer_km?": NUMBER,
    "bay?": TEXT,
    "slot?": TEXT,
    "items_missing?": many(TEXT),
    "differences?": record({"odometer_km": NUMBER}),
}
"""What an officer declares, and by how much that differs from what the car said."""
FOUND: Members = {"source?": TEXT, "defects?": DEFECTS}
HOME: Members = {"identity": IDENTITY, "fob?": TEXT, "home?": TEXT, **SAID, **FOUND}
HEARD = record({"place": TEXT, "rssi": perhaps(COUNT)})
