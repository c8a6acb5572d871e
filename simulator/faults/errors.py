"""What can be wrong with an order for a fault.

FaultError                  (a ValueError)
├── UnknownFault            no kind of that name
├── UnknownTarget           the station has nothing of that name to break so
└── FaultNotPossible        not there, not now, or broken already
"""

from __future__ import annotations

from collections.abc import Iterable


class FaultError(ValueError):
    """A fault that cannot be injected. `key` says which part of the order is wrong, such as "faults.latch_jamed"."""

    def __init__(self, key: str, text: str) -> None:
        super().__init__(f"{key}: {text}")
        self.key = key


class UnknownFault(FaultError):
    """`known` has the names there are."""

    def __init__(self, key: str, name: str, known: Iterable[str]) -> None:
        self.known = tuple(known)
        super().__init__(key, f"there is no fault {name!r}; the known ones are {', '.join(self.known)}")


class UnknownTarget(FaultError):
    """`known` has the names there are."""

    def __init__(self, kind: str, target: str, known: Iterable[str]) -> None:
        self.known = tuple(known)
        names = ", ".join(self.known) or "nothing at this station"
        super().__init__(kind, f"{target!r} cannot have this fault; what can: {names}")


class FaultNotPossible(FaultError):
    """Nothing is wrong with the names, but it cannot happen now."""
