"""What breaks at a cabinet: bolts, key switches, doors, supply."""

from __future__ import annotations

import asyncio
from types import MappingProxyType

from simulator.faults.scene import Effect, Effects, Flicker, Scene, Undo, hang, together
from simulator.model import Bolt, Door, Hinge, WorldError
from simulator.sensing import Feeler

HAND_MOVES = ("pulled", "overridden")
LONGEST_PULSE_S = 3.0
BATTERY_S = (1.5 * 3600, 6 * 3600)


def _bolt(trouble: Bolt | None) -> Effect:
    """A bolt that is jammed or welded; None: one whose solenoid is weak."""

    def effect(scene: Scene) -> Undo:
        cabinet, slot = scene.place
        needs_s = None if trouble else scene.seconds(LONGEST_PULSE_S, 10 * LONGEST_PULSE_S)
        scene.world.break_bolt(cabinet, slot, trouble, needs_s=needs_s)
        met_by = ("bolt_stuck", "pull_failed", *(HAND_MOVES if trouble is Bolt.WELDED else ()))
        return together(
            scene.watch(met_by, (cabinet, slot)), lambda: scene.world.break_bolt(cabinet, slot, None)
        )

    return effect


def _override(scene: Scene) -> Undo:
    cabinet, slot = scene.place
    set_id = scene.world.hanging(cabinet, slot)
    assert set_id is not None
    scene.world.override(set_id)
    scene.meet()

    def bring_back() -> None:
        if scene.world.where(set_id) is None and scene.world.hanging(cabinet, slot) is None:
            scene.world.put_by_override(set_id, cabinet, slot)

    return bring_back


def _stuck(level: bool | None) -> Effect:
    """A key switch that says the same whatever hangs there; None: its wire is broken, and the input gets nothing."""

    def effect(scene: Scene) -> Undo:
        def lie(truth: bool, inverted: bool) -> bool:
            said = inverted if level is None else level
            if said != truth:
                scene.meet()
            return said != inverted

        return _disturbed(scene, *scene.place, _presence(scene), lie)

    return effect


def _presence(scene: Scene) -> Feeler:
    """What tells that something is in the slot: the key's own switch, else the compartment's sensor."""
    keyed = scene.place in scene.hardware.sensors.fitted(Feeler.KEY)
    return Feeler.KEY if keyed else Feeler.COMPARTMENT


def _latch_stuck(scene: Scene) -> Undo:
    """Mostly it says from now on what is not so; else it is right until the bolt moves."""
    said = scene.world.unlocked(*scene.place) == scene.happens(0.7)

    def lie(truth: bool, inverted: bool) -> bool:
        if said != truth:
            scene.meet()
        return said != inverted

    return _disturbed(scene, *scene.place, Feeler.LATCH, lie)


def _disturbed(scene: Scene, cabinet: str, slot: int, feeler: Feeler, lie: object) -> Undo:
    mend = scene.hardware.sensors.disturb(cabinet, feeler, slot, lie)  # type: ignore[arg-type]
    scene.hardware.touch(cabinet)
    return together(mend, lambda: scene.hardware.touch(cabinet))


def _bounce(scene: Scene) -> Undo:
    cabinet, slot = scene.place
    flicker = Flicker(scene.random, scene.now, (0.02, 0.5), (0.002, 0.03))

    def lie(truth: bool, inverted: bool) -> bool:
        wrong = flicker.bad(scene.now)
        if wrong:
            scene.meet()
        return (truth != wrong) != inverted

    return together(
        scene.hardware.sensors.disturb(cabinet, _presence(scene), slot, lie), scene.disquiet(cabinet)
    )


def _half_seated(scene: Scene) -> Undo:
    cabinet, slot = scene.place
    flicker = Flicker(scene.random, scene.now, (0.2, 6.0), (0.2, 6.0))

    def lie(truth: bool, inverted: bool) -> bool:
        lost = truth and flicker.bad(scene.now)
        if lost:
            scene.meet()
        return (truth and not lost) != inverted

    return together(
        scene.hardware.sensors.disturb(cabinet, _presence(scene), slot, lie),
        scene.watch(HAND_MOVES, (cabinet, slot), scene.end),
        scene.disquiet(cabinet),
    )


def _hinge(hinge: Hinge, met_by: str) -> Effect:
    def effect(scene: Scene) -> Undo:
        scene.world.break_hinge(scene.target, hinge)
        return together(
            scene.watch((met_by,), (scene.target,)), lambda: scene.world.break_hinge(scene.target, None)
        )

    return effect


def _contact_broken(scene: Scene) -> Undo:
    def lie(truth: bool, inverted: bool) -> bool:
        if truth != inverted:
            scene.meet()
        return False

    return _disturbed(scene, scene.target, 0, Feeler.CONTACT, lie)


def _forced(scene: Scene) -> Undo:
    cabinet = scene.target
    try:
        scene.world.force_door(cabinet)
    except WorldError as error:
        raise scene.impossible(str(error)) from None

    def feel(truth: bool, inverted: bool) -> bool:
        if not truth:
            scene.meet()
        return truth != inverted

    watched = (cabinet, 0) in scene.hardware.sensors.fitted(Feeler.CONTACT)
    if not watched:
        scene.meet()
    mend = _disturbed(scene, cabinet, 0, Feeler.CONTACT, feel) if watched else lambda: None

    def shut() -> None:
        if scene.world.door(cabinet) is Door.OPEN:
            scene.world.shut_door(cabinet)

    return together(mend, shut)


def _mains_off(scene: Scene) -> Undo:
    """Boards live on the battery; each one that is asked then meets it. At last the battery is empty."""
    undos = _on_each_board(scene)
    if (scene.target, 0) in scene.hardware.sensors.fitted(Feeler.MAINS):
        gone = scene.hardware.sensors.disturb(scene.target, Feeler.MAINS, 0, lambda _felt, inverted: inverted)
        undos.append(gone)
    dark: list[Undo] = []

    def empty() -> None:
        dark.extend(_darken(scene))

    timer = asyncio.get_running_loop().call_later(scene.seconds(*BATTERY_S), empty)
    scene.world.note("mains", scene.target, 0)
    scene.hardware.touch(scene.target)

    def back() -> None:
        timer.cancel()
        scene.world.note("mains", scene.target, 1)
        together(*undos, *dark)()

    return back


def _battery_empty(scene: Scene) -> Undo:
    scene.world.note("mains", scene.target, 0)
    undo = together(*_on_each_board(scene), *_darken(scene))
    return together(undo, lambda: scene.world.note("mains", scene.target, 1))


def _on_each_board(scene: Scene) -> list[Undo]:
    boards = [each.board for each in scene.hardware.fitted if each.cabinet == scene.target]
    return [hang(board.intercepts, lambda _pdu: scene.meet()) for board in boards]


def _darken(scene: Scene) -> list[Undo]:
    labels = [each.label for each in scene.hardware.fitted if each.cabinet == scene.target]
    return [scene.hardware.darken(scene.target, label) for label in labels]


EFFECTS: Effects = MappingProxyType(
    {
        "pulse_too_short": _bolt(None),
        "latch_jammed": _bolt(Bolt.JAMMED),
        "latch_welded_open": _bolt(Bolt.WELDED),
        "override_used": _override,
        "key_switch_bounces": _bounce,
        "key_switch_stuck_present": _stuck(True),
        "key_switch_stuck_absent": _stuck(False),
        "key_wire_broken": _stuck(None),
        "latch_switch_stuck": _latch_stuck,
        "set_half_seated": _half_seated,
        "door_ajar": _hinge(Hinge.AJAR, "door_ajar"),
        "door_contact_broken": _contact_broken,
        "door_forced": _forced,
        "door_left_open": _hinge(Hinge.LEFT_OPEN, "door_left_open"),
        "mains_off": _mains_off,
        "battery_empty": _battery_empty,
    }
)
