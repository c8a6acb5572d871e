"""What breaks between a fob and the station: readers that are silent or garble, fobs that break or are exchanged."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from keycabinet.fobs import Fob, FobKind
from keycabinet.readers.onewire import crc8
from simulator.faults.scene import Effect, Effects, Scene, Undo, hang, together


def _dead(scene: Scene) -> Undo:
    return hang(scene.reader.dead, scene.meet)


def _garbles(scene: Scene) -> Undo:
    often = scene.seconds(0.3, 1.0)

    def flip(answer: bytes) -> bytes:
        if not answer or not scene.happens(often):
            return answer
        scene.meet()
        bit = scene.random.randrange(8 * len(answer))
        changed = bytearray(answer)
        changed[bit // 8] ^= 1 << bit % 8
        return bytes(changed)

    return hang(scene.reader.garbles, flip)


def _fobs(instead: Callable[[Scene, tuple[Fob, ...]], tuple[Fob, ...]]) -> Effect:
    def effect(scene: Scene) -> Undo:
        tags, set_id = scene.hardware.tags, scene.target
        own = tags.on(set_id)
        tags.replace(set_id, *instead(scene, own))
        return together(hang(tags.looks[set_id], scene.meet), lambda: tags.replace(set_id, *own))

    return effect


def _strange(scene: Scene, own: tuple[Fob, ...]) -> Fob:
    """A fob of the same kind that is in nobody's roster."""
    number = scene.random.randrange(1 << 32)
    match own[0].kind:
        case FobKind.EM:
            code = number | 1 << 31
            return Fob(FobKind.EM, f"{code:08X}")
        case FobKind.EPC:
            return Fob(FobKind.EPC, f"DEAD{number:08X}")
        case FobKind.ROM:
            body = bytes((0x01,)) + (number | 1 << 40).to_bytes(6, "little")
            return Fob(FobKind.ROM, (body + bytes((crc8(body),))).hex().upper())


EFFECTS: Effects = MappingProxyType(
    {
        "reader_dead": _dead,
        "reader_garbles": _garbles,
        "fob_silent": _fobs(lambda _scene, _own: ()),
        "fob_doubled": _fobs(lambda scene, own: (*own, _strange(scene, own))),
        "fob_foreign": _fobs(lambda scene, own: (_strange(scene, own),)),
    }
)
