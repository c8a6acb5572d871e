"""Canonical bytes of an event and the chain over them: pure functions.

An event's canonical bytes are the RFC 8785 form of an object with the keys `actor, at, because, command, data,
format, ids, kind, policy, proof, recorded_at, seq, writes`; its hash is SHA-256 over the hash before it and
those bytes. The first event follows the SHA-256 of the canonical `{"format": 1, "station": <code>}`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from json.encoder import encode_basestring as quoted
from typing import Any, cast

import rfc8785

from .model import COMMAND, Command, Event, Json, NewEvent, Row, Step, Write

FORMAT = 1
_BEYOND = 2**53


def canonical(value: Json) -> str:
    """RFC 8785 text. Raises ValueError for what it cannot say (NaN, 2**53, a key that is not a string).

    What events are made of is written here, several times faster than rfc8785 and equal to it (a property test
    holds that); floats, large integers and everything unusual are left to rfc8785.
    """
    if isinstance(value, str):
        return quoted(value)
    if value is None:
        return "null"
    if isinstance(value, dict):
        texts = [
            label + (quoted(item) if isinstance(item := value[key], str) else canonical(item))
            for key, label in _labels(tuple(value))
        ]
        return "{" + ",".join(texts) + "}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and -_BEYOND < value < _BEYOND:
        return int.__repr__(value)
    if isinstance(value, (list, tuple)):
        texts = [quoted(item) if isinstance(item, str) else canonical(item) for item in value]
        return "[" + ",".join(texts) + "]"
    return rfc8785.dumps(cast("Any", value)).decode()


@lru_cache(maxsize=1024)
def _labels(keys: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """The keys of an object in their order (RFC 8785 3.2.3: by UTF-16 unit), each with its text and a colon."""
    if not all(isinstance(key, str) for key in keys):
        raise ValueError(f"{keys!r}: the keys of an object are strings")
    return tuple([(key, quoted(key) + ":") for key in sorted(keys, key=lambda key: key.encode("utf-16be"))])


def instant(at: datetime) -> str:
    """ISO 8601 in UTC with microseconds and a Z. Raises ValueError for a time without a zone."""
    if at.tzinfo is not UTC:
        if at.tzinfo is None:
            raise ValueError(f"{at.isoformat()} has no time zone; pass an aware datetime")
        at = at.astimezone(UTC)
    return at.isoformat(timespec="microseconds")[:-6] + "Z"


def genesis(station: str) -> bytes:
    """The hash that the first event of a station follows."""
    return sha256(canonical({"format": FORMAT, "station": station}).encode()).digest()


def link(previous: bytes, body: bytes) -> bytes:
    """The hash of an event with canonical bytes `body`."""
    return sha256(previous + body).digest()


def row_digest(kind: str, row_id: str, version: int, state: str, data: str) -> str:
    """SHA-256 in hex over the canonical `[id, kind, state, version, data]`; `data` is canonical text already."""
    text = f"[{quoted(row_id)},{quoted(kind)},{quoted(state)},{version},{data}]"
    return sha256(text.encode()).hexdigest()


def command_digest(command_id: str, digest: str, answer: str) -> str:
    """SHA-256 in hex over the canonical `[id, digest, answer]`; `answer` is canonical text already."""
    return sha256(f"[{quoted(command_id)},{quoted(digest)},{answer}]".encode()).hexdigest()


@dataclass(slots=True)
class Prepared:
    """A step whose canonical text exists: whatever can be wrong with its values has shown before it queues."""

    events: list[tuple[NewEvent, datetime, str]]
    """Each with when it happened and its canonical text up to the value of `recorded_at`."""
    rows: list[tuple[Row, str]]
    """As they will stand after the step (the version is the new one), each with its canonical data."""
    command: Command | None
    answer: str
    writes: tuple[Write, ...]
    tail: str
    """Canonical text of `writes`."""


def prepare(step: Step, now: datetime) -> Prepared:
    """Everything about a step that does not depend on its place in the chain. Raises ValueError."""
    command = step.command
    moment = instant(now)
    command_id = "null" if command is None else quoted(command.id)
    events = []
    for event in step.events:
        at = now if event.at is None else event.at
        head = _head(event, moment if event.at is None else instant(at), command_id)
        events.append((event, at, head))
    rows, writes = [], []
    for row in step.rows:
        version, data = row.version + 1, canonical(row.data)
        rows.append((Row(row.kind, row.id, version, row.state, row.data), data))
        writes.append(
            Write(row.kind, row.id, version, row_digest(row.kind, row.id, version, row.state, data))
        )
    answer = ""
    if command is not None:
        answer = canonical(command.answer)
        writes.append(Write(COMMAND, command.id, 1, command_digest(command.id, command.digest, answer)))
    tail = ",".join([f'[{quoted(w.kind)},{quoted(w.id)},{w.version},"{w.digest}"]' for w in writes])
    return Prepared(events, rows, command, answer, tuple(writes), f"[{tail}]")


def _head(event: NewEvent, at: str, command_id: str) -> str:
    text = (
        f'{{"actor":{canonical(event.actor)},"at":"{at}","because":{canonical(event.because)}'
        f',"command":{command_id},"data":{canonical(event.data)},"format":{FORMAT},"ids":{canonical(event.ids)}'
        f',"kind":{quoted(event.kind)},"policy":{canonical(event.policy)},"proof":{canonical(event.proof)}'
        ',"recorded_at":"'
    )
    if not text.isascii():
        text.encode()  # a lone surrogate has no UTF-8: refuse it here, alone, not in the middle of a batch
    return text


def parse(body: bytes, previous: bytes, own: bytes) -> Event:
    """Read an event back. Raises ValueError when the bytes are not an event of this format."""
    try:
        fields = json.loads(body)
        if fields["format"] != FORMAT:
            raise ValueError(f"format {fields['format']!r}, this version reads {FORMAT}")
        return Event(
            seq=fields["seq"],
            at=datetime.fromisoformat(fields["at"]),
            recorded_at=datetime.fromisoformat(fields["recorded_at"]),
            kind=fields["kind"],
            ids=fields["ids"],
            actor=fields["actor"],
            proof=fields["proof"],
            because=tuple(fields["because"]),
            policy=fields["policy"],
            data=fields["data"],
            command=fields["command"],
            writes=tuple([Write(*write) for write in fields["writes"]]),
            format=FORMAT,
            prev_hash=previous.hex(),
            hash=own.hex(),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not an event: {error!r}") from error
