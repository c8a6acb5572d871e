"""`motorpool ledger`: the book of a station, read without the station. Nothing here writes to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from lifecycle.errors import InvalidRequest
from lifecycle.ledger import Head, export, verify

from .output import Commands, Stopped, say

app = typer.Typer(
    name="ledger",
    cls=Commands,
    no_args_is_help=True,
    help="Read a station's ledger, also while it runs: [bold]verify[/bold], [bold]show[/bold], [bold]export[/bold].",
)

LedgerFile = Annotated[
    Path,
    typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="The ledger file.", show_default=False),
]
After = Annotated[int, typer.Option(min=0, help="Only events after this sequence number.")]


@app.command(name="verify")
def verify_(
    file: LedgerFile,
    known: Annotated[
        str | None,
        typer.Option(
            metavar="SEQ:HASH",
            help="A head that you wrote down earlier; the chain must contain it.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Check the whole chain: every number there, every hash right, the state what the events left.

    Exit code 1 names the first event that cannot be trusted. Write the head down elsewhere now and then:
    with [bold]--known[/bold] a ledger whose end was cut off is found out too.
    """
    found = verify(file, known=None if known is None else _head(known))
    say(f"{file} holds: station {found.station}, {found.head.seq} events, {found.rows} rows.", "green")
    say(f"head {found.head.seq}:{found.head.hash}")


@app.command()
def show(
    file: LedgerFile,
    after: After = 0,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many.", show_default="all")] = None,
) -> None:
    """Show the events as lines for people: number, time, kind, proof, who, and what it is about."""
    for event in islice(_events(file, after), limit):
        about = " ".join(f"{key}={value}" for key, value in event["ids"].items())
        who = event["actor"] or "-"
        typer.echo(
            f"{event['seq']:>7}  {event['at']}  {event['kind']:<22} {event['proof'] or '-':<8} {who}  {about}"
        )


@app.command(name="export")
def export_(
    file: LedgerFile,
    after: After = 0,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", dir_okay=False, help="Write to this new file.", show_default="standard output"
        ),
    ] = None,
) -> None:
    """Write the events as canonical JSON lines that anybody can verify with SHA-256 alone.

    The first line names the station and the hash that the first event follows; each further line has an event and
    its hash: SHA-256 over the 32 bytes of the hash before it and the canonical JSON (RFC 8785) of the event.
    """
    with _opened(output) as target:
        for line in export(file, after):
            typer.echo(line, file=target)


def _events(file: Path, after: int) -> Iterator[dict[str, Any]]:
    lines = export(file, after)
    next(lines, None)  # the header
    for line in lines:
        yield json.loads(line)["event"]


def _head(text: str) -> Head:
    seq, _, digest = text.partition(":")
    if not seq.isdecimal() or len(digest) != 64:
        raise InvalidRequest("--known", text, "the head as verify printed it, such as 42:5f3c…")
    return Head(int(seq), digest)


@contextmanager
def _opened(output: Path | None) -> Iterator[IO[str] | None]:
    if output is None:
        yield None
        return
    try:
        with output.open("x", encoding="utf-8") as file:
            try:
                yield file
            except BaseException:
                output.unlink()  # half an export is none, and would be in the way of the next
                raise
    except FileExistsError as error:
        raise Stopped(f"{output} is there already; an export never overwrites", 2) from error
    except OSError as error:
        raise Stopped(f"cannot write {output}: {error.strerror}") from error
