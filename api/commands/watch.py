"""`motorpool cabinet watch` and `identify`: what a cabinet senses while somebody stands before it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.live import Live
from rich.table import Table

from api.watching import (
    Change,
    Read,
    State,
    bare_board,
    cabinet_of,
    choose_cabinet,
    lines_of,
    watch,
    wires_of,
)
from keycabinet.boards.base import board_shapes
from keycabinet.commissioning import bare_config
from keycabinet.config import resolve
from keycabinet.inspection import Inspector
from keycabinet.transport import LineUrl
from lifecycle.errors import InvalidRequest
from lifecycle.site import Site, load_site

from .output import Stopped, out, say, table
from .signals import stopped_by_signal

LAMP_S = 2.0

Target = Annotated[
    str,
    typer.Argument(
        metavar="SITE.toml|URL",
        help="A site file, or the line of a bare board: serial:///dev/ttyUSB0?baudrate=9600.",
        show_default=False,
    ),
]
Cabinet = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Which cabinet of the site.", show_default="the only one"),
]
Profile = Annotated[
    str | None,
    typer.Option(
        "--board",
        metavar="PROFILE",
        help=f"The kind of a bare board: {', '.join(board_shapes())}.",
        show_default=False,
    ),
]
Address = Annotated[int, typer.Option(min=0, max=255, help="The bare board's address.")]
Seconds = Annotated[float | None, typer.Option(min=0.1, help="How long.", show_default="until Ctrl-C")]


def watch_(
    target: Target,
    cabinet: Cabinet = None,
    board: Profile = None,
    address: Address = 1,
    seconds: Seconds = None,
) -> None:
    """Show what every slot senses, live, until Ctrl-C. Changes nothing.

    Give a site file, or a line and the kind of the bare board on it. Without a terminal each change is a line. A line
    that a running station holds is refused.

    Example: [cyan]motorpool cabinet watch site.toml --cabinet A[/cyan]
    """
    source, wires = _source(target, cabinet, board, address)
    asyncio.run(_watch(source, wires, seconds))


def identify(
    target: Target,
    cabinet: Cabinet = None,
    board: Profile = None,
    address: Address = 1,
    lamps: Annotated[
        bool, typer.Option("--lamps", help="Light each lamp of the site's cabinet in turn instead.")
    ] = False,
    slot: Annotated[
        list[int] | None, typer.Option(min=1, help="With --lamps: only this slot; may be given again.")
    ] = None,
    count: Annotated[
        int | None, typer.Option(min=1, help="End after so many changes.", show_default="never")
    ] = None,
    seconds: Seconds = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="With --lamps: do not ask.")] = False,
) -> None:
    """Learn which slot is which: move one key or latch, and read which slot, board and channel noticed.

    With [cyan]--lamps[/cyan] the lamps are lit instead, each for two seconds, after asking; you are asked where the
    light was. To open a lock of a bare board, see [cyan]motorpool cabinet open[/cyan].

    Example: [cyan]motorpool cabinet identify site.toml --lamps[/cyan]
    """
    if lamps:
        if "://" in target:
            raise InvalidRequest("--lamps", target, "a site file: it says where the lamps are")
        _identify_lamps(load_site(Path(target)), cabinet, slot or [], yes=yes)
        return
    source, wires = _source(target, cabinet, board, address)
    say("Pull a key or move a latch, one at a time. Ctrl-C ends.", "bold")
    asyncio.run(_identify(source, wires, count, seconds))


def _source(
    target: str, cabinet: str | None, board: str | None, address: int
) -> tuple[AbstractAsyncContextManager[Read], Mapping[str, str]]:
    if "://" in target:
        line = LineUrl.parse(target)
        if board is None:
            raise InvalidRequest("--board", None, f"the kind of the board: {', '.join(board_shapes())}")
        bare_config(board, address)
        return bare_board(line, board, address), {}
    site = load_site(Path(target))
    name = choose_cabinet(site, cabinet)
    return cabinet_of(site, name), wires_of(site, name)


@asynccontextmanager
async def _for(seconds: float | None) -> AsyncIterator[None]:
    """End the block without an error after so long, or at Ctrl-C."""
    try:
        async with stopped_by_signal(), asyncio.timeout(seconds):
            yield
    except TimeoutError:
        pass


async def _watch(
    source: AbstractAsyncContextManager[Read], wires: Mapping[str, str], seconds: float | None
) -> None:
    console = out()
    async with _for(seconds), source as read:
        if not console.is_terminal:
            await _tell(read, wires, None, first=True)
            return
        with Live(console=console, auto_refresh=False) as live:
            async with aclosing(watch(read)) as states:
                async for state, changes in states:
                    live.update(_live_table(state, changes, wires), refresh=True)


async def _identify(
    source: AbstractAsyncContextManager[Read],
    wires: Mapping[str, str],
    count: int | None,
    seconds: float | None,
) -> None:
    async with _for(seconds), source as read:
        await _tell(read, wires, count, first=False)


async def _tell(read: Read, wires: Mapping[str, str], count: int | None, *, first: bool) -> None:
    """A line for each change, after the first state if that is wanted; ends after `count` changes."""
    told = 0
    async with aclosing(watch(read)) as states:
        async for state, changes in states:
            if first:
                for what, words in state.items():
                    say(f"{what}: {words}")
                first = False
            for change in changes:
                say(f"{change.at:8.1f} s  {change}{_where(change.what, wires)}")
                told += 1
                if told == count:
                    return


def _where(what: str, wires: Mapping[str, str]) -> str:
    return f"  ({wires[what]})" if wires.get(what) else ""


def _live_table(state: State, changes: tuple[Change, ...], wires: Mapping[str, str]) -> Table:
    changed = {change.what for change in changes}
    rows = [
        (what, words, wires.get(what, ""), "changed" if what in changed else "")
        for what, words in state.items()
    ]
    return table(("what", "reads", "wired to", ""), rows)


def _identify_lamps(site: Site, cabinet: str | None, slots: list[int], *, yes: bool) -> None:
    name = choose_cabinet(site, cabinet)
    wired = _with_lamps(site, name, slots)
    swapped, dark = {}, []
    for slot in slots or wired:
        if not yes and not typer.confirm(f"Light the lamp of slot {slot} for {LAMP_S:g} s?", default=True):
            continue
        if not asyncio.run(_light(site, name, slot)):
            dark.append(slot)
            continue
        lit = slot if yes else typer.prompt("Which slot was lit (0: none)?", default=slot, type=int)
        if lit != slot:
            swapped[slot] = lit
    for slot, lit in swapped.items():
        where = f"lights at slot {lit}" if lit else "stays dark"
        say(f"slot {slot}: its lamp {where}; look at `lamps` in the site file", "yellow")
    if dark:
        raise Stopped(f"{len(dark)} lamp(s) could not be lit: slot {', '.join(map(str, dark))}")
    if swapped:
        raise Stopped(f"{len(swapped)} lamp(s) are not where the site file says")


def _with_lamps(site: Site, name: str, slots: list[int]) -> list[int]:
    """The slots that have a lamp. Raises InvalidRequest for one of `slots` that has none."""
    wired = [each.slot for each in resolve(name, site.cabinets[name]).slots if each.lamp is not None]
    for slot in slots:
        if slot not in wired:
            raise InvalidRequest(
                "--slot", slot, f"a slot with a lamp: {', '.join(map(str, wired)) or 'none'}"
            )
    if not wired:
        raise Stopped(f"cabinet {name} has no lamps (lamps in the site file)")
    return wired


async def _light(site: Site, name: str, slot: int) -> bool:
    config = site.cabinets[name]
    async with lines_of(site, config) as lines:
        (finding,) = await Inspector({name: config}, lines).light([(name, slot)], LAMP_S)
    say(f"slot {slot}: {finding.text}", "" if finding.ok else "red")
    return finding.ok
