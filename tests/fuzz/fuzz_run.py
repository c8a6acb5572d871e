"""Runs a coverage-guided fuzzer (atheris, libFuzzer) on every parser; exit code 1 names each that broke, and the input.

A target breaks by an exception of a wrong type, by a promise that does not hold (a wrong state, a frame that is not
built anew as it came, more memory than it may keep), by 10 s for one input, or by memory that grows.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha1
from pathlib import Path
from typing import Final

from fuzz_targets import Table, targets
from fuzz_tools import Target
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table as Shown

ROOT: Final = Path(__file__).parents[2]
FOUND_HERE: Final = ROOT / "build" / "fuzz"
LONGEST_INPUT_S: Final = 10
MOST_MEMORY_MB: Final = 500
GRACE_S: Final = 300.0
"""For starting on a busy machine, and for the first inputs, which are the golden files."""
_STATUS = re.compile(r"^#(\d+)\s+\S+\s+cov: (\d+) ft: \d+ corp: (\d+)")
_EXECUTED = re.compile(r"^stat::number_of_executed_units:\s+(\d+)")
_WRITTEN = re.compile(r"Test unit written to (.+)$")
_ERROR = re.compile(r"^==\d+== ?ERROR: libFuzzer: (.+)$")
_RAISED = "=== Uncaught Python exception: ==="


@dataclass(slots=True)
class Outcome:
    """What came of one target; `broke` says how, "" when it held."""

    target: Target
    executions: int = 0
    coverage: int = 0
    corpus: int = 0
    seconds: float = 0.0
    broke: str = ""
    written: str = ""
    output: list[str] = field(default_factory=list)

    def read(self, line: str) -> None:
        """One line that libFuzzer or atheris printed."""
        status, executed = _STATUS.match(line), _EXECUTED.match(line)
        if status:
            self.executions, self.coverage, self.corpus = map(int, status.groups())
        elif executed:
            self.executions = int(executed[1])
        else:
            self.output = [*self.output[-59:], line]
        if error := _ERROR.match(line):
            self.broke = self.broke or error[1]
        if written := _WRITTEN.search(line):
            self.written = written[1]

    def ended(self, code: int | None) -> None:
        """Its process is over."""
        if _RAISED in " ".join(self.output):
            at = max(number for number, line in enumerate(self.output) if _RAISED in line)
            self.broke = self.output[at + 1] if at + 1 < len(self.output) else "an exception"
        elif code:
            self.broke = self.broke or f"exit code {code}: {' / '.join(self.output[-3:])}"


def main(arguments: Sequence[str] | None = None, table: Table | None = None) -> int:
    """Fuzz the chosen targets of the table; returns the exit code."""
    table = targets() if table is None else table
    options = _options(arguments, list(table))
    if options.replay:
        name, file = options.replay
        return _replay(table[name][1], Path(file))
    chosen = [each for name, each in table.items() if not options.only or name in options.only]
    console = Console(stderr=options.markdown, width=None if sys.stdout.isatty() else 120)
    outcomes = asyncio.run(_all(chosen, options.seconds, options.jobs, console))
    if options.markdown:
        sys.stdout.write(_markdown(outcomes) + "\n")
    else:
        console.print(_shown(outcomes))
    for outcome in outcomes:
        if outcome.broke:
            _complain(outcome, console)
    return 1 if any(outcome.broke for outcome in outcomes) else 0


def _options(arguments: Sequence[str] | None, names: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python tests/fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=10, help="for each target (10)")
    parser.add_argument(
        "--jobs", type=int, default=len(os.sched_getaffinity(0)), help="targets at once (cores)"
    )
    parser.add_argument("--only", metavar="TARGET", choices=names, action="append", help=", ".join(names))
    parser.add_argument(
        "--replay", nargs=2, metavar=("TARGET", "FILE"), help="run one input, without the fuzzer"
    )
    parser.add_argument(
        "--markdown", action="store_true", help="print the table as the documentation quotes it"
    )
    return parser.parse_args(arguments)


def _replay(target: Target, file: Path) -> int:
    """Raises what the target raises."""
    target.run(file.read_bytes())
    Console().print(f"{target.name}: {target.promise}: holds", markup=False, highlight=False)
    return 0


async def _all(
    chosen: Sequence[tuple[str, Target]], seconds: int, jobs: int, console: Console
) -> list[Outcome]:
    FOUND_HERE.mkdir(parents=True, exist_ok=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    turns = asyncio.Semaphore(max(1, jobs))
    with (
        tempfile.TemporaryDirectory(prefix="motorpool-fuzz-") as folder,
        Progress(*columns, console=console, transient=True) as progress,
    ):
        whole = progress.add_task(f"{len(chosen)} targets", total=len(chosen))

        async def one(module: str, target: Target) -> Outcome:
            async with turns:
                task = progress.add_task(target.name, total=seconds)

                def tell(text: str, done: float) -> None:
                    progress.update(task, description=text, completed=done)

                outcome = await _fuzz(module, target, seconds, Path(folder), tell)
                progress.remove_task(task)
                progress.advance(whole)
                if not console.is_terminal:
                    console.print(_line(outcome), markup=False, highlight=False)
                return outcome

        return list(await asyncio.gather(*(one(*each) for each in chosen)))


async def _fuzz(
    module: str, target: Target, seconds: int, folder: Path, tell: Callable[[str, float], None]
) -> Outcome:
    corpus = folder / target.name
    corpus.mkdir()
    for data in target.inputs():
        (corpus / sha1(data, usedforsecurity=False).hexdigest()).write_bytes(data)
    loop, outcome = asyncio.get_running_loop(), Outcome(target)
    path = os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(Path(__file__).parent / "fuzz_one.py"), module, target.name, str(corpus),
        f"-max_total_time={seconds}", f"-max_len={target.longest}", f"-timeout={LONGEST_INPUT_S}",
        f"-rss_limit_mb={MOST_MEMORY_MB}", f"-artifact_prefix={FOUND_HERE}/{target.name}-", "-print_final_stats=1",
        cwd=ROOT, env={**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    began = loop.time()
    assert process.stdout is not None
    try:
        async with asyncio.timeout(seconds + GRACE_S):
            async for line in process.stdout:
                outcome.read(line.decode("utf-8", "replace").rstrip())
                done = min(float(seconds), loop.time() - began)
                tell(f"{target.name}: {outcome.executions:,} inputs", done)
            outcome.ended(await process.wait())
    except TimeoutError:
        outcome.broke = f"it did not end within {seconds + GRACE_S:g} s"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    outcome.seconds = loop.time() - began
    return outcome


def _line(outcome: Outcome) -> str:
    return (
        f"{outcome.target.name}: {outcome.executions:,} inputs, {outcome.coverage} branches, "
        f"{outcome.seconds:.0f} s: {outcome.broke or 'holds'}"
    )


_HEADS = ("target", "promise", "inputs", "a second", "branches reached", "corpus", "result")


def _rows(outcomes: Sequence[Outcome]) -> list[tuple[str, ...]]:
    return [
        (
            each.target.name, each.target.promise, f"{each.executions:,}", f"{each.executions / each.seconds:,.0f}",
            str(each.coverage), str(each.corpus), "BROKE" if each.broke else "holds",
        )
        for each in outcomes
    ]  # fmt: skip


def _shown(outcomes: Sequence[Outcome]) -> Shown:
    table = Shown(*_HEADS, title=f"{sum(each.executions for each in outcomes):,} inputs")
    for row in _rows(outcomes):
        table.add_row(*row, style="bold red" if row[-1] == "BROKE" else None)
    return table


def _markdown(outcomes: Sequence[Outcome]) -> str:
    rows = [_HEADS, ("---", "---", "--:", "--:", "--:", "--:", "---"), *_rows(outcomes)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _complain(outcome: Outcome, console: Console) -> None:
    name = outcome.target.name
    console.print(f"BROKE {name}: {outcome.broke}", style="bold red", markup=False)
    for line in outcome.output[-25:]:
        console.print(f"  {line}", markup=False, highlight=False)
    if not outcome.written:
        return
    path = Path(outcome.written)
    data = path.read_bytes() if path.exists() else b""
    shown = data.hex() if len(data) <= 1000 else f"{data[:1000].hex()}... ({len(data)} bytes)"
    console.print(f"  input: {path}\n  hex: {shown}", markup=False, highlight=False, soft_wrap=True)
    console.print(
        f"  again: python tests/fuzz --replay {name} {path}", markup=False, highlight=False, soft_wrap=True
    )
    console.print(
        f"  then keep it in tests/golden/fuzz/{name}/ and mend the parser", markup=False, highlight=False
    )
