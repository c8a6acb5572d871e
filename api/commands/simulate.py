"""`motorpool simulate`: the hardware alone, and a hand that acts on it."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Annotated

import typer

from api import worlds
from api.auth import is_loopback, parse_listen
from lifecycle.errors import InvalidRequest
from lifecycle.site import Site, load_site

from .check import SitePath
from .output import Stopped, out, say, table, warn

CONTROL = "control"
LOOPBACK = "127.0.0.1"
LEAST_TOKEN = 16


@dataclass(frozen=True, slots=True)
class _Where:
    """Where the control API listens, and who may use it."""

    host: str
    port: int
    token: str | None


def simulate(
    site: SitePath,
    as_json: Annotated[
        bool, typer.Option("--json", help="One line of JSON for programs, then silence.")
    ] = False,
    site_ports: Annotated[
        bool, typer.Option("--site-ports", help="Listen on the TCP ports of the site file, not on free ones.")
    ] = False,
    ble: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WAY",
            help="How BLE programs reach the terminals; may be given again: dbus, hci-tcp:PORT, usb:0, or none. "
            "Without it dbus, where this host has dbus-daemon.",
        ),
    ] = None,
    control: Annotated[
        str | None,
        typer.Option(
            metavar="PORT",
            help="Serve the control API and its page on this port of 127.0.0.1 (0: a free one), or on HOST:PORT.",
        ),
    ] = None,
    control_token: Annotated[
        str | None,
        typer.Option(
            envvar="MOTORPOOL_CONTROL_TOKEN",
            help="Bearer token for the control API; needed on any address but loopback.",
        ),
    ] = None,
) -> None:
    """Run the simulated hardware of a site alone, until Ctrl-C or SIGTERM (exit code 0).

    Every line of the site becomes a pty (serial) or a TCP port on 127.0.0.1, and is printed: any Modbus client
    can talk to it, and so can a station in a process of its own. With [cyan]--control[/cyan] a page and an HTTP API
    (its OpenAPI at /openapi.json) pull sets, drive cars, break things and let time pass.

    Example: [cyan]motorpool simulate examples/site.toml --control 8090[/cyan], then
    [cyan]mbpoll -m tcp -p PORT -a 1 -t 1 -r 1 -c 8 127.0.0.1[/cyan]

    The cars' BLE terminals are on a D-Bus of their own with BlueZ's interface: any BLE program sees them with
    DBUS_SYSTEM_BUS_ADDRESS set to the address that is printed.
    """
    where = None if control is None else _where(control, control_token)
    found = load_site(site)
    with asyncio.Runner(loop_factory=worlds.event_loop if where else None) as runner:
        runner.run(_simulate(found, where, ble or ["auto"], as_json=as_json, site_ports=site_ports))


def _where(control: str, token: str | None) -> _Where:
    option = "--control"
    try:
        host, port = parse_listen(f"{LOOPBACK}:{control}" if control.isdecimal() else control)
    except InvalidRequest as error:
        raise InvalidRequest(
            option, control, "a port such as 8090, or host:port such as [::1]:8090"
        ) from error
    if token is None and not is_loopback(host):
        raise InvalidRequest(option, host, "only a loopback address without --control-token")
    if token is not None and len(token) < LEAST_TOKEN:
        raise InvalidRequest("--control-token", "(not shown)", f"at least {LEAST_TOKEN} characters")
    return _Where(host, port, token)


async def _simulate(
    site: Site, where: _Where | None, ble: Sequence[str], *, as_json: bool, site_ports: bool
) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    try:
        async with AsyncExitStack() as stack:
            hardware = await stack.enter_async_context(worlds.simulated(site, site_ports=site_ports))
            reach = await stack.enter_async_context(hardware.reach(ble))
            url = None
            if where is not None:
                control = hardware.control(host=where.host, port=where.port, token=where.token)
                url = await stack.enter_async_context(control)
            _tell(site, hardware, reach, url, as_json=as_json)
            await stopped.wait()
    except OSError as error:
        raise Stopped(f"the simulated hardware cannot start: {error}") from error


def _tell(
    site: Site, hardware: worlds.SimulatedStation, reach: worlds.Reach, control: str | None, *, as_json: bool
) -> None:
    code = site.station.code
    found = [(each.name, each.kind, each.url) for each in (*hardware.endpoints(), *reach.ways)]
    for note in reach.notes:
        warn(note)
    if control is not None:
        found.append((CONTROL, "control API and page", control))
    if as_json:
        endpoints = [{"name": name, "kind": kind, "url": url} for name, kind, url in found]
        told = {"station": code, "lines": dict(hardware.urls), "endpoints": endpoints}
        typer.echo(json.dumps(told if control is None else {**told, CONTROL: control}))
        return
    out().print(table(("name", "what", "where"), found, title=f"Station {code}"))
    for each in reach.ways:
        if each.name.isupper():  # an environment variable
            say(f"A BLE program in another terminal: {each.name}={each.url} python your_program.py", "dim")
    say("Ctrl-C stops it.", "dim")
