"""The table of fuzz targets: every parser that bytes from outside reach."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Final, TypeAlias

from fuzz_tools import Target

MODULES: Final = ("fuzz_cabinets", "fuzz_vehicles", "fuzz_sealed", "fuzz_files")

Table: TypeAlias = Mapping[str, tuple[str, Target]]
"""Targets by their names, each with the module that it is in."""


def targets() -> Table:
    """Every target, in the order in which they are fuzzed."""
    return {target.name: (module, target) for module in MODULES for target in import_module(module).TARGETS}
