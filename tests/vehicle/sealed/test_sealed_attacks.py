"""The attack table: every attack is refused and recorded, and succeeds once the check that refuses it is left out."""

from __future__ import annotations

import pytest
from sealed_attacks import ATTACKS, Attack

from simulator.terminals.sealed_checks import Check

NAMED = [pytest.param(each, id=f"{each.id} {each.name}") for each in ATTACKS]
REMOVABLE = [pytest.param(each, id=f"{each.id} {each.check}") for each in ATTACKS if each.check]


@pytest.mark.parametrize("attack", NAMED)
def test_every_attack_is_refused_and_recorded(attack: Attack) -> None:
    bench = attack.whole
    assert not attack.run(bench)
    assert not bench.changed
    assert attack.code in bench.logged


@pytest.mark.parametrize("attack", REMOVABLE)
def test_every_attack_succeeds_without_its_check(attack: Attack) -> None:
    assert attack.run(attack.weakened)


def test_there_are_enough_and_no_check_is_without_its_attack() -> None:
    assert len(ATTACKS) >= 40
    assert {each.check for each in ATTACKS if isinstance(each.check, Check)} == set(Check)
