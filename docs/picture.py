"""Draws docs/demo.svg: what `motorpool demo` prints, as a terminal shows it. Run it from the project's root."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

WIDTH = 118


def main() -> None:
    """Play the demo in virtual time and write the picture, with no font fetched from anywhere."""
    command = [str(Path(sys.executable).with_name("motorpool")), "demo", "--speed", "fast"]
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(WIDTH), "TERM": "xterm-256color"}
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    console = Console(record=True, width=WIDTH, file=io.StringIO(), force_terminal=True)
    console.print(Text.from_ansi(printed))
    drawn = console.export_svg(title="make demo", theme=MONOKAI)
    Path("docs/demo.svg").write_text(
        re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
