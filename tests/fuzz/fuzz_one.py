"""Fuzzes one target until its time is over or it breaks; `python tests/fuzz` starts one of these for each.

usage: python tests/fuzz/fuzz_one.py MODULE TARGET CORPUS_FOLDER [libFuzzer options]
"""

from __future__ import annotations

import sys
from importlib import import_module

import atheris

PARSERS = ("keycabinet", "vehicle", "lifecycle", "simulator.terminals")
"""The packages whose branches guide the fuzzer: they must be imported here first."""

MODULE, NAME, *REST = sys.argv[1:]
with atheris.instrument_imports(include=list(PARSERS)):
    (TARGET,) = (target for target in import_module(MODULE).TARGETS if target.name == NAME)
atheris.Setup([sys.argv[0], *REST], TARGET.run)
atheris.Fuzz()
