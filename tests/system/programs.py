"""Programs of their own, started by the tests: found or skipped, spoken to line by line, stopped and waited for."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SITE = ROOT / "examples" / "site.toml"
MOTORPOOL = (sys.executable, "-m", "api.cli")
PATIENCE_S = 30.0
"""How long a program may take for one thing before the test fails; far more than any needs."""


def require(program: str, package: str) -> str:
    """The path of a program, or the test is skipped."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(
            f"{program} is not installed (Debian package {package}; tests/system/install-peers.sh as root)"
        )
    return found


class Program:
    """A running program; what it says on standard output is read line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def says(self) -> str:
        """The next line of standard output; AssertionError with standard error when the program ended instead."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            line = await self.process.stdout.readline()
            if not line:
                raise AssertionError(f"the program ended with {await self._ended()}")
        return line.decode().rstrip("\n")

    def tell(self, line: str) -> None:
        """One line on its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())

    async def end(self) -> list[str]:
        """Close its standard input, wait for exit code 0, and return the rest that it said."""
        async with asyncio.timeout(PATIENCE_S):
            said, complaint = await self.process.communicate(b"")
        assert self.process.returncode == 0, complaint.decode()
        return said.decode().splitlines()

    async def _ended(self) -> str:
        _, complaint = await self.process.communicate()
        return f"exit code {self.process.returncode}: {complaint.decode()}"


@asynccontextmanager
async def running(*command: str) -> AsyncIterator[Program]:
    """A program that is killed if the block leaves it running."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, env=_environment()
    )
    try:
        yield Program(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def run(*command: str) -> str:
    """Run a program to its end, insist on exit code 0, and return what it said."""
    async with running(*command) as program:
        return "\n".join(await program.end())


def _environment() -> Mapping[str, str]:
    return {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "FORCE_COLOR")}


@dataclass(frozen=True, slots=True)
class Simulation:
    """`motorpool simulate` and what it printed."""

    program: Program
    printed: dict[str, Any]

    @property
    def pty(self) -> str:
        """The device file of line a."""
        url: str = self.printed["lines"]["a"]
        return url.removeprefix("serial://").partition("?")[0]

    @property
    def tcp_port(self) -> str:
        """The port of line b."""
        url: str = self.printed["lines"]["b"]
        return url.rpartition(":")[2]


@asynccontextmanager
async def simulation() -> AsyncIterator[Simulation]:
    """The hardware of the example site in a process of its own."""
    async with running(*MOTORPOOL, "simulate", str(SITE), "--json") as program:
        yield Simulation(program, json.loads(await program.says()))
