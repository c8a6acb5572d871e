"""The tables of docs/sealed-terminal.md, from the code. Run it to write them anew."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from sealed_attacks import ATTACKS
from sealed_impostors import IMPOSTORS

from vehicle.sealed.codes import ACTIONS, NEEDS, Code, Right, Verb

FILE = Path(__file__).parents[3] / "docs" / "sealed-terminal.md"


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)


def tables() -> dict[str, str]:
    verbs = [
        (
            verb.value,
            verb.name,
            NEEDS[verb].name.lower() if verb in NEEDS else "-",
            "yes" if verb in ACTIONS else "",
        )  # type: ignore[union-attr]
        for verb in Verb
    ]
    return {
        "verbs": table(("verb", "name", "right", "action"), verbs),
        "rights": table(("bit", "right"), [(right.value, right.name.lower()) for right in Right]),  # type: ignore[union-attr]
        "codes": table(("code", "name", "says"), [(code.value, code.name, code.text) for code in Code]),
        "attacks": table(
            ("", "attack", "refused by the check", "code"),
            [(each.id, each.name, each.check or "-", each.code.name) for each in ATTACKS],
        ),
        "holder": table(("", "attack", "the holder"), [(each.id, each.name, each.met) for each in IMPOSTORS]),
    }


def rendered(document: str) -> str:
    for name, text in tables().items():
        begin, end = f"<!-- {name}:begin -->\n", f"<!-- {name}:end -->"
        head, _, rest = document.partition(begin)
        document = head + begin + text + "\n" + end + rest.partition(end)[2]
    return document


if __name__ == "__main__":
    FILE.write_text(rendered(FILE.read_text()))
