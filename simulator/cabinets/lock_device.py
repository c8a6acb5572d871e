"""What lock boards with protocols of their own have in common: coils that fall back by themselves, feedback, supply."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import ClassVar, NamedTuple


class Answer(NamedTuple):
    """A reply: how many seconds of work come before it, and what it will be then."""

    after_s: float
    frame: Callable[[], bytes]


Heard = Callable[[], Answer | None]
"""Acts on a request that was heard."""


class LockDevice:
    """One board. `sense` reads an input (locks first, item sensors after them) and `switched` hears of a coil.

    Faults hang in it as in a `RelayBoard`; an intercept sees the whole request and answers with a whole frame. `say` is
    the wire's: it carries what the board tells unasked, unless it goes `unheard`.
    """

    modes: ClassVar[tuple[int, ...]] = ()
    pushes: ClassVar[bool] = False

    def __init__(
        self,
        address: int,
        locks: int,
        *,
        sense: Callable[[int], bool] = lambda _channel: False,
        switched: Callable[[int, bool], None] = lambda _channel, _on: None,
        pulse_s: float = 0.3,
    ) -> None:
        self.address = address
        self.locks = locks
        self.sense = sense
        self.switched = switched
        self.pulse_s = pulse_s
        self.requests = 0
        self.cuts = 0
        self.intercepts: list[Callable[[bytes], bytes | None]] = []
        self.delays: list[Callable[[], float]] = []
        self.deaf: list[Callable[[float], bool]] = []
        self.say: Callable[[bytes], None] = lambda _frame: None
        self.unheard: list[Callable[[], None]] = []
        self._powered = True
        self._coils: dict[int, asyncio.TimerHandle] = {}

    @property
    def powered(self) -> bool:
        """Whether the board has supply."""
        return self._powered

    @powered.setter
    def powered(self, on: bool) -> None:
        if on == self._powered:
            return
        self._powered = on
        if on:
            self.look()
        else:
            for lock in tuple(self._coils):
                self._release(lock)

    @property
    def coils(self) -> tuple[int, ...]:
        """The locks whose coils are on, in the order in which they were energised."""
        return tuple(self._coils)

    def timer(self, lock: int) -> asyncio.TimerHandle | None:
        """What will let a coil fall back."""
        return self._coils.get(lock)

    def find(self, burst: bytes) -> Heard | None:
        """Find in a burst of bytes the request that is meant for this board."""
        raise NotImplementedError

    def said(self, frame: bytes) -> bool:
        """Whether a reply is this board's."""
        return frame[1:2] == bytes((self.address,))

    def look(self) -> None:
        """Notice changed inputs; boards that push tell of them."""

    def tell(self, frame: bytes) -> None:
        """Tell something unasked."""
        for told in self.unheard:
            told()
        if not self.unheard:
            self.say(frame)

    def answer(self, burst: bytes, heard: Heard) -> Answer | None:
        """Act on a request; None while the board has no supply, or is silent."""
        for intercept in self.intercepts:
            instead = intercept(burst)
            if instead is not None:
                self.requests += self._powered
                return Answer(0.0, partial(bytes, instead)) if instead and self._powered else None
        if not self._powered:
            return None
        self.requests += 1
        return heard()

    def pulse(self, lock: int, seconds: float | None = None) -> None:
        """Energise a coil; it falls back by itself."""
        running = self._coils.pop(lock, None)
        if running is not None:
            running.cancel()
        seconds = self.pulse_s if seconds is None else seconds
        self._coils[lock] = asyncio.get_running_loop().call_later(seconds, self._release, lock)
        if running is None:
            self.switched(lock, True)

    def _release(self, lock: int) -> None:
        timer = self._coils.pop(lock)
        timer.cancel()
        self.switched(lock, False)

    def bits(self, first: int, count: int) -> int:
        """So many inputs as a mask, bit 0 = input `first`."""
        return sum(1 << index for index in range(count) if self.sense(first + index))
