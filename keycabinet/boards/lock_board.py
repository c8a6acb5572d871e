"""A lock board with a protocol of its own: it pulses a lock by itself and feeds every latch back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

from keycabinet.boards.base import BoardIdentity, BoardShape
from keycabinet.errors import BoardRefused
from keycabinet.exchange import Device, Priority
from keycabinet.line import Line
from keycabinet.protocols.framing import Framing, Hunter, Question

T = TypeVar("T")
HURRIED_REST_S = 0.1
"""Between two questions when somebody waits for the answer, on boards whose polls rest longer."""


@dataclass(frozen=True, slots=True)
class Timing:
    """A lock board's times (s). What its documents do not say is a proposal; the site file can change it.

    `reply_s` until a state comes back, `unlock_s` until a pulse is answered (or until silence counts as an answer),
    `gap_s` the least silence between its frames and another board's, `rest_s` between two questions of a poll,
    `settle_s` between a pulse and the first reading back.
    """

    reply_s: float
    unlock_s: float
    gap_s: float
    rest_s: float
    settle_s: float = 0.0


class Dialect(Protocol):
    """What one kind of board is asked, and how; sans-IO."""

    @property
    def shape(self) -> BoardShape:
        """Its locks and inputs."""

    @property
    def framing(self) -> Framing:
        """How its frames are told from noise."""

    def states(self, device: str) -> Question[int]:
        """The question for all inputs as one mask, bit n-1 = input n."""

    def unlock(self, device: str, lock: int) -> Question[int]:
        """One pulse on one lock, counted from 1."""

    def pushed(self, frame: bytes) -> bool:
        """Whether a whole frame with a right check value tells unasked of a change on this board."""


class LockBoard:
    """A Board over a dialect. It neither tells which outputs are on nor leaves one on: only latches confirm."""

    def __init__(
        self,
        line: Line,
        dialect: Dialect,
        timing: Timing,
        pulse_s: float,
        label: str,
        address: int | None = None,
    ) -> None:
        """`address` is for errors that name it."""
        self.name = label
        self.shape = dialect.shape
        self.pulse_s = pulse_s
        self.line = line
        self._dialect = dialect
        self._timing = timing
        self._device = Device(label, reply_timeout_s=timing.reply_s, gap_s=timing.gap_s, address=address)
        self._states = dialect.states(label)
        self._loop = asyncio.get_running_loop()
        self._asked_at = self._pulsed_at = self._loop.time() - timing.rest_s - timing.settle_s
        self._changed: Callable[[], None] = lambda: None

    @property
    def silences(self) -> int:
        """How many requests in a row went unanswered."""
        return self._device.silences

    async def verify(self) -> BoardIdentity:
        """Read all states once. UnsupportedBoard when they come in another length than the settings say."""
        await self._ask(self._states, Priority.COMMAND)
        return BoardIdentity(None)

    async def read_inputs(self, priority: Priority) -> int:
        """All latches, and above them the item sensors where there are any; polls keep the board's own pace."""
        rest_s = (
            self._timing.rest_s if priority >= Priority.POLL else min(self._timing.rest_s, HURRIED_REST_S)
        )
        calm_at = max(self._pulsed_at + self._timing.settle_s, self._asked_at + rest_s)
        wait = calm_at - self._loop.time()
        if wait > 0:
            await asyncio.sleep(wait)
        self._asked_at = self._loop.time()
        return await self._ask(self._states, priority)

    async def read_outputs(self, priority: Priority) -> int:
        """No such board tells which outputs are on: BoardRefused."""
        raise BoardRefused(self.name, "it does not tell which of its outputs are on; wire its latches")

    async def pulse(self, channel: int) -> None:
        """One pulse, asked for once. What is answered is no proof; DeviceRefused when the board says no."""
        if not 1 <= channel <= self.shape.outputs:
            raise ValueError(f"{self.name} has output channels 1 to {self.shape.outputs}, not {channel}")
        question = self._dialect.unlock(self.name, channel)
        try:
            await self._ask(question, Priority.RELEASE, self._timing.unlock_s)
        finally:
            self._pulsed_at = self._loop.time()

    async def switch(self, channel: int, on: bool) -> None:
        """No output of such a board may be left on: a lock's coil burns. BoardRefused."""
        raise BoardRefused(
            self.name, "its outputs drive locks and cannot be left on; wire lamps to a relay board"
        )

    def notify(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever the board says unasked that something did."""
        self._changed = changed
        hunter = Hunter(self._dialect.framing)
        self.line.listen(lambda data: self._heard(hunter.feed(data)))

    def _heard(self, frames: Iterator[bytes]) -> None:
        for frame in frames:
            if self._dialect.pushed(frame):
                self.line.stats.pushed_frames += 1
                self._changed()

    async def _ask(self, question: Question[T], priority: int, timeout_s: float | None = None) -> T:
        reader = question.reader()
        try:
            return await self.line.submit(
                self._device, question.request, reader, priority, timeout_s=timeout_s
            )
        finally:
            if reader.unasked:
                self.line.stats.pushed_frames += reader.unasked
                self._changed()
