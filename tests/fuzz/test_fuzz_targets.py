"""Every fuzz target holds on its seeds, on what was found and on damaged copies; the runner tells findings."""

from __future__ import annotations

import random
from importlib import import_module
from pathlib import Path

import pytest
from fuzz_run import main
from fuzz_targets import Table, targets
from fuzz_tools import FOUND, Target

TARGETS = targets()
DAMAGED = 12


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Cut, doubled, glued or with wrong bits, as a bad wire does it."""
    at = chance.randrange(len(data) + 1)
    match chance.randrange(5):
        case 0:
            return data[:at]
        case 1:
            return data[at:]
        case 2:
            return data[:at] + data
        case 3:
            return data[:at] + chance.randbytes(3) + data[at:]
        case _:
            return bytes(byte ^ (1 << chance.randrange(8) if chance.random() < 0.05 else 0) for byte in data)


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_on_its_seeds_and_on_damaged_ones(name: str) -> None:
    _, target = TARGETS[name]
    chance, count = random.Random(name), 0
    for data in target.inputs():
        target.run(data)
        count += 1
        for _ in range(DAMAGED):
            target.run(damaged(data, chance))
    assert count


def test_what_was_found_belongs_to_a_target() -> None:
    assert {folder.name for folder in FOUND.iterdir()} <= set(TARGETS)


BROKEN = """
from fuzz_tools import Target

def run(data: bytes) -> None:
    if b"x" in data:
        raise KeyError("a wrong type")

TARGETS = (Target("broken", "never breaks", run, lambda: [b"abc"]),)
"""


def test_a_finding_is_named_with_its_input_and_can_be_replayed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("atheris")
    (tmp_path / "fuzz_that_breaks.py").write_text(BROKEN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("fuzz_run.FOUND_HERE", tmp_path / "found")
    broken = import_module("fuzz_that_breaks").TARGETS[0]
    table: Table = {"broken": ("fuzz_that_breaks", broken)}
    assert main(["--seconds", "20", "--jobs", "1"], table) == 1
    out = capsys.readouterr().out
    assert "BROKE broken: KeyError: 'a wrong type'" in out
    (found,) = (tmp_path / "found").iterdir()
    assert b"x" in found.read_bytes()
    assert found.name in out.replace("\n", "")
    with pytest.raises(KeyError, match="a wrong type"):
        main(["--replay", "broken", str(found)], table)


def test_a_target_that_holds_is_exit_code_0(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("atheris")
    assert main(["--seconds", "1", "--only", "telit-credits"]) == 0
    assert "holds" in capsys.readouterr().out


def test_a_seed_that_holds_replays_as_such(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "one").write_bytes(b"")
    target = Target("any", "nothing", lambda data: None, list)
    assert main(["--replay", "any", str(tmp_path / "one")], {"any": ("fuzz_tools", target)}) == 0
    assert "nothing: holds" in capsys.readouterr().out
