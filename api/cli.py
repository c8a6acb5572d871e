"""The `motorpool` command. Imports nothing but the standard library until it knows that the rest is there."""

from __future__ import annotations

import sys
from pathlib import Path

from .shadow import shadows

_FROM_EXTRA = ("typer", "rich", "fastapi", "starlette", "uvicorn")
BAD_INPUT = 2


def main() -> None:
    """Run the command line and exit: 0 fine, 1 a check failed, 2 bad input."""
    hidden = shadows(Path(__file__).parents[1])
    if hidden:
        sys.exit(_complain(*hidden))
    try:
        from api.commands.program import run  # noqa: PLC0415 - only now is it known to be ours and complete
    except ModuleNotFoundError as missing:
        library = (missing.name or "").partition(".")[0]
        if library not in _FROM_EXTRA:
            raise
        sys.exit(
            _complain(
                f"the command line needs {library}, which is not installed: pip install 'motorpool[api]'"
            )
        )
    run()


def _complain(*sentences: str) -> int:
    for sentence in sentences:
        sys.stderr.write(f"motorpool: {sentence}\n")
    return BAD_INPUT


if __name__ == "__main__":
    main()
