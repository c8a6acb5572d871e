"""What an adapter says instead of data, and what is done about it: each error line of the data sheet, and clones."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from standing_car import StandingCar

from simulator.terminals import Bus, Elm327Device, Fault, MemoryRadio
from simulator.terminals.elm327_device import Extras
from vehicle import Absence, Capability, ClearOrder, ClearOutcome, TerminalConfig
from vehicle.errors import (
    AdapterAsleep,
    AdapterReset,
    BusFault,
    ForbiddenByHold,
    LeftAsleep,
    UnableToConnect,
    Unsupported,
    VehicleError,
)
from vehicle.guard import POLL_S, Power
from vehicle.obd_terminal import ObdTerminal
from vehicle.session import FALLBACK

ADDRESS = "F0:F1:F2:F3:F4:F5"
ORDER = ClearOrder("mechanic-7", "work order 88: sensor replaced")


@dataclass
class Car(StandingCar):
    fuel_percent: float | None = 40.0
    battery_v: float = 12.5
    stored_dtcs: tuple[str, ...] = ("P0133",)
    pending_dtcs: tuple[str, ...] = ("P0420",)
    distance_since_clear_km: float = 412.0


class Bench:
    """One car, one adapter, one terminal."""

    def __init__(
        self, car: Car | None = None, *, settings: dict[str, Any] | None = None, **adapter: Any
    ) -> None:
        self.car = car or Car()
        self.device = Elm327Device(self.car, clear=self.car.forget, **adapter)
        self.radio = MemoryRadio()
        self.radio.add(self.car, ADDRESS, adapter=self.device)
        config = TerminalConfig(kind="obd", address=ADDRESS, **(settings or {}))
        self.terminal = ObdTerminal("P-112", config, self.radio)

    @property
    def commands(self) -> list[str]:
        return self.device.commands


@pytest.mark.parametrize("bus", list(Bus))
async def test_every_bus_is_read_with_headers_on_and_off(bus: Bus) -> None:
    for unknown in ((), ("H1",)):
        bench = Bench(bus=bus, unknown=unknown, extras=Extras(("P0420",), 81.0))
        read = await bench.terminal.read_telemetry()
        assert read.vin.value == bench.car.vin
        assert read.odometer_km.value == 12345.6
        assert read.stored_dtcs.value == ("P0133",)
        assert read.pending_dtcs.value == read.permanent_dtcs.value == ("P0420",)
        assert read.charge_percent.value == pytest.approx(81, abs=0.3)
        assert read.mil_on.value is True
        assert read.monitors_incomplete.value == ("evaporative system",)
        assert read.range_km.reason == read.plugged.reason == Absence.NOT_SUPPORTED


@pytest.mark.parametrize("bus", list(Bus))
async def test_where_the_search_finds_nothing_each_protocol_is_tried(bus: Bus) -> None:
    bench = Bench(bus=bus, searches=False)
    assert (await bench.terminal.read_telemetry()).vin.known
    tried = [command[4:] for command in bench.commands if command.startswith("ATTP")]
    assert tried == list(FALLBACK[: FALLBACK.index(bus.value) + 1])
    before = len(bench.commands)
    assert (await bench.terminal.read_telemetry()).vin.known
    assert [each for each in bench.commands[before:] if each.startswith("ATTP")] == [f"ATTP{bus.value}"]


async def test_a_car_that_has_spoken_before_is_not_pestered_with_each_protocol() -> None:
    bench = Bench()
    await bench.terminal.read_telemetry()
    bench.device.fail("0100", Fault.UNABLE_TO_CONNECT, 99)
    bench.commands.clear()
    with pytest.raises(UnableToConnect):
        await bench.terminal.read_telemetry()
    assert bench.commands.count("0100") == 2


@pytest.mark.parametrize("unknown", [("DPN",), ("DPN", "TP6", "ST64"), ("TP6", "AT1", "L0", "S0")])
async def test_clones_that_lack_commands(unknown: tuple[str, ...]) -> None:
    bench = Bench(unknown=unknown)
    for _ in range(2):
        assert (await bench.terminal.read_telemetry()).vin.value == bench.car.vin


async def test_a_clone_that_cannot_name_its_protocol_is_of_no_use() -> None:
    bench = Bench(unknown=("DPN", "DP"))
    with pytest.raises(Unsupported, match="ATDPN and ATDP"):
        await bench.terminal.read_telemetry()


async def test_a_clone_that_loses_bytes_gets_them_one_by_one() -> None:
    bench = Bench(settings={"slow_writes": True})
    sizes: list[int] = []
    receive = bench.device.receive

    def listen(data: bytes, now: float) -> None:
        sizes.append(len(data))
        receive(data, now)

    bench.device.receive = listen  # type: ignore[method-assign]
    assert (await bench.terminal.read_telemetry()).vin.known
    assert set(sizes) == {1}


# -- each error line


async def test_can_error_searches_the_protocol_again() -> None:
    bench = Bench()
    bench.device.fail("01A6", Fault.CAN_ERROR)
    assert (await bench.terminal.read_telemetry()).odometer_km.known
    at = bench.commands.index("01A6")
    assert bench.commands[at : at + 5] == ["01A6", "ATSP0", "0100", "ATDPN", "01A6"]


async def test_buffer_full_has_less_printed() -> None:
    bench = Bench(Car(pending_dtcs=()), buffer=50)
    bench.device.extras.permanent_dtcs = ("P0420", "P0421", "P0422")
    read = await bench.terminal.read_telemetry()
    assert read.vin.value == bench.car.vin
    at = bench.commands.index("0902")
    assert bench.commands[at : at + 4] == ["0902", "ATH0", "0902", "ATH1"]
    assert read.odometer_km.source == "obd:7E8:01A6"


async def test_buffer_full_on_a_single_value() -> None:
    bench = Bench()
    bench.device.fail("01A6", Fault.BUFFER_FULL)
    read = await bench.terminal.read_telemetry()
    assert read.odometer_km.value == 12345.6
    assert read.fuel_percent.source == "obd:7E8:012F"


@pytest.mark.parametrize("fault", [Fault.BUS_BUSY, Fault.BUS_ERROR, Fault.FB_ERROR])
async def test_a_busy_bus_is_left_alone_for_a_moment(fault: Fault) -> None:
    bench = Bench()
    bench.device.fail("01A6", fault)
    assert (await bench.terminal.read_telemetry()).odometer_km.known
    bench.device.fail("01A6", fault, 99)
    assert (await bench.terminal.read_telemetry()).odometer_km.reason == Absence.BUS_FAULT


@pytest.mark.parametrize("fault", [Fault.DATA_ERROR, Fault.RX_ERROR])
async def test_a_marked_line_is_asked_again(fault: Fault) -> None:
    bench = Bench()
    bench.device.fail("01A6", fault)
    assert (await bench.terminal.read_telemetry()).odometer_km.known
    bench.device.fail("01A6", fault, 99)
    assert (await bench.terminal.read_telemetry()).odometer_km.reason == Absence.BUS_FAULT


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.UNABLE_TO_CONNECT, UnableToConnect),
        (Fault.BUS_INIT_ERROR, UnableToConnect),
        (Fault.LV_RESET, AdapterReset),
        (Fault.ERR94, AdapterReset),
        (Fault.ACT_ALERT, AdapterAsleep),
        (Fault.LP_ALERT, AdapterAsleep),
    ],
)
async def test_what_ends_a_visit(fault: Fault, error: type[VehicleError]) -> None:
    bench = Bench()
    bench.device.fail("01A6", fault, 99)
    with pytest.raises(error):
        await bench.terminal.read_telemetry()


@pytest.mark.parametrize("fault", [Fault.LV_RESET, Fault.ERR94])
async def test_lost_settings_are_set_again(fault: Fault) -> None:
    bench = Bench()
    bench.device.fail("01A6", fault)
    assert (await bench.terminal.read_telemetry()).odometer_km.known
    assert bench.commands.count("ATE0") == 2


async def test_a_persistent_can_error_is_a_bus_fault() -> None:
    bench = Bench()
    bench.device.fail("0100", Fault.CAN_ERROR, 999)
    with pytest.raises(BusFault):
        await bench.terminal.read_telemetry()
    assert [each for each in bench.commands if each.startswith("ATTP")] == [f"ATTP{n}" for n in FALLBACK]


# -- what is not asked again


async def test_no_data_is_not_asked_again_in_the_same_ignition_cycle() -> None:
    bench = Bench()
    bench.device.fail("012F", Fault.NO_DATA, 2)
    assert (await bench.terminal.read_telemetry()).fuel_percent.reason == Absence.NO_DATA
    read = await bench.terminal.read_telemetry()
    assert read.fuel_percent.reason == Absence.SILENT
    assert bench.commands.count("012F") == 2
    bench.car.engine_on = True
    assert (await bench.terminal.read_telemetry()).fuel_percent.known


async def test_what_was_silent_is_asked_again_after_a_while() -> None:
    bench = Bench()
    bench.device.fail("012F", Fault.NO_DATA, 2)
    await bench.terminal.read_telemetry()
    await asyncio.sleep(1000)
    assert (await bench.terminal.read_telemetry()).fuel_percent.known


async def test_a_request_that_is_not_understood_is_not_sent_again() -> None:
    bench = Bench()
    bench.device.fail("0A", Fault.NOT_UNDERSTOOD, 99)
    read = await bench.terminal.read_telemetry()
    assert read.permanent_dtcs.reason == Absence.ADAPTER_FAULT
    assert bench.commands.count("0A") == 1


# -- the 12 V battery


async def test_a_low_battery_is_measured_and_left_asleep() -> None:
    bench = Bench(Car(battery_v=11.5))
    read = await bench.terminal.read_telemetry()
    assert read.adapter_v.value == 11.5
    assert read.vin.reason == Absence.BATTERY_LOW
    assert "0100" not in bench.commands
    connections = bench.radio.on_air(ADDRESS).connections
    with pytest.raises(LeftAsleep, match="charge the battery"):
        await bench.terminal.read_telemetry()
    assert bench.radio.on_air(ADDRESS).connections == connections
    assert bench.terminal.rest_s > 3000
    bench.car.battery_v = 12.6
    await asyncio.sleep(POLL_S[Power.LOW])
    assert (await bench.terminal.read_telemetry()).vin.known
    assert bench.terminal.rest_s == pytest.approx(POLL_S[Power.RESTING], abs=5)


async def test_the_threshold_is_a_setting() -> None:
    bench = Bench(Car(battery_v=11.5), settings={"low_battery_v": 0})
    assert (await bench.terminal.read_telemetry()).vin.known


async def test_an_adapter_on_a_desk_is_not_in_a_car() -> None:
    bench = Bench(Car(battery_v=3.3))
    with pytest.raises(UnableToConnect, match="not plugged into a car"):
        await bench.terminal.read_telemetry()


# -- clearing codes


async def test_codes_are_cleared_and_the_record_has_what_was_there() -> None:
    bench = Bench(extras=Extras(("P0133",)))
    assert Capability.CLEAR_CODES in bench.terminal.capabilities
    record = await bench.terminal.clear_codes(ORDER)
    assert (record.outcome, record.order) == (ClearOutcome.CONFIRMED, ORDER)
    assert (record.before.stored.value, record.before.pending.value) == (("P0133",), ("P0420",))
    assert (record.after.stored.value, record.after.pending.value) == ((), ())
    assert record.after.permanent.value == ("P0133",)
    assert bench.commands.count("04") == 1


async def test_a_hold_forbids_it_and_nothing_is_sent() -> None:
    bench = Bench()
    with pytest.raises(ForbiddenByHold, match="evidence"):
        await bench.terminal.clear_codes(ClearOrder("mechanic-7", "sensor replaced", ("evidence",)))
    assert bench.commands == []


async def test_it_takes_somebody_and_a_reason() -> None:
    with pytest.raises(ValueError, match="by somebody"):
        ClearOrder(" ", "sensor replaced")
    with pytest.raises(ValueError, match="for a reason"):
        ClearOrder("mechanic-7", "")


async def test_a_car_may_refuse() -> None:
    bench = Bench(Car(engine_on=True))
    record = await bench.terminal.clear_codes(ORDER)
    assert (record.outcome, record.detail) == (ClearOutcome.REFUSED, "04: code 22")
    assert record.after.stored.value == ("P0133",)


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (Fault.STOPPED, ClearOutcome.UNCONFIRMED),
        (Fault.NO_DATA, ClearOutcome.UNCONFIRMED),
        (Fault.SILENCE, ClearOutcome.UNCONFIRMED),
        (Fault.PENDING, ClearOutcome.CONFIRMED),
    ],
)
async def test_the_request_is_sent_once_whatever_comes_back(fault: Fault, outcome: ClearOutcome) -> None:
    bench = Bench()
    bench.device.fail("04", fault)
    record = await bench.terminal.clear_codes(ORDER)
    assert record.outcome is outcome
    assert record.after.stored.known
    assert bench.commands.count("04") == 1


async def test_a_car_that_leaves_meanwhile_leaves_a_record_too() -> None:
    bench = Bench()

    def leave(command: str) -> Fault | None:
        if command == "04":
            bench.car.in_range = False
        return None

    bench.device.troubles.append(leave)
    record = await bench.terminal.clear_codes(ORDER)
    assert record.outcome is ClearOutcome.UNCONFIRMED
    assert record.before.stored.value == ("P0133",)
    assert not record.after.stored.known


async def test_a_low_battery_clears_nothing() -> None:
    bench = Bench(Car(battery_v=11.0))
    with pytest.raises(LeftAsleep):
        await bench.terminal.clear_codes(ORDER)
    assert "04" not in bench.commands
