"""`motorpool cabinet watch` and `identify`, and the lamps that they light."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from test_cli_processes import BOARD, Place, place
from typer.testing import CliRunner

from api.commands.program import app
from api.watching import Change, bare_board, cabinet_of, choose_cabinet, watch, wires_of
from keycabinet.errors import BoardRefused
from keycabinet.transport import LineUrl
from lifecycle.errors import InvalidRequest
from lifecycle.site import Site, load_site
from simulator.cabinets.board import Mode
from simulator.hardware import SimulatedHardware

__all__ = ["place"]

LAMPS = """
[station]
code = "t"
[lines]
a = "rtu+tcp://192.168.1.200:5000"
[cabinets.A]
boards = [
  { name = "a1", line = "a", address = 1, profile = "waveshare-relay-d-8", slots = "1-7", door_contact = 8 },
  { name = "a2", line = "a", address = 2, profile = "waveshare-relay-16", lamps = "1-2" },
]
"""


@pytest.fixture
def site(tmp_path: Path) -> Site:
    (tmp_path / "site.toml").write_text(LAMPS, encoding="utf-8")
    (tmp_path / "roster.toml").write_text("", encoding="utf-8")
    return load_site(tmp_path / "site.toml")


def hardware_of(site: Site) -> SimulatedHardware:
    sets = {f"k{slot}": ("A", slot) for slot in range(1, 8)}
    return SimulatedHardware(lines=site.lines, cabinets=site.cabinets, sets=sets)


def at(site: Site, hardware: SimulatedHardware) -> Site:
    return site.model_copy(update={"lines": dict(hardware.urls)})


async def test_a_cabinets_changes(site: Site) -> None:
    async with (
        hardware_of(site) as hardware,
        cabinet_of(at(site, hardware), "A", hardware.opener) as read,
        aclosing(watch(read)) as states,
    ):
        state, changes = await anext(states)
        assert changes == ()
        assert state["slot 1"] == "present"
        assert state["door"] == "shut"
        assert state["board a2"] == "answers"
        hardware.world.force_door("A")
        seen: list[Change] = []
        while not any(change.what == "door" for change in seen):
            seen += (await anext(states))[1]
        assert str(seen[0]) == "door: shut -> open"
        hardware.power("A", "a1", False)
        while not any(change.what == "board a1" for change in seen):
            seen += (await anext(states))[1]
        assert "no reply" in seen[-1].now


async def test_a_bare_boards_channels_and_its_silence(site: Site) -> None:
    async with hardware_of(site) as hardware:
        url = LineUrl.parse(hardware.urls["a"])
        async with (
            bare_board(url, "waveshare-relay-d-8", 1, hardware.opener) as read,
            aclosing(watch(read)) as states,
        ):
            state, _ = await anext(states)
            assert state["input 1"] == "on"
            assert state["output 8"] == "off"
            hardware.power("A", "a1", False)
            _, (change,) = await anext(states)
            assert change.what == "line"
            hardware.power("A", "a1", True)
            _, (change,) = await anext(states)
            assert change.now == "answers"


async def test_a_dangerous_board_is_refused(site: Site) -> None:
    async with hardware_of(site) as hardware:
        hardware.board("A", "a1").link(Mode.EDGE)
        with pytest.raises(BoardRefused):
            async with cabinet_of(at(site, hardware), "A", hardware.opener):
                await asyncio.sleep(0)


def test_where_things_are_wired(site: Site) -> None:
    wires = wires_of(site, "A")
    assert wires["slot 1"] == "lock a1.out1, key a1.in1, lamp a2.out1"
    assert wires["slot 7"] == "lock a1.out7, key a1.in7"
    assert wires["door"] == "contact a1.in8"
    assert choose_cabinet(site, None) == "A"
    with pytest.raises(InvalidRequest, match="A"):
        choose_cabinet(site, "Z")


# -- the commands


@pytest.fixture
def lit(place: Place) -> Any:
    """Simulated hardware with lamps, its site file at its own ports."""
    place.write(LAMPS)
    (place.folder / "roster.toml").write_text("", encoding="utf-8")
    with place.running("simulate", "site.toml", "--ble", "none", "--json") as first:
        place.write(LAMPS.replace("rtu+tcp://192.168.1.200:5000", json.loads(first)["lines"]["a"]))
        yield place


def test_watching_a_site_and_a_bare_board(lit: Place) -> None:
    done = lit.run("cabinet", "watch", "site.toml", "--seconds", "1.5")
    assert done.returncode == 0, done.stderr
    assert "slot 1: absent" in done.stdout
    assert "door: shut" in done.stdout
    url = load_site(lit.folder / "site.toml").lines["a"]
    done = lit.run("cabinet", "watch", url, *BOARD, "--seconds", "1.5")
    assert done.returncode == 0, done.stderr
    assert "input 8: on" in done.stdout
    done = lit.run("cabinet", "identify", "site.toml", "--seconds", "1")
    assert done.returncode == 0, done.stderr
    assert "Pull a key" in done.stdout


def test_lamps_are_lit_only_after_asking(lit: Place) -> None:
    done = lit.run("cabinet", "identify", "site.toml", "--lamps", "--slot", "2", "--yes")
    assert done.returncode == 0, done.stderr
    assert "slot 2: lit and put out" in done.stdout
    file = str(lit.folder / "site.toml")
    answers = CliRunner().invoke(app, ["cabinet", "identify", file, "--lamps"], input="n\ny\n1\n")
    assert answers.exit_code == 1
    assert "slot 2: its lamp lights at slot 1" in answers.stdout
    assert "slot 1: lit" not in answers.stdout
    live = lit.run("check", "site.toml", "--live")
    assert live.returncode == 0, live.stderr
    assert "lamp of slot 2" in live.stdout


def test_bad_arguments(site: Site, tmp_path: Path) -> None:
    file = str(tmp_path / "site.toml")
    for arguments, words in (
        (["watch", "modbus+tcp://h"], "the kind of the board"),
        (["watch", file, "--cabinet", "Z"], "one of A"),
        (["watch", "nowhere.toml"], "nowhere.toml"),
        (["identify", file, "--lamps", "--slot", "3"], "1, 2"),
        (["identify", "modbus+tcp://h", "--lamps"], "a site file"),
    ):
        done = CliRunner().invoke(app, ["cabinet", *arguments])
        assert done.exit_code == 2, arguments
        assert words in done.stderr
