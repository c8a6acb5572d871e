"""`motorpool demo`: a morning at a station, told as it happens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated, Protocol

import typer
from rich.text import Text

from api import worlds

from .output import FAILED, out, say, table


class Narration(Protocol):
    """One line of the story: `at` seconds after its beginning."""

    @property
    def at(self) -> float: ...
    @property
    def who(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def kind(self) -> str: ...


class DemoResult(Protocol):
    """How the story ended; `ok` when the ledger verified and everything came home."""

    @property
    def ok(self) -> bool: ...
    @property
    def summary(self) -> Sequence[tuple[str, str]]: ...
    @property
    def ledger_head(self) -> str: ...
    @property
    def events(self) -> int: ...


class Demo(Protocol):
    """What the entry point `demo` in `motorpool.worlds` is."""

    def __call__(self, *, speed: str, tell: Callable[[Narration], None]) -> DemoResult: ...


class Speed(StrEnum):
    REAL = "real"
    FAST = "fast"


COLOURS = {
    "station": "green",
    "officer": "cyan",
    "workshop": "blue",
    "cabinet": "yellow",
    "vehicle": "magenta",
    "refused": "red",
    "line": "dim",
}


def demo(
    speed: Annotated[
        Speed, typer.Option(help="real: protocol time is real, under a minute; fast: virtual time, seconds.")
    ] = Speed.REAL,
) -> None:
    """Watch a morning at a police station, on simulated hardware that speaks real bytes.

    Officers take cars, a sealed terminal frees one of them under a grant, they come home to another slot, a fault
    code is found, the workshop takes the key set, and the repair is accepted. Modbus frames cross a serial line and a
    socket, BLE a simulated radio.
    It ends with the ledger verified and a summary; exit code 0 when all of it held.
    """
    run: Demo = worlds.load("demo")
    console = out()

    def tell(line: Narration) -> None:
        minutes, seconds = divmod(line.at, 60)
        console.print(
            Text(f"{int(minutes):02d}:{seconds:04.1f}  ", style="dim")
            + Text(f"{line.who:<12} ", style="bold")
            + Text(line.text, style=COLOURS.get(line.kind, ""))
        )

    result = run(speed=speed.value, tell=tell)
    console.print(table(("", "the morning in figures"), result.summary))
    if not result.ok:
        say("The demo did not end as it should; the lines above say where.", style="bold red")
        raise typer.Exit(FAILED)
    say(f"Ledger verified: {result.events} events, head {result.ledger_head[:16]}…", style="green")
