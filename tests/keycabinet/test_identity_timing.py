"""Identification and its timing: nothing waits for a mute reader, and events of one slot stay in order."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from keycabinet.errors import DeviceSilent
from keycabinet.fobs import Fob
from keycabinet.identity import FobField, Identifier
from keycabinet.model import (
    BoardLost,
    BoardRecovered,
    CabinetEvent,
    FobsChanged,
    Presence,
    PresenceChanged,
    Proof,
    Sighting,
)

ONE, TWO, THREE = (Fob.parse(f"em:0000000{n}") for n in (1, 2, 3))


@dataclass
class Reader:
    """A reader whose answers are given; `takes_s` is how long it needs."""

    name: str = "A/r"
    fobs: tuple[Fob, ...] = ()
    mute: bool = False
    takes_s: float = 0.05
    reads: int = 0
    misses: list[int] = field(default_factory=list)

    async def verify(self) -> str:
        return "here"

    async def read(self, priority: int) -> tuple[Fob, ...]:
        self.reads += 1
        number = self.reads
        await asyncio.sleep(self.takes_s)
        if self.mute:
            raise DeviceSilent(self.name, "no reply", sent=True)
        return () if number in self.misses else self.fobs


def identifier(*readers: tuple[Reader, int | None]) -> tuple[Identifier, list[CabinetEvent]]:
    told: list[CabinetEvent] = []
    fields = [FobField(reader, f"r{slot}", slot) for reader, slot in readers]
    return Identifier("A", fields, told.append, reread_s=10.0), told


def moved(slot: int, presence: Presence) -> PresenceChanged:
    other = Presence.ABSENT if presence is Presence.PRESENT else Presence.PRESENT
    return PresenceChanged("A", slot, presence, other, Proof.PROVED, asyncio.get_running_loop().time())


async def test_a_set_that_left_again_before_it_was_known_is_told_in_order() -> None:
    reader = Reader(takes_s=1.0, fobs=(ONE,))
    under, told = identifier((reader, 1))
    under.told(moved(1, Presence.PRESENT))
    await asyncio.sleep(0.1)
    under.told(moved(1, Presence.ABSENT))
    assert [event.presence for event in told if isinstance(event, PresenceChanged)] == ["present", "absent"]
    await under.close()
    assert len(told) == 2


async def test_a_slot_without_a_reader_is_told_at_once() -> None:
    under, told = identifier((Reader(), 1))
    under.told(moved(2, Presence.PRESENT))
    assert len(told) == 1
    await under.close()


async def test_a_mute_reader_is_told_lost_once_and_presence_all_the_same() -> None:
    reader = Reader(mute=True)
    under, told = identifier((reader, 1))
    await under.open()
    under.start()
    under.told(moved(1, Presence.PRESENT))
    await asyncio.sleep(25)
    (present,) = (event for event in told if isinstance(event, PresenceChanged))
    assert present.sighting is None
    assert [type(event) for event in told].count(BoardLost) == 1
    assert under.sighting(1) is None
    reader.mute, reader.fobs = False, (ONE,)
    await asyncio.sleep(25)
    assert any(isinstance(event, BoardRecovered) for event in told)
    assert any(isinstance(event, FobsChanged) and event.fobs == (ONE,) for event in told)
    assert under.sighting(1) == Sighting((ONE,), Proof.PROVED)
    await under.close()


async def test_one_missed_read_is_no_news() -> None:
    reader = Reader(fobs=(ONE,))
    under, told = identifier((reader, 1))
    await under.open()
    reader.misses = [reader.reads + 1, reader.reads + 2]
    under.start()
    await asyncio.sleep(60)
    assert told == []
    await under.close()


async def test_a_swinging_fob_is_read_again() -> None:
    reader = Reader(fobs=(ONE,), misses=[1])
    under, told = identifier((reader, 1))
    under.told(moved(1, Presence.PRESENT))
    await asyncio.sleep(2)
    (present,) = told
    assert isinstance(present, PresenceChanged)
    assert present.sighting == Sighting((ONE,), Proof.PROVED)
    await under.close()


async def test_two_slots_filled_together_are_not_guessed_at() -> None:
    reader = Reader(fobs=(ONE,))
    under, told = identifier((reader, None))
    await under.open()
    under.start()
    reader.fobs = (ONE, TWO, THREE)
    under.told(moved(1, Presence.PRESENT))
    await asyncio.sleep(0.05)
    under.told(moved(2, Presence.PRESENT))
    await asyncio.sleep(5)
    presences = [event for event in told if isinstance(event, PresenceChanged)]
    assert [event.sighting for event in presences] == [None, None]
    assert [event.fobs for event in told if isinstance(event, FobsChanged)] == [(ONE, TWO, THREE)]
    assert under.inventory == (ONE, TWO, THREE)
    await under.close()


async def test_one_slot_and_one_fob_more() -> None:
    reader = Reader(fobs=(ONE,))
    under, told = identifier((reader, None))
    await under.open()
    reader.fobs = (ONE, TWO)
    under.told(moved(5, Presence.PRESENT))
    await asyncio.sleep(2)
    (present,) = told
    assert isinstance(present, PresenceChanged)
    assert present.sighting == Sighting((TWO,), Proof.INFERRED)
    await under.close()
