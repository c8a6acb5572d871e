"""A station in virtual time for every test of this folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from recorded_events import every_event_fits_its_schema  # noqa: F401 - for every test
from station_bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
