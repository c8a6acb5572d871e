"""The benchmarks' own bookkeeping: bounds, the table, the exit code. `make bench` does the measuring."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.figures import BenchmarkError, Bound, Figure
from benchmarks.harness import Bench, median
from benchmarks.rtu import Wire


@dataclass(frozen=True)
class Planned:
    """A benchmark whose result is known."""

    name: str
    figures: Sequence[Figure] = ()
    error: str = ""
    steps: int = 1

    def run(self, bench: Bench) -> Sequence[Figure]:
        bench.step("once")
        if self.error:
            raise BenchmarkError(self.error)
        return self.figures


def figure(name: str, ratio: float, bound: Bound | None) -> Figure:
    return Figure(name, ratio * 50, 50, "reads/s", "wire", bound, ("CPU 9 us",))


@pytest.mark.parametrize(
    ("bound", "ratio", "misses"),
    [
        (Bound(">=", 0.97), 0.97, False),
        (Bound(">=", 0.97), 0.969, True),
        (Bound("<=", 0.85), 0.85, False),
        (Bound("<=", 0.85), 0.86, True),
        (Bound("<", 1), 1.0, True),
        (None, 0.0, False),
    ],
)
def test_a_figure_misses_when_its_bound_does_not_hold(
    bound: Bound | None, ratio: float, misses: bool
) -> None:
    assert figure("x", ratio, bound).misses is misses


def test_a_miss_is_named_and_ends_with_exit_code_1(capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = figure("quick", 1.0, Bound(">=", 0.97)), figure("slow", 0.5, Bound(">=", 0.97))
    assert main([], [Planned("a", [good]), Planned("b", [bad])]) == 1
    out = capsys.readouterr().out
    assert "MISS slow: 0.500, must be >= 0.97" in out
    assert "MISS quick" not in out


def test_all_within_their_bounds_is_exit_code_0() -> None:
    assert main([], [Planned("a", [figure("quick", 1.0, Bound(">=", 0.97)), figure("free", 0.1, None)])]) == 0


def test_a_benchmark_that_cannot_run_fails_and_the_others_still_run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    written = tmp_path / "figures.json"
    planned = [Planned("a", error="gcc is not installed"), Planned("b", [figure("quick", 1.0, None)])]
    assert main(["--json", str(written)], planned) == 1
    assert "FAILED a: gcc is not installed" in capsys.readouterr().out
    data = json.loads(written.read_text())
    assert [row["name"] for row in data["figures"]] == ["quick"]
    assert data["failures"] == [{"benchmark": "a", "reason": "gcc is not installed"}]


def test_only_runs_the_named_benchmark(capsys: pytest.CaptureFixture[str]) -> None:
    planned = [Planned("a", error="not this one"), Planned("b", [figure("quick", 1.0, None)])]
    assert main(["--only", "b", "--markdown"], planned) == 0
    assert "| quick | 50 reads/s | wire 50 | 1.000 | - | - | CPU 9 us |" in capsys.readouterr().out


def test_the_median_is_taken_figure_by_figure() -> None:
    rounds = [{"a": 1.0, "b": 9.0}, {"a": 3.0, "b": 7.0}, {"a": 2.0, "b": 8.0}]
    assert median(rounds) == {"a": 2.0, "b": 8.0}


def test_the_wire_limit_is_that_of_the_modbus_standard() -> None:
    """21 characters and two silences: 3.5 characters each to 19200 baud, 1.75 ms above."""
    assert Wire(9600, 11).read_s(0.0) == pytest.approx(0.03208, abs=1e-5)
    assert Wire(115200, 10).read_s(0.0) == pytest.approx(0.00532, abs=1e-5)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed (Debian: gcc, libc6-dev)")
def test_the_c_programs_build_and_end_when_told(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lambda text: None)
    with bench.peer("rtu_device", 9600, 10, 0.005) as device:
        assert device.where.startswith("/dev/")
        assert device.finish()["frames"] == 0
    with bench.peer("tcp_server") as server:
        assert int(server.where) > 0


def test_a_benchmark_whose_program_fails_says_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"(?s)clients\.rtu motorpool nonsense.* failed:.*nonsense"):
        Bench(tmp_path, lambda text: None).measure("clients.rtu", "motorpool", "nonsense", 1, 0, 1)
