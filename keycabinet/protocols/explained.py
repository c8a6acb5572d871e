"""Takes frames of lock boards apart for people; the codecs are those of the boards beside this file."""

from __future__ import annotations

from keycabinet.decoding import Direction, Explanation, Part, WireProtocol
from keycabinet.errors import ForeignReply, LyingLength, NotAFrame, WrongReply
from keycabinet.protocols import kerong, wkly, xor_8a
from keycabinet.protocols.kerong import CU16, CU48, KerongFraming
from keycabinet.protocols.xor_8a import Head

XOR_8A, WKLY = "xor-8a", "wkly"
_HEADS = {
    Head.QUERY: "query",
    Head.PUSH: "pushed change",
    Head.VERSION: "firmware version",
    Head.UNLOCK: "unlock",
    Head.SEVERAL: "open several",
    Head.HOLD: "hold on",
    Head.RELEASE: "hold off",
    Head.TEST: "test",
}
_KERONG = {
    0x30: "ask states",
    0x31: "unlock",
    0x32: "ask states of all boards",
    0x33: "unlock all",
    0x35: "states",
    0x36: "states of all boards",
    0x60: "ask states",
    0x61: "unlock",
    0x75: "states",
    0x77: "meaning not documented",
}


def _bits(mask: int, what: str) -> str:
    numbers = [str(bit + 1) for bit in range(mask.bit_length()) if mask >> bit & 1]
    return f"{what} {', '.join(numbers)}" if numbers else f"no {what}"


# 8A


def _lock(number: int) -> str:
    return str(number) if number else "all"


def _xor_head(frame: bytes) -> list[Part]:
    decoded = xor_8a.decode(frame)
    return [
        Part("head", frame[:1], _HEADS[decoded.head]),
        Part("board", frame[1:2], str(decoded.board)),
    ]


def _explained(name: str, direction: Direction, parts: list[Part], encoded: bytes) -> Explanation:
    summary = "; ".join(
        f"{part.name} {part.meaning}" for part in parts if part.name not in ("start", "end", "check")
    )
    return Explanation(name, direction, summary, tuple(parts), encoded)


def _xor_request(frame: bytes) -> Explanation:
    parts = _xor_head(frame)
    head = frame[0]
    if head == Head.PUSH:
        raise NotAFrame(XOR_8A, "head 81: only boards send it")
    if head == Head.SEVERAL:
        mask = int.from_bytes(frame[2:-1], "little")
        parts.append(Part("locks", frame[2:-1], _bits(mask, "lock")))
    else:
        if head == Head.QUERY and frame[3] not in (xor_8a.ASK, xor_8a.ASK_ADDRESS):
            raise NotAFrame(XOR_8A, f"function {frame[3]:02X}; a query has 33, or 99 for its own address")
        if head == Head.QUERY and len(frame) > 5:
            raise LyingLength(XOR_8A, f"{len(frame)} bytes; a query has 5")
        parts += [
            Part("lock", frame[2:3], _lock(frame[2])),
            Part(
                "function",
                frame[3:4],
                {0x11: "act", 0x33: "ask", 0x99: "ask address"}.get(frame[3], "") or f"{frame[3]:02X}",
            ),
        ]
        if len(frame) == 6:
            parts.append(Part("pulse", frame[4:5], f"{frame[4]} s"))
    parts.append(Part("check", frame[-1:], "right"))
    return _explained(XOR_8A, Direction.REQUEST, parts, xor_8a.decode(frame).encode())


def _xor_reply(frame: bytes, asked: bytes | None) -> Explanation:
    parts = _xor_head(frame)
    if asked is not None:
        _xor_answers(frame, asked)
    if frame[0] == Head.QUERY and len(frame) > 5:
        mask = int.from_bytes(frame[2:-2], "big")
        parts.append(Part("map", frame[2:-2], f"{_bits(mask, 'lock')} in state 11, highest group first"))
        parts.append(Part("function", frame[-2:-1], "all states"))
    elif frame[0] == Head.SEVERAL:
        parts.append(Part("data", frame[2:-1], frame[2:-1].hex(" ").upper()))
    else:
        parts.append(Part("lock", frame[2:3], _lock(frame[2])))
        parts.append(
            Part("state", frame[3:4], f"{frame[3]:02X}; which is shut depends on the feedback switch")
        )
        if len(frame) == 6:
            parts.append(Part("pulse", frame[4:5], f"{frame[4]} s"))
    parts.append(Part("check", frame[-1:], "right"))
    return _explained(XOR_8A, Direction.REPLY, parts, xor_8a.decode(frame).encode())


def _xor_answers(frame: bytes, asked: bytes) -> None:
    if frame[0] != asked[0]:
        raise WrongReply(XOR_8A, f"head {asked[0]:02X} was asked, {frame[0]:02X} answered")
    if frame[1] != asked[1]:
        raise ForeignReply(XOR_8A, asked[1], frame[1])
    if (
        len(frame) == 5
        and frame[2] != asked[2]
        and frame[0] != Head.VERSION
        and asked[3] != xor_8a.ASK_ADDRESS
    ):
        raise WrongReply(XOR_8A, f"lock {asked[2]} was asked, {frame[2]} answered")


# Kerong


def _kerong(framing: KerongFraming, title: str, requests: tuple[int, ...]) -> WireProtocol:
    name, at = framing.name, framing.command_at
    short = at == 2

    def take_apart(frame: bytes) -> tuple[kerong.Frame, list[Part]]:
        decoded = framing.decode(frame)
        lock = frame[1] & 15 if short else frame[2]
        board = frame[1] >> 4 if short else frame[1]
        parts = [Part("start", frame[:1], "")]
        if short:
            parts.append(Part("address", frame[1:2], f"board {board}, lock {lock + 1}"))
        else:
            parts.append(Part("board", frame[1:2], str(board)))
            parts.append(Part("lock", frame[2:3], "all" if lock == 48 else str(lock + 1)))
        parts.append(Part("command", frame[at : at + 1], _KERONG[decoded.command]))
        half = len(decoded.data) // 2
        if half:
            locks = int.from_bytes(decoded.data[:half], "little")
            items = int.from_bytes(decoded.data[half:], "little")
            parts.append(Part("locks", decoded.data[:half], f"{_bits(locks, 'lock')} set"))
            parts.append(Part("items", decoded.data[half:], f"{_bits(items, 'item')} set"))
        parts += [Part("end", frame[-2:-1], ""), Part("check", frame[-1:], "right")]
        return decoded, parts

    def request(frame: bytes) -> Explanation:
        decoded, parts = take_apart(frame)
        if decoded.command not in requests:
            raise NotAFrame(name, f"command {decoded.command:02X}: only boards send it")
        return _explained(name, Direction.REQUEST, parts, decoded.encode())

    def reply(frame: bytes, asked: bytes | None) -> Explanation:
        decoded, parts = take_apart(frame)
        if asked is None and decoded.command in requests:
            raise NotAFrame(name, f"command {decoded.command:02X}: only hosts send it")
        if asked is not None and frame[1] != asked[1]:
            raise ForeignReply(name, asked[1], frame[1])
        wanted = None if asked is None else {0x30: 0x35, 0x32: 0x36, 0x60: 0x75}.get(asked[at])
        if wanted is not None and decoded.command != wanted:
            raise WrongReply(name, f"command {decoded.command:02X} answered, {wanted:02X} was expected")
        return _explained(name, Direction.REPLY, parts, decoded.encode())

    return WireProtocol(name, title, reply, request)


# WKLY

_TO_ONE = (wkly.Command.FLASH, wkly.Command.OPEN, wkly.Command.ASK, wkly.Command.HOLD, wkly.Command.RELEASE)
_TO_SEVERAL = (wkly.Command.OPEN_AT_ONCE, wkly.Command.OPEN_IN_TURN)


def _wkly_parts(frame: bytes, data: list[Part]) -> list[Part]:
    command = wkly.Command(frame[6]).name.lower().replace("_", " ")
    return [
        Part("start", frame[:4], "WKLY"),
        Part("length", frame[4:5], str(frame[4])),
        Part("board", frame[5:6], str(frame[5])),
        Part("command", frame[6:7], command),
        *data,
        Part("check", frame[-1:], "right"),
    ]


def _wkly_request(frame: bytes) -> Explanation:
    decoded = wkly.decode(frame)
    data = decoded.data
    if decoded.command is wkly.Command.PUSH:
        raise NotAFrame(WKLY, "command 85: only boards send it")
    if decoded.command in _TO_ONE and len(data) == 1:
        parts = [Part("channel", data, str(data[0]))]
    elif decoded.command in _TO_SEVERAL and data and len(data) == 1 + data[0]:
        parts = [
            Part("count", data[:1], str(data[0])),
            Part("channels", data[1:], ", ".join(map(str, data[1:]))),
        ]
    elif decoded.command not in (*_TO_ONE, *_TO_SEVERAL) and not data:
        parts = []
    else:
        raise LyingLength(WKLY, f"{len(data)} bytes of data do not fit command {decoded.command:02X}")
    return _explained(WKLY, Direction.REQUEST, _wkly_parts(frame, parts), decoded.encode())


def _wkly_reply(frame: bytes, asked: bytes | None) -> Explanation:
    decoded = wkly.decode(frame)
    if asked is not None and decoded.board != asked[5]:
        raise ForeignReply(WKLY, asked[5], decoded.board)
    if asked is not None and decoded.command != asked[6]:
        raise WrongReply(WKLY, f"command {asked[6]:02X} was asked, {decoded.command:02X} answered")
    data, parts = decoded.data, []
    if decoded.command is not wkly.Command.PUSH:
        if not data or data[0] not in (wkly.DONE, wkly.FAILED):
            raise NotAFrame(WKLY, "a reply begins with status 00 or FF")
        parts.append(Part("status", data[:1], "done" if data[0] == wkly.DONE else "failed"))
        data = data[1:]
    if decoded.command is wkly.Command.ASK_ALL and data:
        if len(data) != 1 + data[0]:
            raise LyingLength(WKLY, f"{data[0]} channels are announced, {len(data) - 1} states there")
        states = ", ".join("open" if state == wkly.OPENED else "shut" for state in data[1:])
        parts += [Part("count", data[:1], str(data[0])), Part("states", data[1:], states)]
    elif data:
        if len(data) > 2:
            raise LyingLength(WKLY, f"{len(data)} bytes of data; channel and state are expected")
        parts.append(Part("channel", data[:1], str(data[0])))
        if len(data) == 2:
            parts.append(Part("state", data[1:], "open" if data[1] == wkly.OPENED else "shut"))
    return _explained(WKLY, Direction.REPLY, _wkly_parts(frame, parts), decoded.encode())


PROTOCOLS = (
    WireProtocol(XOR_8A, "8A lock boards with an XOR check value", _xor_reply, _xor_request),
    _kerong(CU16, "Kerong CU16 lock boards", (0x30, 0x31, 0x32, 0x33)),
    _kerong(CU48, "Kerong CU48B lock boards with item sensors", (0x60, 0x61)),
    WireProtocol(WKLY, "WKLY lock boards", _wkly_reply, _wkly_request),
)
