"""`motorpool cabinet`: commissioning one bare board, before there is a station."""

from __future__ import annotations

import asyncio
import os
import secrets
from pathlib import Path
from typing import Annotated

import typer

from api.commissioning import CommissioningLog, bench_config, read_board, release_slot
from keycabinet.model import ReleaseOutcome, Snapshot
from keycabinet.profile import profiles
from keycabinet.transport import LineUrl
from lifecycle.clock import system_clock
from lifecycle.errors import InvalidRequest

from .output import FAILED, Commands, Stopped, out, say, table

app = typer.Typer(
    name="cabinet",
    cls=Commands,
    no_args_is_help=True,
    help="Try a bare board on its line: [bold]read[/bold] what it senses, [bold]open[/bold] one slot.",
)

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
        "--board", metavar="PROFILE", help=f"The kind of board: {', '.join(profiles())}.", show_default=False
    ),
]
Address = Annotated[int, typer.Option(min=1, max=247, help="The board's Modbus address.")]


@app.command()
def read(url: Url, board: Profile, address: Address = 1) -> None:
    """Read a board once: its checks, and what every channel senses. Changes nothing.

    Example: [cyan]motorpool cabinet read serial:///dev/ttyUSB0 --board waveshare-relay-d-8 --address 1[/cyan]
    """
    line, config = _line(url), bench_config(_known(board), address)
    _show(asyncio.run(read_board(line, config)))


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
            help="Where the opening is recorded (JSON lines).",
            show_default="$XDG_STATE_HOME/motorpool/commissioning.jsonl",
        ),
    ] = None,
) -> None:
    """Open one lock of a bare board, for commissioning. Every opening is recorded first.

    A board of a running station is refused: its line is held, and the holder is named.
    There, use the station: POST /v1/cabinets/{cabinet}/slots/{slot}/open.

    Example: [cyan]motorpool cabinet open serial:///dev/ttyUSB0 --board waveshare-relay-d-8 --slot 3[/cyan]
    """
    line, config = _line(url), bench_config(_known(board), address)
    channels = profiles()[board].outputs.count
    if slot > channels:
        raise InvalidRequest("--slot", slot, f"1 to {channels}: {board} has {channels} outputs")
    if not yes and not typer.confirm(f"Open slot {slot} of the board at address {address} on {line}?"):
        raise Stopped("nothing was opened")
    record = CommissioningLog(log or default_log(), system_clock)
    done = asyncio.run(
        release_slot(line, config, slot, record=record, command_id=f"commissioning-{secrets.token_hex(6)}")  # noqa: TID251 - a command's own id
    )
    confirmed = done.outcome is ReleaseOutcome.CONFIRMED
    say(
        f"slot {slot}: {done.outcome}{f' ({done.reason})' if done.reason else ''}",
        "green" if confirmed else "red",
    )
    say(f"recorded in {record.path}", "dim")
    if not confirmed:
        raise typer.Exit(FAILED)


def default_log() -> Path:
    """One place a user, whatever the folder: XDG Base Directory Specification, state files."""
    state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(state) / "motorpool" / "commissioning.jsonl"


def _line(url: str) -> LineUrl:
    return LineUrl.parse(url)


def _known(board: str) -> str:
    if board not in profiles():
        raise InvalidRequest("--board", board, f"one of {', '.join(profiles())}")
    return board


def _show(snapshot: Snapshot) -> None:
    rows = [(f"{each.slot}", str(each.presence), str(each.latch)) for each in snapshot.slots]
    out().print(table(("slot", "key", "latch"), rows, title=f"{snapshot.cabinet}: {snapshot.proof}"))
