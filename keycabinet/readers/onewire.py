"""1-Wire fobs (DS1990A) behind a DS2480B or DS9097U bridge: reset, and a search for every ROM on the wire.

Sources: Analog Devices application note 27 (ROM and CRC); owfs `module/owlib/src/c/ow_ds9097U.c` (bridge). The bridge
answers byte for byte, without frames or check values; only a ROM carries one. It wants a break before its first byte,
which a line cannot send: power does the same, and the bridge is left at 9600 baud, where a break would put it.
ROM codes can be copied to blanks: identity, not proof. Never tried on hardware.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Generic, TypeVar

from keycabinet.decoding import Direction, Explanation, Part, WireProtocol
from keycabinet.errors import (
    BadChecksum,
    DeviceRefused,
    DeviceSilent,
    KeyCabinetError,
    LyingLength,
    NotAFrame,
    ReplyError,
    WrongReply,
)
from keycabinet.exchange import Device, Priority
from keycabinet.fobs import Fob, FobKind
from keycabinet.line import Line

T = TypeVar("T")

ROM_PROTOCOL = "onewire-rom"
BRIDGE_PROTOCOL = "ds2480b"
FAMILIES = {0x01: "DS1990A", 0x02: "DS1991 (application note 27's example)"}
FOB_FAMILY = 0x01
RESET, DATA_MODE, COMMAND_MODE, SEARCH_ON, SEARCH_OFF, SEARCH_ROM = 0xC1, 0xE1, 0xE3, 0xB1, 0xA1, 0xF0
RESETS = {0xC1: "standard", 0xC5: "flexible", 0xC9: "overdrive"}
ROM_SIZE = 8
SEARCH_SIZE = 16
MAX_FOBS = 64
"""More than one wire serves; a search that finds more is not believed."""
REPLY_TIMEOUT_S = 0.1


class Line1W(IntEnum):
    """Bits 1-0 of the reply to a reset."""

    SHORT = 0
    PRESENCE = 1
    ALARM = 2
    NOTHING = 3


_SAID = {
    Line1W.SHORT: "the wire is shorted",
    Line1W.PRESENCE: "presence",
    Line1W.ALARM: "presence, and an alarm",
    Line1W.NOTHING: "nothing on the wire",
}


def crc8(data: bytes) -> int:
    """CRC-8 x8+x5+x4+1, reflected 8C, initial 0 (application note 27)."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x8C if crc & 1 else crc >> 1
    return crc


def check_rom(device: str, rom: bytes) -> None:
    """LyingLength, NotAFrame for all zeros or ones (a dead wire, though zeros have a right CRC), or BadChecksum."""
    if len(rom) != ROM_SIZE:
        raise LyingLength(device, f"{len(rom)} bytes; a ROM has {ROM_SIZE}")
    if rom in (bytes(ROM_SIZE), b"\xff" * ROM_SIZE):
        raise NotAFrame(device, f"all bytes are {rom[0]:02X}: nothing answered; check the wire")
    right = crc8(rom[:7])
    if right != rom[7]:
        raise BadChecksum(
            device,
            f"the CRC is {rom[7]:02X}, of these bytes it would be {right:02X}; two fobs may have answered at once",
        )


def fob_of(device: str, rom: bytes) -> Fob:
    """The fob of a ROM; raises as `check_rom`, and NotAFrame for another family than that of fobs."""
    check_rom(device, rom)
    if rom[0] != FOB_FAMILY:
        raise NotAFrame(device, f"family {rom[0]:02X} is no fob; DS1990A has 01")
    return Fob(FobKind.ROM, rom.hex().upper())


@dataclass(frozen=True, slots=True)
class ResetReply:
    """What the bridge says to a reset."""

    line: Line1W
    version: int

    @classmethod
    def parse(cls, device: str, byte: int) -> ResetReply:
        """NotAFrame for a byte that is no reply to a reset; a short is 00."""
        if byte and byte & 0xC0 != 0xC0:
            raise NotAFrame(device, f"{byte:02X} is no reply to a reset; check its baud rate and its power")
        return cls(Line1W(byte & 3), byte >> 2 & 7)


def search_request(path: int) -> bytes:
    """One pass of the search along `path` (bit n = which way at ROM bit n), from and back to command mode."""
    bits = sum((path >> n & 1) << (2 * n + 1) for n in range(64)).to_bytes(SEARCH_SIZE, "little")
    escaped = b"".join(bytes((byte, byte)) if byte == COMMAND_MODE else bytes((byte,)) for byte in bits)
    head = bytes((DATA_MODE, SEARCH_ROM, COMMAND_MODE, SEARCH_ON, DATA_MODE))
    return head + escaped + bytes((COMMAND_MODE, SEARCH_OFF))


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass found: a ROM, and the bits at which fobs disagreed."""

    rom: bytes
    discrepancies: int

    @classmethod
    def parse(cls, device: str, reply: bytes) -> Pass:
        """The echo of F0 and sixteen bytes, two bits for each ROM bit: path high, discrepancy low."""
        if len(reply) != 1 + SEARCH_SIZE or reply[0] != SEARCH_ROM:
            raise WrongReply(device, f"{reply.hex(' ').upper()} is no answer to a search")
        bits = int.from_bytes(reply[1:], "little")
        rom = sum((bits >> (2 * n + 1) & 1) << n for n in range(64))
        differ = sum((bits >> (2 * n) & 1) << n for n in range(64))
        return cls(rom.to_bytes(ROM_SIZE, "little"), differ)

    def next_path(self) -> int | None:
        """The path of the next pass: the other way at the last bit where 0 was taken; None when all are found."""
        rom = int.from_bytes(self.rom, "little")
        open_ways = self.discrepancies & ~rom
        if not open_ways:
            return None
        last = open_ways.bit_length() - 1
        return rom & ((1 << last) - 1) | 1 << last


class ByteReader(Generic[T]):
    """Reads a reply of a known number of bytes, for devices that answer without frames."""

    __slots__ = (
        "_buffer",
        "_device",
        "_judge",
        "noise",
        "optional",
        "repeats_request",
        "reply_size",
        "stale",
    )

    def __init__(
        self, device: str, size: int, judge: Callable[[bytes], T], *, optional: bool = False
    ) -> None:
        self._device = device
        self._judge = judge
        self._buffer = b""
        self.reply_size = size
        self.optional = optional
        self.repeats_request = False
        self.noise = 0
        self.stale = 0

    def feed(self, data: bytes) -> T | None:
        """The value once enough bytes are there; bytes behind them are noise."""
        missing = self.reply_size - len(self._buffer)
        self._buffer += data[:missing]
        self.noise += max(0, len(data) - missing)
        return self._judge(self._buffer) if len(self._buffer) == self.reply_size else None

    def failure(self, waited_s: float) -> KeyCabinetError:
        """Silence, or too few bytes."""
        if self._buffer:
            return LyingLength(self._device, f"{len(self._buffer)} of {self.reply_size} bytes came")
        return DeviceSilent(
            self._device,
            f"no reply within {waited_s:.3g} s; check its power, wiring and baud rate (9600)",
            sent=True,
        )


class OneWireReader:
    """One bridge with the fobs on its wire: at one slot, or for a whole cabinet."""

    def __init__(self, line: Line, label: str) -> None:
        self.name = label
        self._line = line
        self._device = Device(label, reply_timeout_s=REPLY_TIMEOUT_S)
        self._ready = False

    async def verify(self) -> str:
        """Bring the bridge into command mode; DeviceSilent and other errors of the line as they come."""
        wake = ByteReader(self.name, 1, lambda data: data, optional=True)
        await self._line.submit(self._device, bytes((COMMAND_MODE, RESET)), wake, Priority.COMMAND)
        reply = await self._reset(Priority.COMMAND)
        self._ready = True
        return f"chip version {reply.version}"

    async def read(self, priority: int = Priority.POLL) -> tuple[Fob, ...]:
        """Every fob on the wire, in rising order; DeviceRefused while the wire is shorted.

        A pass whose CRC is wrong (a fob put on or taken off meanwhile) raises BadChecksum; read again.
        """
        try:
            if not self._ready:
                await self.verify()
            return await self._search(priority)
        except (ReplyError, DeviceSilent):
            self._ready = False  # it may hang in data mode, or have lost its supply
            raise

    async def _search(self, priority: int) -> tuple[Fob, ...]:
        fobs: dict[Fob, None] = {}
        path: int | None = 0
        for _ in range(MAX_FOBS):
            reply = await self._reset(priority)
            if path is None or reply.line is Line1W.NOTHING:
                break
            if reply.line is Line1W.SHORT:
                raise DeviceRefused(self.name, "its wire is shorted; look at the slot's contacts")
            reader = ByteReader(self.name, 1 + SEARCH_SIZE, lambda data: Pass.parse(self.name, data))
            found = await self._line.submit(self._device, search_request(path), reader, priority)
            check_rom(self.name, found.rom)
            if found.rom[0] == FOB_FAMILY:
                fobs[fob_of(self.name, found.rom)] = None
            path = found.next_path()
            if path is None:
                break
        return tuple(sorted(fobs))

    async def _reset(self, priority: int) -> ResetReply:
        reader = ByteReader(self.name, 1, lambda data: ResetReply.parse(self.name, data[0]))
        return await self._line.submit(self._device, bytes((RESET,)), reader, priority)


def _explain_rom(frame: bytes, _asked: bytes | None) -> Explanation:
    check_rom(ROM_PROTOCOL, frame)
    family = FAMILIES.get(frame[0], "another device")
    serial = frame[6:0:-1].hex().upper()
    parts = (
        Part("family", frame[:1], f"{frame[0]:02X} {family}"),
        Part("serial", frame[1:7], f"{serial} (least significant byte first)"),
        Part("CRC", frame[7:], "right"),
    )
    encoded = frame[:7] + bytes((crc8(frame[:7]),))
    return Explanation(
        ROM_PROTOCOL, Direction.REPLY, f"family {frame[0]:02X}, serial {serial}", parts, encoded
    )


def _explain_bridge_request(frame: bytes) -> Explanation:
    if len(frame) == 1 and frame[0] in RESETS:
        said = f"reset ({RESETS[frame[0]]})"
        return Explanation(BRIDGE_PROTOCOL, Direction.REQUEST, said, (Part("command", frame, said),), frame)
    path = _path_of(frame)
    if path is None or search_request(path) != frame:
        raise NotAFrame(BRIDGE_PROTOCOL, "neither a reset (C1, C5, C9) nor a pass of the search")
    along = path.to_bytes(ROM_SIZE, "little").hex().upper()
    parts = (
        Part("search", frame[:5], "data mode, search ROM, command mode, accelerator on, data mode"),
        Part("path", frame[5:-2], along),
        Part("end", frame[-2:], "command mode, accelerator off"),
    )
    return Explanation(
        BRIDGE_PROTOCOL, Direction.REQUEST, f"search along {along}", parts, search_request(path)
    )


def _path_of(frame: bytes) -> int | None:
    raw = frame[5:-2].replace(bytes((COMMAND_MODE, COMMAND_MODE)), bytes((COMMAND_MODE,)))
    bits = int.from_bytes(raw, "little")
    return sum((bits >> (2 * n + 1) & 1) << n for n in range(64)) if len(raw) == SEARCH_SIZE else None


def _explain_bridge_reply(frame: bytes, asked: bytes | None) -> Explanation:
    if len(frame) == 1:
        if asked is not None and len(asked) > 1:
            raise WrongReply(BRIDGE_PROTOCOL, "one byte does not answer a search")
        reply = ResetReply.parse(BRIDGE_PROTOCOL, frame[0])
        said = f"{_SAID[reply.line]}, chip version {reply.version}"
        return Explanation(BRIDGE_PROTOCOL, Direction.REPLY, said, (Part("reset", frame, said),))
    if asked is not None and len(asked) == 1:
        raise WrongReply(BRIDGE_PROTOCOL, f"{len(frame)} bytes do not answer a reset")
    found = Pass.parse(BRIDGE_PROTOCOL, frame)
    check_rom(BRIDGE_PROTOCOL, found.rom)
    rom = found.rom.hex().upper()
    parts = (
        Part("echo", frame[:1], "search ROM"),
        Part("bits", frame[1:], f"ROM {rom}, {found.discrepancies.bit_count()} discrepancies"),
    )
    return Explanation(BRIDGE_PROTOCOL, Direction.REPLY, f"ROM {rom}", parts)


PROTOCOLS = (
    WireProtocol(ROM_PROTOCOL, "1-Wire ROM numbers with CRC-8", _explain_rom),
    WireProtocol(BRIDGE_PROTOCOL, "DS2480B 1-Wire bridge", _explain_bridge_reply, _explain_bridge_request),
)
