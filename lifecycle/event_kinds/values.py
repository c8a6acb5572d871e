"""Types of what events carry: for each, words for people and a JSON Schema for programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Schema = dict[str, Any]
Members = Mapping[str, "Type"]
"""Types by name. A name that ends in "?" may be absent; every other is always there."""


@dataclass(frozen=True, slots=True)
class Type:
    words: str
    schema: Schema


TEXT = Type("text", {"type": "string"})
NUMBER = Type("number", {"type": "number"})
COUNT = Type("whole number", {"type": "integer"})
TRUTH = Type("true or false", {"type": "boolean"})
TIME = Type("time", {"type": "string", "format": "date-time"})
NULL = Type("null", {"type": "null"})


def word(*allowed: str) -> Type:
    """One of a few words."""
    return Type(" or ".join(f"`{each}`" for each in allowed), {"enum": [str(each) for each in allowed]})


def only(value: bool) -> Type:
    """This truth and never the other."""
    return Type(str(value).lower(), {"const": value})


def many(each: Type) -> Type:
    """A list, which may be empty."""
    return Type(f"list of {each.words}", {"type": "array", "items": each.schema})


def perhaps(given: Type) -> Type:
    """This or null."""
    return Type(f"{given.words} or null", {"anyOf": [given.schema, NULL.schema]})


def record(members: Members, words: str | None = None) -> Type:
    """An object with these members and no others."""
    listed = ", ".join(f"`{name}` {each.words}" for name, each in members.items())
    required = [name for name in members if not name.endswith("?")]
    schema = {
        "type": "object",
        "properties": {bare(name): each.schema for name, each in members.items()},
        "required": required,
        "additionalProperties": False,
    }
    return Type(words or f"({listed})", schema)


def bare(name: str) -> str:
    """The name as it stands in an event."""
    return name.removesuffix("?")


def maybe(names: Iterable[str]) -> tuple[str, ...]:
    """The names, each of which may be absent."""
    return tuple(f"{name}?" for name in names)
