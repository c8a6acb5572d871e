"""Which code this is: what a failing seed is printed with."""

from __future__ import annotations

import subprocess
from importlib.metadata import version
from pathlib import Path


def revision() -> str:
    """The commit of a checkout, with a "+" where files were changed since; else the version of the package."""
    folder = Path(__file__).parents[1]
    if (folder / ".git").exists():
        commit = _git(folder, "rev-parse", "--short=12", "HEAD")
        if commit:
            return commit + ("+" if _git(folder, "status", "--porcelain", "--untracked-files=no") else "")
    return f"motorpool {version('motorpool')}"


def _git(folder: Path, *words: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
