"""Reads a TOML file into a pydantic model and reports everything that is wrong with it at once."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from lifecycle.errors import Problem, SiteError


def read_toml(path: Path) -> dict[str, Any]:
    """The file's tables. Raises SiteError when it cannot be read or is not TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SiteError([Problem(str(path), "(file)", error.strerror, "a file that can be read")]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SiteError([Problem(str(path), "(file)", str(error), "TOML 1.0 in UTF-8")]) from error


def key_path(location: Sequence[str | int]) -> str:
    """("cabinets", "A", "boards", 0, "address") -> "cabinets.A.boards.0.address"."""
    return ".".join(str(part) for part in location) or "(file)"


def problems_of(path: Path, model: type[BaseModel], data: Any) -> tuple[BaseModel | None, list[Problem]]:
    """The validated model, or every problem pydantic found, each with its key path, value and what is allowed."""
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        return None, [
            Problem(str(path), key_path(each["loc"]), _shown(each), _allowed(each, model))
            for each in error.errors(include_url=False)
        ]


def _shown(error: Any) -> object:
    value = error.get("input")
    return value if isinstance(value, str | int | float | bool | None) else f"({type(value).__name__})"


def _allowed(error: Any, model: type[BaseModel]) -> str:
    if error["type"] == "extra_forbidden":
        return f"unknown key; known here: {', '.join(_known(model, error['loc'][:-1])) or 'see the documentation'}"
    if error["type"] == "missing":
        return "this key is required"
    return str(error["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")


def _known(model: type[BaseModel], location: Iterable[str | int]) -> list[str]:
    """The keys a table takes, found by walking the JSON schema along the location of the error."""
    schema: dict[str, Any] = model.model_json_schema(by_alias=True)
    node: dict[str, Any] = schema
    for part in location:
        node = _resolve(schema, node)
        if isinstance(part, int):
            node = node.get("items", {})
        elif part in node.get("properties", {}):
            node = node["properties"][part]
        else:
            extra = node.get("additionalProperties", {})
            node = extra if isinstance(extra, dict) else {}
    return sorted(_resolve(schema, node).get("properties", {}))


def _resolve(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    for option in (*node.get("anyOf", ()), *node.get("allOf", ())):
        if "$ref" in option:
            node = option
            break
    if "$ref" in node:
        found: dict[str, Any] = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
        return found
    return node
