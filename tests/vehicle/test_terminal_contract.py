"""What a terminal does over every radio: bumble's air, GATT in memory, and BlueZ on D-Bus with bleak's own backend."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from bluez_rig import QUICK, on_dbus
from standing_car import WornCar

from simulator.terminals import Bus, Elm327Device, Fault, MemoryRadio, TerminalPark
from vehicle import Telemetry, Terminal, TerminalConfig, VehicleError, open_terminal
from vehicle.ble import Radio
from vehicle.errors import AdapterReset, ConnectionDropped, NoData, NotAnAdapter, OutOfRange, UnableToConnect
from vehicle.gatt import PROFILES
from vehicle.link import RadioPort

ADDRESS = "F0:F1:F2:F3:F4:F5"
OTHER = "F0:F1:F2:F3:F4:F6"
ABSENT = "F0:F1:F2:F3:F4:F7"
RADIOS = [
    pytest.param("bumble"),
    pytest.param("memory"),
    pytest.param("dbus", marks=[pytest.mark.real_time, pytest.mark.peer]),
]


class Garage:
    """Cars whose terminals one radio hears."""

    def __init__(
        self, radio: RadioPort, adapters: dict[str, Elm327Device], drop: Callable[[str], None]
    ) -> None:
        self.radio = radio
        self.adapters = adapters
        self.drop = drop

    def terminal(self, address: str = ADDRESS, **settings: Any) -> Terminal:
        config = TerminalConfig(kind="obd", address=address, **({"find_s": 3.0} | settings))
        return open_terminal(config, self.radio, name="P-112")

    def when_asked(self, request: str, act: Callable[[], None], address: str = ADDRESS) -> None:
        """Let something happen once, in the moment the adapter is asked for `request`."""
        troubles = self.adapters[address].troubles

        def trouble(command: str) -> Fault | None:
            if command == request:
                troubles.remove(trouble)
                act()
            return None

        troubles.append(trouble)


@asynccontextmanager
async def garage(
    kind: str,
    monkeypatch: pytest.MonkeyPatch,
    cars: dict[str, WornCar],
    *,
    profile: str = "fff0",
    mtu: int = 185,
    bus: Bus = Bus.CAN_11,
) -> AsyncIterator[Garage]:
    adapters = {address: Elm327Device(car, timing=QUICK, bus=bus) for address, car in cars.items()}
    if kind == "memory":
        memory = MemoryRadio()
        for address, car in cars.items():
            memory.add(car, address, profile, mtu=mtu, adapter=adapters[address])

        def drop(address: str) -> None:
            link = memory.on_air(address).link
            assert link is not None
            link.drop()

        yield Garage(memory, adapters, drop)
        return
    park = TerminalPark()
    for address, car in cars.items():
        park.add(car, address, profile, mtu=mtu, adapter=adapters[address])
    async with AsyncExitStack() as stack:
        if kind == "dbus":
            await stack.enter_async_context(on_dbus(park, monkeypatch))
            radio = Radio()
        else:
            await stack.enter_async_context(park)
            radio = Radio(park.client_backend, park.scanner_backend)
        yield Garage(radio, adapters, park.drop)
        await radio.close()


def check(read: Telemetry, car: WornCar) -> None:
    """Every value is the car's."""
    assert read.vin.value == car.vin
    assert read.odometer_km.value == car.odometer_km
    assert read.fuel_percent.value == pytest.approx(car.fuel_percent, abs=0.2)
    assert read.control_module_v.value == car.battery_v
    assert read.adapter_v.value == car.battery_v
    assert read.stored_dtcs.value == car.stored_dtcs
    assert read.pending_dtcs.value == car.pending_dtcs
    assert read.distance_since_clear_km.value == car.distance_since_clear_km


@pytest.mark.parametrize("kind", RADIOS)
class TestTerminal:
    @pytest.mark.parametrize(
        ("profile", "mtu"), [(row.name, (23, 185)[n % 2]) for n, row in enumerate(PROFILES)]
    )
    async def test_every_profile(
        self, kind: str, profile: str, mtu: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        car = WornCar()
        async with garage(kind, monkeypatch, {ADDRESS: car}, profile=profile, mtu=mtu) as here:
            check(await here.terminal().read_telemetry(), car)
            assert here.adapters[ADDRESS].interruptions == 0

    @pytest.mark.parametrize("bus", list(Bus))
    async def test_the_protocol_found_is_tried_first_on_the_next_visit(
        self, kind: str, bus: Bus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        car = WornCar()
        async with garage(kind, monkeypatch, {ADDRESS: car}, bus=bus) as here:
            terminal, commands = here.terminal(), here.adapters[ADDRESS].commands
            check(await terminal.read_telemetry(), car)
            first = len(commands)
            check(await terminal.read_telemetry(), car)
            assert "ATSP0" in commands[:first]
            assert "ATSP0" not in commands[first:]

    async def test_an_absent_car_is_out_of_range(self, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
        async with garage(kind, monkeypatch, {ADDRESS: WornCar(in_range=False)}) as here:
            with pytest.raises(OutOfRange, match="P-112"):
                await here.terminal(find_s=0.3).read_telemetry()

    async def test_several_cars_at_once_and_one_is_absent(
        self, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cars = {ADDRESS: WornCar(), OTHER: WornCar(vin="1D4GP00R55B654321"), ABSENT: WornCar(in_range=False)}
        async with garage(kind, monkeypatch, cars) as here:
            terminals = [here.terminal(address) for address in cars]
            one, other, absent = await asyncio.gather(
                *(terminal.read_telemetry() for terminal in terminals), return_exceptions=True
            )
            assert isinstance(one, Telemetry)
            assert isinstance(other, Telemetry)
            check(one, cars[ADDRESS])
            check(other, cars[OTHER])
            assert isinstance(absent, OutOfRange)

    async def test_driving_away_in_the_middle_of_a_read(
        self, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        car = WornCar()
        async with garage(kind, monkeypatch, {ADDRESS: car}) as here:
            terminal = here.terminal()
            here.when_asked("0902", lambda: setattr(car, "in_range", False))
            with pytest.raises(ConnectionDropped, match="P-112"):
                await terminal.read_telemetry()
            car.in_range = True
            check(await terminal.read_telemetry(), car)

    @pytest.mark.parametrize("request_", ["ATZ", "ATE0", "0100", "0902", "03"])
    async def test_pulled_out_at_any_moment(
        self, kind: str, request_: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        car = WornCar()
        async with garage(kind, monkeypatch, {ADDRESS: car}) as here:
            terminal = here.terminal()
            here.when_asked(request_, lambda: here.drop(ADDRESS))
            with pytest.raises(ConnectionDropped):
                await terminal.read_telemetry()
            check(await terminal.read_telemetry(), car)

    @pytest.mark.parametrize("request_", ["ATZ", "0100", "0902"])
    async def test_a_cancelled_read_leaves_the_terminal_usable(
        self, kind: str, request_: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        car = WornCar()
        async with garage(kind, monkeypatch, {ADDRESS: car}) as here:
            terminal, asked = here.terminal(), asyncio.Event()
            here.when_asked(request_, asked.set)
            reading = asyncio.create_task(terminal.read_telemetry())
            await asked.wait()
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            check(await terminal.read_telemetry(), car)

    async def test_two_reads_of_one_terminal_take_turns(
        self, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        car = WornCar()
        async with garage(kind, monkeypatch, {ADDRESS: car}) as here:
            terminal = here.terminal()
            for read in await asyncio.gather(terminal.read_telemetry(), terminal.read_telemetry()):
                check(read, car)
            assert here.adapters[ADDRESS].interruptions == 0

    @pytest.mark.parametrize(
        "fault", [Fault.STOPPED, Fault.TRUNCATED, Fault.GAP, Fault.NOISE, Fault.CAN_ERROR, Fault.PENDING]
    )
    async def test_what_passes_costs_no_value(
        self, kind: str, fault: Fault, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        car = WornCar()
        async with garage(kind, monkeypatch, {ADDRESS: car}) as here:
            here.adapters[ADDRESS].fail("0902", fault)
            check(await here.terminal().read_telemetry(), car)

    @pytest.mark.parametrize(
        ("request_", "fault", "error"),
        [
            ("0100", Fault.NO_DATA, NoData),
            ("0100", Fault.UNABLE_TO_CONNECT, UnableToConnect),
            ("0100", Fault.LV_RESET, AdapterReset),
            ("ATI", Fault.NOT_UNDERSTOOD, NotAnAdapter),
        ],
    )
    async def test_what_spoils_the_visit(
        self,
        kind: str,
        request_: str,
        fault: Fault,
        error: type[VehicleError],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        async with garage(kind, monkeypatch, {ADDRESS: WornCar()}) as here:
            here.adapters[ADDRESS].fail(request_, fault, 99)
            with pytest.raises(error, match=r"^P-112: "):
                await here.terminal().read_telemetry()
