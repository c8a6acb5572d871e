"""A serial line with readers on it, timed as the wire is: bytes take their time in both directions."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Protocol

from keycabinet.fobs import Fob
from simulator.cabinets.log import Frame, FrameLog
from simulator.cabinets.wire import TURNAROUND_S, Wire

Field = Callable[[], Sequence[Fob]]
"""The fobs that lie in a reader's field now."""
Saying = tuple[float, bytes]
"""After how many seconds a reader says what."""

FORGET_S = 0.05
"""Silence after which a reader forgets a request that was cut."""


class ReaderDevice(Protocol):
    """A reader as the wire knows it."""

    powered: bool

    def hear(self, data: bytes) -> Iterable[Saying]:
        """Take bytes as they come; answer once a request is whole."""

    def forget(self) -> None:
        """Drop a request that was cut."""

    def talk(self) -> Saying | None:
        """After how many seconds it talks again, and what it says now; None for a reader that only answers."""


class ReaderWire(Wire):
    """The line. The host's end calls `transmit`; what it hears goes to `deliver`.

    It is heard byte by byte, for readers need no silence between frames.
    """

    def __init__(
        self,
        devices: Sequence[ReaderDevice],
        *,
        baudrate: int = 9600,
        bits_per_character: int = 10,
        byte_by_byte: bool = False,
        log: FrameLog | None = None,
    ) -> None:
        super().__init__(
            (), baudrate=baudrate, bits_per_character=bits_per_character, byte_by_byte=byte_by_byte, log=log
        )
        self.devices = list(devices)
        self._heard_at = -math.inf
        self._free_at = 0.0  # when the wire has carried what was said last
        self._timers: dict[asyncio.TimerHandle, None] = {}
        self._talking: dict[int, asyncio.TimerHandle] = {}
        for index, device in enumerate(self.devices):
            self._let_talk(index, device)

    def transmit(self, data: bytes) -> None:
        """Put the host's bytes on the wire."""
        if self.echoes and data:
            for told in self.echoes:
                told()
            self._later(len(data) * self.character_s, partial(self._hand_over, data))
        for garble in self.on_request:
            data = garble(data) or b""
        if data:
            self.log.add(Frame(self._loop.time(), True, data, "ok"))
            self._later(len(data) * self.character_s, lambda: self._arrive(data))

    def close(self) -> None:
        """Stop; what is on the wire is lost."""
        super().close()
        for timer in (*self._timers, *self._talking.values()):
            timer.cancel()
        self._timers.clear()
        self._talking.clear()

    def _arrive(self, data: bytes) -> None:
        now = self._loop.time()
        if now - self._heard_at > FORGET_S:
            for device in self.devices:
                device.forget()
        self._heard_at = now
        for device in self.devices:
            if device.powered:
                for delay_s, reply in device.hear(data):
                    self._later(delay_s + TURNAROUND_S, partial(self._speak, device, reply))

    def _let_talk(self, index: int, device: ReaderDevice) -> None:
        saying = device.talk()
        if saying is None:
            return
        again_s, words = saying
        if words:
            self._speak(device, words)
        self._talking[index] = self._loop.call_later(again_s, self._let_talk, index, device)

    def _speak(self, device: ReaderDevice, reply: bytes) -> None:
        heard: bytes | None = reply if device.powered else None
        for garble in self.on_reply:
            heard = None if heard is None else garble(heard)
        now = self._loop.time()
        if heard is None:
            if device.powered:
                self.log.add(Frame(now, False, reply, "lost"))
            return
        begins = max(now, self._free_at)
        self._free_at = begins + len(heard) * self.character_s
        self.log.add(Frame(begins, False, heard, "ok"))
        pieces = [heard[n : n + 1] for n in range(len(heard))] if self.byte_by_byte else [heard]
        arrived = 0
        for piece in pieces:
            arrived += len(piece)
            self._later(begins + arrived * self.character_s - now, partial(self._hand_over, piece))

    def _hand_over(self, data: bytes) -> None:
        self.deliver(data)

    def _later(self, delay_s: float, act: Callable[[], None]) -> None:
        def due() -> None:
            del self._timers[timer]
            act()

        timer = self._loop.call_later(delay_s, due)
        self._timers[timer] = None
