"""`python -m benchmarks`: measure, print the table, exit 1 naming each ratio that misses its bound."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from .badge import Badge
from .cabinet_memory import CabinetMemory
from .city import City
from .dead_board import DeadBoard
from .figures import BenchmarkError, Figure
from .harness import Bench, Benchmark
from .ledger import Ledger
from .machine import QUIET, Bystanders, go_before_others, machine
from .obd import Obd
from .pulled import Pulled
from .rtu import Rtu
from .sealed import Sealed
from .serial import Serial
from .tables import as_json, as_markdown, as_table
from .tcp import Tcp
from .virtual_time import VirtualTime

BENCHMARKS: Final[Sequence[Benchmark]] = (
    Rtu(), Serial(), DeadBoard(), Tcp(), CabinetMemory(), Ledger(), Pulled(), Badge(),
    Obd(), Sealed(), VirtualTime(), City(),
)  # fmt: skip


def main(arguments: Sequence[str] | None = None, benchmarks: Sequence[Benchmark] = BENCHMARKS) -> int:
    """Run the chosen benchmarks; returns the exit code: 1 when one misses its bound or cannot be run."""
    options = _options(arguments, [benchmark.name for benchmark in benchmarks])
    chosen = [benchmark for benchmark in benchmarks if not options.only or benchmark.name in options.only]
    console = Console(stderr=options.markdown, width=None if sys.stdout.isatty() else 120)
    bystanders = Bystanders()
    figures, failures = _run(chosen, console)
    others = bystanders.cores()
    if options.markdown:
        print(as_markdown(figures))
    else:
        console.print(as_table(figures))
        console.print(machine(), style="dim")
    if options.json:
        options.json.write_text(json.dumps(as_json(figures, failures, others), indent=2) + "\n")
    if others > QUIET:
        console.print(f"Other programs kept {others:.1f} cores busy meanwhile: expect misses, measure again.")
    for name, reason in failures:
        console.print(f"FAILED {name}: {reason}", style="bold red", markup=False)
    for figure in figures:
        if figure.misses:
            text = f"MISS {figure.name}: {figure.ratio:.3f}, must be {figure.bound}"
            console.print(text, style="bold red", markup=False)
    return 1 if failures or any(figure.misses for figure in figures) else 0


def _options(arguments: Sequence[str] | None, names: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", metavar="NAME", choices=names, action="append", help=", ".join(names))
    parser.add_argument("--json", metavar="FILE", type=Path, help="write every figure to FILE")
    parser.add_argument("--markdown", action="store_true", help="print the table as the README quotes it")
    return parser.parse_args(arguments)


def _run(chosen: Sequence[Benchmark], console: Console) -> tuple[list[Figure], list[tuple[str, str]]]:
    figures: list[Figure] = []
    failures: list[tuple[str, str]] = []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        Progress(*columns, console=console, transient=True) as progress,
        tempfile.TemporaryDirectory(prefix="motorpool-bench-") as folder,
    ):
        for benchmark in chosen:
            step = _stepper(progress, benchmark)
            try:
                figures += benchmark.run(Bench(Path(folder), step))
            except BenchmarkError as error:
                failures.append((benchmark.name, str(error)))
    return figures, failures


def _stepper(progress: Progress, benchmark: Benchmark) -> Callable[[str], None]:
    """A bar a benchmark; where no terminal shows bars, a line when it starts."""
    if not progress.console.is_terminal:
        progress.console.print(f"{benchmark.name}: {benchmark.steps} measurements", markup=False)
    task = progress.add_task(benchmark.name, total=benchmark.steps)
    done = count()

    def step(text: str) -> None:
        progress.update(task, completed=next(done), description=f"{benchmark.name}: {text}")

    return step


if __name__ == "__main__":
    go_before_others()
    sys.exit(main())
