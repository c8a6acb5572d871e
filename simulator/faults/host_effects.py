"""What breaks at the station's own computer: process, disk, wall clock."""

from __future__ import annotations

from types import MappingProxyType

from simulator.faults.scene import ClockPort, DiskPort, Effect, Effects, Flicker, Scene, Undo, hang, nothing

WRONG_S = (-3 * 86400.0, 3 * 86400.0)
STEP_S = (-7200.0, 7200.0)
SLOW_S = (0.2, 3.0)


def _disk(scene: Scene) -> DiskPort:
    assert scene.site.disk is not None
    return scene.site.disk


def _clock(scene: Scene) -> ClockPort:
    assert scene.site.clock is not None
    return scene.site.clock


def _killed(_scene: Scene) -> Undo:
    """Nothing here: whoever runs the station sees it in `Faults.active()`, kills, and calls `Faults.meet`."""
    return nothing


def _fails(scene: Scene) -> Undo:
    often = scene.seconds(0.3, 1.0)

    def fails() -> bool:
        if not scene.happens(often):
            return False
        scene.meet()
        return True

    return hang(_disk(scene).failing, fails)


def _slow(scene: Scene) -> Undo:
    def takes() -> float:
        scene.meet()
        return scene.seconds(*SLOW_S)

    return hang(_disk(scene).slow, takes)


def _wrong(scene: Scene) -> Undo:
    by_s = scene.seconds(*WRONG_S)

    def error(_now: float) -> float:
        scene.meet()
        return by_s

    return hang(_clock(scene).errors, error)


def _steps(scene: Scene) -> Undo:
    by_s = scene.seconds(*STEP_S)
    flicker = Flicker(scene.random, scene.now, (1.0, 120.0), (1.0, 120.0))

    def error(now: float) -> float:
        if not flicker.bad(now):
            return 0.0
        scene.meet()
        return by_s

    return hang(_clock(scene).errors, error)


def _full(scene: Scene) -> Undo:
    return hang(_disk(scene).full, scene.meet)


def _torn(scene: Scene) -> Undo:
    return hang(_disk(scene).torn, scene.meet)


def _cut(scene: Scene) -> Undo:
    return hang(_disk(scene).cut, scene.meet)


_ROWS: dict[str, Effect] = {
    "process_killed": _killed,
    "disk_full": _full,
    "disk_fails": _fails,
    "disk_slow": _slow,
    "disk_write_torn": _torn,
    "log_cut": _cut,
    "clock_wrong": _wrong,
    "clock_steps": _steps,
}
EFFECTS: Effects = MappingProxyType(_ROWS)
