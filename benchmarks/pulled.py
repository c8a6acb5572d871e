"""A key set is pulled without asking: how long until that is in the book, on the disk."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from .figures import Bound, Figure
from .harness import ROOT, Bench
from .ledger import raw_append

CABINETS: Final = 40


class Pulled:
    name = "pulled"
    steps = 2

    def run(self, bench: Bench) -> Sequence[Figure]:
        program = bench.build("fsync")
        build = ROOT / "build"  # on the disk of the checkout: a scratch folder may be in memory
        build.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="pulled-", dir=build) as folder:
            bench.step("the disk's own pace")
            raw_s = raw_append(program, Path(folder))["p99_us"] / 1e6
            bench.step(f"sets pulled from {CABINETS} cabinets, polled as shipped")
            ours = bench.measure("clients.pulled", folder, CABINETS, timeout_s=120.0)
        interval_s = ours["interval_s"]
        return [
            Figure(
                name="Key set pulled to event durable, p99",
                ours=ours["p99_s"] * 1e3,
                peer=(1.05 * interval_s + 10 * raw_s) * 1e3,
                unit="ms",
                against="1.05 poll intervals and ten fdatasyncs",
                bound=Bound("<=", 1),
                parts=(
                    f"{ours['pulls']:.0f} pulls, p50 {ours['p50_s'] / interval_s:.3f} of the interval",
                    f"interval {interval_s * 1e3:.0f} ms, raw append p99 {raw_s * 1e6:.0f} us",
                ),
            )
        ]
