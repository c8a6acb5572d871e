"""`motorpool grant`: what the fleet's authority signs for sealed terminals, and what it says."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from lifecycle.clock import system_clock
from lifecycle.errors import InvalidRequest
from vehicle.sealed.cbor import BadCbor
from vehicle.sealed.codes import Right
from vehicle.sealed.grant import Grant, issue, parse_grant
from vehicle.sealed.keys import THUMBPRINT
from vehicle.sealed.revocation import Revocations, revoke
from vehicle.sealed.signed import BadSignature, parse_signed, verify

from . import sealed_files as files
from .output import Commands, Stopped, out, say, table

app = typer.Typer(
    name="grant",
    cls=Commands,
    no_args_is_help=True,
    help="Grants for sealed terminals: [bold]issue[/bold], [bold]show[/bold], [bold]verify[/bold], "
    "[bold]revoke[/bold].",
)

AuthorityFile = Annotated[
    Path,
    typer.Option(
        "--authority",
        metavar="PEM",
        help="The authority's key: openssl genpkey -algorithm ed25519 -out authority.pem",
        show_default=False,
    ),
]
GrantFile = Annotated[Path, typer.Argument(metavar="FILE", help="The grant.", show_default=False)]
UNITS = {"m": 60, "h": 3600, "d": 86_400}


@app.command(name="issue")
def issue_(
    vehicle: Annotated[
        str, typer.Argument(metavar="VEHICLE", help="The fleet's name for the vehicle.", show_default=False)
    ],
    authority: AuthorityFile,
    holder: Annotated[
        Path,
        typer.Option(
            metavar="PEM",
            help="The holder's key, public or private: openssl genpkey -algorithm EC -pkeyopt "
            "ec_paramgen_curve:P-256 -out holder.pem",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Write the grant to this new file.", show_default=False)
    ],
    rights: Annotated[
        str, typer.Option(help="read, lock, unlock, immobilise, mobilise, enrol; with commas between.")
    ] = "read",
    valid: Annotated[str, typer.Option(help="For how long from now: 30m, 8h or 31d at most.")] = "8h",
    number: Annotated[
        int | None,
        typer.Option(
            min=0, help="The grant's number; must grow over the fleet.", show_default="Unix time in ms"
        ),
    ] = None,
) -> None:
    """Sign a grant: this holder may do this to this vehicle, for so long.

    Example: [cyan]motorpool grant issue P-112 --authority authority.pem --holder holder.pem --rights
    unlock,mobilise --valid 8h -o P-112.grant[/cyan]
    """
    now = system_clock()
    unix = int(now.timestamp())
    try:
        grant = Grant(
            vehicle=vehicle,
            holder=files.holder_public(holder),
            rights=_rights(rights),
            not_before=unix,
            expires=unix + _seconds(valid),
            issued=unix,
            number=int(now.timestamp() * 1000) if number is None else number,
        )
        data = issue(grant, files.authority(authority))
    except ValueError as error:
        raise InvalidRequest("grant", vehicle, str(error)) from error
    files.write_new(output, data)
    _show(grant)
    say(f"written to {output} ({len(data)} bytes)", "green")


@app.command()
def show(file: GrantFile) -> None:
    """Say what a grant says. Whether it is genuine is not looked at; see [bold]verify[/bold]."""
    _show(_parse(file))


@app.command(name="verify")
def verify_(file: GrantFile, authority: AuthorityFile) -> None:
    """Check a grant's signature and its dates, with the authority's key, public or private.

    Exit code 1 when a terminal would refuse it. Revocation lists are not looked at.
    """
    grant = _parse(file)
    _show(grant)
    try:
        verify(parse_signed(files.read_bytes(file)), files.authority_public(authority))
    except BadSignature as error:
        raise Stopped(f"{file} was not signed by {authority}, or was changed") from error
    now = system_clock().timestamp()
    if now < grant.not_before:
        raise Stopped("the signature is right, but the grant is not valid yet")
    if now >= grant.expires:
        raise Stopped("the signature is right, but the grant has ended")
    say("the signature is right, and the grant is valid now", "green")


@app.command(name="revoke")
def revoke_(
    list_number: Annotated[
        int,
        typer.Argument(
            metavar="NUMBER", min=1, help="Higher than that of any list before.", show_default=False
        ),
    ],
    authority: AuthorityFile,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Write the list to this new file.", show_default=False)
    ],
    minimum: Annotated[int, typer.Option(min=0, help="Every grant below this number is refused.")] = 0,
    grants: Annotated[
        list[int] | None, typer.Option("--grant", help="The number of a revoked grant; repeat.")
    ] = None,
    holders: Annotated[
        list[str] | None,
        typer.Option("--holder", metavar="PEM|HEX", help="A lost holder key, or its thumbprint; repeat."),
    ] = None,
) -> None:
    """Sign a revocation list. It holds all that is revoked, since it replaces the list before; any holder may carry it.

    Example: [cyan]motorpool grant revoke 7 --authority authority.pem --holder lost.pem -o list-7[/cyan]
    """
    try:
        listed = Revocations(
            number=list_number,
            issued=int(system_clock().timestamp()),
            minimum=minimum,
            grants=tuple(grants or ()),
            holders=tuple(_thumbprint(each) for each in holders or ()),
        )
        data = revoke(listed, files.authority(authority))
    except ValueError as error:
        raise InvalidRequest("list", list_number, str(error)) from error
    files.write_new(output, data)
    say(f"list {list_number} written to {output} ({len(data)} bytes)", "green")


def parse_rights(bits: Right) -> str:
    """Rights as words."""
    return ", ".join(str(right.name).lower() for right in Right if right in bits)


def _show(grant: Grant) -> None:
    rows = [
        ("vehicle", grant.vehicle),
        ("holder", grant.holder.thumbprint.hex()),
        ("rights", parse_rights(grant.rights)),
        ("from", _time(grant.not_before)),
        ("until", _time(grant.expires)),
        ("number", str(grant.number)),
    ]
    out().print(table(("grant", ""), rows))


def _parse(path: Path) -> Grant:
    try:
        return parse_grant(files.read_bytes(path))
    except BadCbor as error:
        raise Stopped(f"{path} is no grant: {error}") from error


def _rights(text: str) -> Right:
    rights = Right(0)
    for word in text.split(","):
        try:
            rights |= Right[word.strip().upper()]
        except KeyError:
            allowed = ", ".join(str(right.name).lower() for right in Right)
            raise InvalidRequest("--rights", text, allowed) from None
    return rights


def _seconds(text: str) -> int:
    count, unit = text[:-1], text[-1:]
    if not count.isdecimal() or unit not in UNITS:
        raise InvalidRequest("--valid", text, "a number and m, h or d, such as 8h")
    return int(count) * UNITS[unit]


def _thumbprint(text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        return files.holder_public(Path(text)).thumbprint
    if len(found) != THUMBPRINT:
        raise InvalidRequest("--holder", text, f"a thumbprint of {THUMBPRINT} bytes, or a file")
    return found


def _time(unix: int) -> str:
    try:
        return datetime.fromtimestamp(unix, UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return f"{unix} s"
