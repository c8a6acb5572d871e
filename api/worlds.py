"""Finds simulated worlds by entry point, so that a station runs without the simulator."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import Any

GROUP = "motorpool.worlds"


class WorldMissing(Exception):
    """There is no such world, or a library that it needs is not installed; the text says what to install."""


def load(name: str) -> Any:
    """The object that the entry point `name` names. Raises `WorldMissing`."""
    found = list(entry_points(group=GROUP, name=name))
    if not found:
        raise WorldMissing(f"no simulated world {name!r} is installed: pip install 'motorpool[simulator]'")
    try:
        return found[0].load()
    except ModuleNotFoundError as missing:
        raise WorldMissing(
            f"the simulator needs {missing.name}, which is not installed: pip install 'motorpool[simulator]'"
        ) from missing
