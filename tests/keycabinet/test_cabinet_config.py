"""A cabinet's table: what it means, and everything that can be wrong with it, all at once."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from keycabinet.boards.base import board_shapes
from keycabinet.config import CabinetConfig, expand_slots, find_problems, resolve
from keycabinet.errors import WiringError
from keycabinet.model import Proof, Sense
from keycabinet.profile import profiles
from keycabinet.wiring import Input, Output, SlotWiring

D8 = {"line": "a", "address": 1, "profile": "waveshare-relay-d-8"}
IO8 = {"line": "a", "address": 2, "profile": "waveshare-io-8ch"}
R16 = {"line": "a", "address": 3, "profile": "waveshare-relay-16"}


def config(*boards: dict[str, object], **rest: object) -> CabinetConfig:
    return CabinetConfig.model_validate({"boards": list(boards), **rest})


def said(*boards: dict[str, object], **rest: object) -> list[str]:
    return [str(problem) for problem in find_problems("A", config(*boards, **rest), ["a"])]


def test_slot_ranges() -> None:
    assert expand_slots("1-3") == ((1, 1), (2, 2), (3, 3))
    assert expand_slots("9-10@3") == ((9, 3), (10, 4))
    assert expand_slots("1-2, 7, 9@8") == ((1, 1), (2, 2), (7, 3), (9, 8))


@pytest.mark.parametrize("text", ["", "0", "3-1", "a", "1-", "1@", "1@0", "1--2", "-1", "1,,2", "99999", "²"])
def test_wrong_slot_range(text: str) -> None:
    with pytest.raises(ValidationError, match="must be ranges such as") as wrong:
        config({**D8, "slots": text})
    assert wrong.value.errors()[0]["loc"] == ("boards", 0, "slots")
    assert wrong.value.errors()[0]["input"] == text


def test_a_slot_is_wired_to_lock_and_key_sensor() -> None:
    wiring = resolve("A", config({**D8, "name": "a1", "slots": "1-2"}), ["a"])
    assert wiring.slots[1] == SlotWiring(2, lock=Output("a1", 2), key=Input("a1", 2))
    assert (wiring.senses, wiring.proof) == ((Sense.KEY,), Proof.PROVED)


def test_roles_on_different_boards() -> None:
    wiring = resolve(
        "A",
        config(
            {**R16, "locks": "1-8", "lamps": "1-8@9"},
            {**D8, "keys": "1-8", "door_lock": 8},
            {**IO8, "latches": "1-7", "door_contact": 8, "inverted": ["latches", "door_contact"]},
        ),
    )
    assert wiring.slots[0] == SlotWiring(
        1, Output("a3", 1), Input("a1", 1), Input("a2", 1, True), Output("a3", 9)
    )
    assert wiring.slots[7].latch is None
    assert wiring.door_lock == Output("a1", 8)
    assert wiring.door_contact == Input("a2", 8, True)
    assert wiring.senses == (Sense.KEY, Sense.LATCH)


def test_relays_alone_prove_nothing() -> None:
    wiring = resolve("A", config({**R16, "slots": "1-16"}))
    assert (wiring.senses, wiring.proof) == ((), Proof.ASSUMED)
    latched = resolve("A", config({**R16, "locks": "1-8"}, {**IO8, "latches": "1-8"}))
    assert latched.proof is Proof.INFERRED


def test_duplicate_slot_names_both_places() -> None:
    found = said({**D8, "slots": "1-8"}, {**IO8, "slots": "8-9"})
    assert found == [
        "boards.1.slots = 8: slot 8 already has its lock at boards.0.slots",
        "boards.1.slots = 8: slot 8 already has its key at boards.0.slots",
    ]


def test_slot_twice_in_one_range() -> None:
    assert said({**D8, "locks": "1,1"}) == ["boards.0.locks = 1: slot 1 is named twice here"]


def test_overlapping_channels_name_both_places() -> None:
    assert said({**D8, "slots": "1-8", "door_lock": 8}) == [
        "boards.0.door_lock = 8: output channel 8 is already used by boards.0.slots"
    ]


def test_channel_beyond_the_board() -> None:
    assert said({**D8, "slots": "1-8", "keys": "9@9"}) == [
        "boards.0.keys = 9: input channel 1 to 8; boards.0.profile has no more"
    ]
    assert said({**R16, "locks": "1", "keys": "1"}) == ["boards.0.keys = 1: this board has no inputs"]


def test_everything_at_once() -> None:
    found = find_problems(
        "A",
        config(
            {"line": "z", "address": 1, "profile": "no-such-board", "slots": "1-8"},
            {**D8, "name": "x", "slots": "9-17"},
            {**D8, "name": "x", "slots": "20"},
        ),
        {"a": None, "b": None},
    )
    assert [problem.key for problem in found] == [
        "boards.0.profile",
        "boards.0.line",
        "boards.1.slots",
        "boards.1.slots",
        "boards.2.name",
        "boards.2.address",
    ]
    assert "waveshare-relay-d-8" in found[0].allowed
    assert found[1].allowed == "a line named under [lines]; known: a, b"


def test_senses_must_be_wired() -> None:
    assert said({**D8, "slots": "1-8"}, senses=["key"]) == []
    assert said({**D8, "locks": "1-2", "keys": "1"}, senses=["key"]) == [
        "senses.0 = 'key': an input for every slot; none for slot 2"
    ]
    assert said({**D8, "slots": "1-8"}, senses=["fob"]) == [
        "senses.0 = 'fob': key, latch, compartment: no other sensor is wired"
    ]


def test_a_slot_needs_something_that_opens() -> None:
    assert said({**D8, "keys": "1"}) == ["boards = 1: slot 1 needs a lock, or the cabinet a door_lock"]
    assert said({**D8, "keys": "1-8", "door_lock": 1}) == []
    assert said() == ["boards = 0: at least one board with slots or locks"]
    assert said({**D8}) == ["boards = 1: at least one board with slots or locks"]


def test_resolve_raises_with_every_problem() -> None:
    with pytest.raises(WiringError) as wrong:
        resolve("A", config({**D8, "slots": "1-9"}), ["b"])
    assert len(wrong.value.problems) == 3
    assert "cabinet A" in str(wrong.value)


@pytest.mark.parametrize(
    ("board", "key"),
    [
        ({**D8, "colour": "red"}, "colour"),
        ({**D8, "address": -1}, "address"),
        ({**D8, "address": 256}, "address"),
        ({**D8, "pulse_ms": 150}, "pulse_ms"),
        ({**D8, "name": "a b"}, "name"),
        ({"line": "a", "address": 1}, "profile"),
    ],
)
def test_unknown_and_bad_keys(board: dict[str, object], key: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        config(board)
    assert [error["loc"] for error in wrong.value.errors()] == [("boards", 0, key)]


def test_built_in_profiles() -> None:
    shapes = board_shapes()
    relay_boards = {name: shape for name, shape in shapes.items() if name.startswith("waveshare")}
    assert {name: (shape.outputs, shape.inputs) for name, shape in relay_boards.items()} == {
        "waveshare-io-8ch": (8, 8),
        "waveshare-relay-16": (16, 0),
        "waveshare-relay-32": (32, 0),
        "waveshare-relay-d-8": (8, 8),
    }
    for profile in (profiles()[name] for name in relay_boards):
        assert (profile.control_modes is not None) == (profile.inputs is not None)
        assert profile.flash.default_ms // profile.flash.unit_ms == 2
