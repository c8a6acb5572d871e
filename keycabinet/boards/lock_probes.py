"""Finds lock boards with protocols of their own by their queries of all locks, which move nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from keycabinet.boards.kerong import CU16_SHAPE, CU48_SHAPE, EVERY_BOARD
from keycabinet.boards.wkly import CHANNELS
from keycabinet.boards.xor_8a import LOCKS
from keycabinet.line import Line
from keycabinet.probing import Ask, Found, NotUnderstood, Probe, hear
from keycabinet.protocols import kerong, wkly, xor_8a
from keycabinet.protocols.framing import Framing

LIKELY_LOCKS = 8
"""The least that is taken for likely where a board does not tell how many locks it has."""
Judge = Callable[[str, int, bytes], Found | None]
"""What a whole frame with a right check value says of the device at an address: None when it is not its answer."""


def frames(framing: Framing, data: bytes) -> Iterator[bytes]:
    """Every whole frame with a right check value, however it stands among other bytes."""
    offset = 0
    while offset < len(data):
        fitting = (
            data[offset : offset + length]
            for length in framing.lengths(data, offset)
            if offset + length <= len(data) and framing.fits(data[offset : offset + length])
        )
        frame = next(fitting, b"")
        if frame:
            yield frame
        offset += len(frame) or 1


def asking(family: str, framing: Framing, question: Callable[[int], bytes], size: int, judge: Judge) -> Ask:
    """An `Ask` from a family's query of all locks, the longest reply to it, and what a reply tells."""

    async def ask(line: Line, address: int, wait_s: float) -> Found | None:
        name = f"{family} at address {address}"
        heard = await hear(line, name, question(address), size, wait_s)
        answers = [found for frame in frames(framing, heard) if (found := judge(family, address, frame))]
        if not answers and heard:
            heard = await hear(line, name, question(address), size, wait_s)  # perhaps noise
            answers = [found for frame in frames(framing, heard) if (found := judge(family, address, frame))]
        if len(answers) > 1:
            raise NotUnderstood(
                name,
                f"{len(answers)} answers came to one question: two boards at address {address}, or an echo; take "
                "one of them off the line and give it an address of its own",
            )
        if not answers and heard:
            raise NotUnderstood(name, f"{_shown(heard)} came, which is no answer")
        return answers[0] if answers else None

    return ask


def _shown(data: bytes) -> str:
    return f"{data[:12].hex(' ').upper()}{' ...' if len(data) > 12 else ''}"


# -- 8A


def _judge_8a(family: str, address: int, frame: bytes) -> Found | None:
    if frame[0] != xor_8a.Head.QUERY or frame[1] != address or len(frame) < 7:
        return None
    states = int.from_bytes(frame[2:-2], "big")
    fitting = [locks for locks, count in LOCKS.items() if count == len(frame) - 4]
    used = states.bit_length()
    likely = sorted(fitting, key=lambda locks: (locks < max(used, LIKELY_LOCKS), locks))
    doubts = []
    if len(likely) > 1:
        sizes = ", ".join(str(locks) for locks in sorted(fitting))
        doubts.append(
            f"boards of {sizes} locks answer alike; {likely[0]} is a guess from the states that are not zero"
        )
    return Found(
        family,
        address,
        tuple(f"xor-8a-{locks}" for locks in likely),
        f"a map of {len(frame) - 4} bytes: {frame[2:-2].hex(' ').upper()}",
        outputs=likely[0],
        inputs=likely[0],
        doubts=tuple(doubts),
    )


def _ask_8a(address: int) -> bytes:
    return xor_8a.AskStates("", address, 8, 3).request


# -- Kerong


def _judge_cu48(family: str, address: int, frame: bytes) -> Found | None:
    if frame[1] != address or frame[3] != 0x75:
        return None
    states = frame[4:-2].hex(" ").upper()
    return Found(
        family,
        address,
        ("kerong-cu48-60",),
        f"locks and items {states}",
        outputs=CU48_SHAPE.outputs,
        inputs=CU48_SHAPE.inputs,
    )


def _judge_cu16(family: str, address: int, frame: bytes) -> Found | None:
    if frame[1] >> 4 != address or frame[2] != 0x35:
        return None
    states = frame[3:-2].hex(" ").upper()
    return Found(
        family,
        address,
        ("kerong-cu16",),
        f"locks and items {states}",
        outputs=CU16_SHAPE.outputs,
        inputs=CU16_SHAPE.inputs,
    )


# -- WKLY


def _judge_wkly(family: str, address: int, frame: bytes) -> Found | None:
    if frame[5] != address or frame[6] != wkly.Command.ASK_ALL or len(frame) < 10:
        return None
    count = frame[8]
    known = (f"wkly-{count}",) if count in CHANNELS else ()
    doubts = () if known else (f"no profile has {count} channels",)
    return Found(
        family, address, known, f"names {count} channels", outputs=count, inputs=count, doubts=doubts
    )


def _ask_wkly(address: int) -> bytes:
    return wkly.Frame(address, wkly.Command.ASK_ALL, b"").encode()


_CU48_ADDRESSES = tuple(each for each in range(256) if each != EVERY_BOARD)

PROBES = (
    Probe(
        "xor-8a",
        "8A lock boards",
        asking("xor-8a", xor_8a.FRAMING_8A, _ask_8a, 11, _judge_8a),
        addresses=range(1, 201),
        usual=range(1, 33),
        profiles=tuple(f"xor-8a-{locks}" for locks in LOCKS),
    ),
    Probe(
        "kerong-cu48-60",
        "Kerong CU48B and newer",
        asking(
            "kerong-cu48-60",
            kerong.CU48,
            lambda address: kerong.ask_cu48("", address).request,
            18,
            _judge_cu48,
        ),
        addresses=_CU48_ADDRESSES,
        usual=tuple(each for each in _CU48_ADDRESSES if each < 32),
        profiles=("kerong-cu48-60",),
        factory="19200 8N1",
    ),
    Probe(
        "kerong-cu16",
        "Kerong CU16",
        asking(
            "kerong-cu16", kerong.CU16, lambda address: kerong.ask_cu16("", address).request, 9, _judge_cu16
        ),
        addresses=range(16),
        usual=range(16),
        profiles=("kerong-cu16",),
        factory="19200 8N1",
    ),
    Probe(
        "wkly",
        "WKLY lock boards",
        asking("wkly", wkly.FRAMING_WKLY, _ask_wkly, 10 + max(CHANNELS), _judge_wkly),
        addresses=range(256),
        usual=range(32),
        profiles=tuple(f"wkly-{channels}" for channels in CHANNELS),
    ),
)
