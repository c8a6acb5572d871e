"""The readers of a station, built from what its site file says of them."""

from __future__ import annotations

from functools import partial

from keycabinet.config import CabinetConfig
from keycabinet.readers.base import reader_kinds
from keycabinet.transport import LineUrl
from simulator.cabinets.log import FrameLog
from simulator.cabinets.readers.ds2480b import Ds2480b
from simulator.cabinets.readers.rdm6300 import Rdm6300
from simulator.cabinets.readers.rs485_ascii import AsciiReaderDevice
from simulator.cabinets.readers.uhf import UhfReaderDevice
from simulator.cabinets.readers.wire import Field, ReaderDevice, ReaderWire
from simulator.tags import Tags


def build_reader_device(kind: str, address: int, field: Field) -> ReaderDevice:
    """A reader of this kind and address. ValueError for one that cannot be simulated."""
    match kind:
        case "uhf-crc8408":
            return UhfReaderDevice(field, address=address)
        case "rs485-125k-ascii":
            return AsciiReaderDevice(field, address)
        case "rdm6300":
            return Rdm6300(field)
        case "ds2480b":
            return Ds2480b(field)
    raise ValueError(f"no reader {kind!r} can be simulated")


class StationReaders:
    """Every reader of a station, by the line that it hangs on."""

    def __init__(self, tags: Tags) -> None:
        self._tags = tags
        self._on: dict[str, list[ReaderDevice]] = {}

    def add(self, cabinet: str, config: CabinetConfig) -> None:
        """The readers of one more cabinet."""
        kinds = reader_kinds()
        for each in config.readers:
            for slot, address in each.fields(kinds[each.kind]):
                everything = self._tags.within if each.role == "fobs" else self._tags.held
                whole = partial(everything, cabinet)
                field = whole if slot is None else partial(self._tags.at, cabinet, slot)
                self._on.setdefault(each.line, []).append(build_reader_device(each.kind, address, field))

    def on(self, line: str) -> tuple[ReaderDevice, ...]:
        """The readers on a line, in the order of the description."""
        return tuple(self._on.get(line, ()))

    def wire(
        self, line: str, url: LineUrl, bits: int, *, byte_by_byte: bool, log: FrameLog
    ) -> ReaderWire | None:
        """A line's wire, if readers hang on it; `bits` to a character."""
        if line not in self._on:
            return None
        return ReaderWire(
            self._on[line],
            baudrate=url.baudrate,
            bits_per_character=bits,
            byte_by_byte=byte_by_byte,
            log=log,
        )
