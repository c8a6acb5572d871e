"""People at simulated cabinets."""

from __future__ import annotations

import asyncio

from lifecycle.model import parse_slot_label
from simulator.world import Change, Door, World


class Person:
    """Does what is on the list, each thing as soon as door and bolt give way, whatever the station does."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._plan: list[tuple[str, ...]] = []
        self._world.subscribe(self._changed)

    def wants(self, *plan: tuple[str, ...]) -> None:
        """`("take", set)` and `("hang", set, slot)`, in this order."""
        self._plan = list(plan)
        self._act()

    def _changed(self, change: Change) -> None:
        if change.kind == "unlocked":
            asyncio.get_running_loop().call_soon(self._act)

    def _act(self) -> None:
        while self._plan and self._try(*self._plan[0]):
            del self._plan[0]

    def _try(self, what: str, key_set: str, label: str = "") -> bool:
        place = self._world.where(key_set)
        if what == "take":
            if place is None or not self._world.unlocked(*place) or not self._enter(place.cabinet):
                return False
            self._world.pull(key_set)
            return True
        cabinet, slot = parse_slot_label(label)
        if place is not None or not self._enter(cabinet):
            return False
        self._world.put(key_set, cabinet, slot)
        self._world.shut_door(cabinet)
        return True

    def _enter(self, cabinet: str) -> bool:
        """Pass the door if it gives way."""
        if self._world.door(cabinet) is Door.SHUT:
            self._world.open_door(cabinet)
        return self._world.door(cabinet) is Door.OPEN
