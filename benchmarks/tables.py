"""The figures for a terminal, for the README, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from .figures import Figure
from .machine import machine

_HEADINGS = ("", "ours", "peer or limit", "ratio", "bound", "")
_RIGHT = ("ours", "peer or limit", "ratio", "bound")


def as_table(figures: Sequence[Figure]) -> Table:
    table = Table(title="motorpool against its peers and limits", show_lines=True)
    for heading in _HEADINGS:
        table.add_column(heading, justify="right" if heading in _RIGHT else "left")
    for figure in figures:
        name, *cells = _cells(figure)
        first = Text(name, style="bold").append("".join(f"\n  {part}" for part in figure.parts), style="dim")
        table.add_row(first, *cells, style="red" if figure.misses else None)
    return table


def as_markdown(figures: Sequence[Figure]) -> str:
    rules = ("--:" if heading in _RIGHT else "---" for heading in _HEADINGS)
    rows = [" | ".join((*_HEADINGS, "parts")), " | ".join((*rules, "---"))]
    rows += [" | ".join((*_cells(figure), "; ".join(figure.parts))) for figure in figures]
    return "\n".join(f"| {row} |" for row in rows) + f"\n\nMeasured on: {machine()}."


def as_json(
    figures: Sequence[Figure], failures: Sequence[tuple[str, str]], bystander_cores: float
) -> dict[str, object]:
    return {
        "machine": machine(),
        "bystander_cores": bystander_cores,
        "figures": [
            {
                "name": figure.name,
                "ours": figure.ours,
                "peer": figure.peer,
                "unit": figure.unit,
                "against": figure.against,
                "ratio": figure.ratio,
                "bound": None if figure.bound is None else str(figure.bound),
                "verdict": figure.verdict,
                "parts": list(figure.parts),
            }
            for figure in figures
        ],
        "failures": [{"benchmark": name, "reason": reason} for name, reason in failures],
    }


def _cells(figure: Figure) -> tuple[str, ...]:
    return (
        figure.name,
        f"{_number(figure.ours)} {figure.unit}",
        f"{figure.against} {_number(figure.peer)}",
        f"{figure.ratio:.3f}" if figure.ratio < 1000 else f"{figure.ratio:,.0f}",
        "-" if figure.bound is None else str(figure.bound),
        figure.verdict,
    )


def _number(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value == int(value) else f"{value:.3g}"
