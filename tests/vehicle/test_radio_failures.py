"""What goes wrong with bleak and BlueZ in the field, row by row, and that a visit meets it as it should.

The rows are those of the maintainers' own issues: bleak 374, 409, 859, 993, 1220, 1255, 1673, 1689, 1856, 1885, 1921,
2018 and BlueZ 807. Stale services from BlueZ's cache cannot be made here: no simulated stack keeps any.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from bleak import BleakClient, BleakScanner
from bleak.exc import BleakDBusError, BleakError
from bluez_rig import QUICK, on_dbus
from standing_car import StandingCar

from simulator.terminals import Elm327Device, TerminalPark
from vehicle import ClearOrder, ClearOutcome, Terminal, TerminalConfig, VehicleError, open_terminal
from vehicle.ble import Radio
from vehicle.errors import (
    ConnectFailed,
    ConnectionDropped,
    OutOfRange,
    PairingRequired,
    RadioUnavailable,
)

ADDRESS = "F0:F1:F2:F3:F4:F5"
ABORTED = "le-connection-abort-by-local"


@dataclass
class Car(StandingCar):
    stored_dtcs: tuple[str, ...] = ("P0133",)


class Yard:
    """One car, its terminal, and what bleak's backend is made to do: `before` runs ahead of each of its methods."""

    def __init__(self, park: TerminalPark, profile: str = "fff0", **device: Any) -> None:
        self.park = park
        self.car = Car()
        self.adapter = Elm327Device(self.car)
        park.add_device(self.adapter, ADDRESS, profile, reachable=lambda: self.car.in_range, **device)
        self.calls: list[str] = []
        self.before: dict[str, Callable[[], Awaitable[None]]] = {}
        self.radio = Radio(self._client(), self._scanner())
        self.terminal = self.open(self.radio)

    def open(self, radio: Radio) -> Terminal:
        return open_terminal(TerminalConfig(kind="obd", address=ADDRESS, find_s=2.0), radio, name="P-112")

    async def reads(self) -> bool:
        """Whether a visit reads the car right."""
        read = await self.terminal.read_telemetry()
        assert (read.odometer_km.value, read.stored_dtcs.value) == (12345.6, ("P0133",))
        return read.vin.value == self.car.vin

    async def fails(self, error: type[VehicleError]) -> VehicleError:
        with pytest.raises(error, match=r"^P-112: ") as raised:
            await self.terminal.read_telemetry()
        return raised.value

    def refuse(self, method: str, error: Exception, times: int | None = None) -> None:
        """Have a method raise, so often or for good."""
        left = [times]

        async def act() -> None:
            if left[0] is not None:
                if not left[0]:
                    return
                left[0] -= 1
            raise error

        self.before[method] = act

    async def _runs(self, method: str) -> None:
        self.calls.append(method)
        if method in self.before:
            await self.before[method]()

    def _client(self) -> type:
        return self._wrapped(
            self.park.client_backend,
            ("connect", "disconnect", "pair", "unpair", "read_gatt_char", "write_gatt_char", "start_notify"),
        )

    def _scanner(self) -> type:
        return self._wrapped(self.park.scanner_backend, ("start",))

    def _wrapped(self, backend: type, methods: tuple[str, ...]) -> type:
        def wrap(method: str) -> Callable[..., Awaitable[Any]]:
            async def run(of: Any, *args: Any, **more: Any) -> Any:
                await self._runs(method)
                return await getattr(backend, method)(of, *args, **more)

            return run

        return type("Failing", (backend,), {method: wrap(method) for method in methods})


@asynccontextmanager
async def yard(**device: Any) -> AsyncIterator[Yard]:
    park = TerminalPark()
    at = Yard(park, **device)
    async with park:
        yield at
        await at.radio.close()


async def aborted_by_local_once_or_twice() -> None:
    async with yard() as at:
        at.refuse("connect", BleakError(ABORTED), times=2)
        assert await at.reads()


async def aborted_by_local_for_good() -> None:
    async with yard() as at:
        at.refuse("connect", BleakError(ABORTED))
        assert (await at.fails(ConnectFailed)).retryable
        at.before.clear()
        assert await at.reads()


async def operations_of_one_link_do_not_overlap() -> None:
    for profile in ("fff0", "tio"):
        async with yard(profile=profile) as at:
            under_way, most = [0], [0]

            async def count(under_way: list[int] = under_way, most: list[int] = most) -> None:
                under_way[0] += 1
                most[0] = max(most[0], under_way[0])
                await asyncio.sleep(0.002)
                under_way[0] -= 1

            at.before = {"write_gatt_char": count, "start_notify": count}
            assert await at.reads()
            assert most == [1]


async def a_write_is_refused_since_another_is_under_way() -> None:
    async with yard() as at:
        error = BleakDBusError("org.bluez.Error.InProgress", ["In Progress"])
        at.refuse("write_gatt_char", error, times=1)
        assert (await at.fails(ConnectionDropped)).retryable
        assert await at.reads()


async def another_scanner_runs() -> None:
    async with yard() as at:
        at.refuse("start", BleakDBusError("org.bluez.Error.InProgress", ["In Progress"]))
        await at.fails(RadioUnavailable)
        at.before.clear()
        assert await at.reads()


async def the_adapter_talks_as_soon_as_it_is_listened_to() -> None:
    async with yard() as at:

        async def chatter() -> None:
            at.adapter.receive(b"ATI\r", asyncio.get_running_loop().time())

        at.before["start_notify"] = chatter
        assert await at.reads()


async def nothing_is_read_that_is_also_notified() -> None:
    async with yard() as at:
        assert await at.reads()
        assert "read_gatt_char" not in at.calls


async def disconnecting_fails() -> None:
    for trouble in (EOFError(), BleakError("Not connected")):
        async with yard() as at:
            at.refuse("disconnect", trouble, times=1)
            assert await at.reads()


async def disconnecting_hangs() -> None:
    async with yard() as at:
        at.before["disconnect"] = forever
        began = asyncio.get_running_loop().time()
        assert await at.reads()
        assert asyncio.get_running_loop().time() - began < 15
        at.before.clear()
        at.park.drop(ADDRESS)
        assert await at.reads()


async def the_link_drops_while_something_is_written() -> None:
    async with yard() as at:

        async def drop() -> None:
            if at.calls.count("write_gatt_char") == 5:
                at.park.drop(ADDRESS)

        at.before["write_gatt_char"] = drop
        assert (await at.fails(ConnectionDropped)).retryable
        at.before.clear()
        assert await at.reads()


async def a_write_ends_without_a_word() -> None:
    async with yard() as at:
        at.before["write_gatt_char"] = forever
        assert (await at.fails(ConnectionDropped)).retryable


async def codes_are_cleared_once_though_the_link_drops() -> None:
    """Delivery is not known, so the order ends unconfirmed and is not sent again."""
    async with yard() as at:
        sent: list[str] = []

        def drop(command: str) -> None:
            if command == "04":
                sent.append(command)
                at.park.drop(ADDRESS)

        at.adapter.troubles.append(drop)
        record = await at.terminal.clear_codes(ClearOrder("mechanic-7", "sensor replaced"))
        assert record.outcome is ClearOutcome.UNCONFIRMED
        assert len(sent) == 1


async def pairing_wants_a_passkey() -> None:
    async with yard(profile="fee0", wants_bond=True) as at:
        assert "by hand" in str(await at.fails(PairingRequired))
        assert "pair" not in at.calls


async def the_bond_is_lost_on_this_side() -> None:
    async with yard(wants_bond=True) as at:
        at.refuse("pair", BleakError("Authentication Failed"))
        for _ in range(3):
            assert not (await at.fails(PairingRequired)).retryable
        assert at.calls.count("pair") == 1
        assert "unpair" not in at.calls


async def it_does_not_advertise_while_somebody_is_connected() -> None:
    async with yard() as at:
        other = await at.radio.connect("somebody", ADDRESS, find_s=2, connect_s=5)
        assert (await at.fails(OutOfRange)).retryable
        await other.close()
        assert await at.reads()


async def forever() -> None:
    await asyncio.get_running_loop().create_future()


Row = Callable[[], Awaitable[None]]
CATALOGUE: dict[str, tuple[Row, ...]] = {
    ABORTED: (aborted_by_local_once_or_twice, aborted_by_local_for_good),
    "InProgress on read or write": (
        operations_of_one_link_do_not_overlap,
        a_write_is_refused_since_another_is_under_way,
    ),
    "InProgress on scanning": (another_scanner_runs,),
    "notification lost right after subscribing": (the_adapter_talks_as_soon_as_it_is_listened_to,),
    "same value twice": (nothing_is_read_that_is_also_notified,),
    "hang or EOFError while disconnecting": (disconnecting_fails, disconnecting_hangs),
    "write while the link drops": (
        the_link_drops_while_something_is_written,
        a_write_ends_without_a_word,
        codes_are_cleared_once_though_the_link_drops,
    ),
    "pairing needs an agent": (pairing_wants_a_passkey, the_bond_is_lost_on_this_side),
    "advertisement gone": (it_does_not_advertise_while_somebody_is_connected,),
}
"""By the symptom. What only BlueZ does has tests of its own below, on D-Bus."""


@pytest.mark.parametrize(
    "meets",
    [
        pytest.param(each, id=f"{symptom}: {each.__name__}")
        for symptom, rows in CATALOGUE.items()
        for each in rows
    ],
)
async def test_a_failure_of_the_catalogue(meets: Row) -> None:
    await meets()


@pytest.mark.real_time
@pytest.mark.peer
async def test_a_device_that_a_dead_process_left_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    park, car = TerminalPark(), Car()
    park.add(car, ADDRESS, adapter=Elm327Device(car, timing=QUICK))
    async with on_dbus(park, monkeypatch):
        found = await BleakScanner.find_device_by_address(ADDRESS, timeout=5.0)
        assert found is not None
        dead = BleakClient(found)
        await dead.connect()
        radio = Radio()
        terminal = open_terminal(TerminalConfig(kind="obd", address=ADDRESS, find_s=3.0), radio, name="P-112")
        assert (await terminal.read_telemetry()).vin.value == car.vin
        await radio.close()
        await dead.disconnect()


class Tape:
    """Records what is written."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def receive(self, data: bytes, now: float) -> None:
        self.pieces.append(data)

    def due(self) -> float | None:
        return None

    def take(self, now: float) -> bytes:
        return b""

    def disconnected(self) -> None: ...


@pytest.mark.real_time
@pytest.mark.peer
@pytest.mark.filterwarnings("ignore:Using default MTU value")
async def test_an_mtu_that_looks_like_23(monkeypatch: pytest.MonkeyPatch) -> None:
    """BlueZ does not tell a connection's MTU; what a characteristic can carry it does."""
    park, tape = TerminalPark(), Tape()
    park.add_device(tape, ADDRESS, "fff0", mtu=247)
    async with on_dbus(park, monkeypatch):
        radio = Radio()
        link = await radio.connect("P-112", ADDRESS, find_s=3, connect_s=5)
        assert link._client is not None
        assert link._client.mtu_size == 23
        await link.subscribe(link.profiles[0], lambda _: None, lambda: None)
        await link.write(bytes(200))
        await link.close()
        await radio.close()
    assert [len(piece) for piece in tape.pieces] == [200]
