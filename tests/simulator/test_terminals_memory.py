"""The radio in memory says what the simulated air says, and lets any bytes through."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from standing_car import StandingCar

from simulator import virtual_time
from simulator.terminals import Bus, Elm327Device, Fault, MemoryRadio, TerminalPark
from vehicle import Reading, Telemetry, TerminalConfig, VehicleError, open_terminal
from vehicle.ble import Radio
from vehicle.errors import ConnectionDropped, OutOfRange

ADDRESS = "F0:F1:F2:F3:F4:F5"
CONFIG = TerminalConfig(kind="obd", address=ADDRESS)


@dataclass
class Car(StandingCar):
    fuel_percent: float | None = None
    stored_dtcs: tuple[str, ...] = ("P0301", "P0302")


def values(read: Telemetry) -> list[tuple[object, str | None, str]]:
    readings: list[Reading[object]] = [getattr(read, name) for name in Telemetry.__dataclass_fields__]
    return [(reading.value, reading.reason, reading.source) for reading in readings]


@pytest.mark.parametrize("bus", list(Bus))
@pytest.mark.parametrize("fault", [None, Fault.TRUNCATED, Fault.STOPPED, Fault.PENDING, Fault.SILENCE])
async def test_it_reads_what_the_air_reads(bus: Bus, fault: Fault | None) -> None:
    car = Car()
    park, memory = TerminalPark(), MemoryRadio()
    devices = [
        park.add(car, ADDRESS, adapter=Elm327Device(car, bus=bus)),
        memory.add(car, ADDRESS, adapter=Elm327Device(car, bus=bus)),
    ]
    if fault is not None:
        for device in devices:
            device.fail("0902", fault, 2)
    async with park:
        radio = Radio(park.client_backend, park.scanner_backend)
        on_air = await open_terminal(CONFIG, radio).read_telemetry()
        in_memory = await open_terminal(CONFIG, memory).read_telemetry()
        await radio.close()
    assert values(on_air) == values(in_memory)
    assert devices[0].commands == devices[1].commands


async def test_absent_and_leaving_cars() -> None:
    car, memory = Car(in_range=False), MemoryRadio()
    memory.add(car, ADDRESS)
    terminal = open_terminal(CONFIG, memory, name="P-112")
    loop = asyncio.get_running_loop()
    start = loop.time()
    with pytest.raises(OutOfRange):
        await terminal.read_telemetry()
    assert loop.time() - start == pytest.approx(5, abs=0.1)
    car.in_range = True
    reading = asyncio.create_task(terminal.read_telemetry())
    await asyncio.sleep(3)
    car.in_range = False
    with pytest.raises(ConnectionDropped):
        await reading
    car.in_range = True
    assert (await terminal.read_telemetry()).vin.value == car.vin


async def test_a_short_shadow_costs_no_value() -> None:
    car, memory = Car(), MemoryRadio()
    memory.add(car, ADDRESS)
    reading = asyncio.create_task(open_terminal(CONFIG, memory).read_telemetry())
    await asyncio.sleep(2.9)
    car.in_range = False
    await asyncio.sleep(0.5)
    car.in_range = True
    assert (await reading).vin.value == car.vin


async def test_an_unknown_address_is_out_of_range() -> None:
    with pytest.raises(OutOfRange):
        await open_terminal(CONFIG, MemoryRadio()).read_telemetry()


class Babbler(Elm327Device):
    """An adapter whose output passes through a mangler: bytes change, vanish and appear at given places."""

    def __init__(self, car: Car, changes: list[tuple[int, bytes]]) -> None:
        super().__init__(car)
        self._changes = changes
        self._said = 0

    def take(self, now: float) -> bytes:
        data = bytearray(super().take(now))
        for at, instead in self._changes:
            if self._said <= at < self._said + len(data):
                data[at - self._said : at - self._said + 1] = instead
        self._said += len(data)
        return bytes(data)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 1200), st.binary(max_size=3)), max_size=4), st.sampled_from([23, 247])
)
def test_mangled_bytes_end_in_telemetry_or_in_our_errors(changes: list[tuple[int, bytes]], mtu: int) -> None:
    async def visit() -> None:
        car, memory = Car(), MemoryRadio()
        memory.add(car, ADDRESS, mtu=mtu, adapter=Babbler(car, changes))
        try:
            async with asyncio.timeout(300):
                await open_terminal(CONFIG, memory).read_telemetry()
        except VehicleError:
            pass

    virtual_time.run(visit())
