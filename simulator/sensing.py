"""What a board's inputs feel and its relays drive, and how a switch can lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial

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
    COMPARTMENT = "compartment"
    CONTACT = "contact"  # of the cabinet's door, which is slot 0
    MAINS = "mains"  # at slot 0 too
    BATTERY_LOW = "battery low"


@dataclass(slots=True)
class _Wired:
    """A switch on an input. `honest` reads it; `lies` are laid over that, in their order."""

    readings: dict[int, Reading]
    channel: int
    truth: Reading
    honest: Reading
    inverted: bool
    lies: list[Lie] = field(default_factory=list)

    def level(self) -> bool:
        """What the board reads while there are lies."""
        felt, level = self.truth(), False
        for lie in self.lies:
            level = lie(felt, self.inverted)
            felt = level != self.inverted
        return level

    def follow(self) -> None:
        """Read honestly without lies, so that they cost nothing when there are none."""
        self.readings[self.channel] = self.level if self.lies else self.honest


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
        wired.lies.append(lie)
        wired.follow()

        def mend() -> None:
            wired.lies.remove(lie)
            wired.follow()

        return mend

    def senses(self, world: World, wiring: Wiring, label: str) -> Callable[[int], bool]:
        """Return what reads an input: 1 for key present, latch locked, door shut, unless the wiring inverts it."""
        cabinet = wiring.cabinet
        readings: dict[int, Reading] = {}

        def connect(wire: Input | None, feeler: Feeler, slot: int, truth: Reading) -> None:
            if wire is not None and wire.board == label:
                honest = (lambda: not truth()) if wire.inverted else truth
                readings[wire.channel] = honest
                wired = _Wired(readings, wire.channel, truth, honest, wire.inverted)
                self._wired[cabinet, feeler, slot] = wired

        for each in wiring.slots:
            slot = each.slot
            connect(each.key, Feeler.KEY, slot, lambda slot=slot: world.hanging(cabinet, slot) is not None)  # type: ignore[misc]
            hangs = partial(_hangs, world, cabinet, slot)
            connect(each.compartment, Feeler.COMPARTMENT, slot, hangs)
            connect(each.latch, Feeler.LATCH, slot, lambda slot=slot: not world.unlocked(cabinet, slot))  # type: ignore[misc]
        connect(wiring.door_contact, Feeler.CONTACT, DOOR, lambda: world.contact_shut(cabinet))
        connect(wiring.mains, Feeler.MAINS, DOOR, lambda: True)  # unless a fault takes them away
        connect(wiring.battery_low, Feeler.BATTERY_LOW, DOOR, lambda: False)
        return lambda channel: channel in readings and readings[channel]()


def _hangs(world: World, cabinet: str, slot: int) -> bool:
    return world.hanging(cabinet, slot) is not None


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
