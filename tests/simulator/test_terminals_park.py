"""The simulated radio: deterministic, tapped, in real and in virtual time, and gone when it is stopped."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys

import pytest
from bleak import BleakClient, BleakScanner
from bleak.exc import BleakDeviceNotFoundError, BleakError
from standing_car import StandingCar

from simulator import virtual_time
from simulator.terminals import AirPacket, Elm327Device, TerminalPark
from simulator.terminals.elm327_device import Timing
from vehicle import TerminalConfig, open_terminal
from vehicle.ble import Radio
from vehicle.gatt import profile_named

ADDRESSES = ("F0:F1:F2:F3:F4:01", "F0:F1:F2:F3:F4:02", "F0:F1:F2:F3:F4:03")


async def morning(packets: list[AirPacket]) -> None:
    """Three cars, one of them out, read together."""
    park = TerminalPark()
    park.taps.append(packets.append)
    for n, address in enumerate(ADDRESSES):
        park.add(StandingCar(in_range=n != 1), address, ("fff0", "ffe0", "18f0")[n], mtu=(23, 100, 247)[n])
    async with park:
        radio = Radio(park.client_backend, park.scanner_backend)
        terminals = [open_terminal(TerminalConfig(kind="obd", address=a), radio) for a in ADDRESSES]
        await asyncio.gather(*(t.read_telemetry() for t in terminals), return_exceptions=True)
        await radio.close()


def digest() -> str:
    packets: list[AirPacket] = []
    virtual_time.run(morning(packets))
    assert len(packets) > 200
    return hashlib.sha256("\n".join(map(repr, packets)).encode()).hexdigest()


def test_every_run_puts_the_same_packets_on_the_air() -> None:
    assert digest() == digest()


def test_fresh_processes_put_the_same_packets_on_the_air() -> None:
    code = "from test_terminals_park import digest; print(digest())"
    seen = []
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        seen.append(done.stdout)
    assert seen[0] == seen[1] == digest() + "\n"


async def test_the_frames_cross_the_air() -> None:
    packets: list[AirPacket] = []
    await morning(packets)
    said = [packet for packet in packets if packet.kind == "acl"]
    towards = b"".join(packet.data[7:] for packet in said if packet.receiver == ADDRESSES[2])
    back = b"".join(packet.data[7:] for packet in said if packet.sender == ADDRESSES[2])
    assert b"01A6\r" in towards
    assert b"41A60001E240" in back
    assert not [packet for packet in packets if ADDRESSES[1] in (packet.sender, packet.receiver)]


async def test_nobody_listening_costs_nothing() -> None:
    packets: list[AirPacket] = []
    park = TerminalPark()
    park.taps.append(packets.append)
    park.add(StandingCar(), ADDRESSES[0])
    async with park:
        await asyncio.sleep(24 * 3600)
        assert len(packets) <= 1
        scanner = BleakScanner(backend=park.scanner_backend)
        async with scanner:
            await asyncio.sleep(3)
        assert [device.address for device in scanner.discovered_devices] == [ADDRESSES[0]]
        assert 99 <= len(packets) <= 103


async def test_plain_bleak_reads_writes_and_is_told_of_the_end() -> None:
    profile = profile_named("fff0")
    car = StandingCar()
    park = TerminalPark()
    park.add(car, ADDRESSES[0])
    ended = asyncio.Event()
    async with park:
        device = await BleakScanner.find_device_by_address(ADDRESSES[0], backend=park.scanner_backend)
        assert device is not None
        assert device.name == "OBDII"
        client = BleakClient(device, lambda _: ended.set(), backend=park.client_backend)
        async with client:
            assert client.mtu_size == 247
            heard = bytearray()
            await client.start_notify(profile.notify, lambda _, data: heard.extend(data))
            await client.write_gatt_char(profile.write, b"ATI\r", response=False)
            await asyncio.sleep(1)
            assert heard == b"ATI\rELM327 v1.5\r\r>"
            await client.stop_notify(profile.notify)
            await client.write_gatt_char(profile.write, b"ATI\r", response=True)
            await asyncio.sleep(1)
            assert len(heard) == 18
            car.in_range = False
            with pytest.raises(BleakError, match="disconnected"):
                await client.write_gatt_char(profile.write, b"ATI\r", response=True)
            await ended.wait()
            assert not client.is_connected
            with pytest.raises(BleakError):
                await client.write_gatt_char(profile.write, b"ATI\r", response=True)


async def test_plain_bleak_gives_up_on_an_absent_car() -> None:
    park = TerminalPark()
    park.add(StandingCar(in_range=False), ADDRESSES[0])
    async with park:
        with pytest.raises(BleakDeviceNotFoundError):
            await BleakClient(ADDRESSES[0], backend=park.client_backend, timeout=3).connect()


async def test_an_address_is_given_once_and_before_the_start() -> None:
    park = TerminalPark()
    park.add(StandingCar(), ADDRESSES[0])
    with pytest.raises(ValueError, match="is taken"):
        park.add(StandingCar(), ADDRESSES[0])
    async with park:
        with pytest.raises(ValueError, match="has started"):
            park.add(StandingCar(), ADDRESSES[1])


async def test_a_park_may_stop_under_a_connection() -> None:
    park = TerminalPark()
    park.add(StandingCar(), ADDRESSES[0])
    await park.start()
    client = BleakClient(ADDRESSES[0], backend=park.client_backend)
    await client.connect()
    await park.stop()
    assert not client.is_connected


@pytest.mark.real_time
async def test_in_real_time() -> None:
    car = StandingCar()
    quick = Timing(command_s=0.001, reset_s=0.02, request_s=0.002, search_s=0.02, line_s=0.001)
    park = TerminalPark()
    park.add(car, ADDRESSES[0], adapter=Elm327Device(car, timing=quick))
    async with park:
        radio = Radio(park.client_backend, park.scanner_backend)
        terminal = open_terminal(TerminalConfig(kind="obd", address=ADDRESSES[0]), radio)
        read = await terminal.read_telemetry()
        await radio.close()
    assert read.odometer_km.value == 12345.6
