"""The station dies at every write to a link and every commit of a story, and the next one is told the story again.

Every command is sent again under its own id, as a client does that got no answer. The story must end as if nothing
had happened: book and world agree, the chain verifies, and no slot was pulsed more often than a release was intended.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from crash_rig import Point, Rig
from crash_site import FLASHES, make_site

from lifecycle import MotorPool
from lifecycle.custody import OPEN_RELEASES
from lifecycle.ledger import verify
from lifecycle.model import parse_slot_label
from lifecycle.station import ATTENDING_S

WHEN = {"write": ("before", "half"), "commit": ("before", "after")}
"""After a write is before the next one."""
DARK_S = (0.0, 0.15, 4.0, 300.0)
NEVER = frozenset(
    {"KeySetRemoved", "UnidentifiedSetAppeared", "UnbookedObjectRemoved", "OtherSetTaken", "ReleaseFailed"}
)


async def taken(rig: Rig, pool: MotorPool, name: str, ask: Callable[..., Awaitable[Any]]) -> str:
    """Ask until a set was taken: who got none in time asks again, under another id."""
    for attempt in count(1):
        trip = await ask(command_id=f"{name}-{attempt}")
        if pool.checkout(trip.id).state in OPEN_RELEASES:
            rig.person.wants(("take", trip.key_set))
        view = await pool.wait_checkout(trip.id, until="taken", within=90)
        if view.state in ("out", "returned"):
            return trip.id
        assert view.state == "lapsed", view
    raise AssertionError


async def home(rig: Rig, pool: MotorPool, trip: str, officer: str, label: str) -> None:
    """Badge, hang the set up, and wait until the book has it."""
    view = pool.checkout(trip)
    if view.state != "returned":
        rig.person.wants(("hang", view.key_set, label))
        await pool.identify(officer=officer, cabinet=parse_slot_label(label)[0])
        view = await pool.wait_checkout(trip, until="returned", within=30)
    if (
        view.state == "out"
    ):  # it was dark for so long that nobody can tell which set this is: asked, the officer says
        view = await pool.declare_return(trip, officer=officer, slot=label, command_id=f"hung-{trip}")
    assert (view.state, view.returned_to) == ("returned", label)


async def first_start(rig: Rig, pool: MotorPool) -> None:
    """The station is opened, and closed again."""


async def take(rig: Rig, pool: MotorPool) -> None:
    trip = await taken(rig, pool, "take", lambda **id_: pool.check_out(officer="b1", vehicle="P-1", **id_))
    assert pool.checkout(trip).holder == "o-1"


async def come_home(rig: Rig, pool: MotorPool) -> None:
    trip = next(each.id for each in pool.checkouts(open_only=False) if each.key_set == "k-1")
    await home(rig, pool, trip, "b1", "B-02")
    await pool.declare_return(trip, officer="b1", odometer_km=12.0, bay="3", command_id="declare")
    assert [each.key_set for each in pool.checkouts()] == ["k-2"]


async def hand_over(rig: Rig, pool: MotorPool) -> None:
    trip = next(each.id for each in pool.checkouts(open_only=False) if each.key_set == "k-1")
    if pool.checkout(trip).state == "out":
        await pool.hand_over(trip, to="b3", by="b1", command_id="hand")
    await home(rig, pool, trip, "b3", "A-07")
    assert pool.checkout(trip).holder == "o-3"


async def repair(rig: Rig, pool: MotorPool) -> None:
    defect = await pool.report_defect(
        "P-1", reporter="b1", code="brakes", severity="major", command_id="defect"
    )
    order = await pool.open_order("P-1", by="b1", workshop="garage", command_id="order")
    trip = await taken(rig, pool, "shop", lambda **id_: pool.hand_to_workshop(order.id, by="b2", **id_))
    await home(rig, pool, trip, "b2", "A-03")
    accepted = await pool.accept_repair(order.id, by="b1", command_id="accept")
    assert (accepted.state, accepted.defects) == ("accepted", (defect.id,))
    assert pool.vehicle("P-1").availability == "ready"


@dataclass(frozen=True, slots=True)
class Story:
    tell: Callable[[Rig, MotorPool], Awaitable[None]]
    begun: bool = True
    """Told at a station that was opened before; else at one that has no ledger yet, and its start counts."""
    out: tuple[str, ...] = ()
    """Sets that are out when it begins."""


STORIES = [
    Story(first_start, begun=False),
    Story(take),
    Story(come_home, out=("k-1", "k-2")),
    Story(hand_over, out=("k-1", "k-2")),
    Story(repair),
]


async def _ledger_for(story: Story, folder: Path) -> Path | None:
    """A ledger as it is when the story begins."""
    if not story.begun:
        return None
    make_site(folder)
    async with Rig.on(folder) as rig:

        async def before(pool: MotorPool) -> None:
            for key_set in story.out:
                wish = dict(officer=f"b{key_set[-1]}", vehicle=f"P-{key_set[-1]}")
                await taken(rig, pool, f"before-{key_set}", lambda **id_: pool.check_out(**wish, **id_))  # noqa: B023

        await rig.live(before)
        return rig.ledger


@dataclass(frozen=True, slots=True)
class Fate:
    """Where the first station dies, where the second does, and how long it is dark after each (s)."""

    first: Point | None = None
    second: Point | None = None
    dark_s: float = 0.0


def fates(counts: Counter[str]) -> list[Fate]:
    """Every point for the first station; the others' turn with it: a bolt still open, fallen back, the time over."""
    firsts = [
        Point(kind, when, n) for kind in WHEN for n in range(1, counts[kind] + 1) for when in WHEN[kind]
    ]
    return [
        Fate(first, Point("write" if number % 3 else "commit", "before", number % 11 + 1), DARK_S[number % 4])
        for number, first in enumerate(firsts)
    ]


async def _tell(story: Story, folder: Path, ledger: Path | None, fate: Fate) -> Counter[str]:
    """Tell the story to two stations that die, and to one that lives; returns what the first one did."""
    make_site(folder)
    if ledger is not None:
        shutil.copy(ledger, folder)
    async with Rig.on(folder) as rig:
        for key_set in story.out:
            rig.simulated.world.override(key_set)

        async def told(pool: MotorPool) -> None:
            await story.tell(rig, pool)

        counts = await rig.live(told, fate.first, from_start=not story.begun)
        await asyncio.sleep(fate.dark_s)
        if fate.second is not None:
            await rig.live(told, fate.second, from_start=True)
            await asyncio.sleep(fate.dark_s)

        async def last(pool: MotorPool) -> None:
            await story.tell(rig, pool)
            await _check(
                rig, pool, NEVER - ({"UnidentifiedSetAppeared"} if 2 * fate.dark_s > ATTENDING_S else set())
            )

        await rig.live(last)
        verify(rig.ledger)
        return counts


async def _check(rig: Rig, pool: MotorPool, never: frozenset[str]) -> None:
    world = rig.simulated.world
    booked = {each.id: each.slot for vehicle in pool.vehicles() for each in vehicle.key_sets}
    assert booked == {each: _label(world.where(each)) for each in world.sets}
    assert not [each for each in pool.checkouts() if each.state != "out"], "a release is still open"
    assert not pool.health().problems
    events = await pool.events_page(0, 10_000)
    told = Counter(event.kind for event in events)
    assert not never & set(told), told
    intended = Counter(event.ids["slot"] for event in events if event.kind == "ReleaseIntended")
    for label, (line, frame) in FLASHES.items():
        if not label.endswith("-00"):
            assert len(rig.simulated.logs[line].sent(frame)) <= intended[label], f"{label} was pulsed again"


def _label(place: tuple[str, int] | None) -> str | None:
    return None if place is None else f"{place[0]}-{place[1]:02d}"


@pytest.mark.parametrize("story", STORIES, ids=lambda each: each.tell.__name__)
async def test_the_station_dies_at_every_point(
    story: Story, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    ledger = await _ledger_for(story, tmp_path / "before")
    counts = await _tell(story, tmp_path / "whole", ledger, Fate())
    tried = fates(counts)
    for number, fate in enumerate(tried):
        try:
            await _tell(story, tmp_path / f"{number}", ledger, fate)
        except Exception as error:
            error.add_note(f"{story.tell.__name__}: {fate}")
            raise
    what = f"{counts['write']} writes before and half way, {counts['commit']} commits before and after"
    record_property("points", f"{story.tell.__name__}, in virtual time: died at {len(tried)} points ({what})")
