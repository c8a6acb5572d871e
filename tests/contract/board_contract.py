"""What every Board must do, whatever its family and medium. Inherit `BoardContract` and give it a bench."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

import pytest

from keycabinet.boards.base import Board
from keycabinet.errors import BoardRefused, DeviceSilent
from keycabinet.exchange import Priority


class Rig(Protocol):
    """The other side of the board: what it feels and what it did."""

    def set_inputs(self, mask: int) -> None:
        """Make its inputs read so."""

    def outputs(self) -> int:
        """Which relays are on."""

    def pulses(self) -> list[tuple[int, float]]:
        """Every release so far: channel and seconds."""

    def silence(self) -> None:
        """Cut its power."""

    def endanger(self) -> None:
        """Set it up so that it must be refused."""


@dataclass(frozen=True, slots=True)
class Bench:
    """A board under test and its rig."""

    board: Board
    rig: Rig


Benches = AbstractAsyncContextManager[Bench]
BenchIterator = AsyncIterator[Bench]


class BoardContract:
    """Tests that every implementation inherits."""

    def bench(self) -> Benches:
        """A fresh board on an open line."""
        raise NotImplementedError

    async def test_verifies(self) -> None:
        async with self.bench() as bench:
            assert (await bench.board.verify()).version

    async def test_a_board_that_must_not_be_used_is_refused(self) -> None:
        async with self.bench() as bench:
            bench.rig.endanger()
            with pytest.raises(BoardRefused) as refused:
                await bench.board.verify()
            assert refused.value.device == bench.board.name
            assert not refused.value.retryable

    async def test_inputs(self) -> None:
        async with self.bench() as bench:
            every = (1 << bench.board.shape.inputs) - 1
            for mask in (0, every, every & 0x5555_5555, 1 & every):
                bench.rig.set_inputs(mask)
                assert await bench.board.read_inputs(Priority.POLL) == mask

    async def test_a_pulse_is_one_and_ends_by_itself(self) -> None:
        async with self.bench() as bench:
            last = bench.board.shape.outputs
            await bench.board.pulse(last)
            assert bench.rig.pulses() == [(last, bench.board.pulse_s)]
            assert await bench.board.read_outputs(Priority.RELEASE) == 1 << (last - 1)

    async def test_switching(self) -> None:
        async with self.bench() as bench:
            await bench.board.switch(1, True)
            assert bench.rig.outputs() == 1
            await bench.board.switch(1, False)
            assert bench.rig.outputs() == 0

    async def test_channels_that_are_not_there(self) -> None:
        async with self.bench() as bench:
            for channel in (0, bench.board.shape.outputs + 1):
                with pytest.raises(ValueError, match="channel"):
                    await bench.board.pulse(channel)
            assert bench.rig.pulses() == []

    async def test_silence_is_an_error_and_nothing_is_repeated(self) -> None:
        async with self.bench() as bench:
            bench.rig.silence()
            with pytest.raises(DeviceSilent) as silent:
                await bench.board.pulse(1)
            assert silent.value.sent
            assert silent.value.device == bench.board.name
