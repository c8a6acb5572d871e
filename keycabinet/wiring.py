"""Which channel of which board serves which slot."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar, overload

from keycabinet.model import Proof, Sense


@dataclass(frozen=True, slots=True)
class Output:
    """A relay; channels count from 1, as printed on the board."""

    board: str
    channel: int

    def moved(self, by: int) -> Output:
        """So many channels further."""
        return Output(self.board, self.channel + by)


@dataclass(frozen=True, slots=True)
class Input:
    """A sensor input; channels count from 1; `inverted` when 1 means absent, unlocked or open."""

    board: str
    channel: int
    inverted: bool = False

    def moved(self, by: int) -> Input:
        """So many channels further."""
        return Input(self.board, self.channel + by, self.inverted)


W = TypeVar("W", Input, Output)


@dataclass(frozen=True, slots=True)
class SlotWiring:
    """One slot's lock, sensors and lamp, possibly on different boards."""

    slot: int
    lock: Output | None = None
    key: Input | None = None
    latch: Input | None = None
    lamp: Output | None = None
    compartment: Input | None = None

    @property
    def presence(self) -> Input | None:
        """The input that tells whether something is there: the key's own, else the compartment's."""
        return self.key or self.compartment

    def senses_on(self, board: str) -> bool:
        """Whether an input of this board tells something about the slot."""
        return any(
            wire is not None and wire.board == board for wire in (self.key, self.compartment, self.latch)
        )

    @property
    def proof(self) -> Proof:
        """How well this slot alone knows that a key set left or came home."""
        if self.key is not None:
            return Proof.PROVED
        return Proof.ASSUMED if self.latch is None and self.compartment is None else Proof.INFERRED


_Runs = tuple[tuple[int, int, W], ...]
"""Where a run of slots on following channels begins, how many slots it has, and the wire of the first."""


def _runs(wires: Iterable[W | None]) -> _Runs[W]:
    runs: list[tuple[int, int, W]] = []
    for index, wire in enumerate(wires):
        if wire is None:
            continue
        if runs:
            first, count, begin = runs[-1]
            if index == first + count and wire == begin.moved(count):
                runs[-1] = (first, count + 1, begin)
                continue
        runs.append((index, 1, wire))
    return tuple(runs)


def _at(runs: _Runs[W], index: int) -> W | None:
    for first, count, wire in runs:
        if 0 <= index - first < count:
            return wire.moved(index - first)
    return None


class SlotTable(Sequence[SlotWiring]):
    """Slots in rising order, kept as runs: a cabinet has many and looks at few. Each is made when it is asked for."""

    __slots__ = ("_compartment", "_key", "_lamp", "_latch", "_lock", "_numbers")

    def __init__(self, slots: Sequence[SlotWiring]) -> None:
        numbers = [slot.slot for slot in slots]
        unbroken = range(numbers[0], numbers[0] + len(numbers)) if numbers else range(0)
        self._numbers: Sequence[int] = unbroken if list(unbroken) == numbers else tuple(numbers)
        self._lock = _runs(slot.lock for slot in slots)
        self._key = _runs(slot.key for slot in slots)
        self._latch = _runs(slot.latch for slot in slots)
        self._lamp = _runs(slot.lamp for slot in slots)
        self._compartment = _runs(slot.compartment for slot in slots)

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> SlotWiring: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[SlotWiring, ...]: ...
    def __getitem__(self, index: int | slice) -> SlotWiring | tuple[SlotWiring, ...]:
        if isinstance(index, slice):
            return tuple(self[each] for each in range(*index.indices(len(self))))
        number = self._numbers[index]  # IndexError ends an iteration
        index %= len(self)
        return SlotWiring(
            number,
            _at(self._lock, index),
            _at(self._key, index),
            _at(self._latch, index),
            _at(self._lamp, index),
            _at(self._compartment, index),
        )

    def numbered(self, slot: int) -> SlotWiring:
        """The slot of that number; KeyError when there is none."""
        index = bisect_left(self._numbers, slot)
        if index == len(self) or self._numbers[index] != slot:
            raise KeyError(slot)
        return self[index]


@dataclass(frozen=True, slots=True)
class Wiring:
    """A whole cabinet, slots in rising order."""

    cabinet: str
    slots: Sequence[SlotWiring]
    door_lock: Output | None
    door_contact: Input | None
    senses: tuple[Sense, ...]
    mains: Input | None = None
    battery_low: Input | None = None
    buzzer: Output | None = None

    @property
    def tells_presence(self) -> bool:
        """Whether any sensor says that a key set is there; a latch alone does not."""
        return any(sense in self.senses for sense in (Sense.KEY, Sense.FOB, Sense.COMPARTMENT))

    @property
    def proof(self) -> Proof:
        """The best proof that this wiring can give of a key set leaving or coming home."""
        if Sense.KEY in self.senses or Sense.FOB in self.senses:
            return Proof.PROVED
        return Proof.INFERRED if self.senses else Proof.ASSUMED
