"""The radio over unmodified bleak: one scan for all, pieces that fit, and bleak's errors as ours."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import pytest
from bleak.backends.client import BaseBleakClient
from bleak.backends.scanner import BaseBleakScanner
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDBusError,
    BleakError,
    BleakGATTProtocolError,
)
from standing_car import StandingCar

from simulator.terminals import AirPacket, TerminalPark
from vehicle import TerminalConfig, VehicleError, open_terminal
from vehicle.ble import BleLink, Radio
from vehicle.errors import (
    ConnectFailed,
    ConnectionDropped,
    OutOfRange,
    PairingRequired,
    RadioUnavailable,
)
from vehicle.gatt import GattProfile, profile_named

ADDRESS = "F0:F1:F2:F3:F4:F5"
FFF0 = profile_named("fff0")
SWAPPED = GattProfile("swapped", FFF0.service, FFF0.notify, FFF0.write, "clones")


class Tape:
    """Records what is written; says what it is told to."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.says: list[tuple[float, bytes]] = []

    def receive(self, data: bytes, now: float) -> None:
        self.pieces.append(data)

    def due(self) -> float | None:
        return self.says[0][0] if self.says else None

    def take(self, now: float) -> bytes:
        return self.says.pop(0)[1] if self.says else b""

    def disconnected(self) -> None:
        self.says.clear()


async def connect(radio: Radio, address: str = ADDRESS) -> BleLink:
    return await radio.connect("P-112", address, find_s=2, connect_s=5)


@pytest.mark.parametrize(("mtu", "size"), [(23, 20), (100, 97), (247, 244)])
async def test_bytes_travel_in_pieces_that_fit_and_in_order(mtu: int, size: int) -> None:
    tape, heard, park = Tape(), list[bytes](), TerminalPark()
    park.add_device(tape, ADDRESS, "fff0", mtu=mtu)
    data = bytes(n % 251 for n in range(600))
    async with park:
        link = await connect(Radio(park.client_backend, park.scanner_backend))
        assert link.profiles == (FFF0,)
        await link.subscribe(FFF0, heard.append, lambda: None)
        tape.says = [(0.0, data)]
        await link.write(data)
        await asyncio.sleep(1)
        await link.close()
        await link.close()
    assert b"".join(tape.pieces) == b"".join(heard) == data
    assert {len(piece) for piece in tape.pieces[:-1]} == {len(piece) for piece in heard[:-1]} == {size}


async def test_properties_decide_where_clones_swap_the_characteristics() -> None:
    car, park = StandingCar(), TerminalPark()
    park.add(car, ADDRESS, SWAPPED)
    async with park:
        radio = Radio(park.client_backend, park.scanner_backend)
        terminal = open_terminal(TerminalConfig(kind="obd", address=ADDRESS), radio)
        assert (await terminal.read_telemetry()).vin.value == car.vin


async def test_a_lost_connection_is_told_once_and_then_refused() -> None:
    losses: list[str] = []
    park = TerminalPark()
    park.add_device(Tape(), ADDRESS, "fff0")
    async with park:
        link = await connect(Radio(park.client_backend, park.scanner_backend))
        await link.subscribe(FFF0, lambda _: None, lambda: losses.append("lost"))
        park.drop(ADDRESS)
        await asyncio.sleep(1)
        assert losses == ["lost"]
        with pytest.raises(ConnectionDropped):
            await link.write(b"ATI\r")
        with pytest.raises(ConnectionDropped):
            await link.subscribe(FFF0, lambda _: None, lambda: None)
        await link.close()


async def test_everyone_shares_one_scan_and_it_ends_with_the_last() -> None:
    running: list[int] = []
    park = TerminalPark()
    addresses = [f"F0:F1:F2:F3:F4:{n:02X}" for n in range(6)]
    for address in addresses:
        park.add_device(Tape(), address, "fff0", reachable=lambda: False)

    class Counting(park.scanner_backend):  # type: ignore[misc, name-defined]
        async def start(self) -> None:
            running.append(sum(running) + 1)
            await super().start()

        async def stop(self) -> None:
            running.append(-1)
            await super().stop()

    async with park:
        radio = Radio(park.client_backend, Counting)
        results = await asyncio.gather(*(connect(radio, a) for a in addresses), return_exceptions=True)
        assert all(isinstance(result, OutOfRange) for result in results)
        assert running == [1, -1]
        with pytest.raises(OutOfRange):
            await connect(radio)
        assert running == [1, -1, 1, -1]


async def test_a_car_that_leaves_when_it_was_heard_holds_nobody_up() -> None:
    leaver, stayer, park = StandingCar(), StandingCar(), TerminalPark()
    park.add(leaver, "F0:F1:F2:F3:F4:01")
    park.add(stayer, ADDRESS)

    def leave(packet: AirPacket) -> None:
        if packet.sender.endswith(":01") and packet.kind == "adv":
            asyncio.get_running_loop().call_soon(setattr, leaver, "in_range", False)

    park.taps.append(leave)
    async with park:
        loop = asyncio.get_running_loop()
        radio = Radio(park.client_backend, park.scanner_backend)
        gone = asyncio.create_task(connect(radio, "F0:F1:F2:F3:F4:01"))
        await asyncio.sleep(0.1)
        start = loop.time()
        link = await connect(radio)
        assert loop.time() - start < 1.5
        await link.close()
        with pytest.raises((ConnectFailed, OutOfRange, ConnectionDropped)):
            await gone
        assert loop.time() - start < 8


class Broken(BaseBleakScanner):
    """A scanner that cannot start."""

    error: ClassVar[Exception]

    def __init__(self, detection_callback: Any, service_uuids: Any, scanning_mode: Any, **_: Any) -> None:
        super().__init__(detection_callback, service_uuids)

    async def start(self) -> None:
        raise self.error

    async def stop(self) -> None:
        raise AssertionError("it never started")


@pytest.mark.parametrize(
    "error",
    [
        BleakBluetoothNotAvailableError("off", BleakBluetoothNotAvailableReason.POWERED_OFF),
        BleakDBusError("org.freedesktop.DBus.Error.ServiceUnknown", ["no bluez"]),
        BleakDBusError("org.bluez.Error.InProgress", ["Operation already in progress"]),
        FileNotFoundError("/run/dbus/system_bus_socket"),
    ],
)
async def test_a_radio_that_does_not_work(error: Exception) -> None:
    radio = Radio(None, type("Broken", (Broken,), {"error": error}))
    radio._greeted[ADDRESS] = None  # the stale connections of a real BlueZ are not asked for
    with pytest.raises(RadioUnavailable, match=r"^P-112: no Bluetooth radio"):
        await connect(radio)
    await radio.close()


@pytest.mark.parametrize(
    ("method", "error", "expected"),
    [
        ("connect", BleakError("le-connection-abort-by-local"), ConnectFailed),
        ("connect", EOFError(), ConnectFailed),
        ("start_notify", BleakGATTProtocolError(0x05), PairingRequired),
        ("start_notify", BleakGATTProtocolError(0x0F), PairingRequired),
        (
            "start_notify",
            BleakDBusError("org.bluez.Error.NotPermitted", ["Not paired"]),
            PairingRequired,
        ),
        ("start_notify", BleakError("Not connected"), ConnectionDropped),
        ("write_gatt_char", BleakGATTProtocolError(0x0E), ConnectionDropped),
        (
            "write_gatt_char",
            BleakDBusError("org.freedesktop.DBus.Error.UnknownObject", []),
            ConnectionDropped,
        ),
    ],
)
async def test_bleaks_errors_become_ours(method: str, error: Exception, expected: type[VehicleError]) -> None:
    park = TerminalPark()
    park.add(StandingCar(), ADDRESS)

    async def fail(*_: Any, **__: Any) -> None:
        raise error

    async with park:
        backend: type[BaseBleakClient] = type("Failing", (park.client_backend,), {method: fail})
        radio = Radio(backend, park.scanner_backend)
        terminal = open_terminal(TerminalConfig(kind="obd", address=ADDRESS), radio, name="P-112")
        with pytest.raises(expected, match=r"^P-112: "):
            await terminal.read_telemetry()
        await radio.close()


async def test_a_write_that_is_never_acknowledged_is_a_dropped_connection() -> None:
    park = TerminalPark()
    park.add(StandingCar(), ADDRESS)

    async def hang(*_: Any, **__: Any) -> None:
        await asyncio.get_running_loop().create_future()

    async with park:
        backend: type[BaseBleakClient] = type("Hanging", (park.client_backend,), {"write_gatt_char": hang})
        radio = Radio(backend, park.scanner_backend)
        terminal = open_terminal(TerminalConfig(kind="obd", address=ADDRESS), radio, name="P-112")
        with pytest.raises(ConnectionDropped, match="no acknowledgement for 10 s"):
            await terminal.read_telemetry()
        await radio.close()
