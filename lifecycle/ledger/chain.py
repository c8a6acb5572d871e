"""Canonical bytes of an event and the chain over them: pure functions.

An event's canonical bytes are the RFC 8785 form of an object with the keys `actor, at, because, command, data,
format, ids, kind, policy, proof, recorded_at, seq, writes`; its hash is SHA-256 over the hash before it and
those bytes. The first event follows the SHA-256 of the canonical `{"format": 1, "station": <code>}`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from json.encoder import encode_basestring as quoted
from operator import itemgetter
from typing import Any, NamedTuple, cast

import rfc8785

from .model import COMMAND, Command, Event, Json, NewEvent, Row, Step, Write

FORMAT = 1
_BEYOND = 2**53
made = tuple.__new__
"""Makes a named tuple in half the time that calling its class takes."""

_Pick = Callable[[Mapping[str, Json]], Sequence[Json]]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def canonical(value: Json) -> str:
    """RFC 8785 text. Raises ValueError for what it cannot say (NaN, 2**53, a key that is not a string).

    What events are made of is written here, several times faster than rfc8785 and equal to it (a property test
    holds that); floats, large integers and everything unusual are left to rfc8785.
    """
    return _WRITERS.get(type(value), _unusual)(value)


def _object(value: Mapping[str, Json]) -> str:
    pick, template = _shape(tuple(value))
    return template % _texts(pick(value))


def _texts(values: Iterable[Json]) -> tuple[str, ...]:
    return tuple([quoted(value) if type(value) is str else canonical(value) for value in values])


def _array(value: Sequence[Json]) -> str:
    return "[" + ",".join(_texts(value)) + "]"


def _integer(value: int) -> str:
    return repr(value) if -_BEYOND < value < _BEYOND else _unusual(value)


def _unusual(value: Json) -> str:
    return rfc8785.dumps(cast("Any", value)).decode()


_WRITERS: Mapping[type, Callable[[Any], str]] = {
    str: quoted,
    int: _integer,
    bool: {True: "true", False: "false"}.__getitem__,
    type(None): {None: "null"}.__getitem__,
    dict: _object,
    list: _array,
    tuple: _array,
}


@lru_cache(maxsize=1024)
def _shape(keys: tuple[str, ...]) -> tuple[_Pick, str]:
    """How to take the values of an object in the order of its keys, and its text with `%s` for each value."""
    if not all(isinstance(key, str) for key in keys):
        raise ValueError(f"{keys!r}: the keys of an object are strings")
    ordered = sorted(keys, key=lambda key: key.encode("utf-16be"))  # RFC 8785 3.2.3: by UTF-16 unit
    template = "{" + ",".join([_escaped(quoted(key)) + ":%s" for key in ordered]) + "}"
    if len(ordered) > 1:
        return itemgetter(*ordered), template
    return lambda value: [value[key] for key in ordered], template


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


@lru_cache(maxsize=1024)
def _frame(
    kind: str, policy: str | None, proof: str | None, data: tuple[str, ...], ids: tuple[str, ...]
) -> tuple[_Pick, _Pick, str]:
    """The text of such events up to the value of `recorded_at`, with `%s` for what differs from one to the next."""
    pick_data, data_template = _shape(data)
    pick_ids, ids_template = _shape(ids)
    template = (
        f'{{"actor":%s,"at":"%s","because":%s,"command":%s,"data":{data_template},"format":{FORMAT}'
        f',"ids":{ids_template},"kind":{_escaped(quoted(kind))},"policy":{_escaped(canonical(policy))}'
        f',"proof":{_escaped(canonical(proof))},"recorded_at":"'
    )
    return pick_data, pick_ids, template


@lru_cache(maxsize=1024)
def _words(because: tuple[str, ...]) -> str:
    """Reasons are words of a fixed vocabulary: the same few over and over."""
    return _array(because)


def instant(at: datetime) -> str:
    """ISO 8601 in UTC with microseconds and a Z. Raises ValueError for a time without a zone."""
    if at.tzinfo is not UTC:
        if at.tzinfo is None:
            raise ValueError(f"{at.isoformat()} has no time zone; pass an aware datetime")
        at = at.astimezone(UTC)
    since = at - _EPOCH
    return f"{_second(since.days, since.seconds)}.{str(1_000_000 + since.microseconds)[1:]}Z"


@lru_cache(maxsize=64)
def _second(days: int, seconds: int) -> str:
    return (_EPOCH + timedelta(days, seconds)).isoformat()[:19]


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


class Prepared(NamedTuple):
    """A step whose canonical text exists: whatever can be wrong with its values has shown before it queues."""

    events: Sequence[tuple[NewEvent, datetime, str]]
    """Each with when it happened and its canonical text up to the value of `recorded_at`."""
    rows: Sequence[tuple[Row, str]]
    """As they will stand after the step (the version is the new one), each with its canonical data."""
    command: Command | None
    answer: str
    writes: tuple[Write, ...]
    tail: str
    """Canonical text of `writes`."""


def prepare(step: Step, now: datetime) -> Prepared:
    """Everything about a step that does not depend on its place in the chain. Raises ValueError."""
    command = step.command
    command_id = "null" if command is None else quoted(command.id)
    events = []
    for event in step.events:
        at = event.at or now
        events.append((event, at, _head(event, instant(at), command_id)))
    rows, writes, tail = [], [], []
    for kind, row_id, version, state, data in step.rows:
        version += 1
        text = _object(data)
        digest = row_digest(kind, row_id, version, state, text)
        rows.append((made(Row, (kind, row_id, version, state, data)), text))
        writes.append(made(Write, (kind, row_id, version, digest)))
        tail.append(f'[{quoted(kind)},{quoted(row_id)},{version},"{digest}"]')
    answer = ""
    if command is not None:
        answer = canonical(command.answer)
        digest = command_digest(command.id, command.digest, answer)
        writes.append(Write(COMMAND, command.id, 1, digest))
        tail.append(f'["{COMMAND}",{command_id},1,"{digest}"]')
    return made(Prepared, (events, rows, command, answer, tuple(writes), f"[{','.join(tail)}]"))


def _head(event: NewEvent, at: str, command_id: str) -> str:
    data, ids = event.data, event.ids
    frame = _frame(event.kind, event.policy, event.proof, tuple(data), tuple(ids))
    pick_data, pick_ids, template = frame
    values = _texts((*pick_data(data), *pick_ids(ids)))
    text = template % (canonical(event.actor), at, _words(event.because), command_id, *values)
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
