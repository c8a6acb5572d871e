"""Our import names are common words; a host's own package of the same name must not be taken for ours."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("keycabinet", "vehicle", "lifecycle", "simulator", "api")


def shadows(home: Path, names: Iterable[str] = PACKAGES) -> list[str]:
    """One sentence for each package that Python would import from elsewhere than `home`, where ours are."""
    found = []
    for name in names:
        if not (home / name / "__init__.py").is_file():
            continue  # not installed here, or installed in another way: nothing to compare with
        spec = find_spec(name)
        origin = None if spec is None or spec.origin is None else Path(spec.origin)
        if origin is None or origin.resolve() != (home / name / "__init__.py").resolve():
            found.append(
                f"the package {name!r} of motorpool is hidden by {origin or 'a folder without code'}: "
                "rename that one, start elsewhere, or take its folder out of PYTHONPATH"
            )
    return found
