"""README and docs: every command and snippet runs, every generated part is what the code generates."""

from __future__ import annotations

import asyncio
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lifecycle import states
from simulator import demo
from simulator.station import SimulatedStation

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


COMMANDS = [
    line.split("#")[0].strip() for block in blocks("sh") for line in block.splitlines() if line.strip()
]


def as_run(command: str) -> list[str]:
    """The command as a test can run it: the tests are only collected, not run within themselves; little is fuzzed."""
    if command == "make test":
        return ["make", "test", "ARGS=--collect-only --quiet"]
    if command == "make fuzz":
        return ["make", "fuzz", "SECONDS=1", "ARGS=--only xor-8a --only elm327"]
    words = command.split()
    return [str(Path(sys.executable).with_name(words[0])), *words[1:]] if words[0] == "motorpool" else words


def test_readme_has_its_commands() -> None:
    assert {"make demo", "make test"} <= {*COMMANDS}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_readme_runs(command: str) -> None:
    done = subprocess.run(as_run(command), cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


async def test_the_snippet_of_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (snippet,) = blocks("python")
    body = snippet[snippet.index("async def") :].split("\n\n#")[0]
    assert len([line for line in body.splitlines() if line.strip()]) <= 15
    program: dict[str, Any] = {}
    exec(snippet, program)
    site = demo.example_site(tmp_path)
    simulated = SimulatedStation(site)
    real_open = program["MotorPool"].open

    async def open_simulated(path: str) -> Any:
        return await real_open(path, **simulated.options())

    monkeypatch.setattr(program["MotorPool"], "open", open_simulated)
    async with simulated.running("memory"):
        call = asyncio.create_task(
            program["call_out"](str(tmp_path / "site.toml"), "013542", "20261121-0042")
        )
        while not simulated.world.unlocked("A", 1):
            await asyncio.sleep(0.1)
        simulated.world.pull("ks-112-1")
        await asyncio.sleep(60)
        simulated.world.put("ks-112-1", "B", 2)
        await call
    assert capsys.readouterr().out.splitlines() == [
        "P-112 ks-112-1 A-01",
        "proved",
        "B-02 proved ('only_set_away',)",
    ]


def generated(text: str, name: str) -> str:
    return re.search(rf"<!-- {name}:begin -->\n(.*?)<!-- {name}:end -->", text, flags=re.DOTALL).group(1)  # type: ignore[union-attr]


def test_the_state_diagrams_are_the_tables() -> None:
    drawn = "".join(
        f"### {table.name}\n\n```mermaid\n{states.mermaid(table)}```\n\n" for table in states.TABLES
    )
    assert (
        generated((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"), "states") == "\n" + drawn
    )


def test_the_tests_in_the_documents_pass(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "simulator.md").read_text(encoding="utf-8")
    tests = [
        each for each in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL) if "def test_" in each
    ]
    assert len(tests) >= 2
    for number, each in enumerate(tests):
        (tmp_path / f"test_document_{number}.py").write_text(each, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False)
    assert f"{len(tests)} passed" in done.stdout, done.stdout


def test_the_scenario_and_the_replay_in_the_documents_play(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "simulator.md").read_text(encoding="utf-8")
    (scenario,) = [
        each for each in re.findall(r"```toml\n(.*?)```", text, flags=re.DOTALL) if "title =" in each
    ]
    (tmp_path / "story.toml").write_text(scenario, encoding="utf-8")
    replay = re.search(r"motorpool (replay .*)", text)
    assert replay is not None
    program = str(Path(sys.executable).with_name("motorpool"))
    for command in (["campaign", "--scenario", "story.toml", "--seeds", "1"], shlex.split(replay.group(1))):
        done = subprocess.run(
            [program, *command], capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert "No violation" in done.stdout


def test_links_point_at_files() -> None:
    for document in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
