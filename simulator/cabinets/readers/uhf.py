"""Device side of a UHF reader with CRC-8408, in both inventory layouts; sources as in the driver."""

from __future__ import annotations

from collections.abc import Iterable

from keycabinet.fobs import FobKind
from keycabinet.protocols.framing import Hunter
from keycabinet.readers.uhf import BROADCAST, FRAMING, Command, Layout, Reply, Status, open_frame
from simulator.cabinets.readers.wire import Field, Saying

TAGS_A_FRAME = 8
TYPES = {Layout.OLD: 0x86, Layout.NEW: 0x62}
RSSI = 0x42
PUSH_EVERY_S = 0.2


class UhfReaderDevice:
    """One reader. `pushes` makes it send EE frames by itself, as scan mode does."""

    def __init__(
        self,
        field: Field,
        *,
        address: int = 0,
        layout: Layout = Layout.NEW,
        scan_s: float = 0.3,
        pushes: bool = False,
    ) -> None:
        self.field = field
        self.address = address
        self.layout = layout
        self.scan_s = scan_s
        self.pushes = pushes
        self.powered = True
        self._hunter = Hunter(FRAMING)

    def hear(self, data: bytes) -> Iterable[Saying]:
        """Answer every whole request that is meant for this reader."""
        for frame in self._hunter.feed(data):
            address, command, *rest = open_frame("simulated reader", frame)
            if address in (self.address, BROADCAST):
                yield from self._answer(command, bytes(rest))

    def forget(self) -> None:
        """Drop a request that was cut."""
        self._hunter = Hunter(FRAMING)

    def talk(self) -> Saying | None:
        """In scan mode, the first tag in the field again and again."""
        if not self.pushes:
            return None
        tags = self._epcs()
        words = bytes((1, len(tags[0]))) + tags[0] if tags else b"\0"
        return PUSH_EVERY_S, self._reply(Command.PUSHED, Status.OK, words)

    def _answer(self, command: int, data: bytes) -> Iterable[Saying]:
        if command == Command.INFO:
            scan = round(self.scan_s * 10)
            yield (
                0.0,
                self._reply(command, Status.OK, bytes((5, 2, TYPES[self.layout], 2, 0x31, 0x80, 0x1A, scan))),
            )
        elif command == Command.INVENTORY and len(data) in (0, 5):
            yield from ((self.scan_s, reply) for reply in self._inventory(data))
        else:
            yield 0.0, self._reply(command, Status.NOT_ALLOWED, b"")

    def _inventory(self, data: bytes) -> Iterable[bytes]:
        tags = self._epcs()
        if not tags:
            yield self._reply(Command.INVENTORY, Status.NO_TAG, b"")
            return
        new = self.layout is Layout.NEW
        antenna = bytes((1 << (data[3] & 3) if data else 1,)) if new else b""
        rssi = bytes((RSSI,)) if new else b""
        for start in range(0, len(tags), TAGS_A_FRAME):
            part = tags[start : start + TAGS_A_FRAME]
            more = start + TAGS_A_FRAME < len(tags)
            body = antenna + bytes((len(part),)) + b"".join(bytes((len(epc),)) + epc + rssi for epc in part)
            yield self._reply(Command.INVENTORY, Status.MORE if more else Status.DONE, body)

    def _epcs(self) -> list[bytes]:
        return [bytes.fromhex(fob.code) for fob in self.field() if fob.kind is FobKind.EPC]

    def _reply(self, command: int, status: int, data: bytes) -> bytes:
        return Reply(self.address, command, status, data).encode()
