"""What a board's inputs feel and its relays drive, and how a switch can lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from keycabinet.wiring import Input, Output, Wiring
from simulator.model import DOOR
from simulator.world import World

Reading = Callable[[], bool]
Lie = Callable[[bool, bool], bool]
"""From what is true (and whether the wiring inverts it) to the level that the board reads."""


class Feeler(StrEnum):
    """What a switch is there to feel."""

    KEY = "key"
    LATCH = "latch"
    CONTACT = "contact"  # of the cabinet's door, which is slot 0


@dataclass(frozen=True, slots=True)
class _Wired:
    readings: dict[int, Reading]
    channel: int
    truth: Reading
    inverted: bool


class Sensors:
    """Every switch of a station, by cabinet, what it feels, and slot."""

    def __init__(self) -> None:
        self._wired: dict[tuple[str, Feeler, int], _Wired] = {}

    def fitted(self, feeler: Feeler) -> tuple[tuple[str, int], ...]:
        """Return cabinet and slot of each switch of a kind, in the order of the description."""
        return tuple((cabinet, slot) for cabinet, kind, slot in self._wired if kind is feeler)

    def disturb(self, cabinet: str, feeler: Feeler, slot: int, lie: Lie) -> Callable[[], None]:
        """Let a switch lie until the returned function is called. KeyError where there is no such switch."""
        wired = self._wired[cabinet, feeler, slot]
        honest = wired.readings[wired.channel]
        wired.readings[wired.channel] = lambda: lie(wired.truth(), wired.inverted)

        def mend() -> None:
            wired.readings[wired.channel] = honest

        return mend

    def senses(self, world: World, wiring: Wiring, label: str) -> Callable[[int], bool]:
        """Return what reads an input: 1 for key present, latch locked, door shut, unless the wiring inverts it."""
        cabinet = wiring.cabinet
        readings: dict[int, Reading] = {}

        def connect(wire: Input | None, feeler: Feeler, slot: int, truth: Reading) -> None:
            if wire is not None and wire.board == label:
                readings[wire.channel] = (lambda: not truth()) if wire.inverted else truth
                self._wired[cabinet, feeler, slot] = _Wired(readings, wire.channel, truth, wire.inverted)

        for each in wiring.slots:
            slot = each.slot
            connect(each.key, Feeler.KEY, slot, lambda slot=slot: world.hanging(cabinet, slot) is not None)  # type: ignore[misc]
            connect(each.latch, Feeler.LATCH, slot, lambda slot=slot: not world.unlocked(cabinet, slot))  # type: ignore[misc]
        connect(wiring.door_contact, Feeler.CONTACT, DOOR, lambda: world.contact_shut(cabinet))
        return lambda channel: channel in readings and readings[channel]()


def switches(world: World, wiring: Wiring, label: str) -> Callable[[int, bool], None]:
    """Return what a relay of a board drives: a solenoid, a lamp, or nothing."""
    loads: dict[int, tuple[Callable[[str, int, bool], None], int]] = {}

    def connect(wire: Output | None, load: Callable[[str, int, bool], None], slot: int) -> None:
        if wire is not None and wire.board == label:
            loads[wire.channel] = (load, slot)

    for each in wiring.slots:
        connect(each.lock, world.energise, each.slot)
        connect(each.lamp, world.light, each.slot)
    connect(wiring.door_lock, world.energise, DOOR)

    def switched(channel: int, on: bool) -> None:
        if channel in loads:
            load, slot = loads[channel]
            load(wiring.cabinet, slot, on)

    return switched
