"""`motorpool serve`: a station over HTTP."""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import AsyncExitStack
from typing import Annotated

import typer

from api import server, worlds
from api.app import create_app
from api.auth import parse_listen
from lifecycle import Health, MotorPool
from lifecycle.site import Site

from .check import SitePath, load_checked
from .output import Stopped, say, warn


def serve(
    site: SitePath,
    simulated: Annotated[
        bool,
        typer.Option("--simulated", help="Use simulated hardware instead of the lines."),
    ] = False,
    listen: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Instead of the site file's http.listen.", show_default=False),
    ] = None,
) -> None:
    """Run a station and serve it over HTTP, until Ctrl-C or SIGTERM.

    It listens on 127.0.0.1:8080 unless the site file says otherwise; any other address than a loopback one
    needs a token there (http.token). The API describes itself at /openapi.json.

    Example: [cyan]motorpool serve examples/site.toml --simulated[/cyan]
    """
    found = load_checked(site, listen)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    host, port = parse_listen(listen or found.http.listen)
    try:
        sock = server.bind(host, port)
    except server.CannotListen as error:
        raise Stopped(str(error)) from error
    with sock, asyncio.Runner(loop_factory=server.loop_factory()) as runner:
        runner.run(_serve(found, sock, simulated=simulated))
    say("Stopped; the ledger is closed.")


async def _serve(site: Site, sock: socket.socket, *, simulated: bool) -> None:
    async with AsyncExitStack() as stack:
        holder = f"motorpool serve, station {site.station.code}"
        if simulated:
            try:
                hardware = await stack.enter_async_context(worlds.simulated(site))
            except OSError as error:
                raise Stopped(f"the simulated hardware cannot start: {error}") from error
            opening = MotorPool.open(
                site, urls=hardware.urls, radio=hardware.radio, access=hardware.papers, holder=holder
            )
        else:
            opening = MotorPool.open(site, holder=holder)
        pool = await stack.enter_async_context(await opening)
        app = create_app(pool, token=site.http.token)
        say(f"Station {site.station.code} at {server.address(sock)} (Ctrl-C stops it)")
        for line in _ailing(pool.health()):
            warn(line)
        await server.serve(app, sock)


def _ailing(health: Health) -> list[str]:
    """What an operator should look at, although the station runs: it serves what it can reach."""
    lines = [f"line {each.name} is down: {each.url}" for each in health.lines if not each.up]
    return lines + list(health.problems)
