"""`motorpool adapter`: a car is read, its codes are cleared on record, and a hold forbids it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from bluez_rig import QUICK, on_dbus
from click.testing import Result
from standing_car import StandingCar
from typer.testing import CliRunner

from api.commands.program import app
from simulator.terminals import Elm327Device, TerminalPark

ADDRESS = "F0:F1:F2:F3:F4:F5"
ORDER = ("adapter", "clear-codes", ADDRESS, "--by", "m-7", "--reason", "order 77")


@dataclass
class Car(StandingCar):
    fuel_percent: float | None = None
    stored_dtcs: tuple[str, ...] = ("P0133",)


@asynccontextmanager
async def on_this_host(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Elm327Device]:
    car, park = Car(), TerminalPark()
    adapter = Elm327Device(car, timing=QUICK, clear=car.forget)
    park.add(car, ADDRESS, adapter=adapter)
    async with on_dbus(park, monkeypatch):
        yield adapter


async def motorpool(folder: Path, *arguments: str) -> tuple[int | None, str]:
    """The command in a process of its own."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("motorpool")),
        *arguments,
        env={**os.environ, "COLUMNS": "160", "XDG_STATE_HOME": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode()


def recorded(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.real_time
@pytest.mark.peer
async def test_a_car_is_read_and_its_codes_are_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_this_host(monkeypatch) as adapter:
        code, text = await motorpool(tmp_path, "adapter", "read", ADDRESS)
        assert code == 0, text
        for said in ("12345.6", "obd:7E8:01A6", "P0133", "not supported by this vehicle"):
            assert said in text
        code, text = await motorpool(tmp_path, *ORDER, "--yes")
        assert code == 0, text
        assert "confirmed" in text
        assert adapter.commands.count("04") == 1
    intended, confirmed = recorded(tmp_path / "motorpool" / "adapters.jsonl")
    assert (intended["outcome"], intended["by"], intended["reason"]) == ("intended", "m-7", "order 77")
    assert (confirmed["outcome"], confirmed["stored_before"], confirmed["stored_after"]) == (
        "confirmed",
        "P0133",
        "none",
    )


def run(*arguments: str, **more: Any) -> Result:
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "160"}, **more)


def test_a_hold_forbids_it_and_that_is_recorded(tmp_path: Path) -> None:
    log = tmp_path / "own.jsonl"
    done = run(*ORDER, "--yes", "--hold", "evidence 2026-118", "--log", str(log))
    assert done.exit_code == 1
    assert "evidence 2026-118" in done.stderr
    assert [each["outcome"] for each in recorded(log)] == ["intended", "not_sent"]


def test_nothing_is_sent_without_a_record_or_without_consent(tmp_path: Path) -> None:
    log = tmp_path / "file" / "own.jsonl"
    log.parent.write_text("in the way")
    assert "cannot record" in run(*ORDER, "--yes", "--log", str(log)).stderr
    done = run(*ORDER, "--log", str(tmp_path / "own.jsonl"), input="n\n")
    assert (done.exit_code, (tmp_path / "own.jsonl").exists()) == (1, False)


def test_bad_input_says_what_is_allowed(tmp_path: Path) -> None:
    for arguments, words in (
        (("adapter", "read", "P-112"), "such as AA:BB:CC:DD:EE:FF"),
        ((*ORDER[:-1], " ", "--yes"), "for a reason"),
    ):
        done = run(*arguments)
        assert done.exit_code == 2, done.stderr
        assert words in done.stderr
