"""The Board port: what a cabinet asks of any lock or input board, and the registry of board families."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

from keycabinet.errors import Problem
from keycabinet.plugins import plugins
from keycabinet.profile_file import is_file, load_profile

if TYPE_CHECKING:
    from keycabinet.config import BoardConfig
    from keycabinet.line import Line, Priority

log = logging.getLogger(__name__)

ENTRY_POINTS = "motorpool.boards"


@dataclass(frozen=True, slots=True)
class BoardShape:
    """How many outputs and inputs a board has, and what they are good for.

    The first `latches` inputs are the board's own feedback of its locks, in their order; the others can be wired to
    anything. `locks` says that the board itself ends a pulse, without which no lock may hang on it; `lamps` that an
    output can be left on; `reads_outputs` that it tells which outputs are on.
    """

    outputs: int
    inputs: int
    latches: int = 0
    locks: bool = True
    lamps: bool = True
    reads_outputs: bool = True

    def outputs_for(self, role: str) -> int:
        """How many outputs can serve in a role."""
        return self.outputs if (self.lamps if role in ("lamp", "buzzer") else self.locks) else 0

    def inputs_for(self, role: str) -> tuple[int, int]:
        """How many inputs come before those for a role, and how many there are: channel n is input `before` + n."""
        if role in ("latch", "door contact"):
            return 0, self.latches or self.inputs
        return self.latches, self.inputs - self.latches


@dataclass(frozen=True, slots=True)
class BoardKind:
    """One product: its shape, where the facts come from, and on what it was ever tried.

    `addresses` are those it can have, `serial_only` is false for boards that speak Modbus TCP too.
    """

    shape: BoardShape
    title: str
    source: str
    tried: str
    on_hardware: bool = False
    addresses: range = range(1, 256)
    serial_only: bool = True


@dataclass(frozen=True, slots=True)
class BoardIdentity:
    """What a board says of itself; `version` is its software version, such as "2.00", None where it tells none."""

    version: str | None


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
        """Open one lock for `pulse_s`; returns when the board has answered, which proves nothing of the lock.

        DeviceRefused when the board says no.
        """

    async def switch(self, channel: int, on: bool) -> None:
        """Set one output (a lamp) and leave it so."""


@runtime_checkable
class PushingBoard(Protocol):
    """A Board that tells by itself that something changed."""

    def notify(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever it does. A push is a reason to read, never a state."""


class BoardFamily(Protocol):
    """Boards that share a protocol. An entry point of the group `motorpool.boards` names an object of this kind."""

    def kinds(self) -> Mapping[str, BoardKind]:
        """Every product of the family by the name of its profile."""

    def problems(self, config: BoardConfig) -> Sequence[Problem]:
        """What is wrong with `settings`, pulse and timing of a board of this family; paths begin at the board."""

    def build(self, line: Line, config: BoardConfig, label: str) -> Board:
        """A board of `config.profile` on an opened line; `label` names it in errors."""


@cache
def families() -> tuple[BoardFamily, ...]:
    """The built-in families, then every installed one in the order of its name."""
    from keycabinet.boards.kerong import KerongFamily  # noqa: PLC0415 - they import this module
    from keycabinet.boards.modbus import ModbusFamily  # noqa: PLC0415
    from keycabinet.boards.wkly import WklyFamily  # noqa: PLC0415
    from keycabinet.boards.xor_8a import XorFamily  # noqa: PLC0415

    built_in = (ModbusFamily(), XorFamily(), KerongFamily(), WklyFamily())
    return (*built_in, *cast("tuple[BoardFamily, ...]", plugins(ENTRY_POINTS)))


def _profiles() -> Iterator[tuple[str, BoardKind, BoardFamily]]:
    for family in families():
        for profile, kind in family.kinds().items():
            yield profile, kind, family


def board_kinds() -> dict[str, BoardKind]:
    """Every profile that a site file may name; the first family that knows a name has it."""
    kinds: dict[str, BoardKind] = {}
    for profile, kind, _ in _profiles():
        kinds.setdefault(profile, kind)
    return kinds


def _family_of(profile: str) -> tuple[BoardKind, BoardFamily] | None:
    """Who knows a profile. Raises ProfileError for a profile file that cannot be used."""
    if is_file(profile):
        from keycabinet.boards.modbus import ModbusFamily, kind_of  # noqa: PLC0415 - it imports this module

        return kind_of(load_profile(Path(profile))), ModbusFamily()
    return next(((kind, family) for name, kind, family in _profiles() if name == profile), None)


def board_kind(profile: str) -> BoardKind | None:
    """The board that a site file's `profile` names, which may be the path of a profile file; None if nobody knows it.

    Raises ProfileError for a file that cannot be used.
    """
    found = _family_of(profile)
    return None if found is None else found[0]


def board_shapes() -> dict[str, BoardShape]:
    """The shape of every profile."""
    return {profile: kind.shape for profile, kind in board_kinds().items()}


def board_problems(config: BoardConfig) -> Sequence[Problem]:
    """What is wrong with one board by itself; nothing for a profile that nobody knows."""
    found = _family_of(config.profile)
    if found is None:
        return ()
    kind, family = found
    wrong = list(family.problems(config))
    if config.address not in kind.addresses:
        allowed = f"{kind.addresses.start} to {kind.addresses.stop - 1} for {config.profile}"
        wrong.append(Problem(("address",), config.address, allowed))
    return wrong


def build_board(line: Line, config: BoardConfig, label: str) -> Board:
    """The board that a site file describes; KeyError for a profile that no family knows, ProfileError.

    Warns once a process of each profile that was never tried on hardware.
    """
    found = _family_of(config.profile)
    if found is None:
        raise KeyError(config.profile)
    kind, family = found
    if not kind.on_hardware:
        _warn_untried(config.profile, kind.tried)
    return family.build(line, config, label)


@cache
def _warn_untried(profile: str, tried: str) -> None:
    log.warning("%s: %s; try lock by lock that the right one opens before you rely on it", profile, tried)
