"""Which fobs hang on which set, and which badges are held where: what lies in which reader's field."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from keycabinet.fobs import Fob
from simulator.world import World


class Tags:
    """The fobs of every set. A fob may be stuck to a set, or come off, or stop answering, at any time."""

    def __init__(self, world: World, fobs: Mapping[str, Fob]) -> None:
        self._world = world
        self._on: dict[str, tuple[Fob, ...]] = {set_id: (fob,) for set_id, fob in fobs.items()}
        self._held: dict[str, tuple[Fob, ...]] = {}
        self.looks: dict[str, list[Callable[[], None]]] = {set_id: [] for set_id in fobs}
        """Who is told whenever a reader looks for the fobs on a set."""

    @property
    def sets(self) -> tuple[str, ...]:
        """The sets that have a fob, or had one at first."""
        return tuple(self.looks)

    def on(self, set_id: str) -> tuple[Fob, ...]:
        """The fobs on a set that answer."""
        return self._on.get(set_id, ())

    def replace(self, set_id: str, *fobs: Fob) -> None:
        """Put other fobs on a set; none for a ring whose fob broke."""
        self._on[set_id] = fobs

    def hold(self, cabinet: str, *badges: Fob) -> None:
        """Hold badges to the reader of a cabinet; none takes them away."""
        self._held[cabinet] = badges

    def held(self, cabinet: str) -> tuple[Fob, ...]:
        """What a badge reader of the cabinet has in its field."""
        return self._held.get(cabinet, ())

    def at(self, cabinet: str, slot: int) -> tuple[Fob, ...]:
        """What a reader at this slot has in its field."""
        set_id = self._world.hanging(cabinet, slot)
        if set_id is None:
            return ()
        for told in self.looks.get(set_id, ()):
            told()
        return self.on(set_id)

    def within(self, cabinet: str) -> tuple[Fob, ...]:
        """What a reader of the whole cabinet has in its field."""
        return tuple(fob for slot in self._world.slots(cabinet) for fob in self.at(cabinet, slot))
