"""docs/commissioning.md: every command in it runs, in its order, on simulated lines; its tables are the code's."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from programs import MOTORPOOL, ROOT
from typer.testing import CliRunner

from api.commands.program import app
from keycabinet.config import CabinetConfig
from keycabinet.probing import probes
from simulator import virtual_time

TEXT = (ROOT / "docs" / "commissioning.md").read_text(encoding="utf-8")
COMMANDS = [
    line.split("#")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", TEXT, flags=re.DOTALL)
    for line in block.splitlines()
]
HARDWARE = """
[station]
code = "t"
[lines]
usb0 = "serial:///dev/ttyUSB0?baudrate=9600"
usb1 = "serial:///dev/ttyUSB1?baudrate=9600"
net = "rtu+tcp://192.168.1.200:5000"
[cabinets.A]
boards = [
  { line = "usb0", address = 1, profile = "xor-8a-8", slots = "1-8" },
  { line = "usb0", address = 2, profile = "waveshare-relay-d-8", slots = "9-16" },
  { line = "usb1", address = 1, profile = "xor-8a-8", slots = "17-24" },
  { line = "net", address = 1, profile = "waveshare-io-8ch", slots = "25-32" },
]
"""
WRITTEN = {
    "usb0": "serial:///dev/ttyUSB0",
    "usb1": "serial:///dev/ttyUSB1",
    "net": "rtu+tcp://192.168.1.200:5000",
}
SHORTER = {
    "probe": ["--addresses", "1-2", "--timeout-ms", "40"],
    "cabinet watch": ["--seconds", "0.5"],
    "cabinet identify": ["--seconds", "0.5"],
    "cabinet open": ["--yes"],
    "capture": ["--seconds", "1"],
}
"""What ends a command that goes on until somebody ends it, answers what it asks, and keeps a search short."""


def as_run(command: str, lines: dict[str, str]) -> list[str]:
    """The words after `motorpool`, with simulated lines in place of those of the document."""
    for written, real in lines.items():
        command = command.replace(written, real)
    words = command.split()[1:]
    more = next((each for name, each in SHORTER.items() if " ".join(words).startswith(name)), [])
    return [*words, *more]


@contextmanager
def simulated_lines(folder: Path) -> Iterator[dict[str, str]]:
    """Simulated boards in a process of their own; gives the lines of the document with those that stand for them."""
    (folder / "site.toml").write_text(HARDWARE, encoding="utf-8")
    (folder / "roster.toml").touch()
    command = [*MOTORPOOL, "simulate", str(folder / "site.toml"), "--ble", "none", "--json"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            printed = json.loads(process.stdout.readline())["lines"]
            yield {written: printed[name].partition("?")[0] for name, written in WRITTEN.items()}
        finally:
            process.terminate()


@pytest.mark.real_time
def test_every_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hardware").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    assert len(COMMANDS) >= 10
    with simulated_lines(tmp_path / "hardware") as lines:
        for command in COMMANDS:
            done = CliRunner().invoke(app, as_run(command, lines))
            assert done.exit_code == 0, (command, done.output)
    assert (tmp_path / "site.toml").exists()
    (snippet,) = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
    program: dict[str, Any] = {}
    exec(snippet, program)
    assert (
        virtual_time.run(program["first_states"](tmp_path / "board.jsonl")) == 0b1111_1011
    )  # lock 3 is open


def test_the_families_are_those_that_there_are() -> None:
    table = TEXT[TEXT.index("| family |") :].split("\n\n")[0]
    assert re.findall(r"^\| `([^`]+)`", table, flags=re.MULTILINE) == [each.family for each in probes()]


def test_the_site_file_is_one() -> None:
    (fragment,) = re.findall(r"```toml\n(.*?)```", TEXT, flags=re.DOTALL)
    cabinet = CabinetConfig.model_validate(tomllib.loads(fragment)["cabinets"]["A"])
    assert (cabinet.coils_at_once, cabinet.poll_battery_s) == (2, 5.0)
