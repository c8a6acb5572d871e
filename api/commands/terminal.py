"""`motorpool terminal`: one sealed terminal by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from lifecycle.clock import random_id, system_clock
from lifecycle.errors import InvalidRequest
from vehicle import Action, ActionOrder, ActionOutcome, TerminalConfig
from vehicle.link import RadioPort
from vehicle.sealed.access import Papers
from vehicle.sealed.cbor import BadCbor
from vehicle.sealed.commands import Measured, Starting
from vehicle.sealed.enrolment import Assignment, enrol
from vehicle.sealed.grant import parse_grant
from vehicle.sealed.label import Label
from vehicle.sealed.revocation import read_revocations
from vehicle.sealed.signed import parse_signed
from vehicle.sealed.terminal import SealedTerminal

from . import sealed_files as files
from .output import FAILED, Commands, Stopped, out, say, table

T = TypeVar("T")

app = typer.Typer(
    name="terminal",
    cls=Commands,
    no_args_is_help=True,
    help="A sealed terminal by hand, under a grant: [bold]enrol[/bold], [bold]status[/bold], [bold]read[/bold], "
    "[bold]lock[/bold], [bold]unlock[/bold], [bold]immobilise[/bold], [bold]mobilise[/bold].",
)

Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="Its Bluetooth address.", show_default=False)]
HolderFile = Annotated[
    Path, typer.Option("--holder", metavar="PEM", help="Your private key.", show_default=False)
]
GrantFile = Annotated[
    Path, typer.Option("--grant", metavar="FILE", help="Your grant for its vehicle.", show_default=False)
]
ListFile = Annotated[
    Path | None,
    typer.Option("--list", metavar="FILE", help="A revocation list to take along.", show_default=False),
]
Pins = Annotated[
    Path | None,
    typer.Option(
        "--pins",
        help="Where the keys of enrolled terminals are kept.",
        show_default="$XDG_STATE_HOME/motorpool/terminals.json",
    ),
]
Find = Annotated[float, typer.Option("--find", min=0.1, max=60, help="How long to listen for it, seconds.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command(name="enrol")
def enrol_(
    address: Address,
    label: Annotated[str, typer.Option(help="What its label says: MP1-…-…", show_default=False)],
    vehicle: Annotated[
        str, typer.Option(help="The fleet's name for the vehicle; no plate, no VIN.", show_default=False)
    ],
    authority: Annotated[
        Path,
        typer.Option(metavar="PEM", help="The authority's key, public or private.", show_default=False),
    ],
    holder: HolderFile,
    immobilisable: Annotated[
        bool,
        typer.Option(
            "--immobilisable/--never-immobilised", help="Whether this vehicle's class may be immobilised."
        ),
    ] = False,
    minimum: Annotated[int, typer.Option(min=0, help="Grants below this number are refused.")] = 0,
    grant: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="A grant with the right to enrol, for a terminal of a fleet.",
            show_default=False,
        ),
    ] = None,
    pins: Pins = None,
) -> None:
    """Make a terminal a vehicle's of your fleet. Press its button first; there is a minute.

    Example: [cyan]motorpool terminal enrol F0:F1:F2:F3:F4:F5 --label MP1-… --vehicle P-112 --authority authority.pub
    --holder holder.pem[/cyan]
    """
    try:
        printed = Label.parse(label)
    except ValueError as error:
        raise InvalidRequest("--label", label, str(error)) from error
    try:
        assignment = Assignment(
            authority=files.authority_public(authority),
            vehicle=vehicle,
            immobilisable=immobilisable,
            now=int(system_clock().timestamp()),
            minimum=minimum,
            grant=None if grant is None else _grant(grant),
        )
    except ValueError as error:
        raise InvalidRequest("--vehicle, --minimum", f"{vehicle}, {minimum}", str(error)) from error
    key = _run(enrol(_radio(), _address(address), printed, files.holder(holder), assignment))
    where = pins or files.default_pins()
    files.pin(where, files.Pin(_address(address), vehicle, key.hex))
    say(f"{vehicle}: enrolled; its key is pinned in {where}", "green")
    say(f'terminal = {{ kind = "sealed", address = "{_address(address)}", key = "{key.hex}" }}')


@app.command()
def status(
    address: Address,
    holder: HolderFile,
    grant: GrantFile,
    listed: ListFile = None,
    pins: Pins = None,
    find: Find = 5.0,
) -> None:
    """Doors and immobiliser, as ordered and as sensed. Needs the right to read."""
    measured = _run(_terminal(address, holder, grant, listed, pins, find).read())
    _show_state(measured)


@app.command()
def read(
    address: Address,
    holder: HolderFile,
    grant: GrantFile,
    listed: ListFile = None,
    pins: Pins = None,
    find: Find = 5.0,
) -> None:
    """Everything the terminal tells of its vehicle. Needs the right to read."""
    measured = _run(_terminal(address, holder, grant, listed, pins, find).read())
    _show_state(measured)
    rows = [
        ("VIN", measured.vin),
        ("odometer, km", measured.odometer_km),
        ("fuel or charge, %", measured.energy_percent),
        ("supply, V", measured.supply_v),
        ("ignition", None if measured.ignition_on is None else ("on" if measured.ignition_on else "off")),
        ("speed, km/h", measured.speed_kmh),
        ("stored codes", _words(measured.stored_dtcs)),
        ("pending codes", _words(measured.pending_dtcs)),
        ("km since codes were cleared", measured.distance_since_clear_km),
    ]
    out().print(
        table(("value", ""), [(name, "not given" if value is None else str(value)) for name, value in rows])
    )


def _action(action: Action, help_: str) -> None:
    """Enter the command of one action; they differ in nothing but what they move to."""

    @app.command(name=action.value, help=help_)
    def command(
        address: Address,
        holder: HolderFile,
        grant: GrantFile,
        listed: ListFile = None,
        pins: Pins = None,
        find: Find = 5.0,
        yes: Yes = False,
    ) -> None:
        terminal = _terminal(address, holder, grant, listed, pins, find)
        if not yes and not typer.confirm(f"{action.value} {terminal.name}?"):
            raise Stopped("nothing was sent")
        order = ActionOrder(action, random_id("cmd"))
        (result,) = _run(terminal.perform(order))
        confirmed = result.outcome is ActionOutcome.CONFIRMED
        reason = f" ({result.reason})" if result.reason else ""
        say(f"{terminal.name}: {action.value} {result.outcome}{reason}", "green" if confirmed else "red")
        told = {
            "doors": result.state.doors,
            "starting ordered": result.state.ordered,
            "sensed": result.state.effective,
        }
        say(", ".join(f"{name} {value}" for name, value in told.items() if value), "dim")
        if not confirmed:
            raise typer.Exit(FAILED)


_action(Action.LOCK, "Lock the doors.")
_action(Action.UNLOCK, "Unlock the doors. Never lets the engine be started.")
_action(
    Action.IMMOBILISE,
    "Let the engine not be started again, once the vehicle is parked. Never stops a running engine.",
)
_action(Action.MOBILISE, "Let the engine be started.")


def _terminal(
    address: str, holder: Path, grant: Path, listed: Path | None, pins: Path | None, find: float
) -> SealedTerminal:
    where, wanted = pins or files.default_pins(), _address(address)
    pin = files.load_pins(where).get(wanted)
    if pin is None:
        raise InvalidRequest("ADDRESS", address, f"a terminal pinned in {where}; enrol it first")
    list_data = None if listed is None else files.read_bytes(listed)
    try:
        number = 0 if list_data is None else read_revocations(parse_signed(list_data)).number
    except BadCbor as error:
        raise InvalidRequest("--list", str(listed), f"a revocation list: {error}") from error
    config = TerminalConfig(kind="sealed", address=pin.address, key=pin.key, find_s=find)
    papers = Papers(files.holder(holder), _grant(grant), list_data, number)
    return SealedTerminal(pin.vehicle, config, _radio(), papers)


def _show_state(measured: Measured) -> None:
    state = measured.state
    rows = [
        ("doors", "not told" if state.doors is None else state.doors.name.lower()),
        ("starting, as ordered", _starting(state.ordered)),
        ("starting, as sensed", _starting(state.effective)),
    ]
    out().print(table(("state", ""), rows))
    if state.ordered is Starting.BLOCKED and state.effective is Starting.ALLOWED:
        say("the order to immobilise waits until the vehicle is parked", "yellow")


def _starting(state: Starting | None) -> str:
    return "not told" if state is None else state.name.lower()


def _words(codes: tuple[str, ...] | None) -> str | None:
    return None if codes is None else (", ".join(codes) or "none")


def _address(text: str) -> str:
    address = text.strip().upper()
    try:
        TerminalConfig(kind="obd", address=address)
    except ValueError:
        raise InvalidRequest("ADDRESS", text, "a Bluetooth address, such as AA:BB:CC:DD:EE:FF") from None
    return address


def _grant(path: Path) -> bytes:
    data = files.read_bytes(path)
    try:
        parse_grant(data)
    except BadCbor as error:
        raise InvalidRequest("--grant", str(path), f"a grant: {error}") from error
    return data


def _run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


def _radio() -> RadioPort:
    from vehicle.ble import Radio  # noqa: PLC0415 - slow to import, and needed by these commands alone

    return Radio()
