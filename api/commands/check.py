"""`motorpool check`: is a site file right?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from api.auth import check_exposure, parse_listen
from lifecycle.errors import InvalidRequest, Problem, SiteError
from lifecycle.site import Site, load_site

from .output import out, say, table

SitePath = Annotated[
    Path,
    typer.Argument(
        metavar="SITE.toml", help="The site file; its roster is read with it.", show_default=False
    ),
]


def check(site: SitePath) -> None:
    """Read a site file and its roster, and show [bold]everything[/bold] that is wrong with them at once.

    Each problem names the file, the key, the value that stands there, and what is allowed.
    Nothing is opened: neither lines nor the ledger.

    Example: [cyan]motorpool check examples/site.toml[/cyan]
    """
    found = load_checked(site)
    _summarise(found)
    say(f"{site} is fine.", style="green")


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
