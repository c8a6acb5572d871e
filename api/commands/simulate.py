"""`motorpool simulate`: the hardware alone."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import Annotated

import typer

from api import worlds
from lifecycle.site import Site, load_site

from .check import SitePath
from .output import out, say, table


def simulate(
    site: SitePath,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object on the first line, for programs; then silence.")
    ] = False,
) -> None:
    """Run the simulated hardware of a site alone, until Ctrl-C or SIGTERM (exit code 0).

    Every line of the site becomes a pty (serial) or a TCP port on 127.0.0.1, and is printed: any Modbus client can
    talk to it, and so can a station in a process of its own.

    Example: [cyan]motorpool simulate examples/site.toml[/cyan], then
    [cyan]mbpoll -m tcp -p PORT -a 1 -t 1 -r 1 -c 8 127.0.0.1[/cyan]
    """
    asyncio.run(_simulate(load_site(site), as_json=as_json))


async def _simulate(site: Site, *, as_json: bool) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    async with worlds.running(site) as hardware:
        if as_json:
            typer.echo(json.dumps({"station": site.station.code, "lines": dict(hardware.urls)}))
        else:
            rows = [(name, site.lines[name], url) for name, url in hardware.urls.items()]
            out().print(
                table(("line", "in the site file", "here"), rows, title=f"Station {site.station.code}")
            )
            say("Ctrl-C stops it.", "dim")
        await stopped.wait()
