"""Puts the commands about sealed terminals into the program; they need libraries of the extra `sealed`."""

from __future__ import annotations

import typer

from .output import BAD_INPUT, Commands, Stopped

_FROM_EXTRA = ("cbor2", "cwt", "cryptography", "lakers", "bleak", "bleak_retry_connector")


def add_sealed(app: typer.Typer) -> None:
    """Add `grant` and `terminal`; without the extra, commands that say what to install."""
    try:
        from . import grant, terminal  # noqa: PLC0415 - only an install with the extra has what they import
    except ModuleNotFoundError as missing:
        library = (missing.name or "").partition(".")[0]
        if library not in _FROM_EXTRA:
            raise
        for name in ("grant", "terminal"):
            app.add_typer(_placeholder(name, library))
        return
    app.add_typer(grant.app)
    app.add_typer(terminal.app)


def _placeholder(name: str, library: str) -> typer.Typer:
    group = typer.Typer(
        name=name,
        cls=Commands,
        invoke_without_command=True,
        help="Sealed terminals; needs [bold]motorpool\\[sealed][/bold].",
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )

    @group.callback()
    def missing() -> None:
        raise Stopped(
            f"{name} needs {library}, which is not installed: pip install 'motorpool[sealed]'", BAD_INPUT
        )

    return group
