"""Every golden entry decodes to what it says, whatever the cut of the stream."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vehicle.obd import dtc, pids
from vehicle.obd.elm327 import Reply, ReplyStream, read_reply
from vehicle.obd.frames import Answer, Fault, Framing, parse_answer

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "golden" / "elm327-vectors.json").read_text()
)


def _framing(vector: dict[str, Any]) -> Framing:
    """The framing an entry was printed with, from what it says of itself."""
    decoded, first = vector["decoded"], vector["reply_ascii"].strip().split("\r")[0].replace(" ", "")
    if first.startswith("7E8"):
        return Framing.CAN11
    if first.startswith("18DAF1"):
        return Framing.CAN29
    if "crc8_j1850" in decoded or "crc8_ok" in decoded:
        return Framing.J1850
    if "sum8" in decoded or "ISO 9141" in vector["name"]:
        return Framing.ISO
    return Framing.PLAIN


def _read(vector: dict[str, Any]) -> Reply:
    (text,) = ReplyStream().feed(vector["reply_ascii"].encode("ascii"))
    return read_reply(text, vector["request_ascii"].strip())


def _answer(vector: dict[str, Any]) -> Answer:
    return parse_answer(_read(vector), vector["request_ascii"].strip(), _framing(vector))


def _value(payload: bytes) -> float:
    value = pids.PIDS[payload[1]].decode(payload[2:])
    assert value is not None
    return value


def _vin(vector: dict[str, Any]) -> str:
    (message,) = _answer(vector).messages
    vin = pids.decode_vin(message.payload[3:])
    assert vin is not None
    return vin


def check_identity(vector: dict[str, Any]) -> None:
    reply = _read(vector)
    assert reply.lines == (vector["decoded"]["identity"],)
    assert vector["reply_ascii"].startswith("\r") == vector["decoded"].get("leading_blank_lines", False)


def check_voltage(vector: dict[str, Any]) -> None:
    (line,) = _read(vector).lines
    assert float(line.removesuffix("V")) == vector["decoded"]["voltage_V"]


def check_ok(vector: dict[str, Any]) -> None:
    reply = _read(vector)
    assert reply.lines in (("OK",), ("44 ".strip(),))
    assert reply.echo == ("echo" in vector["decoded"])


def check_protocol(vector: dict[str, Any]) -> None:
    (line,) = _read(vector).lines
    assert (line[0] == "A", line[-1]) == (vector["decoded"]["automatic"], vector["decoded"]["protocol"])


def check_value(vector: dict[str, Any]) -> None:
    decoded = vector["decoded"]
    (message,) = _answer(vector).messages
    assert message.ecu == decoded.get("ecu", "any")
    assert _value(message.payload) == pytest.approx(decoded["value"], abs=5e-4)
    assert pids.PIDS[message.payload[1]].unit == decoded["unit"]


def check_several_ecus(vector: dict[str, Any]) -> None:
    values = {message.ecu: _value(message.payload) for message in _answer(vector).messages}
    assert values == {ecu: value for ecu, value in vector["decoded"].items() if ecu != "unit"}


def check_several_pids(vector: dict[str, Any]) -> None:
    (message,) = _answer(vector).messages
    split = pids.split_values(message.payload, (0x04, 0x05, 0x0B, 0x0C))
    assert split is not None
    for name, value in vector["decoded"].items():
        if name != "units":
            assert pids.PIDS[int(name, 16)].decode(split[int(name, 16)]) == pytest.approx(value, abs=0.05)


def check_supported(vector: dict[str, Any]) -> None:
    (message,) = _answer(vector).messages
    supported = pids.decode_supported(0, message.payload[2:])
    assert supported is not None
    assert [f"{pid:02X}" for pid in supported if pid != 0x20] == vector["decoded"]["supported_pids_hex"]
    assert (0x20 in supported) == vector["decoded"]["next_block_20_supported"]


def check_payload(vector: dict[str, Any]) -> None:
    (message,) = _answer(vector).messages
    assert message.payload.hex().upper() == vector["decoded"]["payload"]


def check_two_bitmaps(vector: dict[str, Any]) -> None:
    data = {f"ECU {m.ecu}": m.payload[2:].hex().upper() for m in _answer(vector).messages}
    assert data == {name: value for name, value in vector["decoded"].items() if name != "crc8_ok"}


def check_monitors(vector: dict[str, Any]) -> None:
    (message,) = _answer(vector).messages
    status = pids.decode_monitor_status(message.payload[2:])
    decoded = vector["decoded"]
    assert status is not None
    assert (status.mil, status.dtc_count) == (decoded["mil"], decoded["dtc_count"])
    assert status.compression_ignition == (decoded["ignition"] == "compression")


def check_codes(vector: dict[str, Any]) -> None:
    (message,) = _answer(vector).messages
    counted = _framing(vector) is Framing.CAN11
    assert dtc.decode_codes(message.payload, counted=counted) == tuple(vector["decoded"]["dtcs"])


def check_pending_code(vector: dict[str, Any]) -> None:
    check_codes(vector)
    assert vector["decoded"]["count"] == 1


def check_word(vector: dict[str, Any]) -> None:
    assert dtc.decode_word(*bytes.fromhex(vector["reply_hex"])) == vector["decoded"]["dtc"]


def check_vin(vector: dict[str, Any]) -> None:
    assert _vin(vector) == vector["decoded"]["vin"]


def check_vin_after_pending(vector: dict[str, Any]) -> None:
    assert _vin(vector) == vector["decoded"]["pending_then"]
    assert _answer(vector).waiting == ()


def check_chunks(vector: dict[str, Any]) -> None:
    stream = ReplyStream()
    chunks = vector["decoded"]["chunks"]
    assert all(len(chunk) <= 20 for chunk in chunks)
    assert "".join(chunks) == vector["reply_ascii"]
    assert [len(stream.feed(chunk.encode("ascii"))) for chunk in chunks] == [0, 0, 0, 1]
    check_vin(vector)


def check_rejected(vector: dict[str, Any]) -> None:
    answer = _answer(vector)
    assert answer.messages == ()
    assert answer.faults == (Fault.MALFORMED,)


def check_gap(vector: dict[str, Any]) -> None:
    answer = _answer(vector)
    assert answer.messages == ()
    assert Fault.GAP in answer.faults


def check_wrap(vector: dict[str, Any]) -> None:
    (message,) = _answer(vector).messages
    text = message.payload[3:].decode("ascii")
    assert len(message.payload) == vector["decoded"]["total_len"]
    assert text == "AAA" + "".join(letter * 7 for letter in "BCDEFGHIJKLMNOPQ") + "R" * 7


def check_names(vector: dict[str, Any]) -> None:
    names = {m.ecu: m.payload[3:].strip(b"\0").decode("ascii") for m in _answer(vector).messages}
    assert names == {ecu: name for ecu, name in vector["decoded"].items() if ecu != "note"}


def check_refusal(vector: dict[str, Any]) -> None:
    (refusal,) = _answer(vector).refusals
    assert f"{refusal.service:02X}" == vector["decoded"]["service"]
    assert f"{refusal.code:02X}" == vector["decoded"]["nrc"]


def check_problem(vector: dict[str, Any]) -> None:
    reply = _read(vector)
    assert reply.problem is not None
    assert reply.problem.value == vector["decoded"]["error"]
    assert reply.lines == ()


BY_NAME: dict[str, Callable[[dict[str, Any]], None]] = {
    "AT I identity": check_identity,
    "AT Z reset banner with leading blank lines": check_identity,
    "AT RV adapter voltage": check_voltage,
    "AT E0 acknowledged while echo is still on": check_ok,
    "AT DPN automatic protocol 6": check_protocol,
    "01 00 supported PIDs 01-20": check_supported,
    "01 00 with headers, one padding byte after the data": check_payload,
    "01 00 headers on, two J1850 ECUs": check_two_bitmaps,
    "malformed 29 bit frame: PCI says 5 bytes, 4 follow": check_rejected,
    "29 bit header printed as four spaced bytes, three ECUs": check_several_ecus,
    "09 04 calibration id, two ECUs interleaved": check_names,
    "four PIDs in one request": check_several_pids,
    "07 pending code": check_pending_code,
    "04 clear codes acknowledged": check_ok,
    "04 refused: conditions not correct": check_refusal,
    "response pending 78, then the VIN": check_vin_after_pending,
    "first request after protocol change prints SEARCHING": check_payload,
    "consecutive frame counter wraps from F to 0": check_wrap,
    "VIN with the first consecutive frame missing": check_gap,
    "VIN reply as 20-byte notifications (ATT MTU 23)": check_chunks,
}
BY_KEY: dict[str, Callable[[dict[str, Any]], None]] = {
    "error": check_problem,
    "mil": check_monitors,
    "dtcs": check_codes,
    "dtc": check_word,
    "vin": check_vin,
    "value": check_value,
}


def _check_of(vector: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    if vector["name"] in BY_NAME:
        return BY_NAME[vector["name"]]
    return next(check for key, check in BY_KEY.items() if key in vector["decoded"])


def test_there_are_sixty_verified_entries() -> None:
    assert len(VECTORS) == 60
    assert all(vector["verified"] for vector in VECTORS)
    assert set(BY_NAME) <= {vector["name"] for vector in VECTORS}


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_vector(vector: dict[str, Any]) -> None:
    _check_of(vector)(vector)


@pytest.mark.parametrize("size", [1, 3, 20])
def test_any_cut_gives_the_same_text(size: int) -> None:
    for vector in VECTORS:
        if "reply_ascii" not in vector:
            continue
        data = vector["reply_ascii"].encode("ascii")
        stream = ReplyStream()
        texts = [text for n in range(0, len(data), size) for text in stream.feed(data[n : n + size])]
        assert texts == list(ReplyStream().feed(data))
        assert stream.partial == b""
