"""How long a station takes to be well again once a fault is over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from simulator.faults import Injection, Layer, Moment
from simulator.invariants import Invariants, Violation
from simulator.process import StationProcess

LOOKING_EVERY_S, SOON_S = 0.25, 30.0
LOOKING_LATER_S = 2.0
PATIENCE_S = 600.0
ILL_MAKING = (
    Layer.SLOT, Layer.SENSOR, Layer.DOOR, Layer.POWER, Layer.BOARD, Layer.LINE, Layer.TCP, Layer.READER, Layer.PROCESS,
    Layer.DISK,
)  # fmt: skip
"""Layers whose faults can keep a station from working; radio, adapter and car are waited for by nobody."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """The station was not well when a fault of this kind ended, and was again `took_s` seconds later."""

    kind: str
    took_s: float


class Recoveries:
    """A listener of `Faults`. Counts a fault that was met, once everything that it could disturb is well again."""

    def __init__(
        self,
        process: StationProcess,
        invariants: Invariants,
        send: Callable[..., None],
    ) -> None:
        self._process = process
        self._invariants = invariants
        self._send = send
        self.recovered: list[Recovery] = []
        self.unharmed = 0
        """Faults after which the station was well at once: it had gone on all the time."""
        self.overtaken = 0
        """Faults after which the next one came before the station was well."""

    def moment(self, moment: Moment, injection: Injection) -> None:
        kind = injection.kind
        if moment is Moment.CLEARED and injection.met and kind.layer in ILL_MAKING and kind.part != "kill":
            self._send(self._recover(injection), f"recovers from {kind.name}")

    async def _recover(self, injection: Injection) -> None:
        loop = asyncio.get_running_loop()
        over = loop.time()
        calm = self._invariants.calm
        while not self._well():
            if loop.time() - max(over, calm.all_since()) > PATIENCE_S:
                text = f"not well {PATIENCE_S:g} s after the last fault was over ({injection}): {self._symptoms()}"
                self._invariants.violations.append(Violation("I8", loop.time(), text))
                return
            if loop.time() - over > PATIENCE_S:
                self.overtaken += 1
                return
            soon = loop.time() - over < SOON_S
            await asyncio.sleep(LOOKING_EVERY_S if soon else LOOKING_LATER_S)
        took_s = loop.time() - over
        if took_s:
            self.recovered.append(Recovery(injection.kind.name, took_s))
        else:
            self.unharmed += 1

    def _well(self) -> bool:
        process = self._process
        return process.running and process.pool.health().ok and not self._invariants.places.disagree

    def _symptoms(self) -> str:
        if not self._process.running:
            return "its program does not run"
        health = self._process.pool.health()
        slots = ", ".join(self._invariants.places.disagree)
        return (
            "; ".join((*health.problems, *([f"slots {slots}"] if slots else ())))
            or "it says that it is not ok"
        )
