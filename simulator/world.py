"""What is physically true: which set hangs where, which bolts are drawn, where the cars are. No asyncio.

Every change is appended to `World.log` (or, for long runs, only counted into the digest); `World.digest()` is equal for
two runs exactly when the same things happened at the same times in the same order.
"""

from __future__ import annotations

import hashlib
import heapq
import random
from collections.abc import Callable, Collection

from simulator.car_park import CarPark, fresh
from simulator.fittings import Cabinet, Lock
from simulator.model import DOOR, Bolt, Car, Change, Detail, Door, Hinge, Place, WorldError

__all__ = ["DOOR", "Bolt", "Car", "Change", "Door", "Hinge", "Place", "World", "WorldError"]

Listener = Callable[[Change], None]


class World(CarPark):
    """The physical truth about a station's cabinets, key sets and cars.

    `now` tells the time in seconds; it may be replaced before the first change. A solenoid draws its bolt
    after `least_pulse_s`; a bolt falls back when a set is put in, when a door is shut, or `relock_s` after
    the pulse if nobody made use of it.
    """

    def __init__(
        self,
        seed: int = 0,
        now: Callable[[], float] = lambda: 0.0,
        *,
        least_pulse_s: float = 0.1,
        relock_s: float = 10.0,
    ) -> None:
        super().__init__()
        self.seed = seed
        self.random = random.Random(seed)
        self.now = now
        self.least_pulse_s = least_pulse_s
        self.relock_s = relock_s
        self.log: list[Change] = []
        self._sha = hashlib.sha256(f"seed\t{seed}\n".encode())
        self._keeps_log = True
        self._cabinets: dict[str, Cabinet] = {}
        self._sets: dict[str, Place | None] = {}
        self._listeners: list[Listener] = []
        self._moves: list[tuple[float, int, Lock]] = []
        self._moves_made = 0

    # -- setting up

    def add_cabinet(
        self,
        name: str,
        slots: tuple[int, ...],
        *,
        boltless: Collection[int] = (),
        door: bool = False,
        door_lock: bool = False,
    ) -> None:
        """Add a cabinet. A slot in `boltless` is kept by the door alone; `door_lock` implies `door`."""
        fresh(name, self._cabinets)
        locks = {
            slot: Lock(Place(name, slot), slot not in boltless, unlocked=slot in boltless) for slot in slots
        }
        locks[DOOR] = Lock(Place(name, DOOR), door_lock, unlocked=not door_lock)
        has_door = door or door_lock
        self._cabinets[name] = Cabinet(locks, has_door, door_open=not has_door)
        self._happen("cabinet_added", name, len(slots))

    def add_set(self, set_id: str, cabinet: str | None = None, slot: int | None = None) -> None:
        """Add a key set, hanging in a slot or already out."""
        fresh(set_id, self._sets)
        if cabinet is None or slot is None:
            self._sets[set_id] = None
            self._happen("set_added", "", DOOR, set_id)
            return
        self._empty_slot(cabinet, slot).hanging[slot] = set_id
        self._sets[set_id] = Place(cabinet, slot)
        self._happen("set_added", cabinet, slot, set_id)

    # -- looking

    @property
    def sets(self) -> tuple[str, ...]:
        """Every key set, in the order in which they were added."""
        return tuple(self._sets)

    @property
    def cabinets(self) -> tuple[str, ...]:
        """Every cabinet, in the order in which they were added."""
        return tuple(self._cabinets)

    def slots(self, cabinet: str) -> tuple[int, ...]:
        """The slots of a cabinet."""
        return tuple(slot for slot in self._cabinet(cabinet).locks if slot != DOOR)

    def has_door(self, cabinet: str) -> bool:
        """Tell whether a cabinet has a door of its own."""
        return self._cabinet(cabinet).has_door

    def where(self, set_id: str) -> Place | None:
        """Return where a set hangs; None while somebody has it."""
        try:
            return self._sets[set_id]
        except KeyError:
            raise WorldError(f"there is no set {set_id!r}") from None

    def hanging(self, cabinet: str, slot: int) -> str | None:
        """Return the set that hangs in a slot."""
        self._lock(cabinet, slot)
        return self._cabinets[cabinet].hanging.get(slot)

    def unlocked(self, cabinet: str, slot: int) -> bool:
        """Tell whether a slot (or the door, slot 0) would give way now."""
        self.settle()
        return self._lock(cabinet, slot).unlocked

    def pulses(self, cabinet: str, slot: int) -> int:
        """Return how often the solenoid of a slot (or of the door, slot 0) was energised."""
        return self._lock(cabinet, slot).pulses

    def door(self, cabinet: str) -> Door:
        """Return how a cabinet's door stands; a cabinet without a door is always open."""
        self.settle()
        found = self._cabinet(cabinet)
        if found.door_open:
            return Door.OPEN
        return Door.SHUT if found.locks[DOOR].unlocked else Door.LOCKED

    def contact_shut(self, cabinet: str) -> bool:
        """Tell what a door's contact feels: a door that is ajar is not shut."""
        found = self._cabinet(cabinet)
        return not (found.door_open or found.ajar)

    def lamp(self, cabinet: str, slot: int) -> bool:
        """Tell whether the lamp at a slot is lit."""
        self._lock(cabinet, slot)
        return self._cabinets[cabinet].lamps.get(slot, False)

    # -- what boards do

    def energise(self, cabinet: str, slot: int, on: bool) -> None:
        """Switch the solenoid of a slot, or of the door (slot 0)."""
        self.settle()
        lock, now = self._lock(cabinet, slot), self.now()
        if on == (lock.energised_at is not None):
            return
        if on:
            lock.energised_at = now
            lock.pulses += 1
            lock.relock_at = None
            if lock.has_bolt and not lock.unlocked and lock.trouble is not Bolt.JAMMED:
                lock.unlock_at = self._schedule(lock, now + (lock.needs_s or self.least_pulse_s))
            self._happen("coil_on", cabinet, slot)
            if lock.trouble is not None:
                self._happen("bolt_stuck", cabinet, slot, lock.trouble.value)
            return
        lasted_ms = round((now - (lock.energised_at or 0.0)) * 1000)
        if lock.needs_s is not None and lock.unlock_at is not None:
            self._happen("bolt_stuck", cabinet, slot, "weak")
        lock.energised_at = lock.unlock_at = None
        if lock.has_bolt and lock.unlocked and self._would_fall(lock):
            lock.relock_at = self._schedule(lock, now + self.relock_s)
        self._happen("coil_off", cabinet, slot, lasted_ms)

    def light(self, cabinet: str, slot: int, on: bool) -> None:
        """Switch the lamp at a slot."""
        if on != self.lamp(cabinet, slot):
            self._cabinets[cabinet].lamps[slot] = on
            self._happen("lamp", cabinet, slot, int(on))

    # -- what people do

    def open_door(self, cabinet: str) -> None:
        """Open a door. Raises WorldError while it is locked, or open already."""
        state = self.door(cabinet)
        if state is not Door.SHUT:
            raise WorldError(f"the door of cabinet {cabinet} is {state}")
        self._open(cabinet, "door_opened")

    def force_door(self, cabinet: str) -> None:
        """Open a door with a tool, locked or not."""
        if self.door(cabinet) is Door.OPEN:
            raise WorldError(f"the door of cabinet {cabinet} is open")
        self._open(cabinet, "door_forced")

    def shut_door(self, cabinet: str) -> None:
        """Shut a door; its bolt falls unless the solenoid holds it, or the door only seems shut."""
        found = self._cabinet(cabinet)
        if not (found.has_door and (found.door_open or found.ajar)):
            raise WorldError(f"cabinet {cabinet} has no open door")
        self.settle()
        if found.hinge is Hinge.LEFT_OPEN:
            self._happen("door_left_open", cabinet)
            return
        found.door_open, found.ajar = False, found.hinge is Hinge.AJAR
        self._happen("door_ajar" if found.ajar else "door_shut", cabinet)
        if not found.ajar:
            self._fall(found.locks[DOOR])

    def pull(self, set_id: str) -> None:
        """Take a set out. Raises WorldError when it is out, its slot holds it, or a door is in the way."""
        self.settle()
        place = self._hanging_place(set_id)
        self._reach(place.cabinet)
        lock = self._lock(*place)
        if not lock.unlocked:
            if lock.trouble is not None or lock.needs_s is not None:
                self._happen("pull_failed", *place, set_id)
            raise WorldError(f"slot {place.slot} of cabinet {place.cabinet} holds set {set_id}")
        self._remove(set_id, place, "pulled")

    def override(self, set_id: str) -> None:
        """Take a set out with the mechanical override key, whatever the bolts and the door do."""
        self.settle()
        self._remove(set_id, self._hanging_place(set_id), "overridden")

    def put(self, set_id: str, cabinet: str, slot: int) -> None:
        """Hang a set up; the bolt falls. Raises WorldError when a door or another set is in the way."""
        self._reach(cabinet)
        self._hang(set_id, cabinet, slot, "put")

    def put_by_override(self, set_id: str, cabinet: str, slot: int) -> None:
        """Hang a set up with the mechanical override key, whatever the door does."""
        self._hang(set_id, cabinet, slot, "put_by_override")

    # -- what breaks

    def break_bolt(
        self, cabinet: str, slot: int, trouble: Bolt | None, *, needs_s: float | None = None
    ) -> None:
        """Let a bolt be jammed or welded, or need a longer pulse (`needs_s`); None and None mend it.

        Slot 0 is the door's bolt. Raises WorldError where there is no bolt.
        """
        self.settle()
        lock = self._lock(cabinet, slot)
        if not lock.has_bolt:
            raise WorldError(f"slot {slot} of cabinet {cabinet} has no bolt of its own")
        was_welded = lock.trouble is Bolt.WELDED
        lock.trouble, lock.needs_s = trouble, needs_s
        if trouble is Bolt.WELDED and not lock.unlocked:
            lock.unlocked, lock.unlock_at = True, None
            self._happen("unlocked", *lock.place)
        elif was_welded and self._would_fall(lock):
            self._fall(lock)

    def break_hinge(self, cabinet: str, hinge: Hinge | None) -> None:
        """Let a door not shut when it is shut the next time; None mends it and shuts it if that is why it stands so.

        Raises WorldError where there is no door.
        """
        found = self._cabinet(cabinet)
        if not found.has_door:
            raise WorldError(f"cabinet {cabinet} has no door")
        before, found.hinge = found.hinge, hinge
        if hinge is None and (found.ajar or (before is Hinge.LEFT_OPEN and found.door_open)):
            self.shut_door(cabinet)

    # -- time

    @property
    def due(self) -> float | None:
        """When something moves next by itself (s); whoever owns the clock calls `settle` then."""
        return self._moves[0][0] if self._moves else None

    def settle(self) -> None:
        """Let everything happen that is due by now, each at its own time."""
        now = self.now()
        while self._moves and self._moves[0][0] <= now:
            at, _, lock = heapq.heappop(self._moves)
            if at == lock.unlock_at:
                lock.unlock_at = None
                lock.unlocked = True
                self._happen("unlocked", *lock.place, at=at)
            elif at == lock.relock_at:
                lock.relock_at = None
                if lock.trouble is Bolt.WELDED:
                    self._happen("bolt_stuck", *lock.place, lock.trouble.value, at=at)
                    continue
                lock.unlocked = False
                self._happen("locked", *lock.place, at=at)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` after each change; return what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def note(self, kind: str, cabinet: str, *details: Detail) -> None:
        """Log something that happened to a cabinet beside sets and bolts, such as a board without supply."""
        self.settle()
        self._cabinet(cabinet)
        self._happen(kind, cabinet, *details)

    def note_fault(self, what: str, fault: str, target: str) -> None:
        """Log that a fault began ("injected") or ended ("cleared")."""
        self._happen(f"fault_{what}", fault, target)

    def digest(self) -> str:
        """Return the SHA-256 (hex) of the seed and the log."""
        sha = self._sha.copy()
        for change in self.log:
            sha.update(f"{change.line()}\n".encode())
        return sha.hexdigest()

    def forget_log(self) -> None:
        """Keep no log from now on, only its digest: what happens then takes no memory."""
        for change in self.log:
            self._sha.update(f"{change.line()}\n".encode())
        self.log.clear()
        self._keeps_log = False

    # -- inside

    def _happen(self, kind: str, *details: Detail, at: float | None = None) -> None:
        change = Change(self.now() if at is None else at, kind, details)
        if self._keeps_log:
            self.log.append(change)
        else:
            self._sha.update(f"{change.line()}\n".encode())
        for listener in tuple(self._listeners):
            listener(change)

    def _schedule(self, lock: Lock, at: float) -> float:
        self._moves_made += 1
        heapq.heappush(self._moves, (at, self._moves_made, lock))
        return at

    def _cabinet(self, name: str) -> Cabinet:
        try:
            return self._cabinets[name]
        except KeyError:
            raise WorldError(f"there is no cabinet {name!r}") from None

    def _lock(self, cabinet: str, slot: int) -> Lock:
        try:
            return self._cabinet(cabinet).locks[slot]
        except KeyError:
            raise WorldError(f"cabinet {cabinet} has no slot {slot}") from None

    def _empty_slot(self, cabinet: str, slot: int) -> Cabinet:
        held = self.hanging(cabinet, slot)
        if slot == DOOR or held is not None:
            raise WorldError(f"slot {slot} of cabinet {cabinet} holds {held or 'no sets'}")
        return self._cabinet(cabinet)

    def _hang(self, set_id: str, cabinet: str, slot: int, kind: str) -> None:
        self.settle()
        if self.where(set_id) is not None:
            raise WorldError(f"set {set_id} hangs in a cabinet already")
        found = self._empty_slot(cabinet, slot)
        found.hanging[slot] = set_id
        self._sets[set_id] = Place(cabinet, slot)
        self._happen(kind, cabinet, slot, set_id)
        self._fall(found.locks[slot])

    def _hanging_place(self, set_id: str) -> Place:
        place = self.where(set_id)
        if place is None:
            raise WorldError(f"set {set_id} hangs in no cabinet")
        return place

    def _reach(self, cabinet: str) -> None:
        if not self._cabinet(cabinet).door_open:
            raise WorldError(f"the door of cabinet {cabinet} is shut")

    def _open(self, cabinet: str, kind: str) -> None:
        found = self._cabinet(cabinet)
        found.door_open, found.ajar = True, False
        found.locks[DOOR].relock_at = None
        self._happen(kind, cabinet)

    def _remove(self, set_id: str, place: Place, kind: str) -> None:
        del self._cabinets[place.cabinet].hanging[place.slot]
        self._sets[set_id] = None
        self._lock(*place).relock_at = None
        self._happen(kind, *place, set_id)

    def _would_fall(self, lock: Lock) -> bool:
        """Tell whether a released bolt finds something to hold."""
        cabinet = self._cabinets[lock.place.cabinet]
        return not cabinet.door_open if lock.place.slot == DOOR else lock.place.slot in cabinet.hanging

    def _fall(self, lock: Lock) -> None:
        if lock.has_bolt and lock.unlocked and lock.energised_at is None:
            if lock.trouble is Bolt.WELDED:
                self._happen("bolt_stuck", *lock.place, lock.trouble.value)
                return
            lock.unlocked = False
            lock.relock_at = None
            self._happen("locked", *lock.place)
