"""What every Board must do, whatever its family and medium. Inherit `BoardContract` and give it a bench."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from typing import Any, Protocol

import pytest

from keycabinet.boards.base import Board
from keycabinet.errors import BoardRefused, DeviceSilent, ReplyError
from keycabinet.exchange import Priority
from keycabinet.line import Line


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

    def endanger(self) -> bool:
        """Set it up so that it must be refused; False where nothing about it can be."""


class StreamRig(Rig, Protocol):
    """A rig on a wire that can be disturbed."""

    def garble(self, change: Callable[[bytes], bytes | None]) -> Callable[[], None]:
        """Change every reply on its way (None: lost), until the returned function is called."""

    def echo(self) -> None:
        """Let the adapter hand back what is sent."""

    def requests(self) -> int:
        """Frames that the host sent so far."""


@dataclass(frozen=True, slots=True)
class Bench:
    """A board under test, its rig, and the line between."""

    board: Board
    rig: Any
    line: Line


Benches = AbstractAsyncContextManager[Bench]
BenchIterator = AsyncIterator[Bench]


class BoardContract:
    """Tests that every implementation inherits."""

    def bench(self) -> Benches:
        """A fresh board on an open line."""
        raise NotImplementedError

    async def test_verifies(self) -> None:
        async with self.bench() as bench:
            assert (await bench.board.verify()).version != ""

    async def test_a_board_that_must_not_be_used_is_refused(self) -> None:
        async with self.bench() as bench:
            if not bench.rig.endanger():
                return
            with pytest.raises(BoardRefused) as refused:
                await bench.board.verify()
            assert refused.value.device == bench.board.name
            assert not refused.value.retryable

    async def test_inputs(self) -> None:
        async with self.bench() as bench:
            every = (1 << bench.board.shape.inputs) - 1
            for mask in (0, every, every // 3, 1 & every):
                bench.rig.set_inputs(mask)
                assert await bench.board.read_inputs(Priority.POLL) == mask

    async def test_a_pulse_is_one_and_ends_by_itself(self) -> None:
        async with self.bench() as bench:
            last = bench.board.shape.outputs
            if not bench.board.shape.locks:
                return
            await bench.board.verify()
            await bench.board.pulse(last)
            (pulsed,) = bench.rig.pulses()
            assert pulsed == (last, pytest.approx(bench.board.pulse_s, abs=0.05))
            if bench.board.shape.reads_outputs:
                assert await bench.board.read_outputs(Priority.RELEASE) == 1 << (last - 1)

    async def test_outputs_that_cannot_be_told_are_not_made_up(self) -> None:
        async with self.bench() as bench:
            if not bench.board.shape.reads_outputs:
                with pytest.raises(BoardRefused):
                    await bench.board.read_outputs(Priority.POLL)

    async def test_switching(self) -> None:
        async with self.bench() as bench:
            if not bench.board.shape.lamps:
                with pytest.raises(BoardRefused):
                    await bench.board.switch(1, True)
                assert bench.rig.outputs() == 0
                return
            await bench.board.verify()
            await bench.board.switch(1, True)
            assert bench.rig.outputs() == 1
            await bench.board.switch(1, False)
            assert bench.rig.outputs() == 0

    async def test_channels_that_are_not_there(self) -> None:
        async with self.bench() as bench:
            for channel in (0, bench.board.shape.outputs + 1) if bench.board.shape.locks else ():
                with pytest.raises(ValueError, match="channel"):
                    await bench.board.pulse(channel)
            assert bench.rig.pulses() == []

    async def test_silence_is_an_error_and_nothing_is_repeated(self) -> None:
        async with self.bench() as bench:
            bench.rig.silence()
            with pytest.raises(DeviceSilent) as silent:
                await bench.board.verify()
            assert silent.value.sent
            assert silent.value.device == bench.board.name
            before = bench.line.stats.requests
            if bench.board.shape.locks:
                with suppress(DeviceSilent):  # some boards never answer a pulse
                    await bench.board.pulse(1)
            else:
                with suppress(DeviceSilent):
                    await bench.board.read_inputs(Priority.RELEASE)
            assert bench.line.stats.requests == before + 1


class StreamContract(BoardContract):
    """What every Board must do with what a wire makes of its bytes."""

    async def test_noise_around_a_reply_is_left_out(self) -> None:
        async with self.bench() as bench:
            bench.rig.set_inputs(1)
            for before, after in (
                (b"\xfa\xfd\x99\x99", b""),
                (b"", b"\x00\xff"),
                (b"\x02\x80\x8a\x57", b"\x02"),
            ):
                undo = bench.rig.garble(lambda frame, a=before, z=after: a + frame + z)
                assert await bench.board.read_inputs(Priority.COMMAND) == 1 & self.every(bench)
                undo()

    async def test_a_doubled_reply_is_one(self) -> None:
        async with self.bench() as bench:
            bench.rig.set_inputs(1)
            bench.rig.garble(lambda frame: frame + frame)
            for _ in range(3):
                assert await bench.board.read_inputs(Priority.COMMAND) == 1 & self.every(bench)

    async def test_wrong_and_cut_replies_are_refused_and_the_next_is_right(self) -> None:
        async with self.bench() as bench:
            bench.rig.set_inputs(1)
            for change in (lambda frame: frame[:-1] + bytes((frame[-1] ^ 1,)), lambda frame: frame[:-2]):
                if not bench.board.shape.inputs:
                    return
                undo = bench.rig.garble(change)
                with pytest.raises((ReplyError, DeviceSilent)) as refused:
                    await bench.board.read_inputs(Priority.RELEASE)
                assert refused.value.device == bench.board.name
                undo()
                assert await bench.board.read_inputs(Priority.RELEASE) == 1

    async def test_an_echo_is_found_out_and_is_no_answer(self) -> None:
        async with self.bench() as bench:
            bench.rig.set_inputs(1)
            bench.rig.echo()
            await bench.board.verify()
            assert bench.line.echoing is True
            assert await bench.board.read_inputs(Priority.RELEASE) == 1 & self.every(bench)
            if bench.board.shape.locks:
                await bench.board.pulse(1)
                assert len(bench.rig.pulses()) == 1
            bench.rig.silence()
            with pytest.raises(DeviceSilent):
                await bench.board.verify()

    async def test_without_an_echo_none_is_assumed(self) -> None:
        async with self.bench() as bench:
            await bench.board.verify()
            assert bench.line.echoing is False

    def every(self, bench: Bench) -> int:
        """All inputs of the board as a mask."""
        return (1 << bench.board.shape.inputs) - 1
