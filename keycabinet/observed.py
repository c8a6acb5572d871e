"""What a cabinet's inputs say of its slots and its door, and what changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

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


class Observed:
    """The last known state of every slot and of the door; `at` is loop time in seconds throughout."""

    def __init__(self, wiring: Wiring, inputs: Mapping[str, Debouncer], at: float) -> None:
        self._wiring = wiring
        self._inputs = inputs
        self._states = [
            SlotState(slot.slot, Presence.UNKNOWN, LatchState.UNKNOWN, at) for slot in wiring.slots
        ]
        self._slots: tuple[SlotState, ...] | None = None
        self.door = DoorState.UNKNOWN
        self.power = Power()
        self._power_boards = {wire.board for wire in (wiring.mains, wiring.battery_low) if wire is not None}
        self._by_board: dict[str, list[int]] = {}
        for index, slot in enumerate(wiring.slots):
            for board in dict.fromkeys(
                wire.board for wire in (slot.key, slot.compartment, slot.latch) if wire is not None
            ):
                self._by_board.setdefault(board, []).append(index)

    @property
    def slots(self) -> tuple[SlotState, ...]:
        """Every slot in rising order."""
        if self._slots is None:
            self._slots = tuple(self._states)
        return self._slots

    @property
    def open_or_unlocked(self) -> bool:
        """Whether something stands open, so that a key set may move at any moment."""
        return self.door is DoorState.OPEN or any(
            state.latch is LatchState.UNLOCKED for state in self._states
        )

    def _read(self, wire: Input | None, high: S, low: S, unknown: S, faulty: S) -> S:
        if wire is None:
            return unknown
        inputs = self._inputs[wire.board]
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
        changes = [self._update_slot(index, at) for index in self._by_board.get(board, ())]
        moved = [change for change in changes if change is not None]
        for change in sorted(moved, key=lambda each: each.presence is Presence.PRESENT):
            publish(change)  # what left is told before what came: it may be the same set
        contact = self._wiring.door_contact
        if contact is not None and contact.board == board:
            door = self._read(contact, DoorState.SHUT, DoorState.OPEN, DoorState.UNKNOWN, DoorState.UNKNOWN)
            if door is not self.door:
                self.door = door
                publish(DoorChanged(self._wiring.cabinet, door, at))
        if board in self._power_boards:
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

    def _update_slot(self, index: int, at: float) -> PresenceChanged | None:
        wiring, before = self._wiring.slots[index], self._states[index]
        presence, latch = self.presence(wiring), self.latch(wiring.latch)
        if (presence, latch) == (before.presence, before.latch):
            return None
        since = at if presence is not before.presence else before.since
        self._states[index] = SlotState(wiring.slot, presence, latch, since)
        self._slots = None
        if presence is before.presence:
            return None
        return PresenceChanged(self._wiring.cabinet, wiring.slot, presence, before.presence, wiring.proof, at)
