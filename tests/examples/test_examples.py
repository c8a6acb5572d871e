"""The examples run as a reader would run them, and stay short."""

from __future__ import annotations

import asyncio
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lifecycle import load_site
from simulator import demo
from simulator.station import SimulatedStation

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_each_is_under_sixty_lines() -> None:
    files = sorted(EXAMPLES.glob("*.py"))
    assert len(files) >= 4
    assert {
        file.name: len(file.read_text().splitlines())
        for file in files
        if len(file.read_text().splitlines()) >= 60
    } == {}


def test_check_out_and_come_home() -> None:
    done = subprocess.run(
        [sys.executable, EXAMPLES / "check_out_and_come_home.py"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "home in B-09" in done.stdout
    assert "odometer" in done.stdout


def test_testing_your_own_code() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", EXAMPLES / "test_your_own_code.py"],
        capture_output=True, text=True, timeout=60, check=False, cwd=EXAMPLES,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


@pytest.mark.real_time
async def test_open_a_slot(tmp_path: Path) -> None:
    """On a pty at 9600 baud, in a process of its own; a hand takes the set when the lock gives way."""
    simulated = SimulatedStation(demo.example_site(tmp_path))
    async with simulated.running("real"):
        example = await asyncio.create_subprocess_exec(
            sys.executable, str(EXAMPLES / "open_a_slot.py"), simulated.urls["a"], "2",
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        unlocked = asyncio.Event()
        leave = simulated.world.subscribe(
            lambda change: unlocked.set() if change.kind == "unlocked" else None
        )
        async with asyncio.timeout(30):
            await unlocked.wait()
            simulated.world.pull("ks-118-1")
            printed, _ = await example.communicate()
        leave()
    assert printed.decode().splitlines() == ["before: present", "release: confirmed ", "taken (proved)"]


async def test_embed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demo.example_site(tmp_path)
    site = tmp_path / "site.toml"
    simulated = SimulatedStation(load_site(site))
    program: dict[str, Any] = runpy.run_path(str(EXAMPLES / "embed.py"))

    async def hands() -> None:
        """Takes whatever a slot lets go."""
        released: asyncio.Queue[tuple[str, int]] = asyncio.Queue()
        simulated.world.subscribe(
            lambda change: (
                released.put_nowait((str(change.details[0]), int(change.details[1])))
                if change.kind == "unlocked"
                else None
            )
        )
        while True:
            place = await released.get()
            hanging = simulated.world.hanging(*place)
            assert hanging is not None
            simulated.world.pull(hanging)

    async with simulated.running("memory"):
        taking = asyncio.create_task(hands())
        await program["main"](str(site), "013542", "patrol", "patrol", "patrol", **simulated.options())
        taking.cancel()
    printed = capsys.readouterr().out
    assert "P-112: take ks-112-1 from A-01" in printed
    assert "KeySetTaken ks-118-1 A-02 (proved)" in printed
    assert "refused: P-112 is out; P-118 is out []" in printed
