"""Options and files that cannot be: told before anything is done for them, with the exit code for bad input."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.commands.program import app

COMMAND = [sys.executable, "-c", "from api.cli import main; main()"]


def run(*words: str, given: str | None = None) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(words), input=given, env={"COLUMNS": "200"})
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


@pytest.mark.parametrize("option", ["--json", "--html"])
def test_a_report_that_cannot_be_written_is_told_before_the_campaign(tmp_path: Path, option: str) -> None:
    code, said = run("campaign", "--seeds", "1..99999", option, str(tmp_path))
    assert (code, "is a folder" in said) == (2, True)


@pytest.mark.parametrize("option", ["--families", "--baudrates"])
def test_a_probe_for_nothing(option: str) -> None:
    code, said = run("probe", "serial:///dev/nope", option, " ,")
    assert code == 2
    assert f"{option} = ' ,'" in said


def test_a_draft_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    code, said = run("probe", "serial:///dev/nope", "--write", str(tmp_path / "no" / "site.toml"))
    assert (code, "--write" in said) == (2, True)


@pytest.mark.parametrize("ways", [["bogus"], ["hci-tcp:99999"], ["none", "dbus"]])
def test_an_unknown_way_to_the_terminals(ways: list[str]) -> None:
    site = str(Path(__file__).parents[2] / "examples" / "site.toml")
    code, said = run("simulate", site, *[word for way in ways for word in ("--ble", way)])
    assert (code, "--ble" in said) == (2, True)


def test_a_terminal_without_an_address(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    words = ("--by", "013542", "--reason", "order 77", "--yes", "--log", str(log))
    code, said = run("adapter", "clear-codes", "zz", *words)
    assert (code, "Bluetooth address" in said) == (2, True)
    assert not log.exists()  # nothing was intended that could be sent


def test_an_export_that_fails_leaves_nothing(tmp_path: Path) -> None:
    damaged, out = tmp_path / "damaged.db", tmp_path / "out.jsonl"
    damaged.write_bytes(b"no ledger")
    assert run("ledger", "export", str(damaged), "-o", str(out))[0] != 0
    assert not out.exists()


def test_a_capture_that_fails_leaves_nothing(tmp_path: Path) -> None:
    out = tmp_path / "line.jsonl"
    assert run("capture", "serial:///dev/nope", "--listen", "-o", str(out))[0] != 0
    assert not out.exists()


def test_stepping_goes_on_by_itself_when_nobody_presses_enter() -> None:
    words = ("replay", "1", "--days", "0.01")
    code, whole = run(*words)
    stepped_code, stepped = run(*words, "--step", given="\n")
    assert (code, stepped_code) == (0, 0)
    assert [line for line in whole.splitlines() if "digest" in line] == [
        line for line in stepped.splitlines() if "digest" in line
    ]


def test_a_campaign_that_is_broken_off_ends() -> None:
    """It leaves the seeds alone that nobody has begun."""
    words = [*COMMAND, "campaign", "--seeds", "1..40", "--days", "0.5", "--jobs", "2"]
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert "station-runs" in line, line
        os.killpg(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=60)
        assert process.returncode != 0
        assert "40 of 40" not in told
    finally:
        process.kill()
        process.communicate()
