"""What breaks in the car park: radio, adapters, batteries, engines, and drivers who leave the lights on."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType

from simulator.faults.scene import Effect, Effects, Scene, Undo, hang, nothing, together
from simulator.model import Car
from simulator.terminals.elm327_device import Fault
from simulator.terminals.memory_radio import OnAir

HEX = re.compile(r"[0-9A-F]+")
CODES = (
    "P0101",
    "P0128",
    "P0171",
    "P0299",
    "P0301",
    "P0420",
    "P0442",
    "P0562",
    "P0700",
    "C0035",
    "B0012",
    "U0121",
)
DRAIN_EVERY_S = 600.0
EMPTY_V = 4.0


def _on_radio(hook: Callable[[Scene, OnAir], Undo]) -> Effect:
    def effect(scene: Scene) -> Undo:
        on_air = scene.on_air
        assert on_air is not None
        return hook(scene, on_air)

    return effect


def _breaks(scene: Scene, on_air: OnAir) -> Undo:
    often = scene.seconds(0.05, 0.5)

    def drop() -> bool:
        if not scene.happens(often):
            return False
        scene.meet()
        return True

    return hang(on_air.drops, drop)


def _slower(low_s: float, high_s: float, where: Callable[[OnAir], list[Callable[[], float]]]) -> Effect:
    def hook(scene: Scene, on_air: OnAir) -> Undo:
        interval_s = scene.seconds(low_s, high_s)

        def slow() -> float:
            scene.meet()
            return interval_s

        return hang(where(on_air), slow)

    return _on_radio(hook)


def _says(fault: Fault, often: float, *, to: Callable[[str], bool] = lambda _command: True) -> Effect:
    def effect(scene: Scene) -> Undo:
        def trouble(command: str) -> Fault | None:
            if not to(command) or not scene.happens(often):
                return None
            scene.meet()
            return fault

        return hang(scene.adapter.troubles, trouble)

    return effect


def _request(command: str) -> bool:
    return HEX.fullmatch(command) is not None


def _long_answer(command: str) -> bool:
    return command[:2] in ("03", "07", "09")


def _drains(low_v: float, high_v: float, leave: Callable[[Car, bool], Car] | None = None) -> Effect:
    """The battery loses so much every ten minutes until the car is driven; `leave` says what was left on or open."""

    def effect(scene: Scene) -> Undo:
        world, car = scene.world, scene.target
        loses_v = scene.seconds(low_v, high_v)

        def drain() -> None:
            truth = world.car(car)
            world.change_car(car, replace(truth, battery_v=round(max(EMPTY_V, truth.battery_v - loses_v), 3)))

        def left(is_so: bool) -> None:
            if leave is not None:
                world.change_car(car, leave(world.car(car), is_so))

        def driven() -> None:
            scene.meet()
            scene.end()

        left(True)
        return together(
            _every(DRAIN_EVERY_S, drain),
            scene.watch(("car_changed",), (car, "odometer_km"), driven),
            _when_asked(scene, scene.meet),
            lambda: left(False),
        )

    return effect


def _every(seconds: float, do: Callable[[], None]) -> Undo:
    loop = asyncio.get_running_loop()

    def tick() -> None:
        timers.append(loop.call_later(seconds, tick))
        del timers[:-1]
        do()

    def stop() -> None:
        timers[-1].cancel()

    timers = [loop.call_later(seconds, tick)]
    return stop


def _when_asked(scene: Scene, then: Callable[[], None]) -> Undo:
    """Call `then` when somebody looks for the car's terminal or reads from it."""
    on_air, terminals = scene.on_air, scene.site.terminals
    undo = hang(on_air.asked, then) if on_air is not None else nothing
    if terminals is None or scene.target not in terminals.adapters:
        return undo
    return together(undo, hang(scene.adapter.troubles, lambda _command: then()))


def _code(scene: Scene) -> Undo:
    world, car = scene.world, scene.target
    code, stored = scene.random.choice(CODES), scene.happens(0.7)

    def codes() -> tuple[str, ...]:
        truth = world.car(car)
        return truth.stored_dtcs if stored else truth.pending_dtcs

    def put(changed: tuple[str, ...]) -> None:
        truth = world.car(car)
        changes = replace(truth, stored_dtcs=changed) if stored else replace(truth, pending_dtcs=changed)
        world.change_car(car, changes)

    def read(command: str) -> None:
        if command == ("03" if stored else "07"):
            scene.meet()

    if code in codes():
        raise scene.impossible(f"{code} is there already")
    put((*codes(), code))
    terminals = scene.site.terminals
    told = nothing
    if terminals is not None and car in terminals.adapters:
        told = hang(scene.adapter.troubles, read)
    return together(told, lambda: put(tuple(each for each in codes() if each != code)))


EFFECTS: Effects = MappingProxyType(
    {
        "radio_out_of_range": _on_radio(lambda scene, on_air: hang(on_air.unheard, scene.meet)),
        "radio_drops_mid_write": _on_radio(_breaks),
        "radio_advertises_slowly": _slower(2.0, 20.0, lambda on_air: on_air.slow_advertising),
        "radio_connected_elsewhere": _on_radio(lambda scene, on_air: hang(on_air.taken, scene.meet)),
        "radio_link_slow": _slower(0.2, 2.5, lambda on_air: on_air.slow_link),
        "adapter_no_data": _says(Fault.NO_DATA, 0.6, to=_request),
        "adapter_stopped": _says(Fault.STOPPED, 0.4),
        "adapter_truncates": _says(Fault.TRUNCATED, 0.8, to=_long_answer),
        "adapter_silent": _says(Fault.SILENCE, 0.3),
        "adapter_garbage": _says(Fault.NOISE, 0.5, to=_request),
        "adapter_lv_reset": _says(Fault.LV_RESET, 0.15, to=lambda command: command != "ATZ"),
        "car_battery_drains": _drains(0.02, 0.3),
        "adapter_left_awake": _drains(0.05, 0.3),
        "lights_left_on": _drains(0.1, 0.6, lambda car, on: replace(car, lights_on=on)),
        "car_doors_left_open": _drains(0.02, 0.1, lambda car, on: replace(car, doors_open=on)),
        "dtc_appears": _code,
    }
)
