"""UHF readers that speak LEN ADR CMD .. CRC: UHFReader18, RRU98xx, Chafon 4-port, modules with E310 or E710.

Sources: "UHF RFID Reader Command Manual" (frames captured from a reader of type 86), bookcabinet's notes on the RRU9816
and IQRFID-5102 (serial captures), Timereversal/rfidtime `transport/packet.go` (captures of the newer layout), the C
source chafon_4_antennas. Statuses 02 and 04 are from the UHFReader18 manual alone. Never tried on hardware.
"""

from __future__ import annotations

from binascii import crc_hqx
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

from keycabinet.errors import BadChecksum, DeviceRefused, ForeignReply, LyingLength, NotAFrame, WrongReply
from keycabinet.exchange import Device, Priority
from keycabinet.fobs import Fob, FobKind
from keycabinet.line import Line
from keycabinet.protocols.framing import Conversation

PROTOCOL = "uhf-crc8408"
BROADCAST = 0xFF
FIRST_ANTENNA = 0x80
MAX_TAGS = 1024
"""More than a cabinet holds; a reader that names more is not believed."""
MARGIN_S = 0.5
"""How long after its scan time a reader may take to answer."""
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
"""Each byte with its bits in the other order."""
FACTORY_SCAN = 10
"""x 100 ms, for readers that say 0."""


class Command(IntEnum):
    """What this driver sends, and what it meets."""

    INVENTORY = 0x01
    SINGLE_TAG = 0x0F
    INFO = 0x21
    REGION = 0x22
    SCAN_TIME = 0x25
    BAUD = 0x28
    POWER = 0x2F
    SET_MODE = 0x35
    GET_MODE = 0x36
    ANTENNAS = 0x3F
    MODE = 0x76
    STOP = 0x93
    PUSHED = 0xEE


class Status(IntEnum):
    """How a reply ends, or does not."""

    OK = 0x00
    DONE = 0x01
    TIME_OVER = 0x02
    MORE = 0x03
    MEMORY_FULL = 0x04
    ANTENNA = 0xF8
    NO_TAG = 0xFB
    LENGTH = 0xFD
    NOT_ALLOWED = 0xFE
    PARAMETER = 0xFF


_MEANINGS = {
    Status.OK: "done",
    Status.DONE: "inventory done",
    Status.TIME_OVER: "inventory ended by its scan time",
    Status.MORE: "more frames follow",
    Status.MEMORY_FULL: "inventory ended: its memory is full",
    Status.ANTENNA: "no antenna, or a broken one; check the antenna's cable",
    Status.NO_TAG: "no tag",
    Status.LENGTH: "wrong length; this firmware wants another form of the command",
    Status.NOT_ALLOWED: "unknown or not allowed; check the reader's type",
    Status.PARAMETER: "wrong parameter",
}
_WITH_TAGS = (Status.OK, Status.DONE, Status.TIME_OVER, Status.MORE, Status.MEMORY_FULL)


class Layout(IntEnum):
    """What stands around each tag of an inventory."""

    OLD = 0  # count; per tag: length, EPC
    NEW = 1  # antenna, count; per tag: length, EPC, RSSI


@dataclass(frozen=True, slots=True)
class Tag:
    """One tag; antenna and RSSI where the firmware tells them."""

    epc: bytes
    antenna: int | None = None
    rssi: int | None = None

    @property
    def fob(self) -> Fob:
        return Fob(FobKind.EPC, self.epc.hex().upper())


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply taken apart."""

    address: int
    command: int
    status: int
    data: bytes

    def encode(self) -> bytes:
        """Its frame."""
        return build(self.address, self.command, bytes((self.status,)) + self.data)


@dataclass(frozen=True, slots=True)
class Info:
    """What a reader says of itself; `scan_s` is how long one inventory takes at most (s)."""

    version: str
    type: int
    power_dbm: int
    scan_s: float


def crc8408(data: bytes) -> int:
    """CRC-16 with polynomial 8408 reflected, initial FFFF (CRC-16/MCRF4XX)."""
    crc = crc_hqx(data.translate(_MIRRORED), 0xFFFF)  # the mirror image of this CRC; noise may ask for many
    return _MIRRORED[crc & 0xFF] << 8 | _MIRRORED[crc >> 8]


def build(address: int, command: int, data: bytes = b"") -> bytes:
    """A frame, request or reply; `data` up to 251 bytes."""
    body = bytes((len(data) + 4, address, command)) + data
    return body + crc8408(body).to_bytes(2, "little")


def open_frame(device: str, frame: bytes) -> bytes:
    """Address, command and data of a whole frame; LyingLength or BadChecksum."""
    if len(frame) < 5 or frame[0] != len(frame) - 1:
        raise LyingLength(device, f"LEN says {frame[0] + 1 if frame else 0} bytes in all, {len(frame)} there")
    crc = crc8408(frame[:-2]).to_bytes(2, "little")
    if crc != frame[-2:]:
        raise BadChecksum(
            device,
            f"the CRC is {frame[-2:].hex(' ').upper()}, of these bytes it would be {crc.hex(' ').upper()}",
        )
    return frame[1:-2]


def open_reply(device: str, frame: bytes) -> Reply:
    """A whole reply; LyingLength or BadChecksum."""
    body = open_frame(device, frame)
    if len(body) < 3:
        raise LyingLength(device, "a reply without a status")
    return Reply(body[0], body[1], body[2], body[3:])


def tags_of(device: str, reply: Reply, layout: Layout | None = None) -> tuple[Tag, ...]:
    """The tags of one inventory frame; without `layout`, the one whose lengths add up.

    NotAFrame when they add up in neither, or in both.
    """
    if reply.status == Status.NO_TAG:
        return ()
    found = [
        tags
        for each in ([layout] if layout is not None else Layout)
        if (tags := _tags(reply.data, each)) is not None
    ]
    if len(found) != 1:
        raise NotAFrame(
            device,
            "the lengths of its tags add up in both known layouts; name the layout" if found
            else "the lengths of its tags do not add up",
        )  # fmt: skip
    return found[0]


def _tags(data: bytes, layout: Layout) -> tuple[Tag, ...] | None:
    head = 1 + layout
    if len(data) < head:
        return None
    antenna, count, position = (data[0] if layout else None), data[head - 1], head
    tags = []
    for _ in range(count):
        size = data[position] if position < len(data) else 0
        end = position + 1 + size
        if not size or size % 2 or end + layout > len(data):
            return None
        tags.append(Tag(data[position + 1 : end], antenna, data[end] if layout else None))
        position = end + layout
    return tuple(tags) if position == len(data) else None


def info_of(device: str, reply: Reply) -> Info:
    """The data of a reply to command 21; NotAFrame when it is too short."""
    data = reply.data
    if len(data) < 8:
        raise NotAFrame(device, f"reader information of {len(data)} bytes, at least 8 expected")
    return Info(f"{data[0]}.{data[1]}", data[2], data[6], (data[7] or FACTORY_SCAN) / 10)


def inventory(antenna: int | None, scan_s: float) -> bytes:
    """The data of command 01: none for old firmware, or Q 4, session 0, target A, the antenna (from 1), scan time."""
    if antenna is None:
        return b""
    return bytes((4, 0, 0, FIRST_ANTENNA + antenna - 1, max(1, min(255, round(scan_s * 10)))))


class UhfFraming:
    """LEN, then as many bytes."""

    longest: ClassVar[int] = 256

    def lengths(self, buffer: bytes, offset: int) -> Sequence[int]:
        """LEN and what it counts."""
        return (buffer[offset] + 1,) if buffer[offset] >= 4 else ()

    def fits(self, frame: bytes) -> bool:
        """The CRC."""
        return crc8408(frame[:-2]).to_bytes(2, "little") == frame[-2:]


FRAMING = UhfFraming()


class UhfReader:
    """One reader that covers a cabinet. `antennas` (from 1) are asked one after another; none for old firmware."""

    def __init__(
        self,
        line: Line,
        address: int,
        label: str,
        *,
        antennas: Sequence[int] = (),
        layout: Layout | None = None,
    ) -> None:
        self.name = label
        self.info: Info | None = None
        self._line = line
        self._address = address
        self._antennas: tuple[int | None, ...] = tuple(antennas) or (None,)
        self._layout = layout
        self._pushes = False
        self._device = Device(label, reply_timeout_s=MARGIN_S)

    async def verify(self) -> str:
        """Ask who it is; returns firmware and type. DeviceSilent and other errors of the line as they come."""
        reply = await self._ask(Command.INFO, b"", MARGIN_S, Priority.COMMAND)
        self.info = info = info_of(self.name, reply[0])
        return f"firmware {info.version}, type {info.type:02X}"

    async def read(self, priority: int = Priority.POLL) -> tuple[Fob, ...]:
        """Every fob that answers now, in rising order. Takes the reader's scan time for each antenna."""
        if self.info is None:
            await self.verify()
        scan_s = self.info.scan_s if self.info is not None else FACTORY_SCAN / 10
        fobs: dict[Fob, None] = {}
        for antenna in self._antennas:
            replies = await self._ask(
                Command.INVENTORY, inventory(antenna, scan_s), scan_s + MARGIN_S, priority
            )
            for reply in replies:
                fobs.update(dict.fromkeys(tag.fob for tag in self._tags(reply)))
        return tuple(sorted(fobs))

    def _tags(self, reply: Reply) -> tuple[Tag, ...]:
        return tags_of(self.name, reply, self._layout) if reply.status in _WITH_TAGS and reply.data else ()

    async def _ask(self, command: Command, data: bytes, timeout_s: float, priority: int) -> list[Reply]:
        """All frames of one answer; DeviceRefused when its status is an error."""
        replies: list[Reply] = []
        tags = 0

        def judge(frame: bytes) -> list[Reply] | None:
            nonlocal tags
            reply = open_reply(self.name, frame)
            self._match(reply, command)
            if reply.status >= Status.ANTENNA and reply.status != Status.NO_TAG:
                raise DeviceRefused(self.name, f"it answered {status_text(reply.status)}")
            tags += len(self._tags(reply)) if command is Command.INVENTORY else 0
            if tags > MAX_TAGS:
                raise DeviceRefused(
                    self.name, f"it named more than {MAX_TAGS} tags; look for another product"
                )
            replies.append(reply)
            return None if reply.status == Status.MORE else replies

        request = build(self._address, command, data)
        reader = Conversation(self.name, FRAMING, FRAMING.longest, judge)
        return await self._line.submit(self._device, request, reader, priority, timeout_s=timeout_s)

    def _match(self, reply: Reply, command: Command) -> None:
        if reply.command == Command.PUSHED:
            raise WrongReply(
                self.name,
                "it pushes tags by itself; set it to answer mode (command 35, on newer firmware 76)",
            )
        if self._address not in (BROADCAST, reply.address):
            raise ForeignReply(self.name, self._address, reply.address)
        if reply.command != command:
            raise WrongReply(self.name, f"command {command:02X} was asked, {reply.command:02X} answered")


def status_text(status: int) -> str:
    """A status with its meaning."""
    known = [meaning for each, meaning in _MEANINGS.items() if each == status]
    return f"status {status:02X} ({known[0] if known else 'not documented'})"
