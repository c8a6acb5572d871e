from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from simulator.world import DOOR, Car, Door, Place, World, WorldError


class Clock:
    """A hand-wound clock."""

    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(clock: Clock) -> World:
    world = World(1, clock)
    world.add_cabinet("A", (1, 2, 3))
    world.add_set("main", "A", 1)
    world.add_cabinet("B", (1,), boltless=(1,), door_lock=True)
    world.add_set("spare", "B", 1)
    return world


def pulse(world: World, clock: Clock, cabinet: str, slot: int, seconds: float = 0.2) -> None:
    world.energise(cabinet, slot, True)
    clock.time += seconds
    world.energise(cabinet, slot, False)


def test_a_held_set_cannot_be_pulled(world: World) -> None:
    with pytest.raises(WorldError, match="slot 1 of cabinet A holds set main"):
        world.pull("main")


def test_a_pulse_releases_a_set_once_it_is_long_enough(world: World, clock: Clock) -> None:
    world.energise("A", 1, True)
    clock.time = 0.099
    assert not world.unlocked("A", 1)
    clock.time = 0.1
    assert world.unlocked("A", 1)
    world.energise("A", 1, False)
    world.pull("main")
    assert world.where("main") is None
    assert world.hanging("A", 1) is None


def test_a_pulse_that_is_too_short_releases_nothing_and_is_counted(world: World, clock: Clock) -> None:
    pulse(world, clock, "A", 1, 0.05)
    clock.time = 5
    assert not world.unlocked("A", 1)
    assert world.pulses("A", 1) == 1
    assert world.log[-1].details == ("A", 1, 50)


def test_a_bolt_falls_back_when_nobody_takes_the_set(world: World, clock: Clock) -> None:
    pulse(world, clock, "A", 1)
    assert world.due == pytest.approx(10.2)
    clock.time = 60.0
    world.settle()
    assert not world.unlocked("A", 1)
    assert world.log[-1].kind == "locked"
    assert world.log[-1].at == pytest.approx(10.2)


def test_a_set_put_back_is_held_at_once(world: World, clock: Clock) -> None:
    pulse(world, clock, "A", 1)
    world.pull("main")
    clock.time = 500
    world.put("main", "A", 2)
    assert world.where("main") == Place("A", 2)
    with pytest.raises(WorldError):
        world.pull("main")
    assert world.unlocked("A", 1)  # an empty receptor keeps waiting


def test_two_sets_do_not_fit_in_one_slot(world: World) -> None:
    world.add_set("other")
    with pytest.raises(WorldError, match="holds main"):
        world.put("other", "A", 1)
    with pytest.raises(WorldError, match="hangs in a cabinet already"):
        world.put("main", "A", 2)
    with pytest.raises(WorldError, match="no slot 9"):
        world.put("other", "A", 9)
    with pytest.raises(WorldError):
        world.put("other", "A", DOOR)


def test_a_door_stands_between_a_hand_and_the_sets(world: World, clock: Clock) -> None:
    assert world.door("A") is Door.OPEN  # it has none
    assert world.door("B") is Door.LOCKED
    with pytest.raises(WorldError, match="is locked"):
        world.open_door("B")
    with pytest.raises(WorldError, match="is shut"):
        world.pull("spare")
    pulse(world, clock, "B", DOOR)
    assert world.door("B") is Door.SHUT
    world.open_door("B")
    world.pull("spare")
    world.put("spare", "B", 1)
    world.shut_door("B")
    assert world.door("B") is Door.LOCKED


def test_a_door_that_nobody_opens_locks_again(world: World, clock: Clock) -> None:
    pulse(world, clock, "B", DOOR)
    clock.time += 10
    assert world.door("B") is Door.LOCKED


def test_force_and_override_are_possible_and_logged(world: World) -> None:
    world.force_door("B")
    world.override("main")
    assert world.door("B") is Door.OPEN
    assert [change.kind for change in world.log[-2:]] == ["door_forced", "overridden"]


def test_a_solenoid_that_stays_on_holds_the_bolt(world: World, clock: Clock) -> None:
    world.energise("A", 1, True)
    clock.time = 100
    world.pull("main")
    world.put("main", "A", 1)
    assert world.unlocked("A", 1)
    world.energise("A", 1, False)
    clock.time = 111
    assert not world.unlocked("A", 1)


def test_lamps(world: World) -> None:
    world.light("A", 2, True)
    world.light("A", 2, True)
    assert world.lamp("A", 2)
    assert [change.kind for change in world.log].count("lamp") == 1


def test_driving_burns_fuel_and_counts_kilometres(world: World) -> None:
    world.add_car("P1", Car("LSVAA4182E2100001", odometer_km=1000.0, fuel_percent=50.0))
    world.drive("P1", 12.0)
    car = world.car("P1")
    assert (car.odometer_km, car.distance_since_clear_km, car.fuel_percent) == (1012.0, 12.0, 48.0)
    world.change_car("P1", replace(car, stored_dtcs=("P0301", "P0420")))
    assert world.log[-1].details == ("P1", "stored_dtcs", "P0301,P0420")
    with pytest.raises(WorldError):
        world.drive("P1", -1)
    with pytest.raises(WorldError):
        world.car("P9")


def test_listeners_hear_every_change_until_they_leave(world: World) -> None:
    heard: list[str] = []
    leave = world.subscribe(lambda change: heard.append(change.kind))
    world.light("A", 1, True)
    leave()
    world.light("A", 1, False)
    assert heard == ["lamp"]


def test_the_digest_tells_order_time_and_seed() -> None:
    def digest(*names: str, at: float = 0.0, seed: int = 1) -> str:
        world = World(seed, lambda: at)
        for name in names:
            world.add_set(name)
        return world.digest()

    same = digest("a", "b")
    assert same == digest("a", "b")
    assert len({same, digest("b", "a"), digest("a", "b", at=1.0), digest("a", "b", seed=2)}) == 4


def test_names_are_taken_once(world: World) -> None:
    for add in (
        lambda: world.add_set("main"),
        lambda: world.add_cabinet("A", (1,)),
        lambda: world.add_set("new", "A", 1),
    ):
        with pytest.raises(WorldError):
            add()


class Hands(RuleBasedStateMachine):
    """Whatever boards and hands do, each set is in one place and never leaves a bolt that holds it."""

    sets = ("s1", "s2", "s3")
    slots = (1, 2, 3, 4)

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.world = World(7, self.clock)
        self.world.add_cabinet("A", self.slots, door_lock=True)
        for slot, name in enumerate(self.sets, 1):
            self.world.add_set(name, "A", slot)
        self.drawn: dict[int, float] = {}

    @rule(seconds=st.floats(0.01, 20.0))
    def wait(self, seconds: float) -> None:
        self.clock.time += seconds

    @rule(slot=st.sampled_from((DOOR, *slots)), on=st.booleans())
    def energise(self, slot: int, on: bool) -> None:
        self.world.energise("A", slot, on)

    @rule(name=st.sampled_from(sets))
    def pull(self, name: str) -> None:
        place = self.world.where(name)
        possible = (
            place is not None and self.world.door("A") is Door.OPEN and self.world.unlocked("A", place.slot)
        )
        if possible:
            assert place is not None
            assert self.world.pulses("A", place.slot) > 0
            self.world.pull(name)
            assert self.world.where(name) is None
        else:
            with pytest.raises(WorldError):
                self.world.pull(name)

    @rule(name=st.sampled_from(sets), slot=st.sampled_from(slots))
    def put(self, name: str, slot: int) -> None:
        possible = (
            self.world.where(name) is None
            and self.world.hanging("A", slot) is None
            and self.world.door("A") is Door.OPEN
        )
        if possible:
            self.world.put(name, "A", slot)
            assert self.world.hanging("A", slot) == name
        else:
            with pytest.raises(WorldError):
                self.world.put(name, "A", slot)

    @precondition(lambda self: self.world.door("A") is Door.SHUT)
    @rule()
    def open_door(self) -> None:
        self.world.open_door("A")

    @precondition(lambda self: self.world.door("A") is Door.OPEN)
    @rule()
    def shut_door(self) -> None:
        self.world.shut_door("A")
        assert self.world.door("A") is not Door.OPEN

    @invariant()
    def one_place_each(self) -> None:
        for name in self.sets:
            place = self.world.where(name)
            hanging = [slot for slot in self.slots if self.world.hanging("A", slot) == name]
            assert hanging == ([] if place is None else [place.slot])

    @invariant()
    def the_log_is_in_order_of_time(self) -> None:
        times = [change.at for change in self.world.log]
        assert times == sorted(times)


TestHands = Hands.TestCase
TestHands.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_a_car_that_is_immobilised_runs_on_and_does_not_start() -> None:
    world = World()
    world.add_car("v-1", Car(vin="X", engine_on=True))
    world.change_car("v-1", replace(world.car("v-1"), restart_blocked=True))
    world.change_car("v-1", replace(world.car("v-1"), engine_on=False))
    with pytest.raises(WorldError, match="car v-1 does not start"):
        world.change_car("v-1", replace(world.car("v-1"), engine_on=True))
    world.change_car("v-1", replace(world.car("v-1"), restart_blocked=False))
    world.change_car("v-1", replace(world.car("v-1"), engine_on=True))
