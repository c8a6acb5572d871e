"""Examples of replies with what they mean, compared with what this library reads.

An example's `decoded` names what others read; each name stands here with where this library has it. What is words about
an example, and no value, is not compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from vehicle.obd.at import PROTOCOLS
from vehicle.obd.elm327 import CommandError, Problem, ReplyStream, encode, read_reply
from vehicle.obd.explained import CODES, Direction, Explained, NotAReply, Plain, Said, explain, explain_code
from vehicle.obd.frames import Framing, crc8_j1850
from vehicle.obd.pid_table import PIDS

WORDS = frozenset({"note", "lenient_rpm"})
"""Keys of `decoded` that tell about an example: a remark, and what a reader would say that is not strict."""
SMALLEST_PACKET = 20


class Differs(ValueError):
    """What is read is not what the example says; the words name both."""


@dataclass(frozen=True, slots=True)
class Example:
    """A reply, what was asked (empty where that is not known), and what it means."""

    name: str
    request: bytes
    reply: bytes
    decoded: Mapping[str, Any]


def check(example: Example) -> int:
    """How many values were compared, all equal. Raises Differs, or NotAReply where a valid example is refused."""
    request = _request(example.request)
    if not example.reply:
        return 0
    refused = _refused(example)
    try:
        read = _read(example.reply, request)
    except NotAReply:
        if refused:
            return 1
        raise
    if refused:
        raise Differs(f"it was read as {read.summary}")
    compared = 0
    for key, expected in example.decoded.items():
        if key not in WORDS:
            _compare(key, expected, _find(key, read, example))
            compared += 1
    return compared


def _request(sent: bytes) -> str | None:
    """The command within the bytes sent, which must be what this library would send."""
    if not sent:
        return None
    command = sent.decode("latin-1").rstrip("\r")
    try:
        encoded = encode(command)
    except CommandError as error:
        raise NotAReply(str(error)) from None
    if encoded != sent:
        raise Differs(f"the request is built as {encoded!r}")
    return command


def _refused(example: Example) -> bool:
    """Whether the example is of a reply that must not be used."""
    error = example.decoded.get("error")
    wrong = error is not None and error not in list(Problem)
    return wrong or str(example.decoded.get("strict", "")).startswith("reject")


def _read(reply: bytes, request: str | None) -> Explained:
    if request is None and not reply.rstrip().endswith(b">"):
        return Explained(Direction.REPLY, "", (explain_code(reply),))
    return explain(reply, request)


def _compare(key: str, expected: object, found: object) -> None:
    if isinstance(expected, float) and isinstance(found, float | int):
        digits = len(str(expected).partition(".")[2])
        if abs(found - expected) <= 0.5 * 10**-digits + 1e-9:
            return
    elif isinstance(expected, list) and isinstance(found, tuple):
        found = list(found)
    if found != expected:
        raise Differs(f"{key} is {found!r}, not {expected!r}")


_Finder = Callable[[Explained, Example], object]


def _find(key: str, read: Explained, example: Example) -> object:
    """What was read under the name that an example gives it. Raises Differs for a name that is not known."""
    finder = FINDERS.get(key)
    if finder is not None:
        return finder(read, example)
    for each in read.said:
        if key in (each.ecu, f"ECU {each.ecu}"):
            return each.payload[2:].hex().upper() if key.startswith("ECU ") else _first(each)
    if key in {f"{pid:02X}" for pid in PIDS}:
        return read.said[0].named(PIDS[int(key, 16)].name)
    raise Differs(f"{key} is not known here")


def _first(said: Said) -> Plain | None:
    return said.values[0].value if said.values else None


def _one(read: Explained) -> Said:
    if len(read.said) != 1:
        raise Differs(f"{len(read.said)} control units answer")
    return read.said[0]


def _named(name: str) -> _Finder:
    return lambda read, _: _one(read).named(name)


def _codes(read: Explained, _: Example) -> object:
    said = _one(read)
    return next((said.named(name) for name in CODES.values() if said.named(name) is not None), None)


def _count(read: Explained, _: Example) -> object:
    return _one(read).payload[1] if read.framing in (Framing.CAN11, Framing.CAN29) else None


def _supported(read: Explained, _: Example) -> object:
    supported = _one(read).named("supported")
    return tuple(pid for pid in supported if pid != "20") if isinstance(supported, tuple) else None


def _next_block(read: Explained, _: Example) -> object:
    supported = _one(read).named("supported")
    return isinstance(supported, tuple) and "20" in supported


def _checksum(read: Explained, _: Example) -> object:
    """The last byte of the first frame; a frame with a wrong one would not have been read."""
    return None if read.reply is None else read.reply.lines[0].replace(" ", "")[-2:].upper()


def _crc_ok(read: Explained, _: Example) -> object:
    lines = () if read.reply is None else read.reply.lines
    frames = [bytes.fromhex(line) for line in lines]
    return all(crc8_j1850(frame[:-1]) == frame[-1] for frame in frames)


def _frame(read: Explained) -> bytes:
    """The bytes of the first CAN frame, its protocol control byte first."""
    line = "" if read.reply is None else read.reply.lines[0].replace(" ", "")
    return bytes.fromhex(line[3 if read.framing is Framing.CAN11 else 8 :])


def _units(read: Explained, _: Example) -> object:
    return ", ".join(each.unit for each in _one(read).values)


def _unit(read: Explained, _: Example) -> object:
    return read.said[0].values[0].unit


def _error(read: Explained, _: Example) -> object:
    return None if read.reply is None or read.reply.problem is None else read.reply.problem.value


def _meaning(read: Explained, example: Example) -> object:
    """A protocol is compared by its name; what an error line means is words."""
    number = read.said[0].named("protocol") if read.said else None
    return example.decoded["meaning"] if number is None else PROTOCOLS[str(number)]


def _chunks(_: Explained, example: Example) -> object:
    """The pieces in which the reply arrived, if they give it again, each fits a packet, and only the last ends it."""
    pieces = [str(each).encode("latin-1") for each in example.decoded["chunks"]]
    stream = ReplyStream()
    texts = [len(stream.feed(piece)) for piece in pieces]
    fits = all(len(piece) <= SMALLEST_PACKET for piece in pieces) and b"".join(pieces) == example.reply
    return example.decoded["chunks"] if fits and texts == [0] * (len(pieces) - 1) + [1] else texts


def _echo(_: Explained, example: Example) -> object:
    asked = _request(example.request) or ""
    (text,) = ReplyStream().feed(example.reply)
    return asked if read_reply(text, asked).echo else None


FINDERS: Mapping[str, _Finder] = MappingProxyType(
    {
        "identity": _named("identity"),
        "leading_blank_lines": lambda _, example: example.reply.startswith(b"\r"),
        "voltage_V": _named("voltage"),
        "echo": _echo,
        "ok": lambda read, _: bool(_one(read).named("ok") or _one(read).named("cleared")),
        "automatic": _named("automatic"),
        "protocol": _named("protocol"),
        "meaning": _meaning,
        "pid": lambda read, _: f"{_one(read).payload[1]:02X}",
        "value": lambda read, _: _first(_one(read)),
        "unit": _unit,
        "units": _units,
        "supported_pids_hex": _supported,
        "next_block_20_supported": _next_block,
        "mil": _named("malfunction lamp"),
        "dtc_count": _named("stored codes"),
        "ignition": _named("ignition"),
        "dtcs": _codes,
        "dtc": _named("code"),
        "count": _count,
        "vin": _named("VIN"),
        "pending_then": _named("VIN"),
        "total_len": lambda read, _: len(_one(read).payload),
        "ecu": lambda read, _: _one(read).ecu,
        "payload": lambda read, _: _one(read).payload.hex().upper(),
        "pci": lambda read, _: f"{_frame(read)[0]:02X}",
        "padding": lambda read, _: _frame(read)[1 + len(_one(read).payload) :].hex().upper(),
        "crc8_j1850": _checksum,
        "sum8": _checksum,
        "crc8_ok": _crc_ok,
        "negative": lambda read, _: _one(read).payload[0] == 0x7F,
        "service": lambda read, _: f"{_one(read).payload[1]:02X}",
        "nrc": lambda read, _: f"{_one(read).payload[2]:02X}",
        "error": _error,
        "chunks": _chunks,
    }
)
"""Where this library has what examples name."""
