"""The hardware's process: simulated boards on a pty and a socket, and the people at the cabinets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from cabinet_people import Person
from crash_channel import Desk, Peer
from crash_site import FLASHES

from lifecycle import load_site
from lifecycle.model import slot_label
from simulator.station import SimulatedStation
from simulator.world import Change


class Hardware:
    """What the test can ask of the hardware's process."""

    def __init__(self, simulated: SimulatedStation) -> None:
        self._simulated = simulated
        self._world = simulated.world
        self._person = Person(simulated.world)
        self._energised = 0
        self._calm = asyncio.Event()
        self._calm.set()
        self._world.subscribe(self._changed)

    def _changed(self, change: Change) -> None:
        if change.kind in ("coil_on", "coil_off"):
            self._energised += 1 if change.kind == "coil_on" else -1
            (self._calm.clear if self._energised else self._calm.set)()

    def __call__(self, verb: str) -> Callable[..., Awaitable[Any]]:
        verbs: dict[str, Callable[..., Awaitable[Any]]] = {
            "wants": self.wants,
            "gone": self.gone,
            "truth": self.truth,
        }
        return verbs[verb]

    async def wants(self, *plan: tuple[str, ...]) -> None:
        self._person.wants(*plan)

    async def gone(self, *key_sets: str) -> None:
        """These sets left before the story begins."""
        for key_set in key_sets:
            self._world.override(key_set)

    async def truth(self) -> dict[str, Any]:
        """What is physically true, and what crossed the wires, once no solenoid is energised."""
        await self._calm.wait()
        self._world.settle()
        await asyncio.sleep(0)  # who waited for a bolt that fell free just now
        places = {each: self._world.where(each) for each in self._world.sets}
        return {
            "sets": {key: place and slot_label(*place) for key, place in places.items()},
            "pulses": {label: self._world.pulses(*_place(label)) for label in FLASHES},
            "flashes": {
                label: len(self._simulated.logs[line].sent(frame)) for label, (line, frame) in FLASHES.items()
            },
        }


def _place(label: str) -> tuple[str, int]:
    cabinet, slot = label.split("-")
    return cabinet, int(slot)


def hardware_process(pipe: Connection, folder: Path) -> None:
    """Answers with the lines' URLs once everything is up."""
    asyncio.run(_run(Desk(pipe), folder))


async def _run(desk: Desk, folder: Path) -> None:
    async with SimulatedStation(load_site(folder / "site.toml")).running("real") as simulated:
        hardware = Hardware(simulated)
        desk.answer(dict(simulated.urls))
        await desk.serve(hardware)


def start_hardware(folder: Path) -> tuple[Peer, dict[str, str]]:
    """The hardware in a process of its own, and where its lines are."""
    peer = Peer(hardware_process, folder)
    return peer, peer.hear()
