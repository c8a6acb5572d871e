"""What visits to cars enter in the book, with a real ledger and simulated adapters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from standing_car import StandingCar

from lifecycle.book import Book, Draft
from lifecycle.ledger import Event, Ledger
from lifecycle.model import Vehicle
from lifecycle.roster import Roster
from lifecycle.site import Site
from lifecycle.telemetry import declared
from lifecycle.terminals import Terminals
from lifecycle.views import vehicle_view
from lifecycle.visits import Visits
from simulator.terminals import Elm327Device, MemoryRadio
from vehicle import TerminalConfig
from vehicle.radios import Radios

ADDRESS = "F0:F1:F2:F3:F4:F5"
EPOCH = datetime(2026, 11, 21, tzinfo=UTC)


class Bench:
    """One car, one radio in the yard, one book."""

    def __init__(self, car: StandingCar, radio: MemoryRadio, book: Book, visits: Visits) -> None:
        self.car, self.radio, self.book, self.visits = car, radio, book, visits
        config = TerminalConfig(kind="obd", address=ADDRESS, find_s=3.0)
        self.vehicle = Vehicle(
            id="v-1", fleet_number="P-112", vehicle_class="patrol", unit="u", vin=car.vin, terminal=config
        )

    async def visit(self, checkout: str | None = "co-1", wait_s: float = 20.0) -> None:
        self.visits.request(self.vehicle, checkout)
        await asyncio.sleep(wait_s)

    async def events(self) -> list[Event]:
        return list(await self.book.ledger.events())

    def reading(self, name: str) -> Any:
        row = self.book.row("telemetry", "v-1")
        assert row is not None
        return row.data[name]

    def shown(self) -> Mapping[str, Mapping[str, Any]]:
        """The telemetry as callers see it."""
        roster = Roster(vehicles={"v-1": self.vehicle})
        unasked: Any = None
        return vehicle_view(self.vehicle, self.book.row, roster, unasked, self.book.clock()).telemetry

    async def release(self, checkout: str, state: str) -> None:
        """The trip of this name is in this state now."""

        def build(draft: Draft) -> None:
            draft.data["changed"] = []
            draft.note("RosterChanged")  # some kind: a step without an event is not recorded
            draft.put("checkout", checkout, state)

        await self.book.step(build)

    async def declare(self, checkout: str, odometer_km: float) -> None:
        def build(draft: Draft) -> None:
            draft.ids = {
                "checkout": checkout,
                **dict.fromkeys(("cabinet", "slot", "key_set", "officer"), "-"),
            }
            draft.ids["vehicle"] = "v-1"
            draft.note("ReturnDeclared")
            said = {"odometer_km": odometer_km, "by": "013542"}
            draft.put("checkout", checkout, "returned", declaration=said)
            declared(draft, "v-1", odometer_km, "013542", self.book.clock())

        await self.book.step(build)

    async def trip(self, checkout: str, since_clear_km: float) -> None:
        """Taken, driven until the counter shows this, come home; the terminal is read after both moves."""
        await self.release(checkout, "out")
        await self.visit(checkout)
        self.car.distance_since_clear_km = since_clear_km
        await self.release(checkout, "returned")
        await self.visit(checkout)


@asynccontextmanager
async def bench(tmp_path: Path, car: StandingCar) -> AsyncIterator[Bench]:
    loop, numbers = asyncio.get_running_loop(), count(1)
    tasks: list[asyncio.Task[None]] = []

    def spawn(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        tasks.append(asyncio.create_task(work, name=name))
        return tasks[-1]

    def clock() -> datetime:
        return EPOCH + timedelta(seconds=loop.time())

    ledger = await Ledger.open(tmp_path / "book.db", station="s", holder="test", clock=clock)
    radio = MemoryRadio()
    radio.add(car, ADDRESS, adapter=Elm327Device(car))
    book = Book(ledger, clock, lambda kind: f"{kind}-{next(numbers)}")
    terminals = Terminals(Radios({"yard": radio}))
    visits = Visits(book, terminals, spawn)
    try:
        yield Bench(car, radio, book, visits)
    finally:
        await visits.close()
        await terminals.close()
        await ledger.close()


async def test_a_visit_enters_values_and_where_the_car_was_heard(tmp_path: Path) -> None:
    async with bench(tmp_path, StandingCar(odometer_km=48_211.0)) as at:
        await at.visit()
        (event,) = [each for each in await at.events() if each.kind == "TelemetryRead"]
        assert event.data["heard"] == {"place": "yard", "rssi": -60}
        assert at.reading("odometer_km")["value"] == 48_211.0
        sighting = at.book.row("sighting", "v-1")
        assert sighting is not None
        assert sighting.data["place"] == "yard"
        assert at.book.row("odometer", "v-1") is None


async def test_an_odometer_is_counted_on_from_what_was_declared(tmp_path: Path) -> None:
    async with bench(tmp_path, StandingCar(odometer_km=None)) as at:
        await at.trip("co-1", 460)
        assert at.reading("odometer_km")["reason"] == "no earlier odometer value to count from"
        await at.declare("co-1", 48_211)
        await at.trip("co-2", 472)
        assert at.reading("odometer_km")["value"] == 48_223
        assert at.reading("odometer_km")["source"] == "delta:7E8:0131:officer:013542"
        await at.trip("co-3", 480)
        assert at.reading("odometer_km")["value"] == 48_231
        await at.trip("co-4", 3)
        assert at.reading("odometer_km")["reason"] == "fault codes were cleared since the last odometer value"
        await at.declare("co-4", 48_250)
        await at.trip("co-5", 4)
        assert at.reading("odometer_km")["value"] == 48_251


async def test_what_is_declared_before_the_visit_belongs_to_the_counter_at_home(tmp_path: Path) -> None:
    async with bench(tmp_path, StandingCar(odometer_km=None)) as at:
        await at.release("co-1", "out")
        await at.visit("co-1")
        at.car.distance_since_clear_km = 460
        await at.declare("co-1", 48_271)
        await at.visit("co-1")
        await at.trip("co-2", 470)
        assert at.reading("odometer_km")["value"] == 48_281


async def test_an_odometer_that_nobody_gives_is_the_typed_one(tmp_path: Path) -> None:
    async with bench(tmp_path, StandingCar(odometer_km=None)) as at:
        await at.trip("co-1", 460)
        await at.declare("co-1", 48_211)
        shown = at.shown()["odometer_km"]
        assert (shown["value"], shown["source"]) == (48_211, "officer:013542")
        await at.trip("co-2", 470)
        assert at.shown()["odometer_km"]["value"] == 48_221


async def test_heard_and_not_read_is_entered_once_a_while(tmp_path: Path) -> None:
    async with bench(tmp_path, StandingCar(odometer_km=None)) as at:
        at.radio.on_air(ADDRESS).slow_link.append(lambda: 9.0)
        await at.visit(wait_s=3600)
        sighted = [each for each in await at.events() if each.kind == "VehicleSighted"]
        assert 4 <= len(sighted) <= 7
        assert sighted[0].data["heard"] == {"place": "yard", "rssi": -60}
        assert not any(each.kind == "TelemetryRead" for each in await at.events())


async def test_a_car_that_is_not_heard_is_not_sighted(tmp_path: Path) -> None:
    async with bench(tmp_path, StandingCar(odometer_km=None, in_range=False)) as at:
        await at.visit(wait_s=600)
        assert await at.events() == []


async def test_a_low_battery_keeps_what_was_known(tmp_path: Path) -> None:
    async with bench(tmp_path, StandingCar(odometer_km=48_211.0)) as at:
        await at.visit()
        at.car.battery_v = 11.2
        await at.visit()
        assert at.reading("odometer_km")["value"] == 48_211.0
        assert at.reading("adapter_v")["value"] == 11.2
        last = [each for each in await at.events() if each.kind == "TelemetryRead"][-1]
        assert last.data["readings"]["odometer_km"]["reason"] == "not asked, to spare a low battery"


async def test_a_resting_car_whose_ignition_is_off_is_not_woken_every_few_seconds(tmp_path: Path) -> None:
    async with bench(tmp_path, StandingCar(odometer_km=None)) as at:
        adapter = at.radio.on_air(ADDRESS).device
        assert isinstance(adapter, Elm327Device)
        adapter.troubles.append(_unable)
        await at.visit(wait_s=600)
        assert at.radio.on_air(ADDRESS).connections <= 6


def _unable(command: str) -> Any:
    from simulator.terminals import Fault

    return Fault.UNABLE_TO_CONNECT if command == "0100" else None


# -- the site file


def _site(**radios: str) -> Site:
    return Site.model_validate(
        {
            "station": {"code": "s"},
            "lines": {"a": "modbus+tcp://127.0.0.1:502"},
            "cabinets": {
                "A": {
                    "senses": ["key"],
                    "boards": [
                        {
                            "name": "a1",
                            "line": "a",
                            "address": 1,
                            "profile": "waveshare-relay-d-8",
                            "slots": "1-8",
                        }
                    ],
                }
            },
            "radios": radios,
        }
    )


def test_radios_in_the_site_file() -> None:
    assert _site().radios == {}
    assert list(_site(here="ble://", yard="esphome://10.8.4.21").radios) == ["here", "yard"]
    with pytest.raises(ValueError, match="allowed are ble://"):
        _site(yard="wifi://yard")
    with pytest.raises(ValueError, match="at most one esphome proxy"):
        _site(yard="esphome://10.8.4.21", street="esphome://10.8.4.22")
