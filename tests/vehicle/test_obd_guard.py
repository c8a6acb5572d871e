"""Sparing the car's 12 V battery."""

from __future__ import annotations

import pytest

from vehicle.guard import GRACE_S, POLL_S, BatteryGuard, Power


def test_a_battery_at_rest_is_polled_slowly() -> None:
    guard = BatteryGuard(11.8)
    assert guard.rest_s(0) == 0
    assert guard.measured(12.6, 100) is Power.RESTING
    assert guard.rest_s(100) == POLL_S[Power.RESTING]
    assert guard.rest_s(100 + POLL_S[Power.RESTING]) == 0
    assert guard.asleep_s(100) == 0


def test_a_running_engine_has_a_grace_time_after_it() -> None:
    guard = BatteryGuard(11.8)
    assert guard.measured(13.9, 0) is Power.RUNNING
    assert guard.measured(13.05, 5) is Power.RUNNING  # between the thresholds it stays what it was
    assert guard.measured(12.9, 10) is Power.GRACE
    assert guard.measured(12.8, 5 + GRACE_S) is Power.RESTING
    assert guard.measured(13.05, 40) is Power.RESTING


def test_a_low_battery_is_left_asleep_until_it_was_given_time() -> None:
    guard = BatteryGuard(11.8)
    assert guard.measured(11.7, 0) is Power.LOW
    assert guard.asleep_s(10) == POLL_S[Power.LOW] - 10
    assert guard.asleep_s(POLL_S[Power.LOW]) == 0
    assert guard.measured(12.4, POLL_S[Power.LOW]) is Power.RESTING


@pytest.mark.parametrize(("low_v", "volts"), [(0.0, 9.0), (11.8, None), (11.8, 11.8)])
def test_what_is_not_known_to_be_low_is_not_left_asleep(low_v: float, volts: float | None) -> None:
    guard = BatteryGuard(low_v)
    assert guard.measured(volts, 0) is not Power.LOW
    assert guard.asleep_s(0) == 0
