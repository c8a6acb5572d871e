"""Runs the measured programs: each in a process of its own, pinned to core 0, its peer pinned to core 1."""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol

from .figures import BenchmarkError, Figure

ROUNDS: Final = 3
SOURCES: Final = Path(__file__).parent / "c"
ROOT: Final = Path(__file__).parent.parent

Sample = Mapping[str, float]


class Benchmark(Protocol):
    """One module of this package: measures, and holds the result against its bounds."""

    @property
    def name(self) -> str: ...
    @property
    def steps(self) -> int:
        """How often `run` calls `Bench.step`."""

    def run(self, bench: Bench) -> Sequence[Figure]:
        """Raises BenchmarkError when a program fails."""


class Peer:
    """A small C program: it prints where it is, and ends, telling its counts, when its stdin closes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._stdin, self._stdout = process, process.stdin, process.stdout
        self.where = self._stdout.readline().strip()
        if not self.where:
            raise BenchmarkError(f"{process.args!r} did not start")

    def finish(self) -> Sample:
        """End the program; returns the counts that it prints, if any."""
        self._stdin.close()
        text = self._stdout.read().strip()
        self._process.wait(timeout=10)
        return _sample(text) if text else MappingProxyType({})


class Bench:
    """What a benchmark may use: C programs, measured processes, progress."""

    def __init__(self, folder: Path, progress: Callable[[str], None]) -> None:
        self._folder = folder
        self._progress = progress
        cores = sorted(os.sched_getaffinity(0))
        self._measured_core, self._peer_core = cores[0], cores[min(1, len(cores) - 1)]
        _allow_open_files()

    @property
    def folder(self) -> Path:
        """A scratch folder, removed at the end."""
        return self._folder

    def step(self, text: str) -> None:
        """Tell the person watching what is measured now."""
        self._progress(text)

    def build(self, name: str) -> Path:
        """Build `c/<name>.c` unless it is built already."""
        program = self._folder / name
        if not program.exists():
            compiler = shutil.which("gcc")
            if compiler is None:
                raise BenchmarkError("gcc is not installed: apt-get install gcc libc6-dev")
            command = [compiler, "-O2", "-Wall", "-o", str(program), str(SOURCES / f"{name}.c")]
            built = subprocess.run(command, capture_output=True, text=True, check=False)
            if built.returncode:
                raise BenchmarkError(f"gcc could not build {name}.c:\n{built.stderr.strip()}")
        return program

    @contextmanager
    def peer(self, name: str, *arguments: object) -> Iterator[Peer]:
        """Run a C program on the other core."""
        command = [str(self.build(name)), *map(str, arguments)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            try:
                os.sched_setaffinity(process.pid, {self._peer_core})
                yield Peer(process)
            finally:
                process.kill()

    def measure(self, module: str, *arguments: object, timeout_s: float = 60.0) -> Sample:
        """Run `python -m benchmarks.<module>` on its core; returns the JSON object of its last line."""
        command = [sys.executable, "-m", f"benchmarks.{module}", *map(str, arguments)]
        label = " ".join(command[2:])
        with subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            os.sched_setaffinity(process.pid, {self._measured_core})
            try:
                out, err = process.communicate(timeout=timeout_s)
            except subprocess.TimeoutExpired:
                process.kill()
                raise BenchmarkError(f"{label} did not end within {timeout_s:g} s") from None
        if process.returncode or not out.strip():
            raise BenchmarkError(f"{label} failed:\n{err.strip()[-2000:]}")
        return _sample(out.strip().splitlines()[-1])


def median(samples: Sequence[Sample]) -> Sample:
    """The median of each figure over the rounds."""
    return {key: statistics.median(sample[key] for sample in samples) for key in samples[0]}


def _sample(text: str) -> Sample:
    values: dict[str, float] = json.loads(text)
    return values


def _allow_open_files() -> None:
    """Processes started from here hold over a thousand connections."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
