"""The tables of docs/events.md, from the code. Run it to write them anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from lifecycle.event_kinds import ENVELOPE, IDS, SECTIONS, EventKind

FILE = Path(__file__).parents[2] / "docs" / "events.md"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def row(kind: EventKind) -> Sequence[str]:
    name = f"`{kind.kind}`" + (" **alarm**" if kind.alarm else "")
    ids = ", ".join(f"`{each}`" for each in kind.ids)
    data = ", ".join(f"`{each}` {value.words}" for each, value in kind.data.items())
    return name, kind.says, kind.to_do, ids or "-", data or "-"


def tables() -> dict[str, str]:
    heads = ("kind", "says", "what to do", "ids", "data")
    return {
        "envelope": table(
            ("", "type", "says"), [(f"`{name}`", each.words, says) for name, (each, says) in ENVELOPE.items()]
        ),
        "ids": table(("id", "of what"), [(f"`{name}`", says) for name, says in IDS.items()]),
        "kinds": "\n".join(
            f"### {title}\n\n{table(heads, map(row, kinds))}" for title, kinds in SECTIONS.items()
        ),
    }


def rendered(document: str) -> str:
    for name, text in tables().items():
        begin, end = f"<!-- {name}:begin -->\n", f"<!-- {name}:end -->"
        head, _, rest = document.partition(begin)
        document = f"{head}{begin}\n{text}\n{end}{rest.partition(end)[2]}"
    return document


if __name__ == "__main__":
    FILE.write_text(rendered(FILE.read_text(encoding="utf-8")), encoding="utf-8")
