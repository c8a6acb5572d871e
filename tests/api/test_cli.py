"""The command line as people meet it: a process, its words, its exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.commands.program import app
from api.shadow import shadows

ROOT = Path(__file__).parents[2]
ENTER = "from api.cli import main; main()"


def motorpool(
    *arguments: str, cwd: Path = ROOT, enter: str = ENTER, answer: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, as the installed script would."""
    return subprocess.run(
        [sys.executable, "-c", enter, *arguments],
        cwd=cwd,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "200"},
        input=answer,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_version() -> None:
    done = motorpool("--version")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"motorpool {version('motorpool')}\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["demo", "serve", "simulate", "check", "cabinet", "ledger", "Exit codes"]),
        (["demo"], ["--speed", "real", "fast", "virtual time"]),
        (["serve"], ["SITE.toml", "--simulated", "--listen", "token"]),
        (["simulate"], ["SITE.toml", "--json", "Ctrl-C"]),
        (["check"], ["SITE.toml", "everything"]),
        (["cabinet"], ["read", "open"]),
        (["cabinet", "read"], ["--board", "--address", "waveshare-relay-d-8", "Example"]),
        (["cabinet", "open"], ["--slot", "--yes", "--log", "held"]),
        (["ledger"], ["verify", "show", "export"]),
        (["ledger", "verify"], ["FILE", "hash"]),
    ],
)
def test_help_teaches(arguments: list[str], words: list[str]) -> None:
    done = CliRunner().invoke(app, [*arguments, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert done.exit_code == 0, done.stderr
    for word in words:
        assert word in done.stdout
    assert "[bold]" not in done.stdout
    assert "[cyan]" not in done.stdout


def test_without_arguments_it_shows_the_help() -> None:
    assert "Start with motorpool demo" in motorpool().stdout


@pytest.mark.parametrize(
    "arguments", [["fly"], ["check"], ["check", "--loud", "x.toml"], ["demo", "--speed", "warp"]]
)
def test_wrong_usage_is_bad_input(arguments: list[str]) -> None:
    done = motorpool(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("library", ["typer", "rich", "fastapi", "uvicorn"])
def test_a_missing_extra_is_named(library: str) -> None:
    done = motorpool("--version", enter=f"import sys; sys.modules[{library!r}] = None; {ENTER}")
    assert done.returncode == 2
    assert done.stderr == (
        f"motorpool: the command line needs {library}, which is not installed: pip install 'motorpool[api]'\n"
    )


def test_a_package_of_the_host_that_hides_ours_is_named(tmp_path: Path) -> None:
    (tmp_path / "vehicle").mkdir()
    (tmp_path / "vehicle" / "__init__.py").touch()
    done = motorpool("--version", cwd=tmp_path)
    assert done.returncode == 2
    assert "the package 'vehicle' of motorpool is hidden by" in done.stderr
    assert str(tmp_path) in done.stderr


def test_ours_are_not_hidden_here() -> None:
    assert shadows(ROOT) == []
    assert shadows(ROOT / "tests") == []  # nothing of ours there to be hidden


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["read", "usb:///dev/x", "--board", "waveshare-relay-d-8"], ["scheme", "serial", "modbus+tcp"]),
        (["read", "modbus+tcp://127.0.0.1", "--board", "acme-9"], ["--board", "acme-9", "waveshare-io-8ch"]),
        (
            ["open", "modbus+tcp://127.0.0.1", "--board", "waveshare-relay-d-8", "--slot", "9", "--yes"],
            ["--slot", "1 to 8"],
        ),
        (["read", "modbus+tcp://127.0.0.1", "--board", "waveshare-io-8ch", "--address", "300"], ["255"]),
    ],
)
def test_cabinet_refuses_bad_input(arguments: list[str], words: list[str]) -> None:
    done = CliRunner().invoke(app, ["cabinet", *arguments], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert done.exit_code == 2, done.stderr
    for word in words:
        assert word in done.stderr


def test_a_board_that_cannot_be_reached_is_a_sentence() -> None:
    done = motorpool("cabinet", "read", "modbus+tcp://127.0.0.1:1", "--board", "waveshare-relay-d-8")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "cannot connect" in done.stderr
    assert "Traceback" not in done.stderr


def test_opening_needs_a_yes(tmp_path: Path) -> None:
    asking = ["cabinet", "open", "modbus+tcp://127.0.0.1:1", "--board", "waveshare-relay-d-8", "--slot", "1"]
    log = tmp_path / "log.jsonl"
    done = motorpool(*asking, "--log", str(log), answer="n\n")
    assert done.returncode == 1
    assert "nothing was opened" in done.stderr
    assert not log.exists()
