"""The table of boards as the documentation shows it, made from what the families say of themselves."""

from __future__ import annotations

from keycabinet.boards.base import BoardKind, board_kinds

_HEAD = (
    "| profile | board | locks | senses | reached by | facts from | tried on |",
    "|---|---|---|---|---|---|---|",
)


def table() -> str:
    """Every profile known in this environment, one row each, as Markdown."""
    rows = [_row(profile, kind) for profile, kind in sorted(board_kinds().items())]
    return "\n".join((*_HEAD, *rows)) + "\n"


def _row(profile: str, kind: BoardKind) -> str:
    shape = kind.shape
    cells = (
        f"`{profile}`",
        kind.title,
        str(shape.outputs) if shape.locks else "none: it ends no pulse",
        _senses(kind),
        "serial, RTU over TCP" if kind.serial_only else "serial, RTU over TCP, Modbus TCP",
        kind.source,
        kind.tried,
    )
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _senses(kind: BoardKind) -> str:
    shape = kind.shape
    if not shape.inputs:
        return "nothing: *assumed*"
    if not shape.latches:
        return f"{shape.inputs} inputs, wired to keys: *proved*"
    items = shape.inputs - shape.latches
    return f"latches, {items} item sensors: *inferred*" if items else "latches: *inferred*"
