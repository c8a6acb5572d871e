"""One owner of a line: the second comer is told who the first is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from modbus_peer import Board, Wire

from keycabinet.errors import LineHeld, PortUnavailable
from keycabinet.line import Line
from keycabinet.ownership import Ownership
from keycabinet.transport import LineUrl

URL = LineUrl.parse("modbus+tcp://board:5020")


def test_second_owner_is_told_the_first(tmp_path: Path) -> None:
    first = Ownership.acquire("a", URL, "station 330108-04", tmp_path)
    with pytest.raises(LineHeld, match="station 330108-04") as held:
        Ownership.acquire("a", LineUrl.parse("rtu+tcp://BOARD:5020"), "commissioning", tmp_path)
    assert str(os.getpid()) in held.value.holder
    first.release()
    first.release()
    Ownership.acquire("a", URL, "commissioning", tmp_path).release()


def test_a_link_to_the_port_is_the_same_port(tmp_path: Path) -> None:
    (tmp_path / "ttyUSB0").touch()
    (tmp_path / "by-id").symlink_to(tmp_path / "ttyUSB0")
    owner = Ownership.acquire("a", LineUrl.parse(f"serial://{tmp_path}/ttyUSB0"), "one", tmp_path)
    with pytest.raises(LineHeld):
        Ownership.acquire("a", LineUrl.parse(f"serial://{tmp_path}/by-id?baudrate=19200"), "two", tmp_path)
    owner.release()


def test_a_killed_owner_holds_nothing(tmp_path: Path) -> None:
    script = (
        "import sys, pathlib; from keycabinet.ownership import Ownership; from keycabinet.transport import LineUrl\n"
        "o = Ownership.acquire('a', LineUrl.parse('modbus+tcp://board:5020'), 'other', pathlib.Path(sys.argv[1]))\n"
        "print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(LineHeld, match=f"other \\(process {other.pid}\\)"):
            Ownership.acquire("a", URL, "me", tmp_path)
        other.kill()
        other.wait()
    Ownership.acquire("a", URL, "me", tmp_path).release()


def test_damaged_lock_file_names_nobody(tmp_path: Path) -> None:
    owner = Ownership.acquire("a", URL, "one", tmp_path)
    for path in tmp_path.iterdir():
        path.write_bytes(b"\xff{")
    with pytest.raises(LineHeld, match="another program"):
        Ownership.acquire("a", URL, "two", tmp_path)
    owner.release()


def test_lock_directory_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(PortUnavailable, match="cannot open lock file"):
        Ownership.acquire("a", URL, "one", tmp_path / "missing")


async def test_a_line_holds_the_lock_for_its_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTORPOOL_LOCK_DIR", str(tmp_path))
    wire = Wire(Board(), tcp=True)
    line = await Line.open("a", URL, opener=wire, exclusive=True, holder="station 04")
    wire.refuse = OSError("unplugged")
    wire.links[0].lose()
    with pytest.raises(LineHeld, match="station 04"):
        await Line.open("a", URL, opener=Wire(Board(), tcp=True), exclusive=True)
    await line.close()
    await (await Line.open("a", URL, opener=Wire(Board(), tcp=True), exclusive=True)).close()


async def test_a_line_that_cannot_be_opened_holds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTORPOOL_LOCK_DIR", str(tmp_path))
    wire = Wire(Board(), tcp=True)
    wire.refuse = PortUnavailable("a", "no such port")
    with pytest.raises(PortUnavailable):
        await Line.open("a", URL, opener=wire, exclusive=True)
    Ownership.acquire("a", URL, "next").release()


async def test_a_line_over_a_simulators_opener_leaves_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTORPOOL_LOCK_DIR", str(tmp_path))
    async with await Line.open("a", URL, opener=Wire(Board(), tcp=True)):
        assert os.listdir(tmp_path) == []
