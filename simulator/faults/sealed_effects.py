"""What goes wrong with sealed terminals, and between a station and the authority whose papers they ask for."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING

from simulator.faults.scene import Effect, Effects, Scene, Undo, hang, nothing, together
from vehicle.sealed.codes import Code, Verb

if TYPE_CHECKING:
    from simulator.station import SealedSide

HOUR_S = 3600.0


def _sealed(scene: Scene) -> SealedSide:
    found = scene.site.sealed
    assert found is not None
    return found


def _papers(which: Callable[[SealedSide], list[Callable[[], None]]]) -> Effect:
    def effect(scene: Scene) -> Undo:
        return hang(which(_sealed(scene)), scene.meet)

    return effect


def _revoked(scene: Scene) -> Undo:
    """The grant at hand is taken back, and no other is given, until it is over."""
    papers, car = _sealed(scene).papers, scene.target
    held = papers.renewed(car)
    if held is None or held.grant.expires <= papers.authority.now():
        raise scene.impossible("the station has no grant that could be taken back")
    if held.grant.number in papers.authority.revoked:
        raise scene.impossible("its grant was taken back already")
    withheld = papers.withheld.setdefault(car, [])
    undo = together(hang(withheld, scene.meet), _when_logged(scene, Code.GRANT_REVOKED))
    papers.authority.revoke(held.grant.number)
    return undo


def _pushed_back(scene: Scene) -> Undo:
    """The clock is set back and stays so; the terminal does not trust it until the authority tells the time."""
    _sealed(scene).fleet.set_back(scene.target, scene.seconds(0.5 * HOUR_S, 6 * HOUR_S))
    return _when_logged(scene, Code.CLOCK_UNSURE, told_the_time=True)


def _power_cut(scene: Scene) -> Undo:
    """The supply goes and comes back; a clock without a battery stands where it was known last."""
    device, on_air = _sealed(scene).fleet.devices[scene.target], scene.on_air
    if on_air is not None and on_air.link is not None:
        on_air.link.drop()
    device.power_cycle(clock_kept=scene.happens(0.5))
    return nothing if on_air is None else hang(on_air.asked, scene.meet)


def _stuck(scene: Scene) -> Undo:
    return hang(_sealed(scene).cars[scene.target].stuck, scene.meet)


def _when_logged(scene: Scene, code: Code, *, told_the_time: bool = False) -> Undo:
    """Meet the fault when the terminal enters this refusal, or that it was told the time."""

    def entered(entry: Code, verb: int) -> None:
        if entry is code or (told_the_time and (entry, verb) == (Code.CONFIRMED, Verb.SET_TIME)):
            scene.meet()

    return hang(_sealed(scene).fleet.devices[scene.target].log.listeners, entered)


EFFECTS: Effects = MappingProxyType(
    {
        "authority_cut_off": _papers(lambda side: side.papers.cut_off),
        "revocations_late": _papers(lambda side: side.papers.lists_late),
        "grant_revoked": _revoked,
        "terminal_clock_pushed_back": _pushed_back,
        "terminal_power_cut": _power_cut,
        "car_locks_stuck": _stuck,
    }
)
