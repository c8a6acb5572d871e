"""python-OBD and our parser over one corpus, and `docs/obd-agreement.md` from where they differ.

python-OBD (GPL) is a peer of tests. It is driven without a car, as its own tests do: a protocol object reads lines, a
command decodes messages. Run as a program, this writes the document anew.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any

import obd
import pytest
from obd import codes as obd_codes
from obd.elm327 import ELM327
from obd.protocols import ISO_9141_2, SAE_J1850_VPW, ISO_15765_4_11bit_500k, ISO_15765_4_29bit_500k
from obd.protocols.protocol import ECU
from obd_causes import CAUSES
from obd_corpus import CAN11, CAN29, ISO, J1850, Exchange, corpus, lines

from vehicle.obd.dtc import decode_codes, decode_word
from vehicle.obd.elm327 import ReplyStream, read_reply
from vehicle.obd.frames import FRAMINGS, parse_answer
from vehicle.obd.pids import (
    COMPRESSION,
    CONTINUOUS,
    PIDS,
    SPARK,
    Form,
    decode_monitor_status,
    decode_supported,
    decode_vin,
    read_texts,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "obd-agreement.md"
logging.getLogger("obd").setLevel(logging.CRITICAL)
Read = Mapping[str, object]
"""By control unit, what it said; a unit of which nothing can be used is not there."""
_PROTOCOLS = {
    CAN11: ISO_15765_4_11bit_500k,
    CAN29: ISO_15765_4_29bit_500k,
    J1850: SAE_J1850_VPW,
    ISO: ISO_9141_2,
}
_COMMANDS: dict[str, Any] = {
    each.command.decode(): each for mode in obd.commands.modes for each in mode if each is not None
}
_UNIT_DIGITS = {CAN11: slice(0, 3), CAN29: slice(0, 8), J1850: slice(4, 6), ISO: slice(4, 6)}
"""Where a control unit stands in a line without blanks."""
_SECOND_NUMBER = (*range(0x24, 0x2C), *range(0x34, 0x3C))
"""Wide-band sensors say a ratio and a voltage or current; python-OBD reads the latter alone."""
_CODES = {"03": 0x43, "07": 0x47}


@dataclass(frozen=True, slots=True)
class Difference:
    """One reply that is read differently."""

    exchange: Exchange
    theirs: Read
    ours: Read


# -- ours


def read_by_us(exchange: Exchange) -> Read:
    (text,) = ReplyStream().feed(exchange.printed.encode("latin-1"))
    request = exchange.request
    answer = parse_answer(read_reply(text, request), request, FRAMINGS[exchange.protocol])
    found: dict[str, object] = {}
    for message in answer.messages:
        value = _our_value(message.payload, request, on_can=exchange.protocol in (CAN11, CAN29))
        if isinstance(value, tuple) and request in _CODES:
            value = (*found.get(message.ecu, ()), *value)  # type: ignore[misc]
        if value is not None:
            found[message.ecu] = value
    return found


def _our_value(payload: bytes, request: str, *, on_can: bool) -> object:
    if request in _CODES:
        return decode_codes(payload, counted=on_can)
    if request == "0902":
        return decode_vin(payload[3:])
    if request == "0904":
        return " ".join(read_texts(payload[3:]))
    row, data = PIDS[payload[1]], payload[2:]
    if row.form is Form.BITMAP:
        return decode_supported(row.pid, data)
    if row.form is Form.MONITORS:
        return _our_monitors(data)
    if len(data) != row.size:
        return None
    if row.form is Form.CODE:
        return decode_word(data[0], data[1]) if any(data) else None
    if row.form is Form.WORD:
        return data[0] if row.word(data) is not None else None
    if row.form is Form.BITS:
        return bool(data[0] & 1) if row.pid == 0x1E else data[0]
    return row.fields[row.pid in _SECOND_NUMBER].decode(data)


def _our_monitors(data: bytes) -> object:
    status = decode_monitor_status(data)
    if status is None:
        return None
    names = (*CONTINUOUS, *(COMPRESSION if status.compression_ignition else SPARK))
    tests = tuple((names.index(each.name), each.complete) for each in status.monitors)
    return status.mil, status.dtc_count, status.compression_ignition, tests


# -- theirs


def read_by_them(exchange: Exchange) -> Read:
    printed = _lines(exchange.printed.encode("latin-1"))
    bitmap = bytes.fromhex("4100BE3FB813")
    greeting = [line for unit in range(2) for line in lines(exchange.protocol, unit, bitmap)]
    protocol = _PROTOCOLS[exchange.protocol](greeting)
    command = _COMMANDS[exchange.request]
    found: dict[str, object] = {}
    for message in protocol(printed):
        if not message.parsed():
            continue
        message.ecu = ECU.ENGINE  # each control unit's answer, not the engine's alone
        try:
            value = _plain(command([message]).value, exchange.request)
        except (IndexError, KeyError, ValueError) as error:
            value = f"raises {type(error).__name__}"
        unit = message.frames[0].raw[_UNIT_DIGITS[exchange.protocol]]
        if value is not None:
            found[unit] = value
    return found


class _Port:
    def __init__(self, printed: bytes) -> None:
        self._printed = printed
        self.in_waiting = len(printed)

    def read(self, _: int) -> bytes:
        return self._printed


def _lines(printed: bytes) -> list[str]:
    """Its own reading of a port; its constructor would search for a car."""
    adapter = ELM327.__new__(ELM327)
    adapter._ELM327__port = _Port(printed)
    found: list[str] = adapter._ELM327__read()
    return found


def _plain(value: Any, request: str) -> object:
    """Its value in the form of ours."""
    if value is None:
        return None
    if request in _CODES:
        return tuple(code for code, _ in value)
    if request in ("0902", "0904"):
        return bytes(value).decode("latin-1")
    row = PIDS[_pid(request)]
    if row.form is Form.BITMAP:
        return tuple(row.pid + 1 + at for at, bit in enumerate(value) if bit)
    if row.form is Form.MONITORS:
        return _their_monitors(value)
    if row.form is Form.CODE:
        return value[0]
    if row.form is Form.WORD:
        return _their_word(value, row.pid)
    if row.form is Form.BITS:
        return value if isinstance(value, bool) else _their_bits(value)
    return float(value.magnitude)


def _their_bits(banks: Sequence[Sequence[bool]]) -> int:
    return int("".join("01"[bit] for bank in banks for bit in bank), 2)


def _their_word(value: Any, pid: int) -> int | None:
    """The number that stands for its word."""
    if pid == 0x03:
        return 1 << obd_codes.FUEL_STATUS.index(value[0]) if value[0] else None
    if pid == 0x12:
        return 1 << obd_codes.AIR_STATUS.index(value)
    words = obd_codes.OBD_COMPLIANCE if pid == 0x1C else obd_codes.FUEL_TYPES
    return None if value in ("Reserved", "Undefined") else words.index(value)


def _their_monitors(status: Any) -> object:
    compression = status.ignition_type == "compression"
    special = obd_codes.COMPRESSION_TESTS if compression else obd_codes.SPARK_TESTS
    tests = []
    for at, name in enumerate((*obd_codes.BASE_TESTS, *special)):
        test = None if name is None else getattr(status, name)
        if test is not None and test.available:
            tests.append((at, test.complete))
    return status.MIL, status.DTC_count, compression, tuple(tests)


# -- both


def agree(exchange: Exchange, theirs: Read, ours: Read) -> bool:
    """Alike, numbers to within half of what their last bit is worth."""
    if theirs.keys() != ours.keys():
        return False
    step = 0.0
    fields = PIDS[_pid(exchange.request)].fields if exchange.request.startswith("01") else ()
    if fields:
        own = fields[_pid(exchange.request) in _SECOND_NUMBER]
        step = own.numerator / own.denominator / 2
    return all(_alike(theirs[unit], ours[unit], step) for unit in ours)


def _pid(request: str) -> int:
    return bytes.fromhex(request)[1]


def _alike(one: object, other: object, step: float) -> bool:
    if isinstance(one, float) and isinstance(other, float | int):
        return abs(one - other) <= step
    return one == other


def differences(exchanges: Sequence[Exchange]) -> list[Difference]:
    found = []
    for each in exchanges:
        theirs, ours = read_by_them(each), read_by_us(each)
        if not agree(each, theirs, ours):
            found.append(Difference(each, theirs, ours))
    return found


# -- the document


HEAD = """\
# python-OBD and this parser, over the same replies

{all} replies, printed with headers: golden ones, a recorded drive, what the cars of ELM327-emulator answer, every
parameter of [obd-parameters.md](obd-parameters.md) that python-OBD 0.7.3 has a command for at the ends of its range and
between, lists of codes, texts of several frames, several control units, and damaged ones; on CAN with both lengths of
identifiers, J1850 and ISO 9141. Numbers agree when they differ by no more than half of what their last bit is worth.
python-OBD is asked for each control unit's answer, though by itself it gives the engine's alone.

**{alike} are read alike, {not_alike} are not.** Each of those is listed below; a test fails when one more appears or
one of these vanishes. `tests/vehicle/obd_agreement.py` writes this page.
"""


def document(exchanges: Sequence[Exchange], found: Sequence[Difference]) -> str:
    text = [HEAD.format(all=len(exchanges), alike=len(exchanges) - len(found), not_alike=len(found))]
    for cause in CAUSES:
        own = [each for each in found if cause.covers(each.exchange.name)]
        why = fill(f"**Right: {cause.right}.** {cause.why}", 118)
        text += [f"## {cause.title}", "", why, ""]
        text += [
            "| reply | printed | python-OBD | this parser |",
            "|---|---|---|---|",
            *(_row(each) for each in own),
            "",
        ]
    return "\n".join(text).rstrip("\n") + "\n"


def _row(each: Difference) -> str:
    printed = each.exchange.printed.rstrip("\r>").replace("\r", " / ").replace("|", "\\|")
    if len(printed) > 70:
        printed = printed[:67] + "..."
    shown = "in the package" if each.exchange.name.startswith("emulator") else f"`{printed}`"
    return f"| {each.exchange.name} | {shown} | {_words(each.theirs)} | {_words(each.ours)} |"


def _words(read: Read) -> str:
    said = "; ".join(f"{unit}: {_value(value)}" for unit, value in sorted(read.items()))
    return said.replace("|", "\\|") or "nothing"


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.7g}"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return repr(value) if isinstance(value, str) and not value.isprintable() else str(value)


if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as patched:
        everything = corpus(patched)
    DOCUMENT.write_text(document(everything, differences(everything)), encoding="utf-8")
