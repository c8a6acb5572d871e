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
from .output import Stopped, out, say, table


def simulate(
    site: SitePath,
    as_json: Annotated[
        bool, typer.Option("--json", help="One line of JSON for programs, then silence.")
    ] = False,
    site_ports: Annotated[
        bool, typer.Option("--site-ports", help="Listen on the TCP ports of the site file, not on free ones.")
    ] = False,
) -> None:
    """Run the simulated hardware of a site alone, until Ctrl-C or SIGTERM (exit code 0).

    Every line of the site becomes a pty (serial) or a TCP port on 127.0.0.1, and is printed: any Modbus client
    can talk to it, and so can a station in a process of its own.

    Example: [cyan]motorpool simulate examples/site.toml[/cyan], then
    [cyan]mbpoll -m tcp -p PORT -a 1 -t 1 -r 1 -c 8 127.0.0.1[/cyan]
    """
    asyncio.run(_simulate(load_site(site), as_json=as_json, site_ports=site_ports))


async def _simulate(site: Site, *, as_json: bool, site_ports: bool) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    try:
        async with worlds.simulated(site, site_ports=site_ports) as hardware:
            _tell(site, hardware, as_json=as_json)
            await stopped.wait()
    except OSError as error:
        raise Stopped(f"the simulated hardware cannot start: {error}") from error


def _tell(site: Site, hardware: worlds.SimulatedStation, *, as_json: bool) -> None:
    code, endpoints = site.station.code, hardware.endpoints()
    if as_json:
        found = [{"name": each.name, "kind": each.kind, "url": each.url} for each in endpoints]
        typer.echo(json.dumps({"station": code, "lines": dict(hardware.urls), "endpoints": found}))
        return
    rows = [(each.name, each.kind, each.url) for each in endpoints]
    out().print(table(("name", "what", "where"), rows, title=f"Station {code}"))
    say("Ctrl-C stops it.", "dim")
