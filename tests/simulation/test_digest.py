"""One seed, one digest: chain head and world's log are the same in every process that plays it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("digest_program.py")


def digest(hash_seed: int, *planted: str) -> str:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), *planted],
        env={**os.environ, "PYTHONHASHSEED": str(hash_seed)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_four_fresh_processes_agree() -> None:
    digests = [digest(hash_seed) for hash_seed in (0, 1, 2, 3)]
    assert len(digests[0]) == 64
    assert digests == [digests[0]] * 4


@pytest.mark.parametrize("planted", ["book", "world"])
def test_a_planted_reordering_changes_the_digest(planted: str) -> None:
    assert digest(0, planted) != digest(0)
