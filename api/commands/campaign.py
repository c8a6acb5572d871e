"""`motorpool campaign` and `motorpool replay`: many simulated stations, and one of them again."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from api import worlds

from .output import BAD_INPUT, FAILED, Stopped, err, out, say, table

SHOWN_FAILURES = 5
Rows = Sequence[Sequence[str]]


class Violation(Protocol):
    """An invariant that did not hold."""

    @property
    def invariant(self) -> str: ...
    @property
    def text(self) -> str: ...


class Failure(Protocol):
    """A seed that broke an invariant, and how to see it again."""

    @property
    def seed(self) -> int: ...
    @property
    def violation(self) -> Violation: ...
    @property
    def others(self) -> int: ...
    @property
    def last_lines(self) -> Sequence[str]: ...
    @property
    def replay(self) -> str: ...
    @property
    def smaller(self) -> str | None: ...
    @property
    def smaller_says(self) -> str | None: ...


class Report(Protocol):
    """What came of a campaign."""

    @property
    def ok(self) -> bool: ...
    @property
    def revision(self) -> str: ...
    @property
    def failures(self) -> Sequence[Failure]: ...
    def tables(self) -> Sequence[tuple[str, Sequence[str], Rows]]: ...
    def as_json(self) -> dict[str, Any]: ...
    def as_page(self) -> str: ...


class Listed(Protocol):
    """A scenario that comes with the simulator."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def waits_for(self) -> Sequence[str]: ...


class Campaigns(Protocol):
    """What the entry point `campaign` in `motorpool.worlds` is."""

    def __call__(
        self,
        *,
        scenario: str,
        seeds: str,
        days: float | None,
        jobs: int,
        crash_points: bool,
        progress: Callable[[int, int], None],
    ) -> Report: ...


class Replayed(Protocol):
    """How a replay ended."""

    @property
    def ok(self) -> bool: ...
    @property
    def violations(self) -> Sequence[Violation]: ...
    @property
    def digest(self) -> str: ...
    @property
    def until(self) -> str: ...


class Replays(Protocol):
    """What the entry point `replay` in `motorpool.worlds` is."""

    def __call__(
        self,
        seed: int,
        *,
        scenario: str,
        days: float | None,
        until: str | None,
        since: str | None,
        people: float,
        faults: str | None,
        kill_at: int | None,
        tell: Callable[[str], None],
    ) -> Replayed: ...


Scenario = Annotated[
    str, typer.Option(metavar="NAME|FILE.toml", help="A scenario file, or one of those that come along.")
]
Days = Annotated[float | None, typer.Option(help="How many days; the scenario says it otherwise.")]


def campaign(
    scenario: Scenario = "city.toml",
    seeds: Annotated[
        str | None,
        typer.Option(help='Such as "7", "1..200" or "1..5,17"; otherwise 1..20, and 1 for crash points.'),
    ] = None,
    days: Days = None,
    jobs: Annotated[
        int, typer.Option(min=1, help="Processes; as many as there are processors.")
    ] = os.cpu_count() or 1,
    crash_points: Annotated[
        bool, typer.Option(help="Play once for each commit and each write, and kill the station there.")
    ] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    html_file: Annotated[Path | None, typer.Option("--html", help="Write a page with plots here.")] = None,
    list_scenarios: Annotated[
        bool, typer.Option("--list", help="Show the scenarios that come along.")
    ] = False,
) -> None:
    """Play a scenario with many seeds in virtual time and hold every invariant against what is true.

    People come to simulated stations, things break, programs are killed; after each step the book on the disk
    is compared with the world. A violation is shown with its seed and the command that plays it again, made smaller
    by itself. Exit code 1 when there was one.

    Example: [cyan]motorpool campaign --seeds 1..200 --days 7 --html report.html[/cyan]
    """
    if list_scenarios:
        _show_scenarios(worlds.load("scenarios")())
        return
    for file in (json_file, html_file):
        _must_be_writable(file)
    run: Campaigns = worlds.load("campaign")
    with _bar() as bar:
        task = bar.add_task("station-runs", total=None, rate="")

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total, rate=_rate(bar, task))
            if bar.disable and 10 * done // total > 10 * (done - 1) // total:
                err().print(f"{done} of {total} station-runs")

        report = run(
            scenario=scenario,
            seeds=seeds if seeds is not None else "1" if crash_points else "1..20",
            days=days,
            jobs=jobs,
            crash_points=crash_points,
            progress=progress,
        )
    for title, heads, rows in report.tables():
        if rows:
            out().print(table(heads, rows, title=title))
    if report.ok:
        say("No violation.", style="green")
    else:
        _show_failures(report)
    _write(json_file, lambda: json.dumps(report.as_json(), ensure_ascii=False, indent=2) + "\n")
    _write(html_file, report.as_page)
    if not report.ok:
        raise typer.Exit(FAILED)


def replay(
    seed: Annotated[int, typer.Argument(min=0, help="The seed to play again.", show_default=False)],
    scenario: Scenario = "city.toml",
    days: Days = None,
    until: Annotated[
        str | None, typer.Option(help='Stop there, such as "day 2 06:15:30" or seconds.')
    ] = None,
    since: Annotated[str | None, typer.Option(help="Show nothing before that moment.")] = None,
    people: Annotated[
        float, typer.Option(min=0, max=1, help="How many of the people of each shift come.")
    ] = 1.0,
    faults: Annotated[str | None, typer.Option(help="Only these kinds of fault, with commas.")] = None,
    kill_at: Annotated[int | None, typer.Option(min=1, help="Kill the program at this crash point.")] = None,
    step: Annotated[bool, typer.Option("--step", help="Wait for Enter after each line.")] = False,
) -> None:
    """Play one seed again and show everything that happens: the world, the faults, the book.

    The same seed gives the same run everywhere. It stops at [bold]--until[/bold]; exit code 1 when an
    invariant was violated by then.

    Example: [cyan]motorpool replay 17 --scenario city.toml --days 2 --until "day 1 03:20:00"[/cyan]
    """
    run: Replays = worlds.load("replay")
    console = out()

    stepping, interrupted = step, False

    def tell(line: str) -> None:
        nonlocal stepping, interrupted
        if interrupted:
            return  # the station is being taken down
        console.print(Text(line), end="" if stepping else "\n")
        try:
            if stepping:
                input()
        except EOFError:  # nobody is there to press Enter any more
            stepping = False
            console.print()
        except KeyboardInterrupt:
            interrupted = True
            raise

    done = run(
        seed,
        scenario=scenario,
        days=days,
        until=until,
        since=since,
        people=people,
        faults=faults,
        kill_at=kill_at,
        tell=tell,
    )
    say(f"Played until {done.until}; digest {done.digest[:16]}…", style="dim")
    for violation in done.violations:
        say(str(violation), style="bold red")
    if not done.ok:
        raise typer.Exit(FAILED)
    say("No violation until then.", style="green")


def _bar() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=err(),
        transient=True,
        disable=not err().is_terminal,
    )


def _rate(bar: Progress, task: Any) -> str:
    speed = bar.tasks[0].speed if bar.tasks else None
    return "" if speed is None else f"{speed:.1f}/s"


def _must_be_writable(file: Path | None) -> None:
    """Before hours of work are done for it."""
    if file is None:
        return
    if not file.parent.is_dir():
        raise Stopped(f"{file}: there is no folder {file.parent}", BAD_INPUT)
    if file.is_dir():
        raise Stopped(f"{file} is a folder; name a file in it", BAD_INPUT)
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        raise Stopped(f"{file} cannot be written by this user", BAD_INPUT)


def _write(file: Path | None, text: Callable[[], str]) -> None:
    if file is None:
        return
    try:
        file.write_text(text(), encoding="utf-8")
    except OSError as error:
        raise Stopped(f"cannot write {file}: {error.strerror}") from error


def _show_scenarios(listed: Sequence[Listed]) -> None:
    rows = [(each.name, each.title, ", ".join(each.waits_for) or "-") for each in listed]
    out().print(table(("scenario", "title", "waits for"), rows))


def _show_failures(report: Report) -> None:
    for failure in report.failures[:SHOWN_FAILURES]:
        say(f"seed {failure.seed}, code {report.revision}", style="bold red")
        say(f"  {failure.violation}")
        for line in failure.last_lines:
            say(f"    {line}", style="dim")
        say(f"  again:   {failure.replay}")
        if failure.smaller is not None:
            say(f"  smaller: {failure.smaller}")
            say(f"           {failure.smaller_says}")
    left = len(report.failures) - SHOWN_FAILURES
    if left > 0:
        say(f"and {left} more seeds", style="bold red")
