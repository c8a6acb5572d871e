"""A simulated station with a mixed fleet: sealed terminals beside adapters and cars without any."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from lifecycle import load_site
from lifecycle.errors import SiteError
from lifecycle.site import Site
from simulator.authority import SHIFT_S
from simulator.made_up import make_up
from simulator.scenario import load_scenario
from simulator.station import RadioKind, SimulatedStation
from simulator.terminals.sealed_keys import station_key, terminal_key
from simulator.testing import running_station
from vehicle import ActionOrder, VehicleError, open_terminal
from vehicle.actions import Action, ActionOutcome
from vehicle.sealed.codes import Right
from vehicle.sealed.grant import parse_grant

SITE = """
[station]
code = "test-07"
ledger = "ledger.db"

[lines]
a = "serial:///dev/ttyS7?baudrate=19200"

[actions]
immobilise = ["patrol"]

[cabinets.A]
boards = [{ name = "a1", line = "a", address = 1, profile = "waveshare-relay-d-8", slots = "1-8" }]
"""

ROSTER = """
units = [{{ id = "u", name = "Station" }}]
officers = [{{ id = "o-1", badge = "b1", name = "One", unit = "u", classes = ["patrol"] }}]
key_sets = [
  {{ id = "k-1", vehicle = "v-1", home = "A-01" }},
  {{ id = "k-2", vehicle = "v-2", home = "A-02" }},
  {{ id = "k-3", vehicle = "v-3", home = "A-03" }},
]
[[vehicles]]
id = "v-1"
fleet_number = "P-1"
class = "patrol"
unit = "u"
vin = "LSVAM4187C2184841"
terminal = {{ kind = "sealed", address = "F0:F1:F2:F3:F4:01", key = "{key}" }}
[[vehicles]]
id = "v-2"
fleet_number = "P-2"
class = "response"
unit = "u"
terminal = {{ kind = "obd", address = "F0:F1:F2:F3:F4:02" }}
[[vehicles]]
id = "v-3"
fleet_number = "P-3"
class = "patrol"
unit = "u"
"""


def site(folder: Path, key: str | None = None) -> Site:
    (folder / "site.toml").write_text(SITE, encoding="utf-8")
    roster = ROSTER.format(key=key or terminal_key("v-1").public.hex)
    (folder / "roster.toml").write_text(roster, encoding="utf-8")
    return load_site(folder / "site.toml")


def test_the_examples_pin_the_keys_of_their_simulated_terminals() -> None:
    for vehicle in load_site(Path(__file__).parents[2] / "examples" / "site.toml").roster.vehicles.values():
        if vehicle.terminal.kind == "sealed":
            assert vehicle.terminal.key == terminal_key(vehicle.id).public.hex


def test_a_key_of_another_terminal_is_an_error_that_names_the_right_one(tmp_path: Path) -> None:
    with pytest.raises(SiteError) as caught:
        SimulatedStation(site(tmp_path, key=terminal_key("v-9").public.hex))
    (problem,) = caught.value.problems
    assert problem.key == "vehicles.v-1.terminal.key"
    assert terminal_key("v-1").public.hex in problem.allowed


def test_a_made_up_fleet_has_all_three_kinds(tmp_path: Path) -> None:
    made = make_up(tmp_path, cabinets=2, slots=32, cars=20, officers=9, terminals=12, sealed=6)
    vehicles = made.roster.vehicles.values()
    assert Counter(each.terminal.kind for each in vehicles) == {"sealed": 6, "obd": 6, "none": 8}
    station = SimulatedStation(made, radio="memory")
    sealed = [each for each in vehicles if each.terminal.kind == "sealed"]
    assert {each.vehicle_class for each in sealed} == {"patrol", "van", "response"}
    for each in sealed:  # all but response cars stand immobilised while their sets hang
        assert station.world.car(each.id).restart_blocked == (each.vehicle_class != "response")


def test_more_sealed_terminals_than_terminals_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "many.toml").write_text(
        'title = "x"\n[station]\nterminals = 3\nsealed = 4\n', encoding="utf-8"
    )
    with pytest.raises(SiteError, match="4 sealed terminals, but only 3"):
        load_scenario(tmp_path / "many.toml")


@pytest.mark.parametrize("radio", ["bumble", "memory"])
async def test_orders_move_the_car_of_the_world(tmp_path: Path, radio: RadioKind) -> None:
    station = SimulatedStation(site(tmp_path), radio=radio)
    vehicle = station.site.roster.vehicle("v-1")
    async with station.running("memory"):
        access = station.options()["access"]
        async with open_terminal(vehicle.terminal, station.radio, name="P-1", access=access) as terminal:
            orders = [ActionOrder(action, f"c-{action}") for action in (Action.UNLOCK, Action.IMMOBILISE)]
            results = await terminal.perform(*orders)
            assert [each.outcome for each in results] == [ActionOutcome.CONFIRMED] * 2
            car = station.world.car("v-1")
            assert (car.doors_locked, car.restart_blocked) == (False, True)
            telemetry = await terminal.read_telemetry()
            assert telemetry.odometer_km.value == pytest.approx(car.odometer_km)
    assert "v-1" in station.terminals.sealed
    assert list(station.terminals.adapters) == ["v-2"]


async def test_an_order_to_immobilise_waits_for_the_car_to_stand(tmp_path: Path) -> None:
    station = SimulatedStation(site(tmp_path), radio="memory")
    vehicle, world = station.site.roster.vehicle("v-1"), station.world
    async with station.running("memory"):
        assert world.car("v-1").restart_blocked  # its class opted in, and its set hangs
        access = station.options()["access"]
        async with open_terminal(vehicle.terminal, station.radio, name="P-1", access=access) as terminal:
            (result,) = await terminal.perform(ActionOrder(Action.MOBILISE, "c-1"))
            assert result.outcome is ActionOutcome.CONFIRMED
            world.change_car("v-1", replace(world.car("v-1"), engine_on=True, speed_kmh=40.0))
            (result,) = await terminal.perform(ActionOrder(Action.IMMOBILISE, "c-2"))
        assert result.outcome is ActionOutcome.ACCEPTED_UNCONFIRMED
        assert not world.car("v-1").restart_blocked
        world.change_car("v-1", replace(world.car("v-1"), speed_kmh=0.0))
        assert not world.car("v-1").restart_blocked
        world.change_car("v-1", replace(world.car("v-1"), engine_on=False))
        assert world.car("v-1").restart_blocked


async def test_a_grant_is_for_one_shift_and_ends_when_no_new_one_comes(tmp_path: Path) -> None:
    station = SimulatedStation(site(tmp_path), radio="memory")
    papers, vehicle = station.papers, station.site.roster.vehicle("v-1")
    assert papers is not None
    crossed: list[str] = []
    async with station.running("memory"):
        first = parse_grant(await papers.grant("P-1") or b"")
        assert (first.vehicle, first.holder) == ("v-1", station_key("test-07").public)
        assert Right.ENROL not in first.rights
        assert await papers.grant("v-1") == await papers.grant("P-1")
        papers.cut_off.append(lambda: crossed.append("cut off"))
        async with open_terminal(vehicle.terminal, station.radio, name="P-1", access=papers) as terminal:
            await asyncio.sleep(SHIFT_S + 3600)
            with pytest.raises(VehicleError, match="grant_expired"):
                await terminal.read_telemetry()
            papers.cut_off.clear()
            await terminal.read_telemetry()
    assert crossed


async def test_a_revoked_grant_is_refused_as_soon_as_the_list_arrives(tmp_path: Path) -> None:
    station = SimulatedStation(site(tmp_path), radio="memory")
    papers, vehicle = station.papers, station.site.roster.vehicle("v-1")
    assert papers is not None
    async with station.running("memory"):
        async with open_terminal(vehicle.terminal, station.radio, name="P-1", access=papers) as terminal:
            await terminal.read_telemetry()
            held = papers.at_hand("v-1")
            assert held is not None
            late = papers.lists_late
            late.append(lambda: None)
            papers.withheld["v-1"] = [lambda: None]
            papers.authority.revoke(held.grant.number)
            await terminal.read_telemetry()  # the list is not there yet
            late.clear()
            with pytest.raises(VehicleError, match="grant_revoked"):
                await terminal.read_telemetry()
            del papers.withheld["v-1"]
            await terminal.read_telemetry()
        side = station.terminals.sealed_side
        assert side is not None
        assert side.fleet.given["v-1"].grants == (held.grant.number,)


async def test_a_pool_reads_a_sealed_car_when_it_is_home(tmp_path: Path) -> None:
    async with running_station(site(tmp_path), radio="memory") as station:
        trip = await station.take("b1", vehicle="P-1")
        station.world.drive("v-1", 12.0)
        await station.bring_home(trip, "A-05")
        await station.until(lambda: bool(station.pool.vehicle("P-1").telemetry), 60)
        read = station.pool.vehicle("P-1").telemetry["odometer_km"]
        assert read["value"] == pytest.approx(station.world.car("v-1").odometer_km)
