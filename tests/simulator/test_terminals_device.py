"""The simulated adapter by itself, byte by byte."""

from __future__ import annotations

import pytest
from standing_car import StandingCar

from simulator.terminals import Bus, Elm327Device, Fault
from simulator.terminals.car_bus import encode_dtc
from vehicle.obd.dtc import decode_word


class Bench:
    """Talks to a device with a clock of its own, always waiting for the prompt."""

    def __init__(self, device: Elm327Device) -> None:
        self.device = device
        self.now = 0.0

    def ask(self, command: str) -> str:
        self.device.receive(command.encode() + b"\r", self.now)
        return self.hear()

    def hear(self) -> str:
        text = ""
        while (due := self.device.due()) is not None:
            self.now = max(self.now, due)
            text += self.device.take(self.now).decode("latin-1")
        return text


def quiet(car: StandingCar, bus: Bus = Bus.CAN_11) -> Bench:
    bench = Bench(Elm327Device(car, bus=bus))
    for command in ("ATE0", "ATSP" + bus.value, "0100"):
        bench.ask(command)
    return bench


def test_it_echoes_until_told_not_to() -> None:
    bench = Bench(Elm327Device(StandingCar()))
    assert bench.ask("ATE0") == "ATE0\rOK\r\r>"
    assert bench.ask("ATI") == "ELM327 v1.5\r\r>"


def test_reset_takes_a_second_and_forgets_the_settings() -> None:
    bench = Bench(Elm327Device(StandingCar()))
    bench.ask("ATE0")
    before = bench.now
    assert bench.ask("ATZ") == "\r\rELM327 v1.5\r\r>"
    assert bench.now - before >= 1.0
    assert bench.ask("ATI").startswith("ATI\r")


def test_the_first_request_searches() -> None:
    bench = Bench(Elm327Device(StandingCar()))
    bench.ask("ATE0")
    assert bench.ask("ATSP0") == "OK\r\r>"
    assert bench.ask("0100").startswith("SEARCHING...\r41 00 ")
    assert bench.ask("ATDPN") == "A6\r\r>"
    assert bench.ask("010D") == "41 0D 00 \r41 0D 00 \r\r>"


def test_headers_spaces_and_line_feeds() -> None:
    bench = quiet(StandingCar())
    bench.ask("ATH1")
    assert bench.ask("012F") == "7E8 03 41 2F 80 00 00 00 00 \r\r>"
    bench.ask("ATS0")
    assert bench.ask("012F") == "7E803412F8000000000\r\r>"
    bench.ask("ATL1")
    assert bench.ask("0131") == "7E80441310FA0000000\r\n\r\n>"


def test_a_vin_with_and_without_headers() -> None:
    bench = quiet(StandingCar())
    assert bench.ask("0902") == (
        "014\r0:49 02 01 31 44 34 \r1:47 50 30 30 52 35 35 \r2:42 31 32 33 34 35 36 \r\r>"
    )
    bench.ask("ATH1")
    assert bench.ask("0902").startswith("7E8 10 14 49 02 01 31 44 34 \r7E8 21 47 ")


def test_a_legacy_bus_has_headers_and_sums() -> None:
    bench = quiet(StandingCar(stored_dtcs=("P0133",)), Bus.ISO_9141)
    bench.ask("ATH1")
    assert bench.ask("010C").startswith("48 6B 10 41 0C 00 00 10 \r")
    assert bench.ask("03").startswith("48 6B 10 43 01 33 00 00 00 00 3A \r")
    assert bench.ask("0902").count("\r48 6B 10 49 02") == 4


def test_a_byte_in_the_middle_stops_it() -> None:
    bench = quiet(StandingCar())
    bench.device.receive(b"0902\r", bench.now)
    bench.device.receive(b"\r", bench.now + 0.01)
    assert bench.hear() == "STOPPED\r\r>"
    assert bench.device.interruptions == 1
    assert bench.ask("012F") == "41 2F 80 \r\r>"


def test_an_empty_line_repeats() -> None:
    bench = quiet(StandingCar())
    first = bench.ask("012F")
    assert bench.ask("") == first


@pytest.mark.parametrize("command", ["ATXX", "HELLO", "0", "ATE2"])
def test_what_it_does_not_know(command: str) -> None:
    assert quiet(StandingCar()).ask(command) == "?\r\r>"


@pytest.mark.parametrize("request_", ["01A6", "0902", "22F190", "08"])
def test_what_the_car_does_not_answer(request_: str) -> None:
    bench = quiet(StandingCar(odometer_km=None, vin="1D4GP00R55B123456"))
    known = request_ == "0902"
    assert (bench.ask(request_) == "NO DATA\r\r>") is not known


def test_a_fault_happens_as_often_as_asked() -> None:
    bench = quiet(StandingCar())
    bench.device.fail("012F", Fault.NO_DATA, 2)
    assert [bench.ask("012F")[:7] for _ in range(3)] == ["NO DATA", "NO DATA", "41 2F 8"]


def test_silence_ends_with_a_carriage_return() -> None:
    bench = quiet(StandingCar())
    bench.device.fail("012F", Fault.SILENCE)
    assert bench.ask("012F") == ""
    assert bench.ask("") == "STOPPED\r\r>"


def test_zero_fuel_is_a_value() -> None:
    assert quiet(StandingCar(fuel_percent=0.0)).ask("012F") == "41 2F 00 \r\r>"


@pytest.mark.parametrize("code", ["P0133", "C0123", "B0003", "U1016", "P3FFF"])
def test_codes_are_encoded_as_they_are_decoded(code: str) -> None:
    assert decode_word(*encode_dtc(code)) == code
