"""`motorpool cabinet`: commissioning one bare board, before there is a station."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Annotated

import typer

from api.commissioning import HOLDER, CommissioningLog, open_recorded
from keycabinet.boards.base import board_kind, board_shapes
from keycabinet.commissioning import BareBoard, read_board
from keycabinet.model import ReleaseOutcome
from keycabinet.transport import LineUrl
from lifecycle.clock import system_clock
from lifecycle.errors import InvalidRequest

from . import watch
from .output import FAILED, Commands, Stopped, out, say, table

app = typer.Typer(
    name="cabinet",
    cls=Commands,
    no_args_is_help=True,
    help="Stand before a cabinet: [bold]watch[/bold] what it senses, [bold]identify[/bold] its slots, "
    "[bold]read[/bold] a bare board, [bold]open[/bold] one of its locks.",
)
app.command(name="watch")(watch.watch_)
app.command()(watch.identify)

Url = Annotated[
    str,
    typer.Argument(
        metavar="URL",
        help="The line: serial:///dev/ttyUSB0?baudrate=9600, rtu+tcp://host:port or modbus+tcp://host:502.",
        show_default=False,
    ),
]
Profile = Annotated[
    str,
    typer.Option(
        "--board",
        metavar="PROFILE",
        help=f"The kind of board: {', '.join(board_shapes())}; or a profile file (*.toml).",
        show_default=False,
    ),
]
Address = Annotated[int, typer.Option(min=0, max=255, help="The board's address.")]


@app.command()
def read(
    url: Url,
    board: Profile,
    address: Address = 1,
    slot: Annotated[int | None, typer.Option(min=1, help="Only this channel.", show_default="all")] = None,
) -> None:
    """Read a board once: its version and safety settings, its inputs and its relays. Changes nothing.

    Exit code 1 when a cabinet would refuse this board; the text says how to set it right.

    Example: [cyan]motorpool cabinet read serial:///dev/ttyUSB0 --board waveshare-relay-d-8 --address 1[/cyan]
    """
    line = LineUrl.parse(url)
    _check(board, slot)
    found = asyncio.run(read_board(line, board, address, holder=HOLDER))
    _show(found, slot)
    if found.refused is not None:
        raise Stopped(found.refused)


@app.command(name="open")
def open_(
    url: Url,
    board: Profile,
    slot: Annotated[int, typer.Option(min=1, help="The channel whose lock is opened.", show_default=False)],
    address: Address = 1,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    log: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False,
            help="Where the opening is recorded (JSON lines).",
            show_default="$XDG_STATE_HOME/motorpool/commissioning.jsonl",
        ),
    ] = None,
) -> None:
    """Open one lock of a bare board, for commissioning. Every opening is recorded first.

    A board of a running station is refused: its line is held, and the holder is named.
    There, ask the station instead: POST /v1/cabinets/A/slots/1/open.

    Example: [cyan]motorpool cabinet open serial:///dev/ttyUSB0 --board waveshare-relay-d-8 --slot 3[/cyan]
    """
    line = LineUrl.parse(url)
    _check(board, slot)
    if not yes and not typer.confirm(f"Open lock {slot} of the board at address {address} on {line}?"):
        raise Stopped("nothing was opened")
    record = CommissioningLog(log or default_log(), system_clock)
    try:
        outcome, reason = asyncio.run(open_recorded(line, board, address, slot, record))
    except OSError as error:
        raise Stopped(f"cannot record in {record.path}: {error.strerror}; see --log") from error
    confirmed = outcome is ReleaseOutcome.CONFIRMED
    say(f"lock {slot}: {outcome}{f' ({reason})' if reason else ''}", "green" if confirmed else "red")
    say(f"recorded in {record.path}", "dim")
    if not confirmed:
        raise typer.Exit(FAILED)


def default_log() -> Path:
    """One place a user, whatever the folder: XDG Base Directory Specification, state files."""
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "motorpool" / "commissioning.jsonl"


def _check(board: str, slot: int | None) -> None:
    kind = board_kind(board)
    if kind is None:
        raise InvalidRequest(
            "--board", board, f"one of {', '.join(board_shapes())}, or a profile file (*.toml)"
        )
    channels = kind.shape.outputs
    if slot is not None and slot > channels:
        raise InvalidRequest("--slot", slot, f"1 to {channels}: {board} has {channels} outputs")


def _show(board: BareBoard, slot: int | None) -> None:
    def word(bits: tuple[bool, ...], channel: int) -> str:
        return ("on" if bits[channel - 1] else "off") if channel <= len(bits) else "none"

    channels = range(1, max(len(board.inputs), len(board.outputs)) + 1) if slot is None else (slot,)
    rows = [(str(each), word(board.inputs, each), word(board.outputs, each)) for each in channels]
    title = f"{board.profile} at address {board.address}, version {board.version or 'not accepted'}"
    out().print(table(("channel", "input", "relay"), rows, title=title))
