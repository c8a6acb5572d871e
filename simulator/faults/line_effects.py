"""What breaks between station and lock: boards, wires, gateways."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import MappingProxyType

from simulator.cabinets.board import Mode
from simulator.cabinets.lock_device import LockDevice
from simulator.cabinets.wire import AnyBoard
from simulator.faults.scene import Effect, Effects, Scene, Undo, hang, nothing, together
from simulator.faults.twins import address_taken_twice, boards_swapped

EXCEPTIONS = (4, 6)  # device failure, device busy; Modbus Application Protocol V1.1b3, 7
LATE_S = (0.1, 1.5)
QUIET_NEEDED_S = (0.006, 0.03)
REBOOT_S = (0.2, 3.0)


def _on_board(hook: Callable[[Scene, AnyBoard], Undo]) -> Effect:
    def effect(scene: Scene) -> Undo:
        return together(hook(scene, scene.board), scene.disquiet(scene.fitted.cabinet))

    return effect


def _dead(scene: Scene, board: AnyBoard) -> Undo:
    met = hang(board.intercepts, lambda _pdu: scene.meet())
    return together(met, scene.hardware.darken(scene.fitted.cabinet, scene.fitted.label))


def _slow(scene: Scene, board: AnyBoard) -> Undo:
    def late() -> float:
        scene.meet()
        return scene.seconds(*LATE_S)

    return hang(board.delays, late)


def _swallows(scene: Scene, board: AnyBoard) -> Undo:
    needed_s = scene.seconds(*QUIET_NEEDED_S)

    def deaf(quiet_s: float) -> bool:
        missed = quiet_s < needed_s
        if missed:
            scene.meet()
        return missed

    return hang(board.deaf, deaf)


def _factory(scene: Scene, board: AnyBoard) -> Undo:
    """The supply dips, and the board comes back as it left the factory; who mends it sets it right and restarts it."""
    give_back = scene.hardware.darken(scene.fitted.cabinet, scene.fitted.label)
    state = {"dark": True}

    def restarted() -> None:
        state["dark"] = False
        scene.relay_board.link(Mode.LINKAGE)
        give_back()

    timer = asyncio.get_running_loop().call_later(scene.seconds(*REBOOT_S), restarted)

    def asked(_pdu: bytes) -> None:
        if not state["dark"]:
            scene.meet()

    def mended() -> None:
        timer.cancel()
        off = give_back if state["dark"] else scene.hardware.darken(scene.fitted.cabinet, scene.fitted.label)
        scene.relay_board.link(Mode.NORMAL)
        off()

    return together(hang(board.intercepts, asked), mended)


def _exceptions(scene: Scene, board: AnyBoard) -> Undo:
    code, often = scene.random.choice(EXCEPTIONS), scene.seconds(0.2, 1.0)

    def instead(pdu: bytes) -> bytes | None:
        if not pdu or not scene.happens(often):
            return None
        scene.meet()
        return bytes((pdu[0] | 0x80, code))

    return hang(board.intercepts, instead)


def _pushes_lost(scene: Scene) -> Undo:
    board = scene.board
    assert isinstance(board, LockDevice)
    return hang(board.unheard, scene.meet)


def _swapped(scene: Scene) -> Undo:
    return together(boards_swapped(scene), scene.disquiet(*(each.cabinet for each in scene.pair)))


def _on_wire(hook: Callable[[Scene], Undo]) -> Effect:
    def effect(scene: Scene) -> Undo:
        scene.wire(scene.target)  # before anything is changed
        return together(hook(scene), scene.disquiet_line(scene.target))

    return effect


def _noise(scene: Scene) -> Undo:
    often = scene.seconds(0.05, 0.4)

    def add(frame: bytes) -> bytes:
        if not scene.happens(often):
            return frame
        scene.meet()
        noise = scene.random.randbytes(scene.random.randrange(1, 5))
        return noise + frame if scene.happens(0.5) else frame + noise

    wire = scene.wire(scene.target)
    return together(hang(wire.on_request, add), hang(wire.on_reply, add))


def _corrupt(scene: Scene) -> Undo:
    often = scene.seconds(0.05, 0.4)

    def flip(frame: bytes) -> bytes:
        if not scene.happens(often):
            return frame
        scene.meet()
        bit = scene.random.randrange(8 * len(frame))
        changed = bytearray(frame)
        changed[bit // 8] ^= 1 << bit % 8
        return bytes(changed)

    wire = scene.wire(scene.target)
    return together(hang(wire.on_request, flip), hang(wire.on_reply, flip))


def _echo(scene: Scene) -> Undo:
    return hang(scene.wire(scene.target).echoes, scene.meet)


def _cut(scene: Scene) -> Undo:
    return hang(scene.wire(scene.target).on_request, lambda _frame: scene.meet())


def _unplugged(scene: Scene) -> Undo:
    plug = scene.plug
    undo = hang(plug.refusals, scene.meet)
    if plug.connected:
        scene.meet()
    plug.unplug()
    return together(undo, scene.disquiet_line(scene.target))


def _on_gateway(hook: Callable[[Scene], Undo]) -> Effect:
    def effect(scene: Scene) -> Undo:
        return together(hook(scene), scene.disquiet_line(scene.target))

    return effect


def _reset(scene: Scene) -> Undo:
    if scene.gateway.connected:
        scene.meet()
    scene.gateway.cut()
    return nothing


def _half_open(scene: Scene) -> Undo:
    return scene.gateway.deafen(scene.meet)


def _network_slow(scene: Scene) -> Undo:
    usual_s = scene.seconds(0.02, 0.3)

    def late() -> float:
        scene.meet()
        return scene.seconds(0.5 * usual_s, 2.0 * usual_s)

    return hang(scene.gateway.delays, late)


def _refused(scene: Scene) -> Undo:
    undo = hang(scene.gateway.refusals, scene.meet)
    scene.gateway.cut()
    return undo


def _restarts(scene: Scene) -> Undo:
    """While it boots nothing passes and nobody is let in; then it knows nothing of the old connections."""
    return together(hang(scene.gateway.refusals, scene.meet), scene.gateway.deafen(scene.meet))


EFFECTS: Effects = MappingProxyType(
    {
        "board_dead": _on_board(_dead),
        "board_slow": _on_board(_slow),
        "board_swallows_frames": _on_board(_swallows),
        "board_reset_to_factory": _on_board(_factory),
        "board_answers_exceptions": _on_board(_exceptions),
        "address_taken_twice": _on_board(address_taken_twice),
        "boards_swapped": _swapped,
        "pushes_lost": _pushes_lost,
        "line_noise": _on_wire(_noise),
        "frames_corrupted": _on_wire(_corrupt),
        "line_echoes": _on_wire(_echo),
        "line_cut": _on_wire(_cut),
        "serial_unplugged": _unplugged,
        "tcp_cut": _on_gateway(_reset),
        "tcp_half_open": _on_gateway(_half_open),
        "tcp_slow": _on_gateway(_network_slow),
        "tcp_refused": _on_gateway(_refused),
        "gateway_restarted": _on_gateway(_restarts),
    }
)
