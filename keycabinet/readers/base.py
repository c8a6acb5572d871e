"""The FobReader port: what a cabinet asks of any reader, and the registry of reader families."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Protocol, cast

from keycabinet.fobs import Fob
from keycabinet.plugins import plugins
from keycabinet.readers.onewire import OneWireReader
from keycabinet.readers.rdm6300 import Rdm6300Reader
from keycabinet.readers.rs485_ascii import ADDRESSES, AsciiReader
from keycabinet.readers.uhf import UhfReader

if TYPE_CHECKING:
    from keycabinet.line import Line
    from keycabinet.readers.config import ReaderConfig

ENTRY_POINTS = "motorpool.readers"


class FobReader(Protocol):
    """One reader on a line, with one field in which fobs may lie."""

    @property
    def name(self) -> str:
        """Its name in errors."""

    async def verify(self) -> str:
        """Find out that it is there and what it is; errors of the line as they come."""

    async def read(self, priority: int) -> tuple[Fob, ...]:
        """Every fob in its field now, in rising order; none is an answer too."""


@dataclass(frozen=True, slots=True)
class ReaderKind:
    """What can be said of a family before any is opened."""

    addresses: range
    """Allowed addresses; more than one at a line where there are several."""
    fields: bool = True
    """Whether one of them may serve one slot."""
    whole: bool = False
    """Whether one of them may serve a whole cabinet."""


class ReaderFamily(Protocol):
    """Readers that share a protocol. An entry point of the group `motorpool.readers` names an object of this kind."""

    def kinds(self) -> Mapping[str, ReaderKind]:
        """Every kind of the family by its name in site files."""

    def build(self, line: Line, config: ReaderConfig, address: int, label: str) -> FobReader:
        """A reader of `config.kind` on an opened line."""


class BuiltIn:
    """The readers of this package, named as their protocols are."""

    def kinds(self) -> Mapping[str, ReaderKind]:
        """UHF covers cabinets; the others serve a slot, and a 1-Wire bridge either."""
        one = range(1)
        return {
            "uhf-crc8408": ReaderKind(range(256), fields=False, whole=True),
            "rs485-125k-ascii": ReaderKind(ADDRESSES),
            "rdm6300": ReaderKind(one),
            "ds2480b": ReaderKind(one, whole=True),
        }

    def build(self, line: Line, config: ReaderConfig, address: int, label: str) -> FobReader:
        """A reader; KeyError for a kind that is not ours."""
        match config.kind:
            case "uhf-crc8408":
                return UhfReader(line, address, label, antennas=config.antennas)
            case "rs485-125k-ascii":
                return AsciiReader(line, address, label)
            case "rdm6300":
                return Rdm6300Reader(line, label)
            case "ds2480b":
                return OneWireReader(line, label)
        raise KeyError(config.kind)


@cache
def families() -> tuple[ReaderFamily, ...]:
    """The built-in family, then every installed one in the order of its name."""
    return (BuiltIn(), *cast("tuple[ReaderFamily, ...]", plugins(ENTRY_POINTS)))


def reader_kinds() -> dict[str, ReaderKind]:
    """Every kind that a site file may name; the first family that knows a name has it."""
    kinds: dict[str, ReaderKind] = {}
    for family in families():
        for name, kind in family.kinds().items():
            kinds.setdefault(name, kind)
    return kinds


def build_reader(line: Line, config: ReaderConfig, address: int, label: str) -> FobReader:
    """The reader that a site file describes; KeyError for a kind that no family knows."""
    for family in families():
        if config.kind in family.kinds():
            return family.build(line, config, address, label)
    raise KeyError(config.kind)
