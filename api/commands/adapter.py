"""`motorpool adapter`: one OBD adapter by hand: what its car says, and clearing its fault codes."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Final

import typer

from api.commissioning import CommissioningLog
from lifecycle.clock import system_clock
from vehicle import (
    ClearOrder,
    ClearOutcome,
    Reading,
    Telemetry,
    Terminal,
    TerminalConfig,
    VehicleError,
    open_terminal,
)
from vehicle.link import RadioPort
from vehicle.model import Codes, CodesCleared

from .cabinet import default_log
from .output import BAD_INPUT, FAILED, Commands, Stopped, out, say, table

app = typer.Typer(
    name="adapter",
    cls=Commands,
    no_args_is_help=True,
    help="An OBD adapter by hand: [bold]read[/bold] its car, [bold]clear-codes[/bold].",
)

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="Its Bluetooth address.", show_default=False)]
Find = Annotated[float, typer.Option("--find", min=0.1, max=60, help="How long to listen for it, seconds.")]
RECORD: Final = "adapters.jsonl"


@app.command()
def read(address: Address, find: Find = 5.0) -> None:
    """Everything the car gives, each value with its source, or why there is none.

    Example: [cyan]motorpool adapter read AA:BB:CC:DD:EE:FF[/cyan]
    """
    telemetry = asyncio.run(_read(address, find))
    out().print(table(("value", "", "source"), [_row(each.name, telemetry) for each in fields(telemetry)]))


@app.command(name="clear-codes")
def clear_codes(
    address: Address,
    by: Annotated[str, typer.Option(help="Who orders it: a badge or staff number.", show_default=False)],
    reason: Annotated[str, typer.Option(help="Why, such as the work order.", show_default=False)],
    hold: Annotated[
        list[str] | None, typer.Option(help="A hold on the vehicle; any forbids it. May be given again.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    log: Annotated[
        Path | None,
        typer.Option(
            dir_okay=False,
            help="Where it is recorded (JSON lines).",
            show_default=f"$XDG_STATE_HOME/motorpool/{RECORD}",
        ),
    ] = None,
    find: Find = 5.0,
) -> None:
    """Clear stored and pending fault codes, and with them readiness and the freeze frame. They are evidence.

    The order is recorded before anything is sent; the codes before and after are recorded with what became of it.
    It is sent once. Exit code 1 unless it is confirmed that no code is left.

    Example: [cyan]motorpool adapter clear-codes AA:BB:CC:DD:EE:FF --by 013542 --reason "order 77"[/cyan]
    """
    try:
        order = ClearOrder(by, reason, tuple(hold or ()))
    except ValueError as error:
        raise Stopped(str(error), BAD_INPUT) from error
    if not yes and not typer.confirm(f"Clear the fault codes of the car behind {address}?"):
        raise Stopped("nothing was cleared")
    record = CommissioningLog(log or default_log().with_name(RECORD), system_clock)
    try:
        cleared = asyncio.run(_clear(address, order, find, record))
    except OSError as error:
        raise Stopped(f"cannot record in {record.path}: {error.strerror}; see --log") from error
    rows = [(name, _words(cleared.before, name), _words(cleared.after, name)) for name in _lists()]
    out().print(table(("codes", "before", "after"), rows))
    confirmed = cleared.outcome is ClearOutcome.CONFIRMED
    say(
        f"{cleared.outcome}{f' ({cleared.detail})' if cleared.detail else ''}",
        "green" if confirmed else "red",
    )
    say(f"recorded in {record.path}", "dim")
    if not confirmed:
        raise typer.Exit(FAILED)


async def _read(address: str, find_s: float) -> Telemetry:
    async with _terminal(address, find_s) as terminal:
        return await terminal.read_telemetry()


async def _clear(address: str, order: ClearOrder, find_s: float, record: CommissioningLog) -> CodesCleared:
    """The order is on the disk before the first byte goes out, what became of it after it."""
    about = {"what": "clear codes", "address": address, "by": order.by, "reason": order.reason}
    terminal = _terminal(address, find_s)
    record.write(**about, holds=", ".join(order.holds), outcome="intended")
    try:
        async with terminal:
            cleared = await terminal.clear_codes(order)
    except VehicleError as error:
        record.write(**about, outcome="not_sent", detail=str(error))
        raise
    codes = {f"{name}_before": _words(cleared.before, name) for name in _lists()}
    codes |= {f"{name}_after": _words(cleared.after, name) for name in _lists()}
    record.write(**about, outcome=str(cleared.outcome), detail=cleared.detail, **codes)
    return cleared


def _terminal(address: str, find_s: float) -> Terminal:
    try:
        config = TerminalConfig(kind="obd", address=address, find_s=find_s)
    except ValueError:
        raise Stopped(f"{address!r} is no Bluetooth address, such as AA:BB:CC:DD:EE:FF", BAD_INPUT) from None
    return open_terminal(config, _radio())


def _radio() -> RadioPort:
    try:
        from vehicle.ble import Radio  # noqa: PLC0415 - needs the extra `ble`
    except ModuleNotFoundError as missing:
        raise Stopped(
            f"{missing.name} is not installed: pip install 'motorpool[ble]'", BAD_INPUT
        ) from missing
    return Radio()


def _lists() -> tuple[str, ...]:
    return tuple(each.name for each in fields(Codes))


def _words(codes: Codes, name: str) -> str:
    reading: Reading[tuple[str, ...]] = getattr(codes, name)
    return _shown(reading)


def _row(name: str, telemetry: Telemetry) -> tuple[str, str, str]:
    reading: Reading[object] = getattr(telemetry, name)
    return name, _shown(reading), reading.source


def _shown(reading: Reading[object] | Reading[tuple[str, ...]]) -> str:
    value = reading.value
    if value is None:
        return str(reading.reason)
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.10g}" if isinstance(value, float) else str(value)
