"""The rules that every test lives under hold: what is left behind fails the test that left it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

CLEAN = """
import asyncio

async def test_it():
    await asyncio.sleep(3600)
"""
TASK = """
import asyncio

async def test_it():
    asyncio.get_running_loop().create_task(asyncio.sleep(3600))
"""
LINE = """
import asyncio
from keycabinet import Line, LineUrl

class Link:
    def write(self, data): pass
    def call_later(self, delay, callback): return asyncio.get_running_loop().call_later(delay, callback)
    def close(self): pass

async def opener(url, protocol):
    return Link()

async def test_it():
    await Line.open("a", LineUrl.parse("serial:///dev/x"), opener=opener)
"""
WARNING = """
import warnings

def test_it():
    warnings.warn("careful", UserWarning)
"""
COROUTINE = """
import asyncio

async def test_it():
    asyncio.sleep(1)
"""
SKIP = """
import pytest

def test_it():
    pytest.skip("no peer here")
"""


def outcome(folder: Path, text: str, **environment: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(ROOT / "tests" / "conftest.py", folder)
    (folder / "test_it.py").write_text(text, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-c",
        str(ROOT / "pyproject.toml"),
        "-p",
        "no:cacheprovider",
        str(folder),
    ]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=folder, check=False, timeout=60, env=environment
    )


def test_an_hour_of_virtual_time_is_nothing(tmp_path: Path) -> None:
    done = outcome(tmp_path, CLEAN)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TASK, "leaked 1 task"),
        (LINE, "line a was never closed"),
        (WARNING, "careful"),
        (COROUTINE, "was never awaited"),
    ],
    ids=["task", "line", "warning", "coroutine"],
)
def test_what_is_left_behind_fails(tmp_path: Path, text: str, words: str) -> None:
    done = outcome(tmp_path, text)
    assert done.returncode == 1, done.stdout
    assert words in done.stdout


def test_a_skip_fails_in_ci_only(tmp_path: Path) -> None:
    assert outcome(tmp_path, SKIP).returncode == 0
    done = outcome(tmp_path, SKIP, CI="true")
    assert done.returncode == 1
    assert "in CI a skip is a failure: " in done.stdout


def test_no_test_sleeps() -> None:
    """Tests on a real loop wait for what they wait for; only virtual time is slept through."""
    for file in sorted((ROOT / "tests").rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        assert "time.sleep(" not in text or file == Path(__file__), file
