"""What a cabinet's inputs say of its slots and its door, and what changed."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from keycabinet.debounce import Debouncer
from keycabinet.model import (
    CabinetEvent,
    DoorChanged,
    DoorState,
    LatchState,
    Mains,
    Power,
    PowerChanged,
    Presence,
    PresenceChanged,
    SlotState,
)
from keycabinet.wiring import Input, SlotWiring, Wiring

S = TypeVar("S", Presence, LatchState, DoorState, Mains, bool | None)
_PRESENCES, _LATCHES = tuple(Presence), tuple(LatchState)
_UNLOCKED = _LATCHES.index(LatchState.UNLOCKED)
"""States are kept as numbers, a byte each."""


class Watched(Protocol):
    """A board whose inputs have settled, or not."""

    @property
    def inputs(self) -> Debouncer:
        """Its inputs."""


class Observed:
    """The last known state of every slot and of the door; `at` is loop time in seconds throughout."""

    __slots__ = ("_boards", "_latches", "_presences", "_since", "_slots", "_wiring", "door", "power")

    def __init__(self, wiring: Wiring, boards: Mapping[str, Watched], at: float) -> None:
        self._wiring = wiring
        self._boards = boards
        count = len(wiring.slots)
        self._presences = bytearray([_PRESENCES.index(Presence.UNKNOWN)]) * count
        self._latches = bytearray([_LATCHES.index(LatchState.UNKNOWN)]) * count
        self._since = array("d", [at]) * count
        self._slots: tuple[SlotState, ...] | None = None
        self.door = DoorState.UNKNOWN
        self.power = Power()

    @property
    def slots(self) -> tuple[SlotState, ...]:
        """Every slot in rising order."""
        if self._slots is None:
            self._slots = tuple(
                self._state(index, slot.slot) for index, slot in enumerate(self._wiring.slots)
            )
        return self._slots

    @property
    def open_or_unlocked(self) -> bool:
        """Whether something stands open, so that a key set may move at any moment."""
        return self.door is DoorState.OPEN or _UNLOCKED in self._latches

    def _state(self, index: int, slot: int) -> SlotState:
        presence, latch = _PRESENCES[self._presences[index]], _LATCHES[self._latches[index]]
        return SlotState(slot, presence, latch, self._since[index])

    def _read(self, wire: Input | None, high: S, low: S, unknown: S, faulty: S) -> S:
        if wire is None:
            return unknown
        inputs = self._boards[wire.board].inputs
        bit = 1 << (wire.channel - 1)
        if inputs.faulty & bit:
            return faulty
        if not inputs.known & bit:
            return unknown
        return high if bool(inputs.value & bit) != wire.inverted else low

    def presence(self, slot: SlotWiring) -> Presence:
        """Whether a key set hangs there, or something is in the compartment."""
        return self._read(slot.presence, Presence.PRESENT, Presence.ABSENT, Presence.UNKNOWN, Presence.FAULT)

    def latch(self, wire: Input | None) -> LatchState:
        """How the bolt stands."""
        return self._read(
            wire, LatchState.LOCKED, LatchState.UNLOCKED, LatchState.UNKNOWN, LatchState.UNKNOWN
        )

    def update(self, board: str, at: float, publish: Callable[[CabinetEvent], None]) -> None:
        """Take over what `board`'s inputs say now, and publish each difference."""
        slots = enumerate(self._wiring.slots)
        changes = [self._update_slot(index, slot, at) for index, slot in slots if slot.senses_on(board)]
        moved = [change for change in changes if change is not None]
        for change in sorted(moved, key=lambda each: each.presence is Presence.PRESENT):
            publish(change)  # what left is told before what came: it may be the same set
        contact = self._wiring.door_contact
        if contact is not None and contact.board == board:
            door = self._read(contact, DoorState.SHUT, DoorState.OPEN, DoorState.UNKNOWN, DoorState.UNKNOWN)
            if door is not self.door:
                self.door = door
                publish(DoorChanged(self._wiring.cabinet, door, at))
        if any(
            wire is not None and wire.board == board
            for wire in (self._wiring.mains, self._wiring.battery_low)
        ):
            self._update_power(at, publish)

    def _update_power(self, at: float, publish: Callable[[CabinetEvent], None]) -> None:
        mains, low = self._wiring.mains, self._wiring.battery_low
        power = Power(
            self._read(mains, Mains.ON, Mains.LOST, Mains.UNKNOWN, Mains.UNKNOWN),
            self._read(low, True, False, None, None),
        )
        if power != self.power:
            previous, self.power = self.power, power
            publish(PowerChanged(self._wiring.cabinet, power, previous, at))

    def _update_slot(self, index: int, wiring: SlotWiring, at: float) -> PresenceChanged | None:
        before, latch_before = _PRESENCES[self._presences[index]], _LATCHES[self._latches[index]]
        presence, latch = self.presence(wiring), self.latch(wiring.latch)
        if (presence, latch) == (before, latch_before):
            return None
        self._presences[index], self._latches[index] = _PRESENCES.index(presence), _LATCHES.index(latch)
        self._slots = None
        if presence is before:
            return None
        self._since[index] = at
        return PresenceChanged(self._wiring.cabinet, wiring.slot, presence, before, wiring.proof, at)
