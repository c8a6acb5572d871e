"""The Board port: what a cabinet asks of any lock or input board, and the registry of board families."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from keycabinet.config import BoardConfig
    from keycabinet.line import Line, Priority

ENTRY_POINTS = "motorpool.boards"


@dataclass(frozen=True, slots=True)
class BoardShape:
    """How many outputs and inputs a board has."""

    outputs: int
    inputs: int


@dataclass(frozen=True, slots=True)
class BoardIdentity:
    """What a board says of itself; `version` is its software version, such as "2.00"."""

    version: str


class Board(Protocol):
    """One board on a line. Channels count from 1; in masks, bit n-1 is channel n. Nothing is ever resent by itself."""

    @property
    def name(self) -> str:
        """The board's name in its cabinet."""

    @property
    def shape(self) -> BoardShape:
        """Its outputs and inputs."""

    @property
    def pulse_s(self) -> float:
        """How long one release holds the lock open (s); the board itself ends it."""

    async def verify(self) -> BoardIdentity:
        """Read version and safety settings; BoardRefused when it must not be used, DeviceSilent when it is mute."""

    async def read_inputs(self, priority: Priority) -> int:
        """All inputs at once, raw."""

    async def read_outputs(self, priority: Priority) -> int:
        """All outputs at once."""

    async def pulse(self, channel: int) -> None:
        """Open one lock for `pulse_s`; returns when the board has echoed the command."""

    async def switch(self, channel: int, on: bool) -> None:
        """Set one output (a lamp) and leave it so."""


class BoardFamily(Protocol):
    """Boards that share a protocol. An entry point of the group `motorpool.boards` names an object of this kind."""

    def shapes(self) -> Mapping[str, BoardShape]:
        """Every profile of the family by its name."""

    def build(self, line: Line, config: BoardConfig, label: str) -> Board:
        """A board of `config.profile` on an opened line; `label` names it in errors."""


@cache
def families() -> tuple[BoardFamily, ...]:
    """The built-in family, then every installed one in the order of its name."""
    from keycabinet.boards.modbus import ModbusFamily  # noqa: PLC0415 - it imports this module

    found = sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name)
    return (ModbusFamily(), *(cast(BoardFamily, entry.load()) for entry in found))


def _profiles() -> Iterator[tuple[str, BoardShape, BoardFamily]]:
    for family in families():
        for profile, shape in family.shapes().items():
            yield profile, shape, family


def board_shapes() -> dict[str, BoardShape]:
    """Every profile that a site file may name; the first family that knows a name has it."""
    shapes: dict[str, BoardShape] = {}
    for profile, shape, _ in _profiles():
        shapes.setdefault(profile, shape)
    return shapes


def build_board(line: Line, config: BoardConfig, label: str) -> Board:
    """The board that a site file describes; KeyError for a profile that no family knows."""
    for profile, _, family in _profiles():
        if profile == config.profile:
            return family.build(line, config, label)
    raise KeyError(config.profile)
