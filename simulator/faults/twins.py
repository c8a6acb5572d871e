"""Boards whose addresses are wrong: a twin at the same one, two that came back with each other's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from simulator.cabinets.board import RelayBoard
from simulator.cabinets.devices import build_device
from simulator.cabinets.frames import seal_rtu
from simulator.cabinets.wire import AnyBoard
from simulator.faults.scene import Scene, Undo, hang, together

LATE_S = (0.005, 0.04)
AT_THE_SWITCHES_S = (20.0, 120.0)
"""How long two boards are without supply while somebody sets their addresses."""

Together = Callable[[bytes, bytes], bytes]


class Twin:
    """A board of the same make, without locks or sensors, that hears what the first one hears."""

    def __init__(self, scene: Scene) -> None:
        made = build_device(
            scene.fitted.config, sense=lambda _channel: False, switched=lambda _channel, _on: None
        )
        assert made is not None
        self._board: AnyBoard = made
        self._reply: Callable[[], bytes] | None = None

    def hear(self, request: bytes) -> None:
        """Take a request as `intercepts` see it, and keep the answer."""
        board = self._board
        self._reply = None
        if isinstance(board, RelayBoard):
            reply = board.handle(request)
            self._reply = None if reply is None else partial(seal_rtu, board.address, reply)
            return
        heard = board.find(request)
        answer = None if heard is None else board.answer(request, heard)
        self._reply = None if answer is None else answer.frame

    def says(self) -> bytes:
        """Its answer to what it heard last, once."""
        reply, self._reply = self._reply, None
        return b"" if reply is None else reply()


def address_taken_twice(scene: Scene, board: AnyBoard) -> Undo:
    """How far apart the two answer is drawn once: at once (nobody can tell their bytes apart), one behind the other."""
    twin, wire = Twin(scene), scene.wire(scene.fitted.line)
    joined: Together = scene.random.choice((_garbled(scene), _garbled(scene), _first, _second, _late(scene)))

    def both(reply: bytes) -> bytes:
        other = twin.says() if board.said(reply) else b""
        if not other:
            return reply
        scene.meet()
        return joined(reply, other)

    return together(hang(board.intercepts, twin.hear), hang(wire.on_reply, both))


def _garbled(scene: Scene) -> Together:
    """Both drive the line: where they overlap its level is anybody's guess."""

    def overlap(reply: bytes, _other: bytes) -> bytes:
        begins = scene.random.randrange(len(reply))
        return reply[:begins] + bytes(byte & scene.random.randrange(256) for byte in reply[begins:])

    return overlap


def _first(reply: bytes, other: bytes) -> bytes:
    return reply + other


def _second(reply: bytes, other: bytes) -> bytes:
    return other + reply


def _late(scene: Scene) -> Together:
    """The twin is slower: its answer comes when nobody waits for one."""
    wire, behind_s = scene.wire(scene.fitted.line), scene.seconds(*LATE_S)

    def later(reply: bytes, other: bytes) -> bytes:
        length_s = len(reply) * wire.character_s
        asyncio.get_running_loop().call_later(length_s + behind_s, wire.say, other)
        return reply

    return later


def boards_swapped(scene: Scene) -> Undo:
    """Both are dark for as long as somebody is at their switches; they are mended too quickly for anybody to notice."""
    pair = scene.pair
    if any(each.board.address != each.config.address for each in pair):
        raise scene.impossible("one of them has another board's address already")
    one, other = pair
    loop = asyncio.get_running_loop()
    give_back = together(*(scene.hardware.darken(each.cabinet, each.label) for each in pair))
    state = {"dark": True}

    def come_back() -> None:
        state["dark"] = False
        one.board.address, other.board.address = other.config.address, one.config.address
        give_back()

    timer = loop.call_later(scene.seconds(*AT_THE_SWITCHES_S), come_back)

    def asked(request: bytes) -> bytes:
        """Boards of other makes do not even understand what is meant for the one whose address they have."""
        if not state["dark"]:
            scene.meet()
        return request

    hung = hang(scene.wire(one.line).on_request, asked)

    def mended() -> None:
        hung()
        timer.cancel()
        off = give_back
        if not state["dark"]:
            off = together(*(scene.hardware.darken(each.cabinet, each.label) for each in pair))
        for each in pair:
            each.board.address = each.config.address
        off()

    return mended
