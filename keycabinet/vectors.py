"""Runs a file of example frames through the codecs: every valid one must be understood and built anew byte for byte.

The form is a JSON list of objects with `protocol`, `request_hex` and `reply_hex` (either may be missing or empty; in
their place `request_ascii` and `reply_ascii` for protocols of text), and optionally `name`, `decoded` (what the bytes
mean, by name) and `kind`: `bad_published` means that the frame is wrong and must be refused; anything else is valid.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from keycabinet.decoding import Explanation, explain_reply, explain_request, protocols
from keycabinet.errors import ConfigError, KeyCabinetError

BAD = "bad_published"
MAX_ENTRIES = 100_000


class VectorFileError(ConfigError):
    """A file has not the form of a vector file."""


@dataclass(frozen=True, slots=True)
class Vector:
    """One entry; empty bytes where a direction was not recorded."""

    protocol: str
    name: str
    kind: str
    request: bytes
    reply: bytes
    decoded: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Failure:
    """An entry that did not pass, and why."""

    protocol: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Tally:
    """One protocol's entries: `passed`, of which `rebuilt` had frames built anew and equal; `failed`, `unknown`."""

    protocol: str
    passed: int
    failed: int
    unknown: int
    rebuilt: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a whole file."""

    tallies: tuple[Tally, ...]
    failures: tuple[Failure, ...]


def parse_vectors(text: str) -> tuple[Vector, ...]:
    """Read a vector file. VectorFileError names the entry and the key that is wrong."""
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise VectorFileError("", f"not JSON: {error}") from None
    if not isinstance(entries, list) or len(entries) > MAX_ENTRIES:
        raise VectorFileError("", f"a JSON list of up to {MAX_ENTRIES} entries is expected")
    return tuple(_entry(number, entry) for number, entry in enumerate(entries))


def _entry(number: int, entry: Any) -> Vector:
    if not isinstance(entry, dict):
        raise VectorFileError("", f"entry {number} is no object")
    protocol = entry.get("protocol")
    if not isinstance(protocol, str) or not protocol:
        raise VectorFileError("", f"entry {number}: protocol is missing")
    name, kind = entry.get("name", f"entry {number}"), entry.get("kind", "valid")
    if not isinstance(name, str) or not isinstance(kind, str):
        raise VectorFileError("", f"entry {number}: name and kind are texts")
    request, reply = (_bytes(number, entry, key) for key in ("request", "reply"))
    if not request and not reply:
        raise VectorFileError("", f"entry {number}: neither request_hex nor reply_hex")
    decoded = entry.get("decoded") or {}
    if not isinstance(decoded, dict):
        raise VectorFileError("", f"entry {number}: decoded is no object")
    return Vector(protocol, name, kind, request, reply, decoded)


def _bytes(number: int, entry: Mapping[str, Any], which: str) -> bytes:
    for form, read in (("hex", bytes.fromhex), ("ascii", str.encode)):
        text = entry.get(f"{which}_{form}") or ""
        try:
            found = read(text)
        except (TypeError, ValueError):
            words = f"entry {number}: {which}_{form} is {text!r}, not "
            raise VectorFileError("", words + ("hexadecimal bytes" if form == "hex" else "text")) from None
        if found:
            return found
    return b""


def run_vectors(vectors: Iterable[Vector]) -> Verdict:
    """Judge every entry; protocols in the order in which they first appear."""
    counts: dict[str, list[int]] = {}
    failures = []
    known = protocols()
    for vector in vectors:
        count = counts.setdefault(vector.protocol, [0, 0, 0, 0])
        if vector.protocol not in known:
            count[2] += 1
            continue
        reason, rebuilt = _judge(vector)
        if reason is None:
            count[0] += 1
            count[3] += rebuilt
        else:
            count[1] += 1
            failures.append(Failure(vector.protocol, vector.name, reason))
    return Verdict(tuple(Tally(name, *count) for name, count in counts.items()), tuple(failures))


def _judge(vector: Vector) -> tuple[str | None, bool]:
    """None and whether something was built anew, or the reason why the entry fails."""
    explained: list[Explanation] = []
    try:
        if vector.request:
            explained.append(explain_request(vector.protocol, vector.request))
        if vector.reply:
            explained.append(explain_reply(vector.protocol, vector.reply, vector.request or None))
    except KeyCabinetError as error:
        return (None if vector.kind == BAD else error.text), False
    if vector.kind == BAD:
        return "a frame that is published as wrong was accepted", False
    for each in explained:
        if each.encoded is not None and each.encoded != each.frame:
            return f"the {each.direction} was built anew as {each.encoded.hex(' ').upper()}", False
    return None, any(each.encoded is not None for each in explained)
