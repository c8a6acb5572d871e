"""The checks can fail: for each invariant one planted bug, which a campaign catches, names, and plays again."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from keycabinet import Cabinet
from lifecycle import custody, policy
from lifecycle.ledger import writer
from lifecycle.session import Sessions
from lifecycle.visits import Visits
from simulator import campaign, replay
from simulator.people.stage import Stage
from simulator.terminals.sealed_actions import Actuators
from simulator.terminals.sealed_checks import Check, Checks
from vehicle.sealed.codes import Verb

SCENARIO = """
title = "Where a bug is planted"
days = 0.8

[station]
cabinets = 2
slots = 16
cars = 6
officers = 8
terminals = 4

[[shift]]
name = "day"
begins = "01:00"
ends = "13:00"
officers = 6
trips = 3.0
minutes = [10, 30]

[people]
sergeants = 1
mechanics = 1
garage_drivers = 1

[behaviour]
hands_over = 0.4
does_not_take_it = 0.2
breaks_it = 0.3
reports_defects = 1.0
declares = 0.5

[fault]
board_dead = 0.5
line_noise = 0.5
"""

SEALED = """
title = "Where a bug is planted in what moves cars"
days = 1.3

[station]
cabinets = 2
slots = 16
cars = 6
officers = 8
terminals = 5
sealed = 5

[[shift]]
name = "day"
begins = "01:00"
ends = "20:00"
officers = 6
trips = 4.0
minutes = [10, 30]

[people]
thieves = 2

[behaviour]
presents_a_grant = 1.0

[[act]]
at = "day 1 04:00"
happens = "grant revoked"
target = ["v-01", "v-02", "v-03"]
lasts = "3h"

[[act]]
at = "day 1 10:00"
happens = "authority cut off"
lasts = "8h"
"""

Plant = Callable[[pytest.MonkeyPatch], None]


def opens_the_neighbour_too(patch: pytest.MonkeyPatch) -> None:
    whole = Cabinet.open_slot

    async def open_slot(self: Cabinet, slot: int, command_id: str) -> Any:
        await whole(self, slot % 8 + 1, f"{command_id}-again")
        return await whole(self, slot, command_id)

    patch.setattr(Cabinet, "open_slot", open_slot)


def writes_the_wrong_slot(patch: pytest.MonkeyPatch) -> None:
    whole = custody.come_home

    def come_home(draft: Any, key_set: Any, place: custody.Place, **said: Any) -> None:
        whole(draft, key_set, replace(place, slot=place.slot % 8 + 1), **said)

    patch.setattr(custody, "come_home", come_home)


def gives_out_what_is_broken(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(policy, "down_reason", lambda vehicle, serviceability: None)


def names_nobody(patch: pytest.MonkeyPatch) -> None:
    whole = custody.take

    def take(draft: Any, *what: Any) -> None:
        whole(draft, *what)
        draft.actor = None

    patch.setattr(custody, "take", take)


def forgets_the_receiver(patch: pytest.MonkeyPatch) -> None:
    whole = custody.hand_over

    def hand_over(draft: Any, release: Any, facts: Any, now: Any) -> None:
        whole(draft, release, facts, now)
        draft.put("key_set", str(release.data["key_set"]), "out", holder=facts.giver)

    patch.setattr(custody, "hand_over", hand_over)


def starts_an_engine(patch: pytest.MonkeyPatch) -> None:
    worlds: list[Any] = []
    set_up, enter = Stage.__init__, Visits._enter

    def remember(self: Stage, world: Any, *rest: Any, **more: Any) -> None:
        worlds.append(world)
        set_up(self, world, *rest, **more)

    def enter_and_start(self: Visits, vehicle: Any, *rest: Any) -> None:
        enter(self, vehicle, *rest)
        world = worlds[-1]
        world.change_car(vehicle.id, replace(world.car(vehicle.id), engine_on=True))

    patch.setattr(Stage, "__init__", remember)
    patch.setattr(Visits, "_enter", enter_and_start)


def _leave_out(*left_out: Check) -> Plant:
    """Every terminal forgets to look at something."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        whole = Checks.on
        patch.setattr(Checks, "on", lambda self, check: check not in left_out and whole(self, check))

    return plant


def immobilises_what_it_locks(patch: pytest.MonkeyPatch) -> None:
    whole = Actuators._drive_locks

    def drive_locks(self: Actuators, verb: Verb) -> Any:
        self._car.block_restart(verb is Verb.LOCK)
        return whole(self, verb)

    patch.setattr(Actuators, "_drive_locks", drive_locks)


def breaks_the_chain(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(writer, "link", lambda previous, body: hashlib.sha256(body + previous).digest())


def leaves_a_release_open(patch: pytest.MonkeyPatch) -> None:
    async def watch(self: Sessions, *_: Any) -> None:
        """Nobody looks what became of it."""

    patch.setattr(Sessions, "_watch", watch)


PLANTED = {
    "I1": opens_the_neighbour_too,
    "I2": writes_the_wrong_slot,
    "I3": gives_out_what_is_broken,
    "I4": names_nobody,
    "I5": forgets_the_receiver,
    "I6": starts_an_engine,
    "I7": breaks_the_chain,
    "I8": leaves_a_release_open,
}


IN_CARS = {
    "a grant that is over": _leave_out(Check.GRANT_EXPIRY),
    "a grant that was taken back": _leave_out(Check.GRANT_REVOKED),
    "a grant for another car": _leave_out(Check.GRANT_VEHICLE),
    "a grant of another holder": _leave_out(Check.GRANT_HOLDER),
    "a response car immobilised": immobilises_what_it_locks,
}
"""Bugs of terminals, each of which breaks I6."""


@pytest.fixture
def scenario(tmp_path: Path) -> str:
    file = tmp_path / "planted.toml"
    file.write_text(SCENARIO, encoding="utf-8")
    return str(file)


@pytest.fixture
def sealed(tmp_path: Path) -> str:
    file = tmp_path / "sealed.toml"
    file.write_text(SEALED, encoding="utf-8")
    return str(file)


def replayed(command: str) -> replay.Replayed:
    """Run the printed command, in this process, where the bug is planted."""
    words = shlex.split(command)
    assert words[:2] == ["motorpool", "replay"]
    options = dict(zip(words[3::2], words[4::2], strict=True))
    return replay.run(
        int(words[2]),
        scenario=options["--scenario"],
        days=float(options["--days"]),
        until=options["--until"],
        people=float(options.get("--people", 1)),
        faults=options.get("--faults"),
    )


def test_nothing_planted_nothing_found(scenario: str) -> None:
    report = campaign.run(scenario=scenario, seeds="1..3")
    assert report.ok, [str(each.violation) for each in report.failures]
    assert all(report.checks().values()), report.checks()


@pytest.mark.parametrize("invariant", PLANTED)
def test_a_planted_bug_is_caught(invariant: str, scenario: str, monkeypatch: pytest.MonkeyPatch) -> None:
    PLANTED[invariant](monkeypatch)
    report = campaign.run(scenario=scenario, seeds="1..2")
    assert not report.ok
    failure = report.failures[0]
    assert failure.violation.invariant == invariant, str(failure.violation)
    again = replayed(failure.replay)
    assert str(again.violations[0]) == str(failure.violation)
    assert failure.last_lines
    assert failure.smaller is not None
    smaller = replayed(failure.smaller)
    assert invariant in [each.invariant for each in smaller.violations]
    assert smaller.violations[0].at <= failure.violation.at or "--faults" in failure.smaller


def test_terminals_without_a_bug_break_nothing(sealed: str) -> None:
    report = campaign.run(scenario=sealed, seeds="1..2")
    assert report.ok, [str(each.violation) for each in report.failures]
    assert report.checks()["I6"] > 100


@pytest.mark.parametrize("bug", IN_CARS)
def test_a_bug_in_a_terminal_is_caught(bug: str, sealed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    IN_CARS[bug](monkeypatch)
    report = campaign.run(scenario=sealed, seeds="1..2")
    failure = report.failures[0]
    assert failure.violation.invariant == "I6", str(failure.violation)
    assert str(replayed(failure.replay).violations[0]) == str(failure.violation)


def test_what_the_library_stumbles_over_is_caught(scenario: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However well the station lives with it."""
    whole, stumbles = custody.come_home, []

    def come_home(draft: Any, key_set: Any, place: custody.Place, **said: Any) -> None:
        if not stumbles:
            stumbles.append(place)
            raise KeyError("a bug")
        whole(draft, key_set, place, **said)

    monkeypatch.setattr(custody, "come_home", come_home)
    report = campaign.run(scenario=scenario, seeds="1")
    assert stumbles
    (failure,) = report.failures
    assert failure.violation.invariant == "run"
    assert "KeyError('a bug')" in failure.violation.text
