"""What a polled 64-slot cabinet adds to a process: its board, slots, polling; and what a line does, which some share.

usage: python -m benchmarks.clients.cabinet_memory PORT CABINETS

The site file is read before: what it says is held once, whoever uses it. Memory is what Python's allocator hands out.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import tempfile
import tracemalloc
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.meter import report
from keycabinet import Cabinet, CabinetConfig, Line, LineUrl

SLOTS = 64
ON_A_LINE = 8
POLL_S = 0.1
SECONDS = 2.0
PROFILE = f"""
title = "a board of {SLOTS} relays and inputs"
source = "none: for benchmarks"
tried = "nowhere"
outputs = {{ start = 0, count = {SLOTS} }}
inputs = {{ start = 0, count = {SLOTS} }}
flash = {{ start = 0x0200, unit_ms = 100, default_ms = 200 }}
control_modes = {{ start = 0x1000, count = {SLOTS} }}
version = {{ register_address = 0x8000, scale = 100 }}
timing = {{ gap_ms = 5, reply_timeout_ms = 300 }}
"""


def _config(profile: Path, address: int) -> CabinetConfig:
    board = {"name": "a1", "line": "a", "address": address, "profile": str(profile), "slots": f"1-{SLOTS}"}
    return CabinetConfig.model_validate({"boards": [board], "poll_idle_s": POLL_S})


async def _cabinets(lines: Sequence[Line], configs: Sequence[CabinetConfig]) -> list[Cabinet]:
    opened = []
    for number, config in enumerate(configs):
        cabinet = Cabinet("A", config, {"a": lines[number // ON_A_LINE]})
        await cabinet.open()
        opened.append(cabinet)
    await asyncio.sleep(SECONDS)
    gc.collect()
    return opened


async def measure(url: LineUrl, count: int, profile: Path) -> Mapping[str, float]:
    """Bytes a cabinet while all are polled, and bytes of the line that several share."""
    configs = [_config(profile, number % ON_A_LINE + 1) for number in range(count)]
    lines = [await Line.open("a", url, exclusive=False)]
    cabinets = await _cabinets(lines, configs[:1])  # what is loaded once
    tracemalloc.start()
    lines += [await Line.open("a", url, exclusive=False) for _ in range(0, count, ON_A_LINE)]
    of_lines, _ = tracemalloc.get_traced_memory()
    cabinets += await _cabinets(lines[1:], configs)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    if not all(each.snapshot().online for each in cabinets):
        raise RuntimeError("a cabinet is not polled")
    for cabinet in cabinets:
        await cabinet.close()
    for line in lines:
        await line.close()
    return {"bytes": (used - of_lines) / count, "line_bytes": of_lines / (len(lines) - 1)}


def main(port: str, count: str) -> None:
    url = LineUrl.parse(f"modbus+tcp://127.0.0.1:{port}")
    with tempfile.TemporaryDirectory(prefix="motorpool-bench-") as folder:
        profile = Path(folder) / "board.toml"
        profile.write_text(PROFILE)
        report(asyncio.run(measure(url, int(count), profile)))


if __name__ == "__main__":
    main(*sys.argv[1:])
