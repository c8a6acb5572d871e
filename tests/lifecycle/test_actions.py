"""What terminals are told when sets are taken and come home, with simulated sealed terminals over a radio in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lifecycle import CommandConflict, Event, InvalidRequest, Refused, SiteError, UnknownThing, load_site
from lifecycle.model import ActionView
from lifecycle.site import Site
from simulator.station import SimulatedStation
from simulator.terminals.sealed_keys import terminal_key
from simulator.testing import RunningStation, running_station
from vehicle.sealed.codes import Verb

SITE = """
[station]
code = "test-08"

[lines]
a = "serial:///dev/ttyS8?baudrate=19200"

[cabinets.A]
boards = [{ name = "a1", line = "a", address = 1, profile = "waveshare-relay-d-8", slots = "1-8" }]

[actions]
within_s = 600
immobilise = ["pool"]
"""

ROSTER = f"""
units = [{{ id = "u", name = "Station" }}]
officers = [
  {{ id = "o-1", badge = "b1", name = "One", unit = "u", classes = ["pool", "response"] }},
  {{ id = "o-2", badge = "b2", name = "Two", unit = "u", classes = ["pool", "response"] }},
  {{ id = "o-3", badge = "b3", name = "Three", unit = "u", classes = [] }},
]
key_sets = [
  {{ id = "k-1", vehicle = "v-1", home = "A-01" }},
  {{ id = "k-2", vehicle = "v-2", home = "A-02" }},
  {{ id = "k-3", vehicle = "v-3", home = "A-03" }},
]
vehicles = [
  {{ id = "v-1", fleet_number = "P-1", class = "pool", unit = "u", terminal = {{ kind = "sealed",
    address = "F0:F1:F2:F3:F4:01", find_s = 3.0, key = "{terminal_key("v-1").public.hex}" }} }},
  {{ id = "v-2", fleet_number = "R-2", class = "response", unit = "u", terminal = {{ kind = "sealed",
    address = "F0:F1:F2:F3:F4:02", find_s = 3.0, key = "{terminal_key("v-2").public.hex}" }} }},
  {{ id = "v-3", fleet_number = "P-3", class = "pool", unit = "u" }},
]
""".replace("\n    address", " address")
WITHIN_S = 600


class Yard:
    """The hardware of one site, and the station on it, which may be started anew."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.simulated = SimulatedStation(site, radio="memory")
        self.station: RunningStation | None = None

    @asynccontextmanager
    async def running(self, **options: Any) -> AsyncIterator[RunningStation]:
        async with running_station(self.site, self.simulated, **options) as station:
            yield station

    def reach(self, car: str, reached: bool) -> None:
        """Drive a car out of the radio's range, or back."""
        on_air = self.simulated.terminals.on_air(car)
        assert on_air is not None
        on_air.unheard[:] = [] if reached else [lambda: None]

    def done(self, car: str, verb: Verb) -> int:
        """How often the terminal carried out something."""
        log = self.simulated.terminals.sealed[car].log
        return sum(each.verb == verb and each.code <= 1 for each in log.done)

    def locked(self, car: str) -> bool:
        return bool(self.simulated.world.car(car).doors_locked)

    def blocked(self, car: str) -> bool:
        return bool(self.simulated.world.car(car).restart_blocked)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    (tmp_path / "site.toml").write_text(SITE, encoding="utf-8")
    (tmp_path / "roster.toml").write_text(ROSTER, encoding="utf-8")
    return load_site(tmp_path / "site.toml")


@asynccontextmanager
async def yard(site: Site) -> AsyncIterator[Yard]:
    found = Yard(site)
    async with found.simulated.running("memory"):
        yield found


def states(actions: tuple[ActionView, ...]) -> dict[str, tuple[str, str | None]]:
    return {each.action: (each.state, each.reason) for each in actions}


async def told(station: RunningStation) -> list[tuple[str, str]]:
    """The events about actions: kind, and what was to be done."""
    return [
        (each.kind, str(each.data["action"]))
        for each in await station.all_events()
        if each.kind.startswith("Action")
    ]


async def action_events(station: RunningStation, kind: str) -> list[Event]:
    return [each for each in await station.all_events() if each.kind == kind]


async def test_taken_and_the_car_is_open_and_ready(site: Site) -> None:
    async with yard(site) as at, at.running() as station:
        assert (at.locked("v-1"), at.blocked("v-1")) == (True, True)
        checkout = await station.take("b1", vehicle="P-1")
        await station.until(lambda: not at.locked("v-1"))
        assert not at.blocked("v-1")
        await asyncio.sleep(1)
        view = station.pool.checkout(checkout)
        assert states(view.actions) == {"mobilise": ("confirmed", None), "unlock": ("confirmed", None)}
        assert view.actions[0].told == {"doors": "locked", "ordered": "allowed", "effective": "allowed"}
        assert await told(station) == [
            ("ActionOrdered", "mobilise"),
            ("ActionOrdered", "unlock"),
            ("ActionConfirmed", "mobilise"),
            ("ActionConfirmed", "unlock"),
        ]
        ordered = (await action_events(station, "ActionOrdered"))[0]
        assert dict(ordered.ids) == {"vehicle": "v-1", "checkout": checkout, "action": f"{checkout}-mobilise"}
        assert ordered.data["state"] == "pending"
        assert (ordered.actor, ordered.because) == ("o-1", ("taken",))
        taken = next(each for each in await station.all_events() if each.kind == "KeySetTaken")
        assert ordered.seq == taken.seq + 1
        free = (await action_events(station, "ActionConfirmed"))[0]
        assert (free.recorded_at - taken.recorded_at).total_seconds() < 1.5


async def test_home_and_the_car_is_locked_and_immobilised_if_its_class_is(site: Site) -> None:
    async with yard(site) as at, at.running() as station:
        checkout = await station.take("b1", vehicle="P-1")
        await station.until(lambda: not at.locked("v-1") and not at.blocked("v-1"))
        await asyncio.sleep(60)
        await station.bring_home(checkout, "A-01")
        await station.until(lambda: at.locked("v-1") and at.blocked("v-1"))
        await asyncio.sleep(1)
        assert states(station.pool.checkout(checkout).actions) == dict.fromkeys(
            ("mobilise", "unlock", "lock", "immobilise"), ("confirmed", None)
        )
        assert states(station.pool.vehicle("P-1").actions) == dict.fromkeys(
            ("lock", "immobilise"), ("confirmed", None)
        )


async def test_a_response_car_is_locked_and_never_immobilised(site: Site) -> None:
    async with yard(site) as at, at.running() as station:
        checkout = await station.take("b1", vehicle="R-2")
        await station.until(lambda: not at.locked("v-2"))
        await asyncio.sleep(60)
        await station.bring_home(checkout, "A-02")
        await station.until(lambda: at.locked("v-2"))
        await asyncio.sleep(WITHIN_S)
        assert not at.blocked("v-2")
        assert at.done("v-2", Verb.IMMOBILISE) == 0
        assert ("ActionOrdered", "immobilise") not in await told(station)


async def test_a_car_without_such_a_terminal_is_told_nothing(site: Site) -> None:
    async with yard(site) as at, at.running() as station:
        checkout = await station.take("b1", vehicle="P-3")
        await station.bring_home(checkout, "A-03")
        await asyncio.sleep(60)
        assert await told(station) == []
        assert station.pool.checkout(checkout).actions == ()


async def test_out_of_range_and_done_when_it_is_back(site: Site) -> None:
    async with yard(site) as at, at.running() as station:
        at.reach("v-1", False)
        checkout = await station.take("b1", vehicle="P-1")
        await asyncio.sleep(120)
        view = station.pool.checkout(checkout)
        assert view.state == "out"
        assert states(view.actions) == dict.fromkeys(("mobilise", "unlock"), ("pending", "out_of_range"))
        at.reach("v-1", True)
        await station.until(lambda: not at.locked("v-1"), within=90)
        await asyncio.sleep(1)
        assert [kind for kind, action in await told(station) if action == "unlock"] == [
            "ActionOrdered",
            "ActionDelayed",
            "ActionConfirmed",
        ]


async def test_out_of_range_until_it_expires_and_never_done_late(site: Site) -> None:
    async with yard(site) as at, at.running() as station:
        at.reach("v-1", False)
        checkout = await station.take("b1", vehicle="P-1")
        await asyncio.sleep(WITHIN_S + 5)
        expired = dict.fromkeys(("mobilise", "unlock"), ("expired", "out_of_range"))
        assert states(station.pool.checkout(checkout).actions) == expired
        assert states(station.pool.vehicle("P-1").actions) == expired
        at.reach("v-1", True)
        await asyncio.sleep(WITHIN_S)
        assert at.locked("v-1")
        assert at.blocked("v-1")
        assert len(await action_events(station, "ActionExpired")) == 2
        (event, _) = await action_events(station, "ActionExpired")
        assert (event.data["state"], event.data["reason"]) == ("expired", "out_of_range")


async def test_taken_again_before_it_was_locked(site: Site) -> None:
    """Orders that are open are superseded by opposite ones: the car ends as the last holder needs it."""
    async with yard(site) as at, at.running() as station:
        first = await station.take("b1", vehicle="P-1")
        await station.until(lambda: not at.locked("v-1"))
        at.reach("v-1", False)
        await station.bring_home(first, "A-01")
        await asyncio.sleep(30)
        second = await station.take("b2", vehicle="P-1")
        at.reach("v-1", True)
        await asyncio.sleep(90)
        assert (at.locked("v-1"), at.blocked("v-1")) == (False, False)
        assert (at.done("v-1", Verb.LOCK), at.done("v-1", Verb.IMMOBILISE)) == (0, 0)
        ended = states(station.pool.checkout(first).actions)
        assert (ended["lock"], ended["immobilise"]) == (("superseded", "taken"), ("superseded", "taken"))
        assert states(station.pool.checkout(second).actions)["unlock"] == ("confirmed", None)


async def test_home_before_it_was_ever_mobilised(site: Site) -> None:
    """What would give the car away is withdrawn when its set comes home, also from one that is never immobilised."""
    async with yard(site) as at, at.running() as station:
        at.reach("v-2", False)
        checkout = await station.take("b1", vehicle="R-2")
        await station.bring_home(checkout, "A-02")
        at.reach("v-2", True)
        await asyncio.sleep(120)
        assert at.locked("v-2")
        assert (at.done("v-2", Verb.UNLOCK), at.done("v-2", Verb.MOBILISE)) == (0, 0)
        assert states(station.pool.checkout(checkout).actions) == {
            "mobilise": ("superseded", "came_home"),
            "unlock": ("superseded", "came_home"),
            "lock": ("confirmed", None),
        }


# -- grants


async def test_a_revoked_grant_rejects_and_custody_goes_on(site: Site) -> None:
    async with yard(site) as at, at.running() as station:
        papers = at.simulated.papers
        assert papers is not None
        assert await papers.grant("P-1")
        held = papers.at_hand("v-1")
        assert held is not None
        papers.withheld["v-1"] = [lambda: None]
        papers.authority.revoke(held.grant.number)
        checkout = await station.take("b1", vehicle="P-1")
        await asyncio.sleep(30)
        view = station.pool.checkout(checkout)
        assert view.state == "out"
        rejected = ("rejected", "grant_revoked")
        assert states(view.actions) == {"mobilise": rejected, "unlock": rejected}
        assert at.locked("v-1")
        assert {each.data["reason"] for each in await action_events(station, "ActionRejected")} == {
            "grant_revoked"
        }


async def test_no_grant_at_hand(site: Site) -> None:
    async with yard(site) as at, at.running() as station:
        papers = at.simulated.papers
        assert papers is not None
        papers.cut_off.append(lambda: None)
        checkout = await station.take("b1", vehicle="P-1")
        await asyncio.sleep(30)
        assert states(station.pool.checkout(checkout).actions) == dict.fromkeys(
            ("mobilise", "unlock"), ("rejected", "no_grant")
        )


async def test_a_station_without_a_key(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    async with yard(site) as at, at.running(access=None) as station:
        checkout = await station.take("b1", vehicle="P-1")
        await asyncio.sleep(30)
        assert states(station.pool.checkout(checkout).actions)["unlock"] == ("rejected", "no_grant")
        assert station.pool.health().problems == ()


# -- restarts


@pytest.mark.parametrize("after_s", [0.0, 0.2, 0.5, 0.8, 1.0, 1.2, 1.5, 2.0, 5.0])
async def test_a_restart_at_any_moment_and_each_is_done_once(site: Site, after_s: float) -> None:
    async with yard(site) as at:
        async with at.running() as station:
            trip = await station.pool.check_out(officer="b1", vehicle="P-1")
            await station.pull(trip.slot, trip.key_set)
            await trip.taken(within=20)
            await asyncio.sleep(after_s)
        async with at.running() as station:
            await asyncio.sleep(60)
            assert states(station.pool.checkout(trip.id).actions) == dict.fromkeys(
                ("mobilise", "unlock"), ("confirmed", None)
            )
            assert (at.done("v-1", Verb.MOBILISE), at.done("v-1", Verb.UNLOCK)) == (1, 1)


async def test_a_restart_with_the_car_out_of_range(site: Site) -> None:
    """What the run before did with an order is not known, so it does not say that nothing was sent."""
    async with yard(site) as at:
        at.reach("v-1", False)
        async with at.running() as station:
            checkout = await station.take("b1", vehicle="P-1")
            await asyncio.sleep(60)
        async with at.running() as station:
            await asyncio.sleep(30)
            assert states(station.pool.checkout(checkout).actions)["unlock"] == ("pending", "out_of_range")
            await asyncio.sleep(WITHIN_S)
            assert states(station.pool.checkout(checkout).actions)["unlock"] == ("unknown", "restarted")
            (event, _) = await action_events(station, "ActionExpired")
            assert event.data["state"] == "unknown"
            at.reach("v-1", True)
            await asyncio.sleep(WITHIN_S)
            assert at.done("v-1", Verb.UNLOCK) == 0


async def test_a_station_that_is_down_past_the_expiry_does_nothing_late(site: Site) -> None:
    async with yard(site) as at:
        at.reach("v-1", False)
        async with at.running() as station:
            checkout = await station.take("b1", vehicle="P-1")
        at.reach("v-1", True)
        await asyncio.sleep(WITHIN_S)
        async with at.running() as station:
            await asyncio.sleep(60)
            assert states(station.pool.checkout(checkout).actions)["unlock"] == ("unknown", "restarted")
            assert at.done("v-1", Verb.UNLOCK) == 0
            assert at.locked("v-1")


async def test_orders_of_the_past_are_shown_after_a_restart(site: Site) -> None:
    """What is over is in the file alone; where that cannot be read, the rest is shown without it."""
    async with yard(site) as at:
        async with at.running() as station:
            checkout = await station.take("b1", vehicle="P-1")
            await station.bring_home(checkout, "A-01")
            await asyncio.sleep(60)
            before = station.pool.checkout(checkout).actions
        async with at.running() as station:
            assert station.pool.checkout(checkout).actions == before
            assert station.pool.vehicle("P-1").actions == before[-2:]
        async with at.running() as station:
            book, away = site.ledger_path, site.ledger_path.with_suffix(".away")
            book.rename(away)
            shown = station.pool.vehicle("P-1")
            away.rename(book)
            assert (shown.availability, shown.actions) == ("ready", ())


async def test_restarted_without_a_grant(site: Site) -> None:
    """A terminal that refuses whoever asks says nothing about what was sent before the restart."""
    async with yard(site) as at:
        papers = at.simulated.papers
        assert papers is not None
        at.reach("v-1", False)
        async with at.running() as station:
            checkout = await station.take("b1", vehicle="P-1")
        at.reach("v-1", True)
        papers.cut_off.append(lambda: None)
        async with at.running() as station:
            await asyncio.sleep(120)
            assert states(station.pool.checkout(checkout).actions)["unlock"] == ("pending", "no_grant")
            papers.cut_off.clear()
            await asyncio.sleep(120)
            assert states(station.pool.checkout(checkout).actions)["unlock"] == ("confirmed", None)
            assert at.done("v-1", Verb.UNLOCK) == 1


# -- in doubt


async def test_a_lost_answer_is_asked_for_again(site: Site) -> None:
    """The link breaks while an action is on its way: it is done once, and the book learns that it was."""
    async with yard(site) as at, at.running() as station:
        on_air = at.simulated.terminals.on_air("v-1")
        assert on_air is not None
        pieces = iter(range(1, 1000))
        on_air.drops.append(lambda: next(pieces) in (7, 14))
        checkout = await station.take("b1", vehicle="P-1")
        await asyncio.sleep(60)
        assert states(station.pool.checkout(checkout).actions) == dict.fromkeys(
            ("mobilise", "unlock"), ("confirmed", None)
        )
        assert (at.done("v-1", Verb.MOBILISE), at.done("v-1", Verb.UNLOCK)) == (1, 1)


async def test_immobilising_waits_for_standstill_and_is_settled_by_reading(site: Site) -> None:
    async with yard(site) as at, at.running() as station:
        checkout = await station.take("b1", vehicle="P-1")
        await station.until(lambda: not at.locked("v-1") and not at.blocked("v-1"))
        world = at.simulated.world
        world.change_car("v-1", replace(world.car("v-1"), engine_on=True))
        await station.bring_home(checkout, "A-01")
        await asyncio.sleep(60)
        assert states(station.pool.checkout(checkout).actions)["immobilise"] == ("unconfirmed", "not_sensed")
        assert not at.blocked("v-1")
        world.change_car("v-1", replace(world.car("v-1"), engine_on=False))
        await asyncio.sleep(90)
        assert states(station.pool.checkout(checkout).actions)["immobilise"] == ("confirmed", None)
        assert at.done("v-1", Verb.IMMOBILISE) == 1


async def test_what_is_never_sensed_ends_unknown(site: Site) -> None:
    async with yard(site) as at, at.running() as station:
        checkout = await station.take("b1", vehicle="P-1")
        await station.until(lambda: not at.locked("v-1") and not at.blocked("v-1"))
        world = at.simulated.world
        world.change_car("v-1", replace(world.car("v-1"), engine_on=True))
        await station.bring_home(checkout, "A-01")
        await asyncio.sleep(WITHIN_S + 10)
        assert states(station.pool.checkout(checkout).actions)["immobilise"] == ("unknown", "not_sensed")
        (event,) = await action_events(station, "ActionExpired")
        assert event.data["told"] == {"doors": "locked", "ordered": "blocked", "effective": "allowed"}


# -- asked for


async def test_the_holder_locks_and_unlocks(site: Site) -> None:
    async with yard(site) as at, at.running() as station:
        checkout = await station.take("b1", vehicle="P-1")
        await station.until(lambda: not at.locked("v-1"))
        asked = await station.pool.order_action("P-1", "lock", officer="b1", command_id="one")
        assert (asked.state, asked.ordered_by, asked.checkout) == ("pending", "o-1", checkout)
        assert await station.pool.order_action("P-1", "lock", officer="b1", command_id="one") == asked
        with pytest.raises(CommandConflict):
            await station.pool.order_action("P-1", "unlock", officer="b1", command_id="one")
        ended = await station.pool.wait_action(asked.id, within=20)
        assert (ended.state, ended.told) == (
            "confirmed",
            {"doors": "locked", "ordered": "allowed", "effective": "allowed"},
        )
        assert at.locked("v-1")
        assert at.done("v-1", Verb.LOCK) == 1
        assert station.pool.checkout(checkout).actions[-1] == ended
        assert ended in station.pool.actions("P-1")


async def test_who_may_not(site: Site) -> None:
    async with yard(site) as at, at.running() as station:
        pool = station.pool

        async def against(vehicle: str, action: str, officer: str) -> tuple[str, ...]:
            with pytest.raises(Refused) as caught:
                await pool.order_action(vehicle, action, officer=officer)
            return caught.value.codes

        assert await against("P-1", "unlock", "b1") == ("not_held",)
        assert await against("P-1", "mobilise", "b3") == ("class_not_listed", "not_held")
        assert await against("P-3", "lock", "b1") == ("not_capable",)
        assert await against("R-2", "immobilise", "b1") == ("class_not_immobilised",)
        await station.take("b1", vehicle="P-1")
        assert await against("P-1", "unlock", "b2") == ("held_by_other",)
        with pytest.raises(InvalidRequest, match="lock, unlock, immobilise, mobilise"):
            await pool.order_action("P-1", "honk", officer="b1")
        assert at.done("v-2", Verb.IMMOBILISE) == 0


async def test_a_car_whose_set_was_taken_for_another_is_secured_by_nobody_else(site: Site) -> None:
    """Somebody may sit in it; and who took it may not have it opened."""
    async with yard(site) as at, at.running() as station:
        pool = station.pool
        await pool.check_out(officer="b1", vehicle="P-3")
        station.world.override("k-1")
        await station.until(lambda: pool.vehicle("P-1").key_sets[0].custody == "out")
        for action, officer, code in (("immobilise", "b2", "held_by_other"), ("unlock", "b1", "not_held")):
            with pytest.raises(Refused) as caught:
                await pool.order_action("P-1", action, officer=officer)
            assert caught.value.codes == (code,)
        asked = await pool.order_action("P-1", "lock", officer="b1")
        assert (asked.state, asked.checkout) == ("pending", None)


async def test_a_car_at_home_is_secured_by_anybody_of_its_class(site: Site) -> None:
    async with yard(site) as at, at.running() as station:
        world = at.simulated.world
        world.change_car("v-1", replace(world.car("v-1"), doors_locked=False))
        asked = await station.pool.order_action("P-1", "lock", officer="b2")
        assert asked.checkout is None
        assert (await station.pool.wait_action(asked.id, within=20)).state == "confirmed"
        assert at.locked("v-1")


async def test_a_later_order_takes_the_place_of_an_earlier_one(site: Site) -> None:
    async with yard(site) as at, at.running() as station:
        at.reach("v-1", False)
        checkout = await station.take("b1", vehicle="P-1")
        await asyncio.sleep(30)
        asked = await station.pool.order_action("P-1", "lock", officer="b1")
        at.reach("v-1", True)
        assert (await station.pool.wait_action(asked.id, within=60)).state == "confirmed"
        await asyncio.sleep(60)
        ended = states(station.pool.checkout(checkout).actions)
        assert (ended["unlock"], ended["mobilise"]) == (("superseded", "asked"), ("confirmed", None))
        assert at.done("v-1", Verb.UNLOCK) == 0


async def test_several_changes_of_mind_at_once(site: Site) -> None:
    """While the car is being called, order follows order: the last one counts."""
    async with yard(site) as at, at.running() as station:
        checkout = await station.take("b1", vehicle="P-1")
        await station.until(lambda: not at.locked("v-1"))
        at.reach("v-1", False)
        wishes = ("lock", "unlock", "lock", "unlock", "lock")
        asked = await asyncio.gather(
            *(station.pool.order_action("P-1", each, officer="b1") for each in wishes)
        )
        await asyncio.sleep(1)
        asked += [await station.pool.order_action("P-1", each, officer="b1") for each in wishes]
        at.reach("v-1", True)
        await asyncio.sleep(60)
        ended = [station.pool.action(each.id).state for each in asked]
        assert ended == ["superseded"] * 9 + ["confirmed"]
        assert (at.done("v-1", Verb.UNLOCK), at.done("v-1", Verb.LOCK)) == (1, 1)
        assert station.pool.checkout(checkout).actions[-1].state == "confirmed"
        assert station.pool.health().ok


async def test_waiting_for_an_order_ends_in_time(site: Site) -> None:
    async with yard(site) as at, at.running() as station:
        at.reach("v-1", False)
        asked = await station.pool.order_action("P-1", "lock", officer="b1")
        assert (await station.pool.wait_action(asked.id, within=5)).state == "pending"
        with pytest.raises(UnknownThing):
            await station.pool.wait_action("none", within=5)


# -- the site file


def test_no_response_class_and_no_unknown_one_is_immobilised(site: Site, tmp_path: Path) -> None:
    text = (tmp_path / "site.toml").read_text(encoding="utf-8")
    for wrong, allowed in (("response", "never immobilised"), ("tank", "a class of the roster")):
        (tmp_path / "site.toml").write_text(text.replace('"pool"', f'"{wrong}"'), encoding="utf-8")
        with pytest.raises(SiteError, match=allowed) as caught:
            load_site(tmp_path / "site.toml")
        assert caught.value.problems[0].key.startswith("actions.immobilise")
