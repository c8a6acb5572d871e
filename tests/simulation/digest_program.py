"""Plays the demo's morning in virtual time, in a process of its own, and prints its digest.

`book` or `world` as argument plants a reordering of two events there.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from lifecycle.ledger import Event, Ledger, Step
from simulator import demo, virtual_time
from simulator.station import SimulatedStation
from simulator.world import Change, World


class SwappingLedger(Ledger):
    """Records the events of every step of two the other way round."""

    async def commit(self, step: Step) -> tuple[Event, ...]:
        return await super().commit(replace(step, events=step.events[::-1]))


def swap_in(world: World) -> None:
    """Exchange two neighbouring entries of the world's log as they happen, times kept."""

    def watch(change: Change) -> None:
        if len(world.log) == 40:
            one, two = world.log[-2:]
            world.log[-2:] = [two._replace(at=one.at), one._replace(at=two.at)]

    world.subscribe(watch)


def main(planted: str | None) -> str:
    with tempfile.TemporaryDirectory() as folder:
        site = demo.example_site(Path(folder))
        station = SimulatedStation(site, seed=7)
        options = {"ledger": SwappingLedger.open} if planted == "book" else {}
        if planted == "world":
            swap_in(station.world)
        result = virtual_time.run(demo.play(site, "fast", lambda narration: None, station, **options))
        assert result.ok
        return hashlib.sha256(f"{result.ledger_head} {station.world.digest()}".encode()).hexdigest()


if __name__ == "__main__":
    print(main(sys.argv[1] if len(sys.argv) > 1 else None))  # noqa: T201 - the test reads it
