"""The readers of a station, built from what its site file says of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from keycabinet.config import CabinetConfig
from keycabinet.readers.base import reader_kinds
from keycabinet.readers.config import ReaderConfig
from keycabinet.transport import LineUrl
from simulator.cabinets.log import FrameLog
from simulator.cabinets.readers.ds2480b import Ds2480b
from simulator.cabinets.readers.rdm6300 import Rdm6300
from simulator.cabinets.readers.rs485_ascii import AsciiReaderDevice
from simulator.cabinets.readers.uhf import UhfReaderDevice
from simulator.cabinets.readers.wire import Field, ReaderDevice, ReaderWire, Saying
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


class MountedReader:
    """A reader where it is mounted; `slot` is None for a whole cabinet. Another ReaderDevice around the one itself.

    What goes wrong with it hangs in lists that are empty as a rule: `dead` is told of each answer that it does not
    give, `garbles` turn an answer into what is heard of it.
    """

    def __init__(self, name: str, config: ReaderConfig, slot: int | None, device: ReaderDevice) -> None:
        self.name = name
        self.config = config
        self.slot = slot
        self.device = device
        self.dead: list[Callable[[], None]] = []
        self.garbles: list[Callable[[bytes], bytes]] = []

    @property
    def cabinet(self) -> str:
        return self.name.partition("/")[0]

    def reads(self, cabinet: str, slot: int) -> bool:
        """Whether this slot lies in its field."""
        return self.cabinet == cabinet and self.slot in (None, slot)

    @property
    def powered(self) -> bool:
        return self.device.powered

    @powered.setter
    def powered(self, on: bool) -> None:
        self.device.powered = on

    def hear(self, data: bytes) -> Iterable[Saying]:
        """Answer, unless it is dead."""
        return (
            [] if self._dead(said := list(self.device.hear(data))) else [self._garbled(each) for each in said]
        )

    def forget(self) -> None:
        """Drop a request that was cut."""
        self.device.forget()

    def talk(self) -> Saying | None:
        """What it says by itself, unless it is dead."""
        said = self.device.talk()
        if said is None or not said[1]:
            return said
        return (said[0], b"") if self._dead([said]) else self._garbled(said)

    def _dead(self, said: Sequence[Saying]) -> bool:
        for told in self.dead if said else ():
            told()
        return bool(self.dead)

    def _garbled(self, said: Saying) -> Saying:
        delay_s, words = said
        for garble in self.garbles:
            words = garble(words)
        return delay_s, words


class StationReaders:
    """Every reader of a station, by the line that it hangs on."""

    def __init__(self, tags: Tags) -> None:
        self._tags = tags
        self._on: dict[str, list[MountedReader]] = {}

    @property
    def mounted(self) -> tuple[MountedReader, ...]:
        """Every reader of fobs, not of badges."""
        return tuple(each for on in self._on.values() for each in on if each.config.role == "fobs")

    def add(self, cabinet: str, config: CabinetConfig) -> None:
        """The readers of one more cabinet."""
        kinds = reader_kinds()
        for each in config.readers:
            for slot, address in each.fields(kinds[each.kind]):
                everything = self._tags.within if each.role == "fobs" else self._tags.held
                whole = partial(everything, cabinet)
                field = whole if slot is None else partial(self._tags.at, cabinet, slot)
                device = build_reader_device(each.kind, address, field)
                label = each.label if slot is None else f"{each.label}.{slot}"
                mounted = MountedReader(f"{cabinet}/{label}", each, slot, device)
                self._on.setdefault(each.line, []).append(mounted)

    def on(self, line: str) -> tuple[ReaderDevice, ...]:
        """The readers on a line, in the order of the description."""
        return tuple(each.device for each in self._on.get(line, ()))

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
