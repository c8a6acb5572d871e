"""Terminals behind HCI: a host that connects over TCP gets a controller on the air; a terminal moves to another one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from bumble.core import UUID
from bumble.device import Advertisement, Device, Peer
from bumble.hci import Address
from bumble.transport import open_transport
from standing_car import StandingCar

from simulator.terminals import Elm327Device, TerminalPark
from simulator.terminals.bluez import daemon
from simulator.terminals.hci_port import HciPort
from simulator.terminals.reach import AUTO, Reach, UnknownWay, Unreachable
from vehicle import TerminalConfig, open_terminal
from vehicle.ble import Radio
from vehicle.errors import OutOfRange
from vehicle.gatt import profile_named

ADDRESS = "F0:F1:F2:F3:F4:F5"
OTHER = "F0:F1:F2:F3:F4:F6"
FFF0 = profile_named("fff0")


@asynccontextmanager
async def one_car(car: StandingCar) -> AsyncIterator[TerminalPark]:
    park = TerminalPark()
    park.add(car, ADDRESS)
    async with park:
        yield park


@asynccontextmanager
async def reach(park: TerminalPark, *ways: str, **terminals: str) -> AsyncIterator[Reach]:
    opened = Reach(park, terminals or {"v-112": ADDRESS})
    await opened.open(ways)
    try:
        yield opened
    finally:
        await opened.close()


@asynccontextmanager
async def host(url: str, address: str = "C0:00:00:00:00:AA") -> AsyncIterator[Device]:
    """A program of its own with bumble's host, which knows nothing but a transport."""
    async with await open_transport(url) as transport:
        device = Device.with_hci("program", Address(address), transport.source, transport.sink)
        await device.power_on()
        yield device
        await device.power_off()


async def heard(device: Device) -> Address:
    """The first terminal that the host hears."""
    found: asyncio.Future[Address] = asyncio.get_running_loop().create_future()

    def advertised(advertisement: Advertisement) -> None:
        if not found.done():
            found.set_result(advertisement.address)

    device.on(Device.EVENT_ADVERTISEMENT, advertised)
    await device.start_scanning(active=False)
    address = await found
    await device.stop_scanning()
    return address


async def identity(device: Device, address: Address) -> str:
    """What a terminal says to ATI."""
    connection = await device.connect(address)
    peer = Peer(connection)
    await peer.discover_services()
    await peer.discover_characteristics()
    (inlet,) = peer.get_characteristics_by_uuid(UUID(FFF0.notify))
    (outlet,) = peer.get_characteristics_by_uuid(UUID(FFF0.write))
    said, answered = bytearray(), asyncio.Event()

    def notified(data: bytes) -> None:
        said.extend(data)
        if said.endswith(b">"):
            answered.set()

    await inlet.subscribe(notified)
    await outlet.write_value(b"ATI\r", with_response=True)
    await answered.wait()
    await connection.disconnect()
    return said.decode()


async def test_a_bumble_host_reads_a_terminal_over_tcp() -> None:
    async with one_car(StandingCar()) as park, reach(park, "hci-tcp:0") as opened:
        (way,) = opened.ways
        assert (way.name, way.kind) == ("hci", "Bluetooth HCI over TCP")
        async with host(way.url) as device:
            address = await heard(device)
            assert address.to_string(False) == ADDRESS
            assert await identity(device, address) == "ATI\rELM327 v1.5\r\r>"


async def test_every_process_has_a_controller_of_its_own() -> None:
    async with one_car(StandingCar()) as park, reach(park, "hci-tcp:0") as opened:
        url = opened.ways[0].url
        async with host(url, "C0:00:00:00:00:A1") as one, host(url, "C0:00:00:00:00:A2") as two:
            assert one.public_address != two.public_address
            address = await heard(one)
            connection = await one.connect(address)
            with pytest.raises(TimeoutError):  # a connected adapter does not advertise
                await asyncio.wait_for(heard(two), 3)
            await two.stop_scanning()
            await connection.disconnect()
            assert await identity(two, await heard(two)) == "ATI\rELM327 v1.5\r\r>"


async def test_a_process_that_dies_takes_its_connection_with_it() -> None:
    async with one_car(StandingCar()) as park, reach(park, "hci-tcp:0") as opened:
        url = opened.ways[0].url
        async with host(url) as device:
            await device.connect(await heard(device))
            before = len(park.air.controllers)
        await asyncio.sleep(1)
        assert len(park.air.controllers) == before - 1
        radio = Radio(park.client_backend, park.scanner_backend)
        terminal = open_terminal(TerminalConfig(kind="obd", address=ADDRESS), radio)
        assert (await terminal.read_telemetry()).vin.known
        await radio.close()


async def test_what_is_not_hci_is_hung_up_on() -> None:
    async with one_car(StandingCar()) as park:
        port = HciPort(park.air)
        await port.listen()
        reader, writer = await asyncio.open_connection("127.0.0.1", port.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        with suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
        await port.close()


async def test_a_terminal_behind_another_controller() -> None:
    """The way a dongle takes: the terminal is on that controller's air, and no more on its own."""
    car = StandingCar()
    outside = TerminalPark()
    port = HciPort(outside.air)
    async with outside, one_car(car) as park:
        await port.listen()
        config = TerminalConfig(kind="obd", address=ADDRESS)
        async with reach(park, f"tcp-client:127.0.0.1:{port.port}") as opened:
            (way,) = opened.ways
            assert (way.name, way.kind, way.url) == ("v-112", "BLE terminal on the air", f"ble://{ADDRESS}")
            there = Radio(outside.client_backend, outside.scanner_backend)
            read = await open_terminal(config, there).read_telemetry()
            assert read.vin.value == car.vin
            here = Radio(park.client_backend, park.scanner_backend)
            with pytest.raises(OutOfRange):
                await open_terminal(config, here).read_telemetry()
            await here.close()
        with pytest.raises(OutOfRange):
            await open_terminal(config, there).read_telemetry()
        await there.close()
        await port.close()


async def test_a_dongle_carries_one_terminal() -> None:
    outside = TerminalPark()
    port = HciPort(outside.air)
    async with outside, one_car(StandingCar()) as park:
        await port.listen()
        dongle = f"tcp-client:127.0.0.1:{port.port}"
        with pytest.raises(Unreachable, match="on a dongle already"):
            await Reach(park, {"v-112": ADDRESS}).open([dongle, dongle])
        await port.close()


@pytest.mark.parametrize(
    "way", ["", "bluetooth", "hci-tcp", "hci-tcp:x", "hci-tcp:70000", "usb", "file:/tmp/x"]
)
async def test_a_way_that_does_not_exist_is_refused(way: str) -> None:
    async with one_car(StandingCar()) as park:
        with pytest.raises(UnknownWay, match=r"allowed is dbus, hci-tcp:PORT, usb:0"):
            await Reach(park, {"v-112": ADDRESS}).open([way])


async def test_none_stands_alone() -> None:
    async with one_car(StandingCar()) as park:
        async with reach(park, "none") as opened:
            assert opened.ways == []
        with pytest.raises(UnknownWay, match="none stands alone"):
            await Reach(park, {"v-112": ADDRESS}).open(["none", "hci-tcp:0"])


async def test_a_controller_that_is_not_there_is_said() -> None:
    async with one_car(StandingCar()) as park:
        with pytest.raises(Unreachable, match=r"--ble tcp-client:127\.0\.0\.1:1: "):
            await Reach(park, {"v-112": ADDRESS}).open(["tcp-client:127.0.0.1:1"])


async def test_auto_says_what_is_missing_and_dbus_insists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon, "PROGRAM", "no-such-program")
    async with one_car(StandingCar()) as park:
        async with reach(park, AUTO) as opened:
            assert opened.ways == []
            (note,) = opened.notes
            assert note.endswith("needs dbus-daemon (Debian package dbus)")
        with pytest.raises(Unreachable, match="needs dbus-daemon"):
            await Reach(park, {"v-112": ADDRESS}).open(["dbus"])


async def test_a_site_without_terminals_starts_no_bus() -> None:
    async with TerminalPark() as park:
        opened = Reach(park, {})
        await opened.open([AUTO])
        assert (opened.ways, opened.notes) == ([], [])
        await opened.close()


@pytest.mark.real_time
async def test_over_a_real_socket() -> None:
    car, park = StandingCar(), TerminalPark()
    park.add(car, ADDRESS, adapter=Elm327Device(car))
    async with park, reach(park, "hci-tcp:0") as opened, host(opened.ways[0].url) as device:
        assert await identity(device, await heard(device)) == "ATI\rELM327 v1.5\r\r>"
