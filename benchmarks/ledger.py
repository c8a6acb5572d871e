"""The full durable step against the disk's own pace: 4 KiB appended to a growing file and fdatasync, in C."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from .figures import BenchmarkError, Bound, Figure
from .harness import ROOT, ROUNDS, Bench, Sample, median

APPENDS: Final = 2000
STEPS: Final = {1: 3000, 64: 19_200}
"""How many steps are committed, by the number of waiters."""
BOUNDS: Final = {1: Bound(">=", 0.5), 64: Bound(">=", 10)}

PARTS: Final = {
    "chain": "chain_us",
    "SQL": "sql_us",
    "commit with its fsync": "commit_us",
    "loop and hop": "hop_us",
}


class Ledger:
    name = "ledger"
    steps = ROUNDS * len(STEPS)

    def run(self, bench: Bench) -> Sequence[Figure]:
        raw: dict[int, list[Sample]] = {waiters: [] for waiters in STEPS}
        ours: dict[int, list[Sample]] = {waiters: [] for waiters in STEPS}
        program = bench.build("fsync")
        build = ROOT / "build"  # on the disk of the checkout: a scratch folder may be in memory
        build.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="ledger-", dir=build) as folder:
            for turn in range(ROUNDS):
                for waiters, count in STEPS.items():
                    bench.step(f"{waiters} waiting, round {turn + 1}")
                    before = raw_append(program, Path(folder))
                    file = Path(folder) / f"{waiters}-{turn}.sqlite"
                    ours[waiters].append(bench.measure("clients.ledger", file, waiters, count))
                    raw[waiters].append(median([before, raw_append(program, Path(folder))]))
        return [_figure(waiters, median(ours[waiters]), median(raw[waiters])) for waiters in STEPS]


def raw_append(program: Path, folder: Path) -> Sample:
    """The pace of the disk that the folder is on, in the C program `fsync`."""
    command = [str(program), str(folder / "raw"), str(APPENDS)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if ran.returncode:
        raise BenchmarkError(f"fsync failed: {ran.stderr.strip()}")
    values: dict[str, float] = json.loads(ran.stdout)
    return values


def _figure(waiters: int, ours: Sample, raw: Sample) -> Figure:
    parts = [f"{part} {ours[key]:.1f} us" for part, key in PARTS.items()]
    pace = f"raw append p50 {raw['p50_us']:.0f} us, p99 {raw['p99_us']:.0f} us"
    return Figure(
        name=f"Ledger, {waiters} waiting, full durable step",
        ours=ours["per_s"],
        peer=raw["per_s"],
        unit="steps/s",
        against="4 KiB append + fdatasync",
        bound=BOUNDS[waiters],
        parts=(f"a step: {', '.join(parts)}", f"CPU {ours['cpu_us']:.1f} us a step; {pace}"),
    )
