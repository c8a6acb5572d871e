"""What every FobReader must do, whatever its family and medium. Inherit `ReaderContract` and give it a bench."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field

import pytest

from keycabinet.errors import KeyCabinetError
from keycabinet.exchange import Priority
from keycabinet.fobs import Fob
from keycabinet.line import Line
from keycabinet.readers.base import FobReader
from simulator.cabinets.readers.wire import ReaderDevice, ReaderWire


@dataclass
class Lying:
    """The fobs in a reader's field."""

    fobs: list[Fob] = field(default_factory=list)

    def __call__(self) -> list[Fob]:
        return self.fobs


@dataclass(frozen=True, slots=True)
class Bench:
    """A reader under test, its device side, and what lies in its field."""

    reader: FobReader
    device: ReaderDevice
    wire: ReaderWire
    line: Line
    lying: Lying


Benches = AbstractAsyncContextManager[Bench]
BenchIterator = AsyncIterator[Bench]


class ReaderContract:
    """Tests that every implementation inherits."""

    fobs: tuple[Fob, ...] = ()
    """Fobs of its kind, in rising order; all that it can tell apart at once."""
    answers = True
    """Whether it says so when it is there; else silence means that nothing lies in its field."""

    def bench(self) -> Benches:
        """A fresh reader on an open line, with an empty field."""
        raise NotImplementedError

    async def test_is_there(self) -> None:
        async with self.bench() as bench:
            assert await bench.reader.verify()
            assert bench.reader.name == "A/r1"

    async def test_comes_stays_goes(self) -> None:
        async with self.bench() as bench:
            await bench.reader.verify()
            assert await bench.reader.read(Priority.POLL) == ()
            for fob in self.fobs:
                bench.lying.fobs = [fob]
                for _ in range(2):
                    assert await bench.reader.read(Priority.POLL) == (fob,)
            bench.lying.fobs = []
            assert await bench.reader.read(Priority.POLL) == ()

    async def test_several_at_once(self) -> None:
        async with self.bench() as bench:
            bench.lying.fobs = list(reversed(self.fobs))
            assert await bench.reader.read(Priority.POLL) == self.fobs

    async def test_reads_without_being_verified_first(self) -> None:
        async with self.bench() as bench:
            bench.lying.fobs = [self.fobs[0]]
            assert await bench.reader.read(Priority.POLL) == (self.fobs[0],)

    async def test_garbage_is_never_a_fob(self) -> None:
        async with self.bench() as bench:
            await bench.reader.verify()
            bench.lying.fobs = [self.fobs[0]]
            bench.wire.on_reply.append(lambda reply: bytes(byte ^ 0x15 for byte in reply))
            with suppress(KeyCabinetError):
                assert await bench.reader.read(Priority.POLL) == ()
            bench.wire.on_reply.clear()
            assert await bench.reader.read(Priority.POLL) == (self.fobs[0],)

    async def test_a_lost_supply_and_its_return(self) -> None:
        async with self.bench() as bench:
            await bench.reader.verify()
            bench.lying.fobs = [self.fobs[0]]
            bench.device.powered = False
            if self.answers:
                with pytest.raises(KeyCabinetError) as silent:
                    await bench.reader.read(Priority.POLL)
                assert silent.value.retryable
                assert silent.value.device == "A/r1"
            else:
                assert await bench.reader.read(Priority.POLL) == ()
            bench.device.powered = True
            assert await bench.reader.read(Priority.POLL) == (self.fobs[0],)

    async def test_a_closed_line_is_an_error(self) -> None:
        async with self.bench() as bench:
            await bench.line.close()
            with pytest.raises(KeyCabinetError):
                await bench.reader.read(Priority.POLL)
