"""Which channel of which board serves which slot."""

from __future__ import annotations

from dataclasses import dataclass

from keycabinet.model import Proof, Sense


@dataclass(frozen=True, slots=True)
class Output:
    """A relay; channels count from 1, as printed on the board."""

    board: str
    channel: int


@dataclass(frozen=True, slots=True)
class Input:
    """A sensor input; channels count from 1; `inverted` when 1 means absent, unlocked or open."""

    board: str
    channel: int
    inverted: bool = False


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

    @property
    def proof(self) -> Proof:
        """How well this slot alone knows that a key set left or came home."""
        if self.key is not None:
            return Proof.PROVED
        return Proof.ASSUMED if self.latch is None and self.compartment is None else Proof.INFERRED


@dataclass(frozen=True, slots=True)
class Wiring:
    """A whole cabinet, slots in rising order."""

    cabinet: str
    slots: tuple[SlotWiring, ...]
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
