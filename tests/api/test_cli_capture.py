"""`motorpool capture`: what it writes, and when it writes nothing."""

from __future__ import annotations

import json
import signal

from test_cli_processes import BOARD, Place, place
from typer.testing import CliRunner

from api.commands.program import app
from keycabinet.boards.base import build_board
from keycabinet.capture import Direction, Replay, parse_capture
from keycabinet.commissioning import bare_config
from keycabinet.exchange import Priority
from keycabinet.line import Line
from simulator import virtual_time

__all__ = ["place"]

PUSHING = """
[station]
code = "t"
[lines]
a = "modbus+tcp://192.168.1.200:502"
r = "serial:///dev/ttyUSB7"
[cabinets.A]
boards = [{ line = "a", address = 1, profile = "waveshare-relay-d-8", slots = "1-8" }]
readers = [{ line = "r", kind = "rdm6300", slots = "1" }]
"""
ROSTER = """
units = [{ id = "u", name = "U" }]
vehicles = [{ id = "v", fleet_number = "P-1", class = "patrol", unit = "u" }]
key_sets = [{ id = "k", vehicle = "v", home = "A-01", fob = "em:0A1B2C3D" }]
"""


async def read_again(replay: Replay) -> int:
    async with await Line.open("a", replay.capture.url, opener=replay) as line:
        board = build_board(line, bare_config("waveshare-relay-d-8", 1), "again")
        return await board.read_inputs(Priority.POLL)


def test_a_polled_board_is_recorded_and_plays_back(place: Place) -> None:
    with place.hardware() as url:
        done = place.run("capture", url, *BOARD, "--every", "0.2", "--seconds", "1.5", "-o", "c.jsonl")
        assert done.returncode == 0, done.stderr
        again = place.run("capture", url, *BOARD, "--seconds", "1", "-o", "c.jsonl")
        assert again.returncode == 2
        assert "overwritten" in again.stderr
    capture = parse_capture((place.folder / "c.jsonl").read_text(encoding="utf-8"))
    assert len(capture.pieces) >= 8
    assert capture.started is not None
    assert {piece.direction for piece in capture.pieces} == {Direction.SENT, Direction.RECEIVED}
    assert virtual_time.run(read_again(Replay(capture))) == 0b11


def test_without_a_board_it_looks_first(place: Place) -> None:
    with place.hardware() as url:
        done = place.run("capture", url, "--addresses", "1-2", "--seconds", "2.5")
    assert done.returncode == 0, done.stderr
    first, *pieces = [json.loads(line) for line in done.stdout.splitlines()]
    assert first["line"] == url
    functions = [piece["hex"][14:16] for piece in pieces if piece["direction"] == "sent"]
    assert functions[0] == "03"
    assert functions[-1] in ("01", "02")
    assert not {"05", "06", "0f", "10"} & set(functions)


def test_listening_sends_nothing_and_ends_at_ctrl_c(place: Place) -> None:
    place.write(PUSHING)
    (place.folder / "roster.toml").write_text(ROSTER, encoding="utf-8")
    with place.running("simulate", "site.toml", "--ble", "none", "--json") as first:
        url = json.loads(first)["lines"]["r"]
        done = place.run("capture", url, "--listen", "--seconds", "1.5")
        assert done.returncode == 0, done.stderr
        with place.running("capture", url, "--listen", stop=signal.SIGINT) as head:
            assert json.loads(head)["line"] == url
    capture = parse_capture(done.stdout)
    assert {piece.direction for piece in capture.pieces} == {Direction.RECEIVED}
    assert b"0A1B2C3D" in b"".join(piece.data for piece in capture.pieces)


def test_a_held_line_is_refused(place: Place) -> None:
    with place.hardware() as url, place.station():
        done = place.run("capture", url, *BOARD, "--seconds", "1")
        assert done.returncode == 1
        assert "held by motorpool serve" in done.stderr
        done = place.run("capture", url, "--listen", "--seconds", "1")
        assert done.returncode == 1


def test_bad_arguments() -> None:
    for arguments, words in (
        (["capture", "modbus+tcp://h", "--listen", "--board", "xor-8a-8"], "nothing is asked"),
        (["capture", "modbus+tcp://h", "--board", "telepathy"], "xor-8a-8"),
        (["capture", "modbus+tcp://h", "--addresses", "999"], "0 to 255"),
    ):
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 2, arguments
        assert words in done.stderr
