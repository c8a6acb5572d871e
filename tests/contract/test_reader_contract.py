"""Every built-in reader in memory, behind a gateway on TCP, and on a paced pty, against the reader contract."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager

import pytest
from reader_contract import Bench, Benches, BenchIterator, Lying, ReaderContract

from keycabinet.fobs import Fob
from keycabinet.line import Line
from keycabinet.readers.base import build_reader, reader_kinds
from keycabinet.readers.config import ReaderConfig
from keycabinet.readers.uhf import Layout
from keycabinet.timerfd import TimerFd
from keycabinet.transport import LineUrl
from simulator.cabinets import MemorySerial, PtyLine, RtuTcpPort
from simulator.cabinets.readers import (
    AsciiReaderDevice,
    Ds2480b,
    Rdm6300,
    ReaderDevice,
    ReaderWire,
    UhfReaderDevice,
)

EM = (Fob.parse("em:003B51C6"),)
EPC = tuple(Fob.parse(f"epc:E28436110000100009{n:02X}44AA") for n in range(20))
ROM = tuple(sorted(Fob.parse(f"rom:{code}") for code in ("010203040506070F", "0162BA5D000A00C0")))


class Family(ReaderContract):
    kind = ""
    address = 0
    serial = "baudrate=9600"

    def device(self, field: Callable[[], list[Fob]]) -> ReaderDevice:
        raise NotImplementedError

    def bench(self) -> Benches:
        return self._bench()

    @asynccontextmanager
    async def _bench(self) -> BenchIterator:
        url = LineUrl.parse(f"serial:///dev/nowhere?{self.serial}")
        lying, wire, device = self._wire(url)
        async with await Line.open("r", url, opener=MemorySerial("r", wire).open) as line:
            yield self._made(line, lying, wire, device)
        wire.close()

    def _wire(self, url: LineUrl, **options: bool) -> tuple[Lying, ReaderWire, ReaderDevice]:
        lying = Lying()
        device = self.device(lying)
        bits = round(url.character_s * url.baudrate) if url.character_s else 10
        return lying, ReaderWire([device], baudrate=url.baudrate, bits_per_character=bits, **options), device

    def _made(self, line: Line, lying: Lying, wire: ReaderWire, device: ReaderDevice) -> Bench:
        config = ReaderConfig(line="r", kind=self.kind)
        return Bench(build_reader(line, config, self.address, "A/r1"), device, wire, line, lying)


class OnTcp(Family):
    @asynccontextmanager
    async def _bench(self) -> BenchIterator:
        lying, wire, device = self._wire(LineUrl.parse(f"serial:///dev/nowhere?{self.serial}"))
        port = RtuTcpPort(wire)
        await port.listen("127.0.0.1")
        url = LineUrl.parse(f"rtu+tcp://{port.host}:{port.port}")
        async with await Line.open("r", url) as line:
            yield self._made(line, lying, wire, device)
        await port.close()


@pytest.mark.real_time
class OnPty(Family):
    @asynccontextmanager
    async def _bench(self) -> BenchIterator:
        url = LineUrl.parse(f"serial:///dev/nowhere?{self.serial}")
        lying, wire, device = self._wire(url, byte_by_byte=True)
        pty = PtyLine(wire, TimerFd.create(asyncio.get_running_loop()))
        try:
            real = LineUrl.parse(f"serial://{pty.path}?{self.serial}")
            async with await Line.open("r", real) as line:
                yield self._made(line, lying, wire, device)
        finally:
            pty.close()


class Uhf(Family):
    kind, fobs, serial = "uhf-crc8408", EPC, "baudrate=57600"
    layout = Layout.NEW

    def device(self, field: Callable[[], list[Fob]]) -> ReaderDevice:
        return UhfReaderDevice(field, layout=self.layout, scan_s=0.1)


class Ascii(Family):
    kind, fobs, address, serial = "rs485-125k-ascii", EM, 8, "baudrate=19200&parity=E"

    def device(self, field: Callable[[], list[Fob]]) -> ReaderDevice:
        return AsciiReaderDevice(field, 8)


class Module(Family):
    kind, fobs, answers = "rdm6300", EM, False

    def device(self, field: Callable[[], list[Fob]]) -> ReaderDevice:
        return Rdm6300(field)


class OneWire(Family):
    kind, fobs = "ds2480b", ROM

    def device(self, field: Callable[[], list[Fob]]) -> ReaderDevice:
        return Ds2480b(field)


class TestUhf(Uhf):
    pass


class TestUhfOldLayout(Uhf):
    layout = Layout.OLD


class TestUhfOnTcp(Uhf, OnTcp):
    pass


class TestUhfOnPty(Uhf, OnPty):
    fobs = EPC[:2]


class TestAscii(Ascii):
    pass


class TestAsciiOnTcp(Ascii, OnTcp):
    pass


class TestAsciiOnPty(Ascii, OnPty):
    serial = "baudrate=9600"


class TestRdm6300(Module):
    pass


class TestRdm6300OnTcp(Module, OnTcp):
    pass


class TestRdm6300OnPty(Module, OnPty):
    pass


class TestOneWire(OneWire):
    pass


class TestOneWireOnTcp(OneWire, OnTcp):
    pass


class TestOneWireOnPty(OneWire, OnPty):
    pass


def test_every_kind_is_under_contract() -> None:
    assert {kind.kind for kind in (Uhf, Ascii, Module, OneWire)} == set(reader_kinds())
