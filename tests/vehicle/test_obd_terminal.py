"""The whole way: ObdTerminal, unmodified bleak, a bumble link, a simulated adapter, a car."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from standing_car import WornCar

from simulator.terminals import AirPacket, Bus, Elm327Device, Fault, MemoryRadio, TerminalPark
from vehicle import Absence, Telemetry, Terminal, TerminalConfig, VehicleError, open_terminal
from vehicle.ble import Radio
from vehicle.errors import (
    AdapterReset,
    AdapterTimeout,
    ConnectionDropped,
    NoData,
    NotAnAdapter,
    OutOfRange,
    Stopped,
    TruncatedReply,
    UnableToConnect,
    Unsupported,
)
from vehicle.gatt import PROFILES, GattProfile

ADDRESS = "F0:F1:F2:F3:F4:F5"


@asynccontextmanager
async def one_car(
    car: WornCar, adapter: Elm327Device | None = None, *, profile: str = "fff0", mtu: int = 247
) -> AsyncIterator[tuple[Terminal, Elm327Device, TerminalPark]]:
    park = TerminalPark()
    device = park.add(car, ADDRESS, profile, mtu=mtu, adapter=adapter)
    async with park:
        radio = Radio(park.client_backend, park.scanner_backend)
        terminal = open_terminal(TerminalConfig(kind="obd", address=ADDRESS), radio, name="P-112")
        try:
            yield terminal, device, park
        finally:
            await terminal.close()
            await radio.close()


def check(read: Telemetry, car: WornCar, *, all_known: bool = True) -> None:
    """Every value is the car's, or absent with a reason; with `all_known`, present."""
    truth = (
        (read.vin, car.vin),
        (read.odometer_km, car.odometer_km),
        (read.fuel_percent, pytest.approx(car.fuel_percent, abs=0.2)),
        (read.control_module_v, car.battery_v),
        (read.adapter_v, car.battery_v),
        (read.stored_dtcs, car.stored_dtcs),
        (read.pending_dtcs, car.pending_dtcs),
        (read.distance_since_clear_km, car.distance_since_clear_km),
    )
    for reading, value in truth:
        if all_known or reading.known:
            assert reading.reason is None
            assert reading.value == value
        else:
            assert reading.reason


async def outcome(terminal: Terminal) -> Telemetry | VehicleError:
    try:
        return await terminal.read_telemetry()
    except VehicleError as error:
        return error


# -- what is read


@pytest.mark.parametrize("mtu", [23, 185])
@pytest.mark.parametrize("profile", [row.name for row in PROFILES])
async def test_every_profile_and_mtu(profile: str, mtu: int) -> None:
    car = WornCar()
    async with one_car(car, profile=profile, mtu=mtu) as (terminal, device, _):
        check(await terminal.read_telemetry(), car)
        assert device.interruptions == 0


@pytest.mark.parametrize("bus", list(Bus))
@pytest.mark.parametrize("unknown", [(), ("H1",), ("S0", "AT1", "ST64", "L0")])
async def test_every_bus_and_clones_that_lack_commands(bus: Bus, unknown: tuple[str, ...]) -> None:
    car = WornCar()
    async with one_car(car, Elm327Device(car, bus=bus, unknown=unknown)) as (terminal, device, _):
        check(await terminal.read_telemetry(), car)
        assert device.interruptions == 0


async def test_sources_name_the_control_unit_and_the_request() -> None:
    async with one_car(WornCar()) as (terminal, _, _park):
        read = await terminal.read_telemetry()
    assert read.odometer_km.source == "obd:7E8:01A6"
    assert read.vin.source == "obd:7E8:0902"
    assert read.stored_dtcs.source == "obd:7E8,7E9:03"
    assert read.adapter_v.source == "adapter:ATRV"


async def test_every_reading_has_its_own_age() -> None:
    async with one_car(WornCar()) as (terminal, _, _park):
        read = await terminal.read_telemetry()
        now = asyncio.get_running_loop().time()
        assert 0 <= read.odometer_km.age(now) < read.vin.age(now) < 2
        assert read.vin.age(now + 60) == pytest.approx(60 + read.vin.age(now))


async def test_what_the_car_does_not_give_is_none_with_the_reason() -> None:
    car = WornCar(odometer_km=None, fuel_percent=None)
    async with one_car(car) as (terminal, device, _):
        read = await terminal.read_telemetry()
        assert "01A6" not in device.commands
    assert (read.odometer_km.value, read.odometer_km.reason) == (None, Absence.NOT_SUPPORTED)
    assert read.fuel_percent.reason == Absence.NOT_SUPPORTED
    assert read.distance_since_clear_km.value == 412


async def test_the_protocol_found_is_tried_first_on_the_next_visit() -> None:
    car = WornCar()
    async with one_car(car) as (terminal, device, _):
        await terminal.read_telemetry()
        first = len(device.commands)
        check(await terminal.read_telemetry(), car)
        assert "ATSP0" not in device.commands[first:]
        assert "ATTP6" in device.commands[first:]


async def test_another_car_behind_the_same_adapter_is_searched_anew() -> None:
    car = WornCar()
    device = Elm327Device(car)
    async with one_car(car, device) as (terminal, _, _park):
        await terminal.read_telemetry()
        device.bus = Bus.ISO_9141
        check(await terminal.read_telemetry(), car)


async def test_no_terminal_knows_nothing_and_fails_nothing() -> None:
    async with open_terminal(TerminalConfig(), None, name="K-03") as terminal:
        read = await terminal.read_telemetry()
    assert terminal.capabilities == ()
    assert read.vin.reason == read.odometer_km.reason == Absence.NO_TERMINAL


# -- where the car is


async def test_out_of_range_is_said_after_the_time_allowed() -> None:
    async with one_car(WornCar(in_range=False)) as (terminal, _, _park):
        start = asyncio.get_running_loop().time()
        with pytest.raises(OutOfRange, match=r"^P-112: .*F0:F1:F2:F3:F4:F5 for 5 s") as caught:
            await terminal.read_telemetry()
        assert asyncio.get_running_loop().time() - start == pytest.approx(5.0, abs=0.1)
    assert caught.value.retryable


async def test_cars_out_of_range_delay_nobody() -> None:
    cars = [WornCar(vin=f"1D4GP00R55B1234{n:02d}", in_range=n % 3 == 0) for n in range(12)]
    park = TerminalPark()
    addresses = [f"F0:F1:F2:F3:F4:{n:02X}" for n in range(12)]
    for car, address in zip(cars, addresses, strict=True):
        park.add(car, address)
    async with park:
        loop = asyncio.get_running_loop()
        radio = Radio(park.client_backend, park.scanner_backend)
        terminals = [open_terminal(TerminalConfig(kind="obd", address=a), radio) for a in addresses]
        start = loop.time()
        check(await terminals[0].read_telemetry(), cars[0])
        alone = loop.time() - start

        async def visit(terminal: Terminal) -> tuple[Telemetry | VehicleError, float]:
            begun = loop.time()
            return await outcome(terminal), loop.time() - begun

        for car, (result, took) in zip(cars, await asyncio.gather(*map(visit, terminals)), strict=True):
            if car.in_range:
                assert isinstance(result, Telemetry)
                check(result, car)
                assert took <= alone + 0.2
            else:
                assert isinstance(result, OutOfRange)
                assert took == pytest.approx(5.0, abs=0.1)
        await radio.close()


async def test_driving_away_in_the_middle_of_a_read() -> None:
    car = WornCar()
    async with one_car(car) as (terminal, _, _park):
        reading = asyncio.create_task(terminal.read_telemetry())
        await asyncio.sleep(4.1)
        car.in_range = False
        with pytest.raises(ConnectionDropped, match="P-112"):
            await reading
        car.in_range = True
        check(await terminal.read_telemetry(), car)


async def test_a_short_shadow_costs_no_value() -> None:
    car = WornCar()
    async with one_car(car) as (terminal, _, _park):
        reading = asyncio.create_task(terminal.read_telemetry())
        await asyncio.sleep(4.1)
        car.in_range = False
        await asyncio.sleep(0.5)
        car.in_range = True
        check(await reading, car)


@pytest.mark.parametrize("after", [0.5, 1.5, 3.0, 4.1, 4.3, 4.5])
async def test_pulled_out_at_any_moment(after: float) -> None:
    car = WornCar()
    async with one_car(car) as (terminal, _, park):
        reading = asyncio.create_task(terminal.read_telemetry())
        await asyncio.sleep(after)
        park.drop(ADDRESS)
        with pytest.raises(ConnectionDropped):
            await reading
        check(await terminal.read_telemetry(), car)


async def test_a_connection_lost_while_it_is_made_is_made_again() -> None:
    car = WornCar()
    async with one_car(car) as (terminal, _, park):
        packets: list[str] = []
        talking = asyncio.Event()

        def tap(packet: AirPacket) -> None:
            packets.append(packet.kind)
            if packet.kind == "acl":
                talking.set()

        park.taps.append(tap)
        reading = asyncio.create_task(terminal.read_telemetry())
        await talking.wait()
        park.drop(ADDRESS)
        check(await reading, car)
        assert packets.count("connect") == 2


@pytest.mark.parametrize("after", [0.0, 0.01, 0.035, 0.5, 2.0, 4.2])
async def test_a_cancelled_read_leaves_the_terminal_usable(after: float) -> None:
    car = WornCar()
    async with one_car(car) as (terminal, _, _park):
        reading = asyncio.create_task(terminal.read_telemetry())
        await asyncio.sleep(after)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        check(await terminal.read_telemetry(), car)


async def test_a_closed_terminal_reads_no_more() -> None:
    async with one_car(WornCar()) as (terminal, _, _park):
        await terminal.close()
        await terminal.close()
        with pytest.raises(ConnectionDropped, match="closed"):
            await terminal.read_telemetry()


# -- what goes wrong at the adapter and in the car

REQUESTS = ("0100", "0120", "0902", "01A6", "03", "07", "0101", "ATZ", "ATE0", "ATH1", "ATDPN", "ATRV", "ATI")


@pytest.mark.parametrize("bus", list(Bus))
@pytest.mark.parametrize("fault", list(Fault))
async def test_never_a_hang_and_never_a_wrong_value(bus: Bus, fault: Fault) -> None:
    for request in REQUESTS:
        for times in (1, 2, 9):
            car, radio = WornCar(), MemoryRadio()
            device = radio.add(car, ADDRESS, adapter=Elm327Device(car, bus=bus))
            device.fail(request, fault, times)
            terminal = open_terminal(TerminalConfig(kind="obd", address=ADDRESS), radio, name="P-112")
            async with asyncio.timeout(120):
                result = await outcome(terminal)
            if isinstance(result, Telemetry):
                check(result, car, all_known=False)
            else:
                assert str(result).startswith(f"{result.terminal}: ")
                assert result.terminal == "P-112"
            if fault not in (Fault.SILENCE, Fault.CUT):
                assert device.interruptions == 0


@pytest.mark.parametrize("bus", list(Bus))
@pytest.mark.parametrize("unknown", [(), ("H1",)])
async def test_long_lists_lose_lines_and_give_no_wrong_list(bus: Bus, unknown: tuple[str, ...]) -> None:
    codes = tuple(f"P0{n}" for n in range(301, 311))
    for fault in (Fault.TRUNCATED, Fault.GAP, Fault.NOISE, Fault.DATA_ERROR):
        for request in ("03", "0902"):
            car = WornCar(stored_dtcs=codes)
            async with one_car(car, Elm327Device(car, bus=bus, unknown=unknown)) as (terminal, device, _):
                check(await terminal.read_telemetry(), car)
                device.fail(request, fault, 9)
                read = await terminal.read_telemetry()
                check(read, car, all_known=False)
                if request == "0902":
                    assert read.vin.value is None
                elif fault in (
                    Fault.NOISE,
                    Fault.DATA_ERROR,
                ):  # the others may lose a unit that stores nothing
                    assert read.stored_dtcs.value is None


async def test_two_reads_of_one_terminal_take_turns() -> None:
    car = WornCar()
    async with one_car(car) as (terminal, device, _):
        for read in await asyncio.gather(terminal.read_telemetry(), terminal.read_telemetry()):
            check(read, car)
        assert device.interruptions == 0


async def test_no_data_is_asked_once_more_then_left() -> None:
    async with one_car(WornCar()) as (terminal, device, _):
        device.fail("01A6", Fault.NO_DATA, 2)
        read = await terminal.read_telemetry()
        assert device.commands.count("01A6") == 2
        assert read.odometer_km.reason == Absence.NO_DATA
        assert read.fuel_percent.known


@pytest.mark.parametrize(
    ("request_", "fault", "reason"),
    [
        ("01A6", Fault.STOPPED, Absence.ADAPTER_FAULT),
        ("0902", Fault.TRUNCATED, Absence.INCOMPLETE),
        ("0902", Fault.GAP, Absence.INCOMPLETE),
        ("0902", Fault.NOISE, Absence.INCOMPLETE),
        ("0902", Fault.REFUSED, Absence.REFUSED),
        ("01A6", Fault.CAN_ERROR, Absence.BUS_FAULT),
        ("01A6", Fault.BUFFER_FULL, Absence.ADAPTER_FAULT),
        ("01A6", Fault.NOT_UNDERSTOOD, Absence.ADAPTER_FAULT),
    ],
)
async def test_one_value_that_stays_broken(request_: str, fault: Fault, reason: Absence) -> None:
    async with one_car(WornCar()) as (terminal, device, _):
        device.fail(request_, fault, 9)
        read = await terminal.read_telemetry()
        broken = read.vin if request_ == "0902" else read.odometer_km
        assert (broken.value, broken.reason) == (None, reason)
        assert read.distance_since_clear_km.known


@pytest.mark.parametrize(
    "fault",
    [
        Fault.STOPPED,
        Fault.TRUNCATED,
        Fault.GAP,
        Fault.NOISE,
        Fault.CAN_ERROR,
        Fault.BUS_BUSY,
        Fault.BUFFER_FULL,
        Fault.ACT_ALERT,
        Fault.PENDING,
        Fault.SILENCE,
        Fault.CUT,
        Fault.LV_RESET,
    ],
)
async def test_what_passes_costs_no_value(fault: Fault) -> None:
    car = WornCar()
    async with one_car(car) as (terminal, device, _):
        device.fail("0902", fault)
        check(await terminal.read_telemetry(), car)


@pytest.mark.parametrize(
    ("request_", "fault", "error"),
    [
        ("0100", Fault.NO_DATA, NoData),
        ("0100", Fault.STOPPED, Stopped),
        ("0100", Fault.UNABLE_TO_CONNECT, UnableToConnect),
        ("0100", Fault.LV_RESET, AdapterReset),
        ("0100", Fault.SILENCE, AdapterTimeout),
        ("0100", Fault.NOISE, TruncatedReply),
        ("ATE0", Fault.NOT_UNDERSTOOD, Unsupported),
        ("ATI", Fault.NOT_UNDERSTOOD, NotAnAdapter),
    ],
)
async def test_what_spoils_the_visit(request_: str, fault: Fault, error: type[VehicleError]) -> None:
    async with one_car(WornCar()) as (terminal, device, _):
        device.fail(request_, fault, 99)
        with pytest.raises(error, match=r"^P-112: "):
            await terminal.read_telemetry()


async def test_half_a_list_of_codes_is_no_list() -> None:
    car = WornCar(stored_dtcs=("P0133",), pending_dtcs=())
    async with one_car(car) as (terminal, device, _):
        device.fail("03", Fault.DATA_ERROR, 9)
        read = await terminal.read_telemetry()
    assert read.stored_dtcs.reason == Absence.INCOMPLETE
    assert read.pending_dtcs.value == ()


# -- what else may stand at the address


class Silent:
    """A thermal printer: takes bytes, says nothing."""

    def __init__(self) -> None:
        self.heard = bytearray()

    def receive(self, data: bytes, now: float) -> None:
        self.heard += data

    def due(self) -> float | None:
        return None

    def take(self, now: float) -> bytes:
        return b""

    def disconnected(self) -> None:
        pass


class Talker(Silent):
    """A serial module that answers everything with its own name, prompt included."""

    def due(self) -> float | None:
        return 0.0 if self.heard.endswith(b"\r") else None

    def take(self, now: float) -> bytes:
        self.heard.clear()
        return b"+NAME=BT05\r\n>"


UNKNOWN = GattProfile(
    "odd", PROFILES[0].service.replace("ffe0", "abcd"), PROFILES[0].write, PROFILES[0].notify, ""
)


@pytest.mark.parametrize(("device", "profile"), [(Silent(), "ffe0"), (Talker(), "18f0"), (Silent(), UNKNOWN)])
async def test_a_uuid_is_no_identification(device: Silent, profile: str | GattProfile) -> None:
    park = TerminalPark()
    park.add_device(device, ADDRESS, profile)
    async with park:
        radio = Radio(park.client_backend, park.scanner_backend)
        terminal = open_terminal(TerminalConfig(kind="obd", address=ADDRESS), radio, name="P-112")
        with pytest.raises(NotAnAdapter, match="check the address"):
            await terminal.read_telemetry()
        if profile is UNKNOWN:
            assert device.heard == b""
        await radio.close()


async def test_an_adapter_that_hangs_for_good_is_a_time_out() -> None:
    car = WornCar()
    async with one_car(car) as (terminal, device, _):
        await terminal.read_telemetry()
        device.fail("*", Fault.SILENCE, 99)
        with pytest.raises(AdapterTimeout):
            await terminal.read_telemetry()
