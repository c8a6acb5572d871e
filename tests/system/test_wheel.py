"""What is built and installed works: the wheel alone, in a fresh environment, with a test outside this repository."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

USERS_TEST = """
import asyncio
import pytest


@pytest.mark.virtual_time
async def test_a_night_shift(motorpool_station):
    async with motorpool_station() as station:
        trip = await station.take("013542", vehicle_class="patrol")
        await asyncio.sleep(8 * 3600)
        await station.bring_home(trip, "B-16")
        assert station.pool.checkout(trip).returned_to == "B-16"


def test_the_world(motorpool_world):
    assert motorpool_world.where("ks-112-1") == ("A", 1)
"""


def run(*command: str | Path, cwd: Path) -> str:
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PYTEST"))
    }
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run(
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        folder,
        ROOT,
        cwd=folder,
    )
    (built,) = folder.glob("motorpool-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel, and this environment's other distributions beside it (not this project's)."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder / "env", with_pip=False, symlinks=True)
    others = folder / "others"
    others.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if "motorpool" not in entry.name and entry.suffix != ".pth":
            (others / entry.name).symlink_to(entry)
    python = folder / "env" / "bin" / "python"
    site = Path(
        run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    )
    (site / "others.pth").write_text(f"{others}\n", encoding="utf-8")
    run(python, "-m", "pip", "install", "--no-deps", "--no-index", wheel, cwd=folder)
    return python


def test_the_wheel_carries_its_data(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in (
        "keycabinet/profiles/waveshare-relay-d-8.toml",
        "keycabinet/py.typed",
        "simulator/example_site/site.toml",
        "simulator/example_site/roster.toml",
    ):
        assert wanted in names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "docs/"))]


def test_the_plugin_works_outside_this_repository(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "test_theirs.py").write_text(USERS_TEST, encoding="utf-8")
    assert "2 passed" in run(installed, "-m", "pytest", "-q", "-W", "error", tmp_path, cwd=tmp_path)


def test_the_demo_runs_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    program = installed.with_name("motorpool")
    assert "Ledger verified" in run(program, "demo", "--speed", "fast", cwd=tmp_path)


def test_the_plugin_is_harmless_without_the_simulator_extra(installed: Path, tmp_path: Path) -> None:
    """A project that has motorpool without bumble: its own tests run, and a fixture of ours says what to install."""
    (tmp_path / "conftest.py").write_text("import sys\nsys.modules['bumble'] = None\n", encoding="utf-8")
    (tmp_path / "test_theirs.py").write_text(
        "def test_plain(): pass\n\ndef test_ours(motorpool_station): pass\n", encoding="utf-8"
    )
    done = subprocess.run(
        [installed, "-m", "pytest", "-q", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert "1 passed" in done.stdout
    assert "pip install 'motorpool[simulator]'" in done.stdout


def test_the_plugin_imports_nothing_but_pytest() -> None:
    program = "import sys, pytest; import simulator.pytest_plugin; print([m for m in sys.modules if m.split('.')[0] in"
    program += " ('bumble', 'bleak', 'keycabinet', 'lifecycle', 'vehicle', 'pymodbus', 'hypothesis')])"
    assert run(sys.executable, "-c", program, cwd=ROOT).strip() == "[]"
