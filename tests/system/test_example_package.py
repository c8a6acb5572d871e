"""The example of a board from another package works: installed beside motorpool, found by its entry points alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "motorpool-kerong50"


def run(*command: str | Path, cwd: Path, path: tuple[Path, ...] = ()) -> str:
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "PYTEST"))
    }
    environment["PYTHONPATH"] = os.pathsep.join(str(each) for each in path)
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


def test_a_board_of_another_package(tmp_path: Path) -> None:
    installed = tmp_path / "installed"
    pip = (
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-index",
        "--no-deps",
        "--no-build-isolation",
    )
    run(*pip, "--no-cache-dir", "--target", installed, EXAMPLE, cwd=tmp_path)
    path = (installed, ROOT, ROOT / "tests" / "contract")
    pytest = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", ROOT / "pyproject.toml")
    tests = tmp_path / "tests"
    tests.mkdir()
    for file in (EXAMPLE / "tests" / "test_kerong50.py", ROOT / "tests" / "conftest.py"):
        (tests / file.name).write_bytes(file.read_bytes())
    assert " passed" in run(*pytest, tests, cwd=tmp_path, path=path)
    without = subprocess.run(
        [sys.executable, "-c", "from keycabinet.boards.base import board_kinds; print(*board_kinds())"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert "kerong-cu48-50" not in without.stdout.split()
