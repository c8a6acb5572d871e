"""Readers in a cabinet's table: what they mean, and everything that can be wrong with them, all at once."""

from __future__ import annotations

import pytest

from keycabinet.config import CabinetConfig, find_problems
from keycabinet.readers.base import reader_kinds
from keycabinet.readers.config import ReaderConfig

BOARD = {"line": "a", "address": 1, "profile": "waveshare-relay-d-8", "slots": "1-8"}
ASCII = {"line": "r", "kind": "rs485-125k-ascii"}
UHF = {"line": "u", "kind": "uhf-crc8408"}


def said(*readers: dict[str, object]) -> list[str]:
    config = CabinetConfig.model_validate({"boards": [BOARD], "readers": list(readers)})
    return [str(problem) for problem in find_problems("A", config, ["a", "r", "u"])]


def test_channels_are_addresses_where_there_may_be_several() -> None:
    config = ReaderConfig.model_validate({**ASCII, "slots": "5-6, 8@7"})
    assert config.fields(reader_kinds()[config.kind]) == ((5, 1), (6, 2), (8, 7))
    config = ReaderConfig(line="w", kind="ds2480b", slots="7")
    assert config.fields(reader_kinds()[config.kind]) == ((7, 0),)
    config = ReaderConfig(line="u", kind="uhf-crc8408", address=3)
    assert config.fields(reader_kinds()[config.kind]) == ((None, 3),)
    assert config.label == "ur"


def test_a_cabinet_may_have_both() -> None:
    assert said({**ASCII, "slots": "1-8"}, UHF) == []


@pytest.mark.parametrize(
    ("readers", "words"),
    [
        ([{**ASCII, "kind": "crystal ball"}], "readers.0.kind = 'crystal ball': one of"),
        ([{**ASCII, "slots": "8-9"}], "readers.0.slots = 9: a slot of this cabinet"),
        ([{**ASCII, "slots": "1@9"}], "readers.0.slots = 9: address 1 to 8"),
        ([ASCII], "slots: rs485-125k-ascii reads one slot only"),
        ([{**UHF, "slots": "1-8"}], "none: uhf-crc8408 covers the whole cabinet"),
        ([{**ASCII, "slots": "1", "line": "a"}], "a line without boards"),
        ([{**ASCII, "slots": "1", "line": "z"}], "a line named under [lines]"),
        ([{**ASCII, "slots": "1"}, {**UHF, "line": "r"}], "one kind of reader on a line"),
        (
            [UHF, {**UHF, "address": 1, "name": "u2"}],
            "the whole cabinet is already read by readers.0.address",
        ),
        ([{**ASCII, "slots": "1-2"}, {**ASCII, "slots": "2@3", "name": "r2"}], "slot 2 is already read by"),
        (
            [{**ASCII, "slots": "1"}, {**ASCII, "slots": "2@1", "name": "r2"}],
            "an address of its own on line r",
        ),
        ([{**ASCII, "slots": "1"}, {**ASCII, "slots": "2@2"}], "a name of its own"),
        ([{"line": "u", "kind": "rdm6300", "slots": "1-2"}], "an address of its own on line u"),
    ],
)
def test_what_cannot_be(readers: list[dict[str, object]], words: str) -> None:
    assert any(words in problem for problem in said(*readers)), said(*readers)
