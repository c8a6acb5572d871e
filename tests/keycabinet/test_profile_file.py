"""Profile files of one's own: used like those that come along, refused with the lines that are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from keycabinet.boards.base import board_kind
from keycabinet.config import CabinetConfig, find_problems
from keycabinet.errors import ProfileError
from keycabinet.profile import profiles
from keycabinet.profile_file import load_profile, profile_named
from keycabinet.register_map import clashes

FOLDER = Path(__file__).parents[2] / "keycabinet" / "profiles"
RELAYS = (FOLDER / "waveshare-io-8ch.toml").read_text()
ELETECHSUP = (FOLDER / "eletechsup-n4d8b08.toml").read_text()


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.toml"
    path.write_text(text)
    return path


def said(folder: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(ProfileError) as wrong:
        load_profile(written(folder, text))
    assert str(folder / "mine.toml") in str(wrong.value)
    return wrong.value.problems


@pytest.mark.parametrize("name", profiles())
def test_no_profile_that_comes_along_contradicts_itself(name: str) -> None:
    assert clashes(profiles()[name]) == []
    assert load_profile(FOLDER / f"{name}.toml") == profile_named(name) == profiles()[name]


def test_a_cabinet_of_a_profile_file(tmp_path: Path) -> None:
    mine = str(written(tmp_path, RELAYS.replace("count = 8", "count = 4").replace("8 relays", "four relays")))
    kind = board_kind(mine)
    assert kind is not None
    assert (kind.shape.outputs, kind.shape.inputs) == (4, 4)
    board = {"line": "a", "address": 1, "profile": mine}
    assert find_problems("A", CabinetConfig.model_validate({"boards": [{**board, "slots": "1-4"}]})) == ()
    more = find_problems(
        "A", CabinetConfig.model_validate({"boards": [{**board, "locks": "1-5", "keys": "1-4"}]})
    )
    assert [str(each) for each in more] == [
        "boards.0.locks = 5: output channel 1 to 4; boards.0.profile has no more"
    ]


def test_a_wrong_file_is_a_problem_of_the_cabinet(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.toml")
    board = {"line": "a", "address": 1, "profile": missing, "slots": "1-4"}
    found = find_problems("A", CabinetConfig.model_validate({"boards": [board]}))
    assert [str(each) for each in found] == [
        f"boards.0.profile = {missing!r}: cannot be read: No such file or directory"
    ]


def test_overlapping_addresses_name_both_lines(tmp_path: Path) -> None:
    assert said(tmp_path, RELAYS.replace("start = 0x0200", "start = 0x0007")) == (
        "lines 5 and 13: outputs at coil 0000 to 0007 overlaps flash at coil 0007 to 000E",
    )
    assert said(tmp_path, RELAYS.replace("register_address = 0x8000", "register_address = 0x1003")) == (
        "lines 18 and 23: control_modes at register 1000 to 1007 overlaps version at register 1003",
    )
    assert said(tmp_path, ELETECHSUP.replace("0x00FD", "0x0003")) == (
        "lines 9 and 37: outputs.switch at register 0001 to 0008 overlaps guards.3 at register 0003",
        "lines 16 and 37: flash at register 0001 to 0008 overlaps guards.3 at register 0003",
    )


def test_a_bitmap_takes_a_register_for_sixteen(tmp_path: Path) -> None:
    sixteen = ELETECHSUP.replace("start = 0x00C0", "start = 0x0071")
    assert load_profile(written(tmp_path, sixteen)).inputs is not None
    seventeen = tmp_path / "more"
    seventeen.mkdir()
    assert (
        len(
            said(
                seventeen,
                sixteen.replace('count = 8\nread = "bitmap"\nswitch', 'count = 17\nread = "bitmap"\nswitch'),
            )
        )
        == 1
    )


def test_more_than_the_board_has(tmp_path: Path) -> None:
    text = RELAYS.replace("[control_modes]", "[control_modes] #").replace(
        "start = 0x1000\ncount = 8", "start = 0x1000\ncount = 9"
    )
    assert said(tmp_path, text) == ("lines 20 and 11: control_modes.count is 9, more than the 8 inputs",)


def test_a_pulse_that_nothing_would_end(tmp_path: Path) -> None:
    assert said(tmp_path, ELETECHSUP.replace("default_word = 0x0500", "default_word = 0x0100")) == (
        "lines 16 and 9: word 0100 is a pulse and 'on' too: nothing would end that pulse",
    )
    timed = tmp_path / "timed"
    timed.mkdir()
    assert len(said(timed, ELETECHSUP.replace("base = 0x0600", "base = 0x00F8"))) == 1


def test_pulses_need_outputs(tmp_path: Path) -> None:
    inputs_only = RELAYS.replace("[outputs]", "[inputs]", 1).replace(
        "[inputs]                     # FC02\nstart = 0x0000\ncount = 8\n", ""
    )
    assert any("[outputs] is missing" in each for each in said(tmp_path, inputs_only))


def test_everything_that_is_no_profile(tmp_path: Path) -> None:
    text = (
        RELAYS.replace("count = 8", "count = 0", 1).replace("unit_ms = 100", "unit_ms = 'a'")
        + "\nspeed = 3\n"
    )
    assert said(tmp_path, text) == (
        "line 7: outputs.count = 0: Input should be greater than or equal to 1",
        "line 15: flash.unit_ms = 'a': Input should be a valid integer, unable to parse string as an integer",
        "line 31: timing.speed = 3: Extra inputs are not permitted",
    )
    torn = tmp_path / "torn"
    torn.mkdir()
    assert said(torn, "title =")[0].startswith("is not TOML 1.0 in UTF-8")
