"""The `org.bluez` look-alike: unmodified bleak on its own BlueZ backend, and the bus itself by plain D-Bus calls."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakDBusError, BleakDeviceNotFoundError, BleakError, BleakGATTProtocolError
from bluez_rig import QUICK, on_dbus, settled
from dbus_fast import Message, MessageType, Variant
from dbus_fast.aio import MessageBus
from standing_car import StandingCar

from simulator.terminals import AirPacket, Elm327Device, TerminalPark
from simulator.terminals.bluez import daemon, device, errors, missing
from simulator.terminals.bluez.service import BluezService
from vehicle.gatt import profile_named, short_uuid

ADDRESS = "F0:F1:F2:F3:F4:F5"
FFF0 = profile_named("fff0")
ADAPTER = "/org/bluez/hci0"
DEVICE = f"{ADAPTER}/dev_F0_F1_F2_F3_F4_F5"
DEVICE_NAME = short_uuid(0x2A00)


def one_car(car: StandingCar | None = None) -> TerminalPark:
    park, car = TerminalPark(), car or StandingCar()
    park.add(car, ADDRESS, adapter=Elm327Device(car, timing=QUICK))
    return park


class Caller:
    """A program that speaks D-Bus and knows nothing of bleak."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self._changes: asyncio.Queue[tuple[str, dict[str, Any], list[str]]] = asyncio.Queue()
        bus.add_message_handler(self._received)

    async def call(self, path: str, interface: str, member: str, signature: str = "", *body: Any) -> Message:
        message = Message("org.bluez", path, interface, member, signature=signature, body=list(body))
        return await self._bus.call(message)

    async def ok(self, *call: Any) -> list[Any]:
        reply = await self.call(*call)
        assert reply.message_type is MessageType.METHOD_RETURN, (reply.error_name, reply.body)
        return reply.body

    async def error(self, *call: Any) -> tuple[str | None, str]:
        reply = await self.call(*call)
        assert reply.message_type is MessageType.ERROR
        return reply.error_name, reply.body[0]

    async def get(self, path: str, interface: str, name: str) -> Any:
        (variant,) = await self.ok(path, "org.freedesktop.DBus.Properties", "Get", "ss", interface, name)
        return variant.value

    async def objects(self) -> dict[str, dict[str, Any]]:
        (found,) = await self.ok("/", "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
        return found

    async def until(self, path: str, name: str, value: Any) -> None:
        """A property is told to be `value`; None means told to be gone."""
        async with asyncio.timeout(10):
            while True:
                where, changed, gone = await self._changes.get()
                if where == path and (name in gone if value is None else changed.get(name) == value):
                    return

    async def told(self, path: str, name: str) -> Any:
        """What a property is told to be next."""
        async with asyncio.timeout(10):
            while True:
                where, changed, _ = await self._changes.get()
                if where == path and name in changed:
                    return changed[name]

    async def listen(self) -> None:
        driver = "org.freedesktop.DBus"
        rule = "type='signal',sender='org.bluez',member='PropertiesChanged'"
        await self._bus.call(
            Message(driver, "/org/freedesktop/DBus", driver, "AddMatch", signature="s", body=[rule])
        )

    def _received(self, message: Message) -> None:
        if message.message_type is MessageType.SIGNAL and message.member == "PropertiesChanged":
            _, changed, gone = message.body
            values = {name: variant.value for name, variant in changed.items()}
            self._changes.put_nowait((message.path or "", values, gone))


@asynccontextmanager
async def caller(service: BluezService) -> AsyncIterator[Caller]:
    bus = await MessageBus(bus_address=service.address).connect()
    program = Caller(bus)
    await program.listen()
    try:
        yield program
    finally:
        bus.disconnect()
        await bus.wait_for_disconnect()


async def found(program: Caller, expected: bool = True) -> None:
    """The car's terminal is known, or not any more."""
    async with asyncio.timeout(10):
        while (DEVICE in await program.objects()) is not expected:
            await asyncio.sleep(0)


async def discover(program: Caller) -> None:
    """Scan until the car's terminal is known."""
    await program.ok(ADAPTER, "org.bluez.Adapter1", "StartDiscovery")
    await found(program)
    await program.ok(ADAPTER, "org.bluez.Adapter1", "StopDiscovery")


async def connect(program: Caller) -> None:
    await discover(program)
    await program.ok(DEVICE, "org.bluez.Device1", "Connect")


async def characteristic(program: Caller, uuid: str) -> str:
    for path, interfaces in (await program.objects()).items():
        found = interfaces.get("org.bluez.GattCharacteristic1")
        if found is not None and found["UUID"].value == uuid:
            return path
    raise AssertionError(f"no characteristic {uuid}")


pytestmark = [pytest.mark.real_time, pytest.mark.peer]
GATT = "org.bluez.GattCharacteristic1"


# -- unmodified bleak


async def test_bleak_scans(monkeypatch: pytest.MonkeyPatch) -> None:
    async with on_dbus(one_car(), monkeypatch):
        heard = await BleakScanner.find_device_by_name("OBDII")
        assert heard is not None
        assert heard.address == ADDRESS
        _, said = (await BleakScanner.discover(timeout=0.2, return_adv=True))[ADDRESS]
        assert said.local_name == "OBDII"
        assert said.service_uuids == [FFF0.service]
        assert -127 < said.rssi < 0


async def test_bleak_scans_for_a_service(monkeypatch: pytest.MonkeyPatch) -> None:
    def known(device: BLEDevice, _: AdvertisementData) -> bool:
        return device.address == ADDRESS

    async with on_dbus(one_car(), monkeypatch):
        find = BleakScanner.find_device_by_filter
        assert await find(known, 0.3, service_uuids=[short_uuid(0xABCD)]) is None
        assert await find(known, service_uuids=[FFF0.service]) is not None


async def test_bleak_reads_writes_and_is_told_of_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    park = one_car()
    ended, answered = asyncio.Event(), asyncio.Event()
    heard = bytearray()

    def notified(_: Any, data: bytearray) -> None:
        heard.extend(data)
        if data.endswith(b">"):
            answered.set()

    async with on_dbus(park, monkeypatch):
        client = BleakClient(ADDRESS, lambda _: ended.set())
        async with client:
            assert client.name == "OBDII"
            assert await client.read_gatt_char(DEVICE_NAME) == b"OBDII"
            one, two = await asyncio.gather(*(client.read_gatt_char(DEVICE_NAME) for _ in range(2)))
            assert one == two == b"OBDII"
            outlet = client.services.get_characteristic(FFF0.write)
            assert outlet is not None
            assert outlet.max_write_without_response_size == 244
            await client.start_notify(FFF0.notify, notified)
            await client.write_gatt_char(FFF0.write, b"ATI\r", response=False)
            await answered.wait()
            assert heard == b"ATI\rELM327 v1.5\r\r>"
            await client.stop_notify(FFF0.notify)
            await client.write_gatt_char(FFF0.write, b"ATI\r", response=True)
            configuration = client.services.get_characteristic(FFF0.notify)
            assert configuration is not None
            assert await client.read_gatt_descriptor(configuration.descriptors[0]) == b"\x00\x00"
            park.drop(ADDRESS)
            await ended.wait()
            assert not client.is_connected
            with pytest.raises(BleakError):
                await client.write_gatt_char(FFF0.write, b"ATI\r", response=True)
        async with client:
            assert client.is_connected


async def test_what_the_terminal_refuses_reaches_bleak_as_att_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    async with on_dbus(one_car(), monkeypatch), BleakClient(ADDRESS) as client:
        with pytest.raises(BleakGATTProtocolError) as caught:
            await client.read_gatt_char(FFF0.write)
        assert caught.value.code == 0x02
        with pytest.raises(BleakGATTProtocolError) as caught:
            await client.write_gatt_char(FFF0.notify, b"x", response=False)
        assert caught.value.code == 0x06
        with pytest.raises(BleakDBusError, match="NotSupported"):
            await client.start_notify(FFF0.write, lambda *_: None)


async def test_a_connection_lost_while_it_is_made_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    park, packets = one_car(), list[str]()

    def tap(packet: AirPacket) -> None:
        packets.append(packet.kind)
        if packets.count("acl") == 3 and packet.kind == "acl":
            asyncio.get_running_loop().call_soon(park.drop, ADDRESS)

    park.taps.append(tap)
    async with on_dbus(park, monkeypatch), BleakClient(ADDRESS) as client:
        assert client.is_connected
        assert packets.count("connect") == 2


async def test_bleak_gives_up_on_an_absent_car(monkeypatch: pytest.MonkeyPatch) -> None:
    car = StandingCar()
    async with on_dbus(one_car(car), monkeypatch):
        found = await BleakScanner.find_device_by_address(ADDRESS)
        assert found is not None
        car.in_range = False
        with pytest.raises(TimeoutError):
            await BleakClient(found, timeout=0.3).connect()
        with pytest.raises(BleakDeviceNotFoundError):
            await BleakClient("F0:F1:F2:F3:F4:00", timeout=0.3).connect()
        car.in_range = True
        async with BleakClient(found) as client:
            assert client.is_connected


async def test_bleak_pairs_and_removes(monkeypatch: pytest.MonkeyPatch) -> None:
    async with on_dbus(one_car(), monkeypatch), caller_of_environment() as program:
        client = BleakClient(ADDRESS, pair=True)
        async with client:
            await client.pair()  # is paired already
            assert await program.get(DEVICE, "org.bluez.Device1", "Bonded")
            assert await program.get(DEVICE, "org.bluez.Device1", "Trusted")
            refused = await program.error(DEVICE, "org.bluez.Device1", "Pair")
            assert refused[0] == "org.bluez.Error.AlreadyExists"
        await client.unpair()
        assert DEVICE not in await program.objects()
        with pytest.raises(BleakDeviceNotFoundError):
            await client.unpair()


async def test_twelve_clients_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    park = TerminalPark()
    addresses = [f"F0:F1:F2:F3:F4:{n:02X}" for n in range(12)]
    for address in addresses:
        park.add(StandingCar(), address)
    async with on_dbus(park, monkeypatch):
        devices = [await BleakScanner.find_device_by_address(address) for address in addresses]
        clients = [BleakClient(each) for each in devices if each is not None]
        await asyncio.gather(*(client.connect() for client in clients))
        assert [client.is_connected for client in clients] == [True] * 12
        await asyncio.gather(*(client.disconnect() for client in clients))


async def test_the_end_of_the_service_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = asyncio.Event()
    async with on_dbus(one_car(), monkeypatch):
        client = BleakClient(ADDRESS, lambda _: ended.set())
        await client.connect()
    await ended.wait()
    assert not client.is_connected
    await client.disconnect()
    with pytest.raises(OSError, match=r"No such file|refused"):
        await BleakClient(ADDRESS).connect()


# -- the bus


@asynccontextmanager
async def caller_of_environment() -> AsyncIterator[Caller]:
    """A program that was told the address as bleak is."""
    from dbus_fast import BusType

    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    program = Caller(bus)
    await program.listen()
    try:
        yield program
    finally:
        bus.disconnect()
        await bus.wait_for_disconnect()


async def test_objects_come_and_go_with_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    park = one_car()
    async with on_dbus(park, monkeypatch) as service, caller(service) as program:
        assert list(await program.objects()) == [ADAPTER]
        await connect(program)
        objects = await program.objects()
        inlet = await characteristic(program, FFF0.notify)
        assert inlet.startswith(f"{DEVICE}/service")
        assert objects[inlet][GATT]["Flags"].value == ["notify"]
        assert objects[DEVICE]["org.bluez.Device1"]["ServicesResolved"].value
        assert FFF0.service in objects[DEVICE]["org.bluez.Device1"]["UUIDs"].value
        assert await program.ok(DEVICE, "org.bluez.Device1", "Connect") == []
        park.drop(ADDRESS)
        await program.until(DEVICE, "Connected", False)
        assert list(await program.objects()) == [ADAPTER, DEVICE]
        assert not await program.get(DEVICE, "org.bluez.Device1", "ServicesResolved")
        refused = await program.error(DEVICE, "org.bluez.Device1", "Disconnect")
        assert refused == ("org.bluez.Error.NotConnected", "Not Connected")
        refused = await program.error(inlet, GATT, "StartNotify")
        assert refused[0] == "org.freedesktop.DBus.Error.UnknownObject"


async def test_discovery_belongs_to_the_program_that_started_it(monkeypatch: pytest.MonkeyPatch) -> None:
    start, stop = ("org.bluez.Adapter1", "StartDiscovery"), ("org.bluez.Adapter1", "StopDiscovery")
    async with on_dbus(one_car(), monkeypatch) as service, caller(service) as one:
        assert await one.error(ADAPTER, *stop) == ("org.bluez.Error.Failed", "No discovery started")
        async with caller(service) as two:
            await two.ok(ADAPTER, *start)
            assert (await two.error(ADAPTER, *start))[0] == "org.bluez.Error.InProgress"
            await one.until(ADAPTER, "Discovering", True)
            await one.ok(ADAPTER, *start)
            await one.ok(ADAPTER, *stop)
            assert await one.get(ADAPTER, "org.bluez.Adapter1", "Discovering")
            await found(one)
        await one.until(DEVICE, "RSSI", None)
        assert not await one.get(ADAPTER, "org.bluez.Adapter1", "Discovering")
        unknown = {"Colour": Variant("s", "red")}
        call = (ADAPTER, "org.bluez.Adapter1", "SetDiscoveryFilter", "a{sv}", unknown)
        assert (await one.error(*call))[0] == "org.bluez.Error.InvalidArguments"
        (filters,) = await one.ok(ADAPTER, "org.bluez.Adapter1", "GetDiscoveryFilters")
        assert "UUIDs" in filters


async def test_notifications_end_with_the_last_program_that_wants_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with on_dbus(one_car(), monkeypatch) as service, caller(service) as one:
        await connect(one)
        inlet, outlet = await characteristic(one, FFF0.notify), await characteristic(one, FFF0.write)
        assert (await one.error(inlet, GATT, "StopNotify"))[1] == "No notify session started"
        async with caller(service) as two:
            await two.ok(inlet, GATT, "StartNotify")
            await two.ok(inlet, GATT, "StartNotify")
            await one.until(inlet, "Notifying", True)
            await one.ok(outlet, GATT, "WriteValue", "aya{sv}", b"ATI\r", {})
            heard = b""
            while not heard.endswith(b"ELM327 v1.5\r\r>"):
                heard += await two.told(inlet, "Value")
        await one.until(inlet, "Notifying", False)


async def overtaken(program: Caller, *call: Any) -> tuple[Message, Message]:
    """The answers to a call and to the same call made before the first was answered.

    On a busy machine the bus may deliver the second so late that nothing is under way any more; then once again.
    """
    for _ in range(100):
        first, second = await asyncio.gather(program.call(*call), program.call(*call))
        if second.message_type is not MessageType.METHOD_RETURN:
            break
    return first, second


async def test_one_read_and_one_write_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async with on_dbus(one_car(), monkeypatch) as service, caller(service) as program:
        await connect(program)
        outlet, name = await characteristic(program, FFF0.write), await characteristic(program, DEVICE_NAME)
        write = (outlet, GATT, "WriteValue", "aya{sv}", b"ATI\r", {"type": Variant("s", "request")})
        read = (name, GATT, "ReadValue", "a{sv}", {})
        for call in (write, read):
            first, second = await overtaken(program, *call)
            assert first.message_type is MessageType.METHOD_RETURN
            assert second.error_name == "org.bluez.Error.InProgress"
        assert await program.ok(name, GATT, "ReadValue", "a{sv}", {"offset": Variant("q", 3)}) == [b"II"]
        beyond = await program.error(name, GATT, "ReadValue", "a{sv}", {"offset": Variant("q", 9)})
        assert beyond == ("org.bluez.Error.InvalidArguments", "Invalid offset")
        reliable = {"type": Variant("s", "reliable")}
        refused = await program.error(outlet, GATT, "WriteValue", "aya{sv}", b"x", reliable)
        assert refused[0] == "org.bluez.Error.NotSupported"
        command = {"type": Variant("s", "command")}
        long = await program.error(outlet, GATT, "WriteValue", "aya{sv}", bytes(300), command)
        assert long == ("org.bluez.Error.Failed", "Failed to initiate write")


async def test_a_link_lost_under_a_write_is_an_att_error(monkeypatch: pytest.MonkeyPatch) -> None:
    park = one_car()
    async with on_dbus(park, monkeypatch) as service, caller(service) as program:
        await connect(program)
        outlet = await characteristic(program, FFF0.write)

        def tap(packet: AirPacket) -> None:
            if packet.kind == "acl":
                asyncio.get_running_loop().call_soon(park.drop, ADDRESS)

        park.taps.append(tap)
        lost = await program.error(outlet, GATT, "WriteValue", "aya{sv}", b"ATI\r", {})
        assert lost == ("org.bluez.Error.Failed", "Operation failed with ATT error: 0x0e")


async def test_connecting_is_called_off(monkeypatch: pytest.MonkeyPatch) -> None:
    car = StandingCar()
    async with on_dbus(one_car(car), monkeypatch) as service, caller(service) as program:
        await discover(program)
        car.in_range = False
        waiting = asyncio.create_task(program.error(DEVICE, "org.bluez.Device1", "Connect"))
        second = asyncio.create_task(program.error(DEVICE, "org.bluez.Device1", "Connect"))
        assert (await second)[0] == "org.bluez.Error.InProgress"
        await program.ok(DEVICE, "org.bluez.Device1", "Disconnect")
        assert await waiting == ("org.bluez.Error.Failed", "le-connection-abort-by-local")
        remove = (ADAPTER, "org.bluez.Adapter1", "RemoveDevice", "o", DEVICE)
        refused, _ = await asyncio.gather(
            program.error(DEVICE, "org.bluez.Device1", "Connect"), program.ok(*remove)
        )
        assert refused[0] == "org.bluez.Error.Failed"
        assert await program.error(*remove) == ("org.bluez.Error.DoesNotExist", "Does Not Exist")


async def test_a_device_that_is_not_heard_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device, "TEMPORARY_S", 0.05)
    async with on_dbus(one_car(), monkeypatch) as service, caller(service) as program:
        await discover(program)
        await found(program, False)
        await connect(program)
        assert await program.get(DEVICE, "org.bluez.Device1", "Connected")


async def test_the_standard_interfaces(monkeypatch: pytest.MonkeyPatch) -> None:
    properties = "org.freedesktop.DBus.Properties"
    async with on_dbus(one_car(), monkeypatch) as service, caller(service) as program:
        await discover(program)
        for path, expected in (
            ("/", 'node name="org"'),
            ("/org/bluez", 'node name="hci0"'),
            (ADAPTER, 'method name="StartDiscovery"'),
            (DEVICE, 'interface name="org.bluez.Device1"'),
        ):
            (xml,) = await program.ok(path, "org.freedesktop.DBus.Introspectable", "Introspect")
            assert expected in xml
        assert await program.ok(DEVICE, "org.freedesktop.DBus.Peer", "Ping") == []
        (everything,) = await program.ok(DEVICE, properties, "GetAll", "s", "org.bluez.Device1")
        assert everything["Address"].value == ADDRESS
        call = (DEVICE, properties, "Set", "ssv", "org.bluez.Device1")
        await program.ok(*call, "Alias", Variant("s", "car 112"))
        assert await program.get(DEVICE, "org.bluez.Device1", "Alias") == "car 112"
        for name, value, expected in (
            ("Alias", Variant("b", True), "InvalidArgs"),
            ("Connected", Variant("b", True), "PropertyReadOnly"),
            ("Colour", Variant("s", "red"), "UnknownProperty"),
        ):
            assert (await program.error(*call, name, value))[0] == f"org.freedesktop.DBus.Error.{expected}"
        for wrong, expected in (
            ((DEVICE, properties, "Get", "ss", "org.bluez.Device1", "Colour"), "InvalidArgs"),
            ((DEVICE, properties, "Get", "ss", "org.bluez.Colour1", "Red"), "UnknownInterface"),
            ((DEVICE, "org.bluez.Device1", "Fly"), "UnknownMethod"),
            ((DEVICE, "org.bluez.Device1", "Connect", "s", "now"), "UnknownMethod"),
            (("/org/bluez/hci9", "org.bluez.Adapter1", "StartDiscovery"), "UnknownObject"),
        ):
            assert (await program.error(*wrong))[0] == f"org.freedesktop.DBus.Error.{expected}"


# -- without a bus


@pytest.mark.parametrize(
    ("code", "name", "text"),
    [
        (0x01, "Failed", "Operation failed with ATT error: 0x01"),
        (0x02, "NotPermitted", "Read not permitted"),
        (0x05, "NotPermitted", "Not paired"),
        (0x08, "NotAuthorized", "Operation Not Authorized"),
        (0x80, "Failed", "Operation failed with ATT error: 0x80"),
    ],
)
async def test_att_errors_in_bluez_words(code: int, name: str, text: str) -> None:
    error = errors.of_gatt(BleakGATTProtocolError(code))
    assert (error.type, error.text) == (f"org.bluez.Error.{name}", text)


async def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert missing() == "the D-Bus service needs dbus-daemon (Debian package dbus)"


async def test_a_daemon_that_does_not_start_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon, "PROGRAM", "false")
    park = one_car()
    async with park:
        with pytest.raises(OSError, match="dbus-daemon did not start"):
            await BluezService(park.air).start()
    await settled()
