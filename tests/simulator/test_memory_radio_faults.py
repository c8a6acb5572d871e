"""What goes wrong on the radio in memory: who is told, and what the terminal makes of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from standing_car import StandingCar

from simulator.terminals import MemoryRadio
from simulator.terminals.memory_radio import DISCOVERY_INTERVALS, INTERVAL_S, OnAir
from vehicle import Terminal, TerminalConfig, open_terminal
from vehicle.errors import ConnectFailed, ConnectionDropped, OutOfRange

ADDRESS = "F0:F1:F2:F3:F4:F5"


@dataclass
class Told:
    times: int = 0

    def __call__(self) -> None:
        self.times += 1


def one_car() -> tuple[Terminal, OnAir, StandingCar]:
    car, radio = StandingCar(), MemoryRadio()
    radio.add(car, ADDRESS.lower())
    terminal = open_terminal(TerminalConfig(kind="obd", address=ADDRESS), radio, name="P-112")
    return terminal, radio.on_air(ADDRESS), car


async def test_nothing_wrong_nothing_told() -> None:
    terminal, on_air, car = one_car()
    asked = Told()
    on_air.asked.append(asked)
    assert (await terminal.read_telemetry()).vin.value == car.vin
    assert (asked.times, on_air.connections, on_air.link) == (1, 1, None)


@pytest.mark.parametrize("hook", ["unheard", "taken"])
async def test_what_is_not_heard_is_out_of_range(hook: str) -> None:
    terminal, on_air, car = one_car()
    told = Told()
    getattr(on_air, hook).append(told)
    with pytest.raises(OutOfRange):
        await terminal.read_telemetry()
    assert told.times > 0
    getattr(on_air, hook).clear()
    assert (await terminal.read_telemetry()).vin.value == car.vin


async def test_one_central_at_a_time() -> None:
    radio = MemoryRadio()
    radio.add(StandingCar(), ADDRESS)
    link = await radio.connect("one", ADDRESS, find_s=5, connect_s=5)
    with pytest.raises(OutOfRange):
        await radio.connect("two", ADDRESS, find_s=5, connect_s=5)
    await link.close()
    await (await radio.connect("two", ADDRESS, find_s=5, connect_s=5)).close()
    with pytest.raises(ValueError, match="taken"):
        radio.add(StandingCar(), ADDRESS)
    with pytest.raises(KeyError):
        radio.on_air("F0:00:00:00:00:00")


async def test_seldom_advertisements_are_waited_for() -> None:
    terminal, on_air, car = one_car()
    on_air.slow_advertising.append(lambda: 4.0)
    loop = asyncio.get_running_loop()
    waits = []
    for _ in range(4):
        before = loop.time()
        link = await _radio(terminal).connect("P-112", ADDRESS, find_s=5, connect_s=5)
        waits.append(loop.time() - before)
        await link.close()
    assert max(waits) == pytest.approx(4.0)
    on_air.slow_advertising.append(lambda: 400.0)
    with pytest.raises(OutOfRange):
        await terminal.read_telemetry()
    on_air.slow_advertising.clear()
    assert (await terminal.read_telemetry()).vin.value == car.vin


async def test_a_slow_link_takes_longer_and_then_too_long() -> None:
    terminal, on_air, car = one_car()
    loop = asyncio.get_running_loop()
    took = []
    for interval in (INTERVAL_S, 0.3):
        on_air.slow_link[:] = [lambda interval=interval: interval]  # type: ignore[misc]
        before = loop.time()
        assert (await terminal.read_telemetry()).vin.value == car.vin
        took.append(loop.time() - before)
    assert took[1] > 1.5 * took[0]
    on_air.slow_link[:] = [lambda: 21.0 / DISCOVERY_INTERVALS]
    with pytest.raises(ConnectFailed, match="not within 20 s"):
        await terminal.read_telemetry()
    assert on_air.link is None


async def test_a_connection_that_breaks_in_the_middle_of_a_write() -> None:
    terminal, on_air, car = one_car()
    writes = 0

    def third() -> bool:
        nonlocal writes
        writes += 1
        return writes == 3

    on_air.drops.append(third)
    with pytest.raises(ConnectionDropped):
        await terminal.read_telemetry()
    assert on_air.link is None
    assert (await terminal.read_telemetry()).vin.value == car.vin


async def test_the_host_hangs_up_on_everybody() -> None:
    radio = MemoryRadio()
    radio.add(StandingCar(), ADDRESS)
    lost = Told()
    link = await radio.connect("P-112", ADDRESS, find_s=5, connect_s=5)
    await link.subscribe(link.profiles[0], lambda _data: None, lost)
    radio.hang_up()
    assert lost.times == 1
    with pytest.raises(ConnectionDropped):
        await link.write(b"ATI\r")
    await link.close()
    await radio.close()


def _radio(terminal: Terminal) -> MemoryRadio:
    radio = terminal._radio  # type: ignore[attr-defined]
    assert isinstance(radio, MemoryRadio)
    return radio
