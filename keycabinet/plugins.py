"""What other distributions add by entry points: boards, readers, protocols, probes."""

from __future__ import annotations

import logging
from importlib.metadata import entry_points
from typing import Any

log = logging.getLogger(__name__)


def plugins(group: str) -> tuple[Any, ...]:
    """The objects behind a group's entry points, in the order of their names.

    One that cannot be loaded is told and left out: it stops nothing that does not need it.
    """
    loaded = []
    for entry in sorted(entry_points(group=group), key=lambda entry: entry.name):
        try:
            loaded.append(entry.load())
        except Exception:
            package = entry.dist.name if entry.dist is not None else "an unknown package"
            log.exception("%s: %s of %s cannot be loaded and is left out", group, entry.name, package)
    return tuple(loaded)
