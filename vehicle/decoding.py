"""The protocols of vehicles that can be explained to people and held against files of examples, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from vehicle.obd.examples import Example, check
from vehicle.obd.explained import Explained, explain


@dataclass(frozen=True, slots=True)
class TextProtocol:
    """A protocol whose devices print text.

    `explain` takes what was printed, and the request if it is known; `check` holds an example against what is read and
    counts what was compared. Both raise ValueError with the reason.
    """

    name: str
    title: str
    explain: Callable[[bytes, str | None], Explained]
    check: Callable[[Example], int]


PROTOCOLS: Mapping[str, TextProtocol] = MappingProxyType(
    {
        each.name: each
        for each in (TextProtocol("elm327", "OBD adapters: ELM327, STN and their clones", explain, check),)
    }
)
"""Every protocol by its name in files of examples."""
