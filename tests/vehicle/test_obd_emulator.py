"""An adapter and cars that none of us wrote, behind the simulated GATT server: ELM327-emulator."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from elm import obd_message
from emulated_adapter import EmulatedAdapter, raw_values

from simulator.terminals import MemoryRadio, TerminalPark
from vehicle import (
    Absence,
    ClearOrder,
    ClearOutcome,
    Telemetry,
    Terminal,
    TerminalConfig,
    VehicleError,
    open_terminal,
)
from vehicle.ble import Radio
from vehicle.errors import NoData, UnableToConnect

ADDRESS = "F0:F1:F2:F3:F4:F5"
VINS = [raw.to_bytes(17, "big").decode() for raw in raw_values("car", "VIN", 17)]
"""The emulator answers with one after the other."""


@asynccontextmanager
async def emulated(
    scenario: str, patch: pytest.MonkeyPatch, *, mtu: int = 23
) -> AsyncIterator[tuple[Terminal, EmulatedAdapter]]:
    device, park = EmulatedAdapter(scenario, patch), TerminalPark()
    park.add_device(device, ADDRESS, "fff0", mtu=mtu)
    async with park:
        radio = Radio(park.client_backend, park.scanner_backend)
        terminal = open_terminal(TerminalConfig(kind="obd", address=ADDRESS), radio, name="P-112")
        yield terminal, device
        await terminal.close()
        await radio.close()


@asynccontextmanager
async def in_memory(
    scenario: str, patch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Terminal, EmulatedAdapter]]:
    """The same bytes without the Bluetooth stack, for what is done many times."""
    device, radio = EmulatedAdapter(scenario, patch), MemoryRadio()
    radio.add_device(device, ADDRESS)
    terminal = open_terminal(TerminalConfig(kind="obd", address=ADDRESS), radio, name="P-112")
    yield terminal, device
    await terminal.close()


def check(read: Telemetry, scenario: str = "car") -> None:
    """What is read of a car of the emulator's is what its table says, or is absent with a reason."""
    fuel = {100 * raw / 255 for raw in raw_values("car", "FUEL_LEVEL", 1)}
    distance = raw_values(scenario, "DISTANCE_SINCE_DTC_CLEAR", 2)
    volts = {raw / 1000 for raw in raw_values(scenario, "CONTROL_MODULE_VOLTAGE", 2)}
    assert read.vin.value in (*VINS, None)
    assert read.fuel_percent.value in (*fuel, None)
    assert read.distance_since_clear_km.value in (*distance, None)
    assert read.control_module_v.value in (*volts, None)
    assert read.adapter_v.value is None or 12 <= read.adapter_v.value <= 15
    for reading in (read.vin, read.fuel_percent, read.distance_since_clear_km, read.stored_dtcs):
        assert reading.known or reading.reason


def test_every_scenario_of_the_package_is_here() -> None:
    """AT is no car: its commands are those of every scenario."""
    assert set(obd_message.ObdMessage) == {"AT", "engineoff", "default", "car", "mt05"}


@pytest.mark.parametrize("mtu", [23, 185])
async def test_its_car_is_read(mtu: int, monkeypatch: pytest.MonkeyPatch) -> None:
    async with emulated("car", monkeypatch, mtu=mtu) as (terminal, _):
        for _ in range(3):
            read = await terminal.read_telemetry()
            check(read)
            assert read.vin.known
            assert read.fuel_percent.known
            assert read.distance_since_clear_km.known
            assert read.control_module_v.known
            assert read.stored_dtcs.value == read.pending_dtcs.value == read.permanent_dtcs.value == ()
            assert read.mil_on.value is False
            assert not read.charge_percent.known


async def test_its_odometer_answers_another_service_and_is_not_believed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It says 61 A6, which would answer service 21; the answer to service 01 begins with 41."""
    async with emulated("car", monkeypatch) as (terminal, device):
        read = await terminal.read_telemetry()
        assert "01A6" in device.commands
        assert (read.odometer_km.value, read.odometer_km.reason) == (None, Absence.INCOMPLETE)


@pytest.mark.parametrize("codes", [["0143"], ["0143", "0196"], ["0143", "0196", "0234", "D016"]])
async def test_its_lists_of_codes_lack_their_count_and_are_not_guessed_at(
    codes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On CAN a list begins with the number of codes (ISO 15765-4); without it, it cannot be told from a cut one."""
    async with emulated("car", monkeypatch) as (terminal, device):
        device.codes(monkeypatch, codes, [])
        read = await terminal.read_telemetry()
        assert (read.stored_dtcs.value, read.stored_dtcs.reason) == (None, Absence.INCOMPLETE)
        assert read.mil_on.value is True


@pytest.mark.parametrize("scenario", ["default", "mt05"])
async def test_its_other_cars_are_read(scenario: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with emulated(scenario, monkeypatch) as (terminal, _):
        read = await terminal.read_telemetry()
        check(read, "default")
        assert read.vin.known
        assert read.distance_since_clear_km.known == (scenario == "default")
        assert read.control_module_v.known == (scenario == "default")
        assert read.odometer_km.reason == Absence.NOT_SUPPORTED
        assert read.stored_dtcs.reason == Absence.NO_DATA


async def test_its_engine_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says UNABLE TO CONNECT first, then in turn NO DATA and BUS INIT:ERROR."""
    async with emulated("engineoff", monkeypatch) as (terminal, device):
        with pytest.raises(UnableToConnect, match="switch the ignition on"):
            await terminal.read_telemetry()
        said = [await outcome(terminal) for _ in range(4)]
        assert all(isinstance(error, (UnableToConnect, NoData)) and error.retryable for error in said)
        device.elm.set_sorted_obd_msg("car")
        assert (await terminal.read_telemetry()).vin.known


@pytest.mark.parametrize(("delay_s", "survived"), [(0.5, True), (1.2, True), (4.0, False)])
async def test_it_answers_late(delay_s: float, survived: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its `delay`, which it sleeps before every answer, its own too."""
    async with in_memory("car", monkeypatch) as (terminal, device):
        assert await outcome(terminal) is None
        device.elm.delay = delay_s
        late = await outcome(terminal)
        assert (late is None) == survived
        assert late is None or late.retryable
        device.elm.delay = 0
        assert await outcome(terminal) is None


async def test_it_was_reset_between_visits(monkeypatch: pytest.MonkeyPatch) -> None:
    async with in_memory("car", monkeypatch) as (terminal, device):
        assert await outcome(terminal) is None
        device.elm.reset(0)
        assert await outcome(terminal) is None


async def test_its_codes_are_cleared(monkeypatch: pytest.MonkeyPatch) -> None:
    async with emulated("car", monkeypatch) as (terminal, device):
        device.codes(monkeypatch, ["0143"], ["0300"])
        record = await terminal.clear_codes(ClearOrder("mechanic-7", "sensor replaced"))
        assert record.outcome is ClearOutcome.CONFIRMED
        assert record.after.stored.value == ()


async def outcome(terminal: Terminal) -> VehicleError | None:
    try:
        check(await terminal.read_telemetry())
    except VehicleError as error:
        return error
    return None


ERRORS = (
    "?",
    "NO DATA",
    "STOPPED",
    "SEARCHING...\rUNABLE TO CONNECT",
    "UNABLE TO CONNECT",
    "BUS INIT: ...ERROR",
    "BUS INIT: ERROR",
    "CAN ERROR",
    "BUS BUSY",
    "BUS ERROR",
    "FB ERROR",
    "DATA ERROR",
    "7E8 06 41 00 BE 3F A8 13 <DATA ERROR",
    "7E8 06 41 00 BE 3F <RX ERROR",
    "BUFFER FULL",
    "ACT ALERT",
    "LP ALERT",
    "LV RESET",
    "ERR94",
    "ELM327 v1.5",
    "7F 01 11",
    "7E8037F0112",
    "",
    "\x00\x00",
    "7E8",
    "7E80641",
    "7E8101449020157",
    "garbage \xf3\xff",
)


PLACES = (
    ("0100", 1),
    ("0100", 9),
    ("0902", 9),
    ("012F", 1),
    ("03", 9),
    ("ATSP0", 9),
    ("ATRV", 9),
    ("ATDPN", 1),
)
"""What is answered so, and how often."""


@pytest.mark.parametrize("text", ERRORS)
async def test_its_errors_are_survived(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, each costs at most one visit; for good, it costs values, or ends in an error of ours."""
    async with in_memory("car", monkeypatch) as (terminal, device):
        for request, times in PLACES:
            device.says = {request: deque([text] * times)}
            first = await outcome(terminal)
            assert first is None or str(first).startswith("P-112: ")
            device.says = {}
            second = await outcome(terminal)
            assert second is None or second.retryable
