"""Readings, settings, errors and tables."""

from __future__ import annotations

import inspect
import pickle
import re

import pytest
from pydantic import ValidationError

from vehicle import Reading, TerminalConfig, VehicleError, errors, open_terminal
from vehicle.errors import OutOfRange, RadioUnavailable
from vehicle.gatt import PROFILES, profile_named
from vehicle.obd.elm327 import Problem
from vehicle.obd.pids import PIDS
from vehicle.session import REACTIONS


def _leaves() -> list[type[VehicleError]]:
    found = [
        kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, VehicleError)
    ]
    return [kind for kind in found if not kind.__subclasses__()]


def test_a_reading_has_a_value_or_a_reason() -> None:
    with pytest.raises(ValueError, match="either"):
        Reading(None, None, "obd:7E8:01A6", 0.0)
    with pytest.raises(ValueError, match="either"):
        Reading(1.0, "no data", "obd:7E8:01A6", 0.0)


def test_a_reading_has_an_age() -> None:
    assert Reading.of(1.0, "obd:7E8:01A6", 10.0).age(12.5) == 2.5


@pytest.mark.parametrize("leaf", _leaves())
def test_every_error_names_the_terminal_and_says_what_to_do(leaf: type[VehicleError]) -> None:
    error = leaf("P-112", "detail")
    assert str(error) == f"P-112: {leaf.cause} (detail); {leaf.advice}"
    assert leaf.advice != VehicleError.advice
    assert leaf.cause != VehicleError.cause
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (leaf, str(error))


def test_the_tree_at_the_top_of_the_module_is_the_tree() -> None:
    drawn = re.findall(r"[├└]── (\w+)", errors.__doc__ or "")
    real = [
        name for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, VehicleError)
    ]
    assert sorted([*drawn, "VehicleError"]) == sorted(real)


def test_every_problem_has_a_reaction() -> None:
    assert set(REACTIONS) == set(Problem)


def test_every_profile_is_found_by_its_name() -> None:
    assert [profile_named(profile.name) for profile in PROFILES] == list(PROFILES)
    with pytest.raises(KeyError, match="there are ffe0"):
        profile_named("nothing")


def test_every_pid_explains_its_formula() -> None:
    assert PIDS[0xA6].formula == "raw / 10"
    assert PIDS[0x05].formula == "raw -40"
    assert PIDS[0x2F].formula == "raw * 100 / 255"
    assert PIDS[0x0C].request == "010C"


def test_an_odometer_of_all_ones_is_no_distance() -> None:
    assert PIDS[0xA6].decode(b"\xff\xff\xff\xff") is None


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"kind": "obd"}, "needs its address"),
        ({"kind": "obd", "address": "F0:F1"}, "six bytes"),
        ({"kind": "obd", "address": "F0:F1:F2:F3:F4:F5", "profile": "x"}, "one of ffe0"),
        ({"kind": "none", "address": "F0:F1:F2:F3:F4:F5"}, "has no address"),
        ({"kind": "obd", "address": "F0:F1:F2:F3:F4:F5", "find_s": 0}, "greater than 0"),
        ({"kind": "magic"}, "'none', 'obd' or 'sealed'"),
        ({"colour": "red"}, "Extra inputs"),
    ],
)
def test_bad_settings_say_what_is_allowed(settings: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        TerminalConfig.model_validate(settings)


def test_an_address_is_upper_case() -> None:
    assert TerminalConfig(kind="obd", address="f0:f1:f2:f3:f4:f5").address == "F0:F1:F2:F3:F4:F5"


def test_an_obd_terminal_needs_a_radio() -> None:
    with pytest.raises(RadioUnavailable, match=r"^P-112: "):
        open_terminal(TerminalConfig(kind="obd", address="F0:F1:F2:F3:F4:F5"), name="P-112")


def test_only_what_may_pass_is_retryable() -> None:
    assert OutOfRange.retryable
    assert not errors.NotAnAdapter.retryable
    assert not errors.PairingRequired.retryable
