"""Profile files of one's own: read, and checked with line numbers. `profile_named` finds any profile."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from keycabinet.errors import ProfileError
from keycabinet.profile import BoardProfile, profiles
from keycabinet.register_map import clashes

SUFFIX = ".toml"


def is_file(profile: str) -> bool:
    """Whether `profile` of a site file is the path of a profile file, and not a name."""
    return profile.endswith(SUFFIX)


def profile_named(profile: str) -> BoardProfile | None:
    """The profile that comes along under this name, or the one in this file; None for a name that nobody knows.

    Raises ProfileError for a file that cannot be used.
    """
    return load_profile(Path(profile)) if is_file(profile) else profiles().get(profile)


@cache
def load_profile(path: Path) -> BoardProfile:
    """Read a profile file, once a process. Raises ProfileError with everything that is wrong with it."""
    try:
        text = path.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except OSError as error:
        raise ProfileError(str(path), [f"cannot be read: {error.strerror}"]) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProfileError(str(path), [f"is not TOML 1.0 in UTF-8: {error}"]) from error
    try:
        profile = BoardProfile.model_validate(data)
    except ValidationError as error:
        raise ProfileError(str(path), list(_invalid(text, error))) from error
    wrong = [
        f"lines {_line(text, each.first)} and {_line(text, each.second)}: {each.text}"
        for each in clashes(profile)
    ]
    if wrong:
        raise ProfileError(str(path), wrong)
    return profile


def _invalid(text: str, error: ValidationError) -> Iterator[str]:
    for each in error.errors(include_url=False):
        key, value = ".".join(map(str, each["loc"])), each["input"]
        given = "" if isinstance(value, dict) else f" = {value!r}"
        yield f"line {_line(text, key)}: {key}{given}: {each['msg'].removeprefix('Value error, ')}"


def _line(text: str, key: str) -> int:
    """The line on which a key or its table stands (from 1); the last that leads to it, where it is written inline."""
    at, table, seen = 1, "", -1
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*\[(\[?)\s*([\w.-]+)", line)
        entry = re.match(r"\s*([\w.-]+)\s*=", line)
        if header:
            table = header[2]
            if header[1]:
                seen = seen + 1 if table == "guards" else seen
                table = f"{table}.{seen}"
            here = table
        elif entry:
            here = f"{table}.{entry[1]}" if table else entry[1]
        else:
            continue
        if key == here or key.startswith(f"{here}."):
            at = number
    return at
