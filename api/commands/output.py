"""What commands print, and how they fail: words for people, never a traceback for an expected error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup

from api.worlds import WorldMissing
from keycabinet.errors import ConfigError, KeyCabinetError
from lifecycle.errors import InvalidRequest, MotorPoolError, SiteError
from lifecycle.ledger import LedgerError
from vehicle.errors import VehicleError

FAILED = 1
BAD_INPUT = 2

_BAD_INPUT = (SiteError, InvalidRequest, ConfigError, WorldMissing)
_EXPECTED = (*_BAD_INPUT, MotorPoolError, KeyCabinetError, LedgerError, VehicleError)


class Stopped(Exception):
    """A command cannot go on; the text says why and what to do, `code` is the exit code."""

    def __init__(self, text: str, code: int = FAILED) -> None:
        super().__init__(text)
        self.code = code


class Commands(TyperGroup):
    """A group whose commands may raise any expected error: it is told in a sentence, with its exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (Stopped, *_EXPECTED) as error:
            tell_error(error)
            code = error.code if isinstance(error, Stopped) else exit_code(error)
            raise typer.Exit(code) from error


def exit_code(error: Exception) -> int:
    """2 for what the caller gave us, 1 for what we met."""
    return BAD_INPUT if isinstance(error, _BAD_INPUT) else FAILED


def out() -> Console:
    return Console(highlight=False, soft_wrap=True)


def err() -> Console:
    return Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str, style: str = "") -> None:
    """One line on standard output; brackets in it are not markup."""
    out().print(Text(text, style=style))


def warn(text: str) -> None:
    """One line on standard error for something that is not right, though the command goes on."""
    err().print(Text("warning: ", style="bold yellow") + Text(text))


def tell_error(error: Exception) -> None:
    """The error on standard error; a site's problems as a table."""
    if isinstance(error, SiteError):
        problem_table(error)
    else:
        err().print(Text("error: ", style="bold red") + Text(str(error)))


def problem_table(error: SiteError) -> None:
    """Every problem of a site at once: file, key path, value, and what is allowed."""
    rows = [(each.file, each.key, repr(each.value), each.allowed) for each in error.problems]
    heads = ("file", "key", "value", "allowed")
    console = Console(stderr=True, highlight=False)
    if console.is_terminal:
        console.print(table(heads, rows, title=f"{len(rows)} problem(s)"))
        return
    for file, key, value, allowed in rows:  # a log or a pipe gets whole lines
        err().print(Text(f"{file}: {key} = {value}: {allowed}"))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, title: str | None = None) -> Table:
    """A rich table of plain text cells."""
    made = Table(title=title, title_justify="left")
    for head in heads:
        made.add_column(head, overflow="fold")
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))
    return made
