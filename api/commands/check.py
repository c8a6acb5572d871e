"""`motorpool check`: is a site file right?"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from api.auth import check_exposure, parse_listen
from keycabinet.inspection import Finding, Inspector
from keycabinet.line import Line
from keycabinet.transport import LineUrl, Opener, open_link
from lifecycle.clock import system_clock
from lifecycle.errors import InvalidRequest, Problem, SiteError
from lifecycle.site import Site, load_site

from .output import Stopped, err, out, say, table, warn

HOLDER = "motorpool check --live"

SitePath = Annotated[
    Path,
    typer.Argument(
        metavar="SITE.toml", help="The site file; its roster is read with it.", show_default=False
    ),
]


def check(
    site: SitePath,
    live: Annotated[
        bool,
        typer.Option("--live", help="Open the lines, and compare the file with what the boards answer."),
    ] = False,
    lamps: Annotated[
        bool, typer.Option("--lamps/--no-lamps", help="With --live: light every lamp in turn.")
    ] = True,
) -> None:
    """Read a site file and its roster, and show [bold]everything[/bold] that is wrong with them at once.

    Each problem names the file, the key, the value that stands there, and what is allowed.
    With sealed terminals it also names unreadable keys, and vehicles without a valid grant.
    Without [cyan]--live[/cyan] nothing is opened: neither lines nor the ledger. With it every board is asked: does it
    answer, is it of its profile, are its inputs free of the relays, what do the slots' sensors say. Then the lamps are
    lit one after another, so that you see whether each is at its slot. No lock is opened. A line that a running
    station holds is refused. Exit code 1 when something is not as the file says.

    Example: [cyan]motorpool check examples/site.toml[/cyan]
    """
    found = load_checked(site)
    _summarise(found)
    _check_papers(found)
    if live:
        _check_live(found, lamps=lamps)
    say(f"{site} is fine.", style="green")


def _check_papers(site: Site) -> None:
    """The files for sealed terminals, where a vehicle has one. Raises SiteError."""
    cars = [each.fleet_number for each in site.roster.vehicles.values() if each.terminal.kind == "sealed"]
    if site.sealed is None:
        if cars:
            warn(f"no table [sealed] with holder and grants: nothing opens {', '.join(cars)}")
        return
    try:
        from lifecycle.papers import inspect_papers  # noqa: PLC0415 - needs the extra `sealed`
    except ModuleNotFoundError as missing:
        warn(f"the files of [sealed] cannot be read: {missing.name} is not installed; "
             "pip install 'motorpool[sealed]'")  # fmt: skip
        return
    problems, lacks = inspect_papers(site, system_clock())
    for each in lacks:
        warn(each)
    if problems:
        raise SiteError(problems)


def _check_live(site: Site, *, lamps: bool) -> None:
    findings = asyncio.run(inspect(site, lamps=lamps))
    verdicts = [("ok" if each.ok and not each.doubt else "look" if each.ok else "NO") for each in findings]
    rows = [
        (each.cabinet, each.what, verdict, each.text)
        for each, verdict in zip(findings, verdicts, strict=True)
    ]
    out().print(table(("cabinet", "what", "", "says"), rows))
    wrong = sum(not each.ok for each in findings)
    if wrong:
        raise Stopped(f"{wrong} thing(s) on the line are not as the site file says")


async def inspect(site: Site, *, lamps: bool, opener: Opener = open_link) -> list[Finding]:
    """Everything that is held against the lines, with progress on standard error where that is a terminal.

    LineHeld when a station holds a line, PortUnavailable when one cannot be opened.
    """
    console = err()
    async with AsyncExitStack() as stack:
        lines = {
            name: await stack.enter_async_context(
                await Line.open(name, LineUrl.parse(url), opener=opener, holder=HOLDER)
            )
            for name, url in site.lines.items()
        }
        bar = Progress(console=console, transient=True, disable=not console.is_terminal)
        devices = sum(len(each.boards) + len(each.readers) for each in site.cabinets.values())
        with bar:
            task = bar.add_task("", total=devices)

            def told(text: str) -> None:
                bar.update(task, description=text, advance=1)

            inspector = Inspector(site.cabinets, lines, told)
            findings = await inspector.devices()
            findings += await inspector.slots()
            wired = list(inspector.lamps()) if lamps else []
            bar.update(task, completed=0, total=len(wired) or None)
            return findings + await inspector.light(wired)


def load_checked(path: Path, listen: str | None = None) -> Site:
    """The site, also checked for what only a server minds. `listen` stands in for the site's own address.

    Raises `SiteError`, and `InvalidRequest` for a bad `listen`.
    """
    site = load_site(path)
    try:
        host, _ = parse_listen(listen or site.http.listen)
        check_exposure(host, site.http.token)
    except InvalidRequest as error:
        if listen is not None:
            raise InvalidRequest("--listen", listen, error.allowed) from error
        raise SiteError([Problem(str(path), "http.listen", site.http.listen, error.allowed)]) from error
    return site


def _summarise(site: Site) -> None:
    say(f"Station {site.station.code}, ledger {site.ledger_path}", "bold")
    for name, url in site.lines.items():
        say(f"line {name}: {url}")
    rows = [
        (name, board.label, board.profile, board.line, str(board.address))
        for name, config in site.cabinets.items()
        for board in config.boards
    ]
    out().print(table(("cabinet", "board", "profile", "line", "address"), rows))
    slots = sum(len(numbers) for numbers in site.slots().values())
    roster = site.roster
    say(
        f"{len(site.cabinets)} cabinet(s), {slots} slots; {len(roster.officers)} officers, "
        f"{len(roster.vehicles)} vehicles, {len(roster.key_sets)} key sets."
    )
