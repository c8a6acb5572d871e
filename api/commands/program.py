"""The `motorpool` program: its commands, put together."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from . import adapter, cabinet, campaign, capture, check, decode, demo, ledger, probe, serve, simulate
from .output import Commands
from .sealed import add_sealed

app = typer.Typer(
    name="motorpool",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 fine, 1 a check failed or hardware said no, 2 bad input.",
)
app.command()(demo.demo)
app.command()(probe.probe)
app.command()(capture.capture)
app.command()(check.check)
app.command()(decode.decode)
app.command()(serve.serve)
app.command()(simulate.simulate)
app.command()(campaign.campaign)
app.command()(campaign.replay)
app.add_typer(cabinet.app)
app.add_typer(adapter.app)
app.add_typer(ledger.app)
add_sealed(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"motorpool {version('motorpool')}")
        raise typer.Exit


@app.callback()
def motorpool(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Run a police motor pool: key cabinets, vehicles, and a book of custody that can be proved.

    Start with [bold]motorpool demo[/bold]: a morning at a station, on simulated hardware.
    Then [bold]probe[/bold] your line for boards, which drafts a site file, [bold]check[/bold] it against the line, and
    [bold]serve[/bold] it over HTTP.
    """


def run() -> None:
    """Run the command line given to this process, and exit."""
    app(args=sys.argv[1:], prog_name="motorpool")
