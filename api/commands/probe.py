"""`motorpool probe`: what is on a line?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar
from rich.text import Text

from api.drafting import MAX_LINES, ROSTER, NothingToDraft, draft
from keycabinet.probing import (
    WAIT_S,
    Found,
    Probe,
    Progress,
    Sighted,
    Survey,
    choose,
    probes,
    settings_of,
    survey,
)
from keycabinet.transport import SERIAL, LineUrl
from lifecycle.errors import InvalidRequest, SiteError
from lifecycle.site import load_site

from .output import FAILED, Stopped, err, out, say, table, tell_error, warn

MAX_ADDRESS = 255


def probe(
    urls: Annotated[
        list[str],
        typer.Argument(
            metavar="URL...",
            help="Each line: serial:///dev/ttyUSB0?baudrate=9600, rtu+tcp://host:port or modbus+tcp://host:502.",
            show_default=False,
        ),
    ],
    addresses: Annotated[
        str | None,
        typer.Option(metavar="RANGES", help='Only these, such as "1-32,40".', show_default="the usual ones"),
    ] = None,
    families: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help=f"Only these: {', '.join(each.family for each in probes())}.",
            show_default="all",
        ),
    ] = None,
    baudrates: Annotated[
        str | None,
        typer.Option(
            metavar="RATES",
            help='Serial lines at each of these, such as "9600,19200,19200E" (E: even parity).',
            show_default="the URL's",
        ),
    ] = None,
    timeout_ms: Annotated[
        float, typer.Option(min=20, max=5000, help="How long a device gets to answer.")
    ] = WAIT_S * 1000,
    write: Annotated[
        Path | None,
        typer.Option(
            metavar="SITE.toml",
            dir_okay=False,
            help="Write a draft site file; a file that is there is never overwritten.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="What was found, as JSON.")] = False,
) -> None:
    """Find the boards and readers on a line by asking. [bold]Reads only[/bold]: nothing is written, nothing opens.

    Every family is asked for at its usual addresses. What cannot be told apart over the line is said so.
    A line that a running station holds is refused, and the holder is named. Exit code 1 when nothing answers.

    Example: [cyan]motorpool probe serial:///dev/ttyUSB0 --baudrates 9600,19200 --write site.toml[/cyan]
    """
    lines = [LineUrl.parse(url) for url in urls]
    if len(lines) > MAX_LINES:
        raise InvalidRequest("URL", len(lines), f"up to {MAX_LINES} lines at once")
    if len({line.identity for line in lines}) < len(lines):
        raise InvalidRequest("URL", " ".join(urls), "each line once")
    settings = [_settings(line, baudrates) for line in lines]
    chosen = probes() if families is None else choose(_some("--families", families))
    wanted = None if addresses is None else parse_addresses(addresses)
    if write is not None and not write.parent.is_dir():
        raise InvalidRequest(
            "--write", str(write), f"a file in a folder that is there; {write.parent} is not"
        )
    if write is not None and write.exists():
        raise InvalidRequest("--write", str(write), "a file that is not there yet: nothing is overwritten")
    made = asyncio.run(_survey_all(settings, chosen, wanted, timeout_ms / 1000))
    surveys = list(zip(lines, made, strict=True))
    if as_json:
        typer.echo(json.dumps([_as_json(line, each) for line, each in surveys], ensure_ascii=False))
    else:
        _show(surveys)
    if not any(each.sighted for each in made):
        if not as_json:
            _advise(lines, chosen)
        raise typer.Exit(FAILED)
    if write is not None:
        _write(write, surveys)


def parse_addresses(text: str) -> frozenset[int]:
    """`"1-3,40"` -> {1, 2, 3, 40}. InvalidRequest for anything else than 0 to 255."""
    found: list[int] = []
    for part in _words(text):
        first, dash, last = part.partition("-")
        low, high = (first, last if dash else first)
        if not (low.isdecimal() and high.isdecimal() and int(low) <= int(high) <= MAX_ADDRESS):
            raise InvalidRequest("--addresses", part, f'ranges within 0 to {MAX_ADDRESS}, such as "1-32,40"')
        found.extend(range(int(low), int(high) + 1))
    if not found:
        raise InvalidRequest("--addresses", text, 'ranges such as "1-32,40"')
    return frozenset(found)


def _words(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _some(option: str, text: str) -> list[str]:
    words = _words(text)
    if not words:
        raise InvalidRequest(option, text, "at least one; leave the option away for all")
    return words


def _settings(line: LineUrl, baudrates: str | None) -> tuple[LineUrl, ...]:
    if baudrates is None or line.scheme != SERIAL:
        return (line,)
    try:
        return settings_of(line, _some("--baudrates", baudrates))
    except ValueError as error:
        raise InvalidRequest("--baudrates", baudrates, str(error)) from error


async def _survey_all(
    settings: Sequence[Sequence[LineUrl]],
    chosen: Sequence[Probe],
    wanted: frozenset[int] | None,
    wait_s: float,
) -> list[Survey]:
    console = err()
    columns = (
        TextColumn("{task.fields[trying]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", trying="", left="", total=None)

        def told(now: Progress) -> None:
            minutes, seconds = divmod(round(now.left_s), 60)
            bar.update(
                task,
                completed=now.done,
                total=now.total,
                trying=f"{now.url}: {now.family} at {now.address}",
                left=f"at most {minutes}:{seconds:02d} left",
            )

        def found(sighted: Sighted) -> None:
            if console.is_terminal:
                bar.console.print(Text(f"found {_what(sighted.found)} at address {sighted.found.address}"))

        return [
            await survey(urls, chosen=chosen, addresses=wanted, wait_s=wait_s, told=told, found=found)
            for urls in settings
        ]


def _what(found: Found) -> str:
    if not found.profiles:
        return f"{found.family}, no profile"
    first, *others = found.profiles
    return f"{first} (or {', '.join(others)})" if others else first


def _show(surveys: Sequence[tuple[LineUrl, Survey]]) -> None:
    heads = ("line", "address", "what", "version", "outputs", "inputs", "evidence")
    rows = [
        (
            str(each.url),
            str(each.found.address),
            _what(each.found),
            each.found.version or "-",
            _number(each.found.outputs),
            _number(each.found.inputs),
            each.found.evidence,
        )
        for _, made in surveys
        for each in made.sighted
    ]
    if rows:
        out().print(table(heads, rows, title=f"{len(rows)} device(s)"))
    for line, made in surveys:
        for each in made.sighted:
            for doubt in each.found.doubts:
                warn(f"{each.found.family} at address {each.found.address}: {doubt}")
        for strange in made.strange:
            warn(f"{strange.url}: {strange.family} at address {strange.address}: {strange.text}")
        if made.echoing:
            warn(f"{line}: its adapter hands back what is sent; that is taken away")


def _number(count: int | None) -> str:
    return "-" if count is None else str(count)


def _advise(lines: Sequence[LineUrl], chosen: Sequence[Probe]) -> None:
    tell_error(Stopped("nothing answered; check power, wiring (A and B swapped?), addresses and baud rate"))
    if any(line.scheme == SERIAL for line in lines):
        for each in chosen:
            say(f"new from the factory, {each.title}: {each.factory}", "dim")


def _as_json(line: LineUrl, made: Survey) -> dict[str, Any]:
    return {
        "line": str(line),
        "echoing": made.echoing,
        "found": [{"url": str(each.url), **asdict(each.found)} for each in made.sighted],
        "strange": [{**asdict(each), "url": str(each.url)} for each in made.strange],
    }


def _write(path: Path, surveys: Sequence[tuple[LineUrl, Survey]]) -> None:
    """The draft, and an empty roster where there is none; both are new files."""
    roster = path.with_name("roster.toml")
    try:
        _create(path, lambda: draft(surveys, name=path.name))
        if not roster.exists():
            _create(roster, lambda: ROSTER)
    except NothingToDraft as error:
        raise Stopped(str(error)) from error
    except OSError as error:
        raise Stopped(f"cannot write {error.filename}: {error.strerror}") from error
    say(f"wrote {path}", "green")
    try:
        load_site(path)
    except SiteError as error:  # a roster that was there already, for other slots
        tell_error(error)


def _create(path: Path, text: Callable[[], str]) -> None:
    content = text()
    with path.open("x", encoding="utf-8") as file:
        file.write(content)
