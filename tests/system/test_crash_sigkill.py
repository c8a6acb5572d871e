"""The station is killed with SIGKILL at every write to a link and every commit, and started again.

The hardware runs on in a process of its own, and people go on too. Afterwards book and cabinet agree, the chain
verifies, no slot was opened twice, and the command that was under way answers as it did or does it once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from crash_station import Point
from crash_stories import (
    AFTERWARDS,
    MEANWHILE,
    NOBODY,
    Scene,
    Variant,
    begin_ledger,
    come_home,
    take,
    two_sets_out,
)

Story = Callable[[Scene, Variant, Point | None], Counter[str]]
AT_ONCE = 5
"""Points tried side by side; most of each is waiting for a wire."""
WHEN = {"write": ("before", "half", "after"), "commit": ("before", "after")}


def _tell(story: Story, variant: Variant, point: Point | None, folder: Path, ledger: Path) -> Counter[str]:
    scene = Scene(folder, ledger)
    try:
        return story(scene, variant, point)
    except (AssertionError, RuntimeError, TimeoutError) as error:
        raise AssertionError(f"{story.__name__}, {variant.name}, killed {point}: {error}") from error
    finally:
        scene.close()


def _at_every_point(
    story: Story, variant: Variant, folder: Path, ledger: Path
) -> tuple[Counter[str], list[Point]]:
    """Tell the story once whole to count, then once for each point; returns the counts and the points."""
    counts = _tell(story, variant, None, folder / "whole", ledger)
    points = [
        Point(kind, when, n) for kind in WHEN for n in range(1, counts[kind] + 1) for when in WHEN[kind]
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        told = [
            pool.submit(_tell, story, variant, point, folder / f"{number}", ledger)
            for number, point in enumerate(points)
        ]
        missed = sum(each.result()["missed"] for each in told)
    assert missed * 10 <= len(points), f"{missed} of {len(points)} points were not reached"
    counts["missed"] = missed
    return counts, points


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return begin_ledger(tmp_path_factory.mktemp("begun"))


@pytest.fixture(scope="module")
def both_out(tmp_path_factory: pytest.TempPathFactory, begun: Path) -> Path:
    return two_sets_out(tmp_path_factory.mktemp("both-out"), begun)


@pytest.mark.parametrize("variant", [MEANWHILE, AFTERWARDS, NOBODY], ids=lambda each: each.name)
def test_a_take_survives_sigkill(
    variant: Variant, begun: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    counts, points = _at_every_point(take, variant, tmp_path, begun)
    assert counts["commit"] >= 2  # intended, verdict
    assert counts["write"] >= 4  # door and slot, each pulsed and read back
    record_property("points", _summary("take", variant, counts, points))


@pytest.mark.parametrize("variant", [MEANWHILE, AFTERWARDS], ids=lambda each: each.name)
def test_a_coming_home_survives_sigkill(
    variant: Variant, both_out: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    counts, points = _at_every_point(come_home, variant, tmp_path, both_out)
    assert counts["commit"] >= 1  # identified
    assert counts["write"] >= 2  # the door, pulsed and read back
    record_property("points", _summary("coming home", variant, counts, points))


def _summary(story: str, variant: Variant, counts: Counter[str], points: list[Point]) -> str:
    return (
        f"{story}, {variant.name}: SIGKILL at {len(points) - counts['missed']} points "
        f"({counts['write']} writes before, half way and after, {counts['commit']} commits before and after)"
    )
