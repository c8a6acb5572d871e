"""The only place that reads the wall clock or makes an id by chance: both are parameters everywhere else."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
IdFactory = Callable[[str], str]


def system_clock() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - the one reading of the wall clock; passed in as a parameter


def random_id(prefix: str) -> str:
    """An opaque id such as ``co_3f9a2c5e1b7d``."""
    return f"{prefix}_{secrets.token_hex(6)}"  # noqa: TID251 - the one source of ids; passed in as a parameter
