"""Which set is it: asks readers when something appeared in a slot, and watches that fobs stay where they were read.

A reader of the slot proves which fob hangs there. A reader of the whole cabinet lets it be inferred, when its inventory
grew while one slot, and only one, was filled. Nothing waits for a reader that does not answer: presence is told all the
same, without a sighting.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from keycabinet.errors import KeyCabinetError
from keycabinet.exchange import Priority
from keycabinet.fobs import Fob
from keycabinet.line import Line
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
from keycabinet.readers.base import FobReader, build_reader, reader_kinds
from keycabinet.readers.config import ReaderConfig

log = logging.getLogger(__name__)

Fobs = tuple[Fob, ...]
READS = 3
"""How often a fob may be missed before it counts as gone: a set still swings when its switch has settled."""
READ_AGAIN_S = 0.2
TOGETHER_S = 0.1
"""How long after one slot was filled another may be, before the inventory is taken for both."""


class FobField:
    """The field of one reader: what was last found in it. `slot` is None for a whole cabinet."""

    def __init__(self, reader: FobReader, label: str, slot: int | None) -> None:
        self.reader = reader
        self.label = label
        self.slot = slot
        self.seen: Fobs = ()
        self.error: KeyCabinetError | None = None
        self.told_lost = False

    async def read(self, priority: int, expected: Fobs | None = None) -> Fobs | None:
        """What lies there now; what is `expected` (None: something) counts as missing once it was missed `READS` times.

        None: it does not answer, see `error`.
        """
        found: dict[Fob, None] = {}
        error: KeyCabinetError | None = None
        heard = False
        for reading in range(READS):
            if reading:
                await asyncio.sleep(READ_AGAIN_S)
            try:
                found.update(dict.fromkeys(await self.reader.read(priority)))
            except KeyCabinetError as failed:
                error = failed
                continue
            heard = True
            if found if expected is None else all(fob in found for fob in expected):
                break
        self.error = None if heard else error
        return tuple(sorted(found)) if heard else None


def build_fields(
    cabinet: str, readers: Sequence[ReaderConfig], lines: Mapping[str, Line]
) -> tuple[FobField, ...]:
    """Every reader of a cabinet, on its opened line."""
    kinds = reader_kinds()
    fields = []
    for config in readers:
        for slot, address in config.fields(kinds[config.kind]):
            label = config.label if slot is None else f"{config.label}.{slot}"
            reader = build_reader(lines[config.line], config, address, f"{cabinet}/{label}")
            fields.append(FobField(reader, label, slot))
    return tuple(fields)


class Identifier:
    """Stands between what a cabinet observed and who is told. Events of one slot stay in order."""

    __slots__ = (
        "_by_slot",
        "_cabinet",
        "_emptied",
        "_fields",
        "_filled",
        "_identifying",
        "_inferred",
        "_inventory",
        "_loop",
        "_publish",
        "_reread_s",
        "_task",
        "_whole",
    )

    def __init__(
        self,
        cabinet: str,
        fields: Sequence[FobField],
        publish: Callable[[CabinetEvent], None],
        *,
        reread_s: float,
    ) -> None:
        self._cabinet = cabinet
        self._fields = fields
        self._by_slot = {field.slot: field for field in fields if field.slot is not None}
        self._whole = next((field for field in fields if field.slot is None), None)
        self._publish = publish
        self._reread_s = reread_s
        self._loop = asyncio.get_running_loop()
        self._identifying: dict[int, tuple[PresenceChanged, asyncio.Task[None]]] = {}
        self._task: asyncio.Task[None] | None = None
        self._inventory = asyncio.Lock()
        self._filled: list[int] = []
        self._emptied = False
        self._inferred: dict[int, Sighting | None] = {}

    def sighting(self, slot: int) -> Sighting | None:
        """What the slot's own reader last found; None without one, or while it does not answer."""
        field = self._by_slot.get(slot)
        return None if field is None or field.error is not None else Sighting(field.seen, Proof.PROVED)

    @property
    def inventory(self) -> Fobs:
        """What the reader of the whole cabinet last found."""
        return () if self._whole is None else self._whole.seen

    async def open(self) -> None:
        """Read every field once; readers that do not answer are lost until they do."""
        await asyncio.gather(*(self._first(field) for field in self._fields))

    async def _first(self, field: FobField) -> None:
        field.seen = await field.read(Priority.COMMAND) or ()

    def start(self) -> None:
        """Begin to watch."""
        if self._fields:
            self._task = self._loop.create_task(self._supervise(), name=f"watch fobs {self._cabinet}")

    async def close(self) -> None:
        """End watching; whatever is being identified is told without."""
        tasks = [task for _, task in self._identifying.values()]
        for slot in list(self._identifying):
            self._give_up(slot)
        tasks += [] if self._task is None else [self._task]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def told(self, event: CabinetEvent) -> None:
        """Something was observed: pass it on, once it is known which fob it was if it came to where a reader looks."""
        if not isinstance(event, PresenceChanged):
            self._publish(event)
            return
        slot = event.slot
        self._give_up(slot)
        if event.presence is Presence.PRESENT and (slot in self._by_slot or self._whole is not None):
            task = self._loop.create_task(self._identify(event), name=f"identify {self._cabinet} {slot}")
            self._identifying[slot] = (event, task)
            return
        if event.presence is Presence.ABSENT:
            self._emptied = True
            if slot in self._by_slot:
                self._by_slot[slot].seen = ()
        self._publish(event)

    def _give_up(self, slot: int) -> None:
        """The slot changed again before its fob was known: tell what was observed first."""
        under_way = self._identifying.pop(slot, None)
        if under_way is not None:
            event, task = under_way
            task.cancel()
            self._filled = [each for each in self._filled if each != slot]
            self._inferred.pop(slot, None)
            self._publish(event)

    async def _identify(self, event: PresenceChanged) -> None:
        field = self._by_slot.get(event.slot)
        sighting: Sighting | None = None
        try:
            sighting = await (self._infer(event.slot) if field is None else self._prove(field))
        except Exception:
            log.exception("cabinet %s: slot %s could not be identified", self._cabinet, event.slot)
        del self._identifying[event.slot]
        self._publish(replace(event, sighting=sighting))

    async def _prove(self, field: FobField) -> Sighting | None:
        fobs = await field.read(Priority.COMMAND)
        self._tell_health(field)
        if fobs is None:
            return None
        field.seen = fobs
        return Sighting(fobs, Proof.PROVED)

    async def _infer(self, slot: int) -> Sighting | None:
        """What came to the inventory with this slot, if no other slot was filled meanwhile."""
        self._filled.append(slot)
        await asyncio.sleep(TOGETHER_S)
        async with self._inventory:
            if slot in self._filled:
                await self._take_inventory()
            return self._inferred.pop(slot, None)

    async def _take_inventory(self) -> None:
        whole = self._whole
        assert whole is not None
        emptied, self._emptied = self._emptied, False
        fobs = await whole.read(Priority.COMMAND)
        filled, self._filled = self._filled, []
        self._tell_health(whole)
        sighting = None
        if fobs is not None:
            came = tuple(fob for fob in fobs if fob not in whole.seen)
            if len(filled) == 1 and (came or not emptied):
                sighting = Sighting(came, Proof.INFERRED)
            elif came:
                self._differs(whole, tuple(sorted({*whole.seen, *came})))
            whole.seen = fobs if emptied else tuple(sorted({*whole.seen, *fobs}))
        self._inferred.update(dict.fromkeys(filled, sighting))

    # Watching

    async def _supervise(self) -> None:
        while True:
            try:
                await self._watch()
            except Exception:
                log.exception("cabinet %s: watching its fobs failed and is started again", self._cabinet)
                await asyncio.sleep(self._reread_s)

    async def _watch(self) -> None:
        while True:
            for field in self._fields:
                self._tell_health(field)
            await asyncio.sleep(self._reread_s)
            for field in self._fields:
                await self._look(field)

    async def _look(self, field: FobField) -> None:
        """Read one field again, unless it is just being identified."""
        if field.slot in self._identifying or (field.slot is None and self._identifying):
            return
        async with self._inventory:
            before = field.seen
            fobs = await field.read(Priority.POLL, before)
            busy = field.slot in self._identifying or (field.slot is None and bool(self._identifying))
            if busy or field.seen != before:
                return  # it moved meanwhile, and is told with that
            self._tell_health(field)
            if fobs is not None and fobs != before:
                self._differs(field, fobs)
                field.seen = fobs

    def _differs(self, field: FobField, fobs: Fobs) -> None:
        self._publish(FobsChanged(self._cabinet, field.slot, fobs, field.seen, self._loop.time()))

    def _tell_health(self, field: FobField) -> None:
        at = self._loop.time()
        if field.error is not None and not field.told_lost:
            self._publish(BoardLost(self._cabinet, field.label, str(field.error), at))
        elif field.error is None and field.told_lost:
            self._publish(BoardRecovered(self._cabinet, field.label, at))
        field.told_lost = field.error is not None
