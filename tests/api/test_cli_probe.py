"""`motorpool probe`: what it finds on simulated lines, and the draft that it writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_cli_processes import Place, place
from typer.testing import CliRunner, Result

from api.commands.program import app
from api.drafting import ROSTER, NothingToDraft, draft
from keycabinet.boards.base import board_kinds
from keycabinet.probing import Found, Sighted, Survey
from keycabinet.readers.base import reader_kinds
from keycabinet.transport import LineUrl
from lifecycle.site import Site, load_site

__all__ = ["place"]

SIX = """
[station]
code = "t"
[lines]
a = "rtu+tcp://192.168.1.200:5000"
r = "rtu+tcp://192.168.1.201:5000"
[cabinets.A]
boards = [
  { line = "a", address = 1, profile = "waveshare-relay-d-8", slots = "1-8" },
  { line = "a", address = 2, profile = "waveshare-relay-16", slots = "9-24" },
  { line = "a", address = 3, profile = "xor-8a-8", slots = "25-32" },
  { line = "a", address = 4, profile = "kerong-cu48-60", slots = "33-80" },
  { line = "a", address = 5, profile = "kerong-cu16", slots = "81-96" },
  { line = "a", address = 6, profile = "wkly-8", slots = "97-104" },
]
readers = [{ line = "r", kind = "rs485-125k-ascii", slots = "1-2" }]
"""
NAMED = {
    1: "waveshare-io-8ch",
    2: "waveshare-relay-16",
    3: "xor-8a-8",
    4: "kerong-cu48-60",
    5: "kerong-cu16",
    6: "wkly-8",
}


@pytest.fixture
def lines(place: Place) -> Any:
    """Six different boards on one simulated line and two readers on another; their URLs."""
    place.write(SIX)
    (place.folder / "roster.toml").write_text("", encoding="utf-8")
    with place.running("simulate", "site.toml", "--ble", "none", "--json") as first:
        yield json.loads(first)["lines"]


def probe(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["probe", *arguments])


def test_six_devices_are_named_and_drafted(place: Place, lines: dict[str, str]) -> None:
    (place.folder / "roster.toml").unlink()
    families = "modbus,xor-8a,kerong-cu48-60,kerong-cu16,wkly,rs485-125k-ascii"
    quick = ["--addresses", "1-6", "--timeout-ms", "60", "--families", families]
    done = place.run("probe", lines["a"], lines["r"], *quick, "--json", "--write", "draft.toml")
    assert done.returncode == 0, done.stderr
    first, second = json.loads(done.stdout.splitlines()[0])
    assert {each["address"]: each["profiles"][0] for each in first["found"]} == NAMED
    assert [(each["address"], each["is_reader"]) for each in second["found"]] == [(1, True), (2, True)]
    checked = place.run("check", "draft.toml")
    assert checked.returncode == 0, checked.stderr
    site = load_site(place.folder / "draft.toml")
    assert [board.profile for board in site.cabinets["A"].boards] == list(NAMED.values())
    assert site.lines["a"].startswith(lines["a"])
    assert site.cabinets["A"].readers[0].slots == "1@1,2@2"
    live = place.run("check", "draft.toml", "--live")
    assert live.returncode == 0, live.stderr
    assert "board a6" in live.stdout
    assert "latch locked" in live.stdout
    text = (place.folder / "draft.toml").read_text(encoding="utf-8")
    again = place.run("probe", lines["a"], "--write", "draft.toml")
    assert again.returncode == 2
    assert "overwritten" in again.stderr
    assert (place.folder / "draft.toml").read_text(encoding="utf-8") == text


def test_a_table_with_what_cannot_be_told(place: Place, lines: dict[str, str]) -> None:
    done = place.run(
        "probe", lines["a"], "--addresses", "1-3", "--families", "modbus,xor-8a", "--timeout-ms", "100"
    )
    assert done.returncode == 0, done.stderr
    assert "3 device(s)" in done.stdout
    assert "waveshare-io-8ch (or" in done.stdout
    assert "waveshare-relay-d-8" in done.stdout
    assert "look at the board's label" in done.stderr
    nothing = place.run("probe", lines["a"], "--addresses", "90", "--timeout-ms", "30")
    assert nothing.returncode == 1
    assert "nothing answered" in nothing.stderr


def test_readers_alone_make_no_cabinet(place: Place, lines: dict[str, str]) -> None:
    quick = ["--families", "rs485-125k-ascii", "--timeout-ms", "100", "--write", "draft.toml"]
    done = place.run("probe", lines["r"], *quick)
    assert done.returncode == 1
    assert "nothing was found that opens a slot" in done.stderr
    assert not (place.folder / "draft.toml").exists()


def test_bad_arguments() -> None:
    for arguments, words in (
        (("telepathy://x",), "scheme"),
        (("modbus+tcp://host", "--addresses", "1-300"), "0 to 255"),
        (("modbus+tcp://host", "--addresses", ","), "ranges"),
        (("modbus+tcp://host", "--families", "telepathy"), "kerong-cu16"),
        (("serial:///dev/x", "--baudrates", "9601"), "115200"),
        (("modbus+tcp://host", "modbus+tcp://host"), "each line once"),
    ):
        done = probe(*arguments)
        assert done.exit_code == 2, arguments
        assert words in done.stderr
    gone = probe("serial:///dev/does-not-exist")
    assert gone.exit_code == 1
    assert "cannot be opened" in gone.stderr


# -- drafts


def drafted(*surveys: tuple[str, list[Found]], folder: Path) -> Site:
    made = [
        (LineUrl.parse(url), Survey([Sighted(LineUrl.parse(url), each) for each in found]))
        for url, found in surveys
    ]
    path = folder / "draft.toml"
    path.write_text(draft(made), encoding="utf-8")
    (folder / "roster.toml").write_text(ROSTER, encoding="utf-8")
    return load_site(path)


def test_a_draft_says_what_it_leaves_out(tmp_path: Path) -> None:
    found = [
        Found("xor-8a", 1, ("xor-8a-8",), "", doubts=("a guess",)),
        Found("modbus", 1, ("waveshare-relay-d-8",), ""),
        Found("modbus", 2, (), "register 1 holds 0"),
        Found("modbus", 3, ("moxa-iologik-e1210",), ""),
        Found("rdm6300", 0, ("rdm6300",), "", is_reader=True),
    ]
    site = drafted(("serial:///dev/ttyUSB0", found), folder=tmp_path)
    assert [(each.profile, each.slots) for each in site.cabinets["A"].boards] == [("xor-8a-8", "1-8")]
    text = (tmp_path / "draft.toml").read_text(encoding="utf-8")
    for words in ("a guess", "address 1 is taken", "register 1 holds 0", "wants a line without boards"):
        assert words in text
    with pytest.raises(NothingToDraft):
        drafted(("serial:///dev/ttyUSB0", found[2:]), folder=tmp_path)


def test_a_draft_takes_the_baud_rate_at_which_most_answered(tmp_path: Path) -> None:
    slow, fast = (LineUrl.parse(f"serial:///dev/ttyUSB0?baudrate={rate}") for rate in (9600, 19200))
    sighted = [
        Sighted(slow, Found("xor-8a", 1, ("xor-8a-8",), "")),
        Sighted(fast, Found("kerong-cu16", 2, ("kerong-cu16",), "")),
        Sighted(fast, Found("kerong-cu16", 3, ("kerong-cu16",), "")),
    ]
    text = draft([(slow, Survey(sighted))])
    assert f'a = "{fast}"' in text
    assert f"# xor-8a at address 1 answered at {slow} only" in text


FOUND = st.lists(
    st.one_of(
        st.builds(
            lambda profile, address: Found("f", address, (profile,), "said so", doubts=("who knows",)),
            st.sampled_from([name for name, kind in board_kinds().items() if kind.serial_only]),
            st.integers(1, 15).filter(lambda address: address != 10),
        ),
        st.builds(
            lambda kind, address: Found(
                "r", address if 1 in reader_kinds()[kind].addresses else 0, (kind,), "said so", is_reader=True
            ),
            st.sampled_from(sorted(reader_kinds())),
            st.integers(1, 8),
        ),
    ),
    max_size=6,
)


@settings(max_examples=40, deadline=None)
@given(st.lists(FOUND, min_size=1, max_size=3))
def test_every_draft_passes_the_check(
    tmp_path_factory: pytest.TempPathFactory, lines: list[list[Found]]
) -> None:
    folder = tmp_path_factory.mktemp("draft")
    surveys = [(f"serial:///dev/ttyUSB{number}", found) for number, found in enumerate(lines)]
    try:
        drafted(*surveys, folder=folder)
    except NothingToDraft:
        assert not any(not each.is_reader for found in lines for each in found)
