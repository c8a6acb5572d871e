"""A reply of an adapter in words: what each control unit said, value by value, or why it cannot be used.

For people at a terminal and for files of examples. It reads replies as `vehicle.visit` does, with the same functions,
but has to find out from the lines alone how they were printed, where no session remembers it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vehicle.obd.at import PROTOCOLS, read_identity, read_protocol, read_voltage
from vehicle.obd.dtc import decode_codes, decode_word
from vehicle.obd.elm327 import CommandError, Problem, Reply, ReplyStream, encode, read_reply
from vehicle.obd.frames import NEGATIVE, Answer, Framing, Message, crc8_j1850, parse_answer
from vehicle.obd.pid_table import PIDS, Form, Pid
from vehicle.obd.pids import decode_monitor_status, decode_supported, decode_vin, read_texts, split_values

Plain = float | str | bool | tuple[str, ...]
CODES = {0x03: "stored codes", 0x07: "pending codes", 0x0A: "permanent codes"}
SERVICES = {0x01: "current data", **CODES, 0x04: "clear codes", 0x09: "vehicle information"}
PROBLEMS: Mapping[Problem, str] = {
    Problem.NOT_UNDERSTOOD: "the adapter does not know this command",
    Problem.NO_DATA: "no control unit answered in time, or none supports this",
    Problem.UNABLE_TO_CONNECT: "no protocol worked: the ignition is off, or a gateway blocks",
    Problem.BUS_INIT_ERROR: "the slow start of the bus failed: the ignition is off, or a gateway blocks",
    Problem.CAN_ERROR: "wrong bit rate, nobody acknowledges, or a fault of the wiring",
    Problem.BUS_BUSY: "the bus was never free",
    Problem.BUS_ERROR: "a fault of the bus",
    Problem.FB_ERROR: "a fault of the bus driver",
    Problem.DATA_ERROR: "wrong checksum or format",
    Problem.RX_ERROR: "a bad CAN frame",
    Problem.BUFFER_FULL: "more came in than the adapter could print",
    Problem.STOPPED: "a byte from this side interrupted the adapter",
    Problem.ACT_ALERT: "nothing was asked for long: the adapter is about to sleep",
    Problem.LP_ALERT: "the adapter is about to sleep",
    Problem.LV_RESET: "the supply dipped and every setting is lost",
    Problem.INTERNAL: "an internal error of the adapter; settings may be lost",
    Problem.TOO_LONG: "longer than any answer of a car",
}
"""What each error line means."""
_HEX = re.compile(r"[0-9A-F]+")
_SENTENCE = 90


class NotAReply(ValueError):
    """The text is no reply that can be used; the words say why."""


class Direction(StrEnum):
    """Who said it."""

    REQUEST = "request"
    REPLY = "reply"


@dataclass(frozen=True, slots=True)
class Value:
    """One thing that was said; `unit` is empty where it has none."""

    name: str
    value: Plain
    unit: str = ""

    @property
    def text(self) -> str:
        """The value alone, for people."""
        said = self.value
        if isinstance(said, tuple):
            return ", ".join(said) or "none"
        if isinstance(said, bool):
            return "yes" if said else "no"
        return f"{said:.10g}" if isinstance(said, float | int) else said

    def __str__(self) -> str:
        return f"{self.name} {self.text} {self.unit}".rstrip()


@dataclass(frozen=True, slots=True)
class Said:
    """What one control unit, or the adapter (`ecu` is empty), said."""

    ecu: str
    payload: bytes
    values: tuple[Value, ...]

    def named(self, name: str) -> Plain | None:
        """The value of this name."""
        return next((each.value for each in self.values if each.name == name), None)


@dataclass(frozen=True, slots=True)
class Explained:
    """A text in words. `reply`, `framing` and `answer` are what it was read as; None where that does not apply."""

    direction: Direction
    summary: str
    said: tuple[Said, ...] = ()
    reply: Reply | None = None
    framing: Framing | None = None
    answer: Answer | None = None


def explain(text: bytes, request: str | None = None) -> Explained:
    """What an adapter printed, up to and without its prompt, as the reply to `request` if that is given.

    Without a request, a text that is one is explained as such. Raises NotAReply with the reason.
    """
    if request is None and (asked := explain_request(text.decode("latin-1").strip("\r\n >"))) is not None:
        return asked
    reply = read_reply(_one_text(text), request or "")
    if reply.problem is not None:
        words = f"{reply.problem.value}: {PROBLEMS[reply.problem]}"
        return Explained(Direction.REPLY, words, reply=reply)
    said = _adapter_said(reply, request)
    if said is not None:
        return Explained(Direction.REPLY, _summary((said,)), (said,), reply)
    return _explain_answer(reply, request)


def explain_request(text: str) -> Explained | None:
    """A command in words; None when it is none that would be sent."""
    bare = text.replace(" ", "").upper()
    try:
        encode(bare)
    except CommandError:
        return None
    if re.fullmatch(r"(AT|ST(?!N\d))[A-Z@].*", bare):
        return Explained(Direction.REQUEST, f"command {bare} to the adapter")
    if not _HEX.fullmatch(bare) or len(bare) < 2 or int(bare[:2], 16) not in SERVICES:
        return None
    service, rest = int(bare[:2], 16), bare[2 : 2 + (len(bare) - 2 & ~1)]
    words = f"service {bare[:2]}, {SERVICES[service]}"
    if service == 0x01:
        rows = [PIDS.get(int(rest[at : at + 2], 16)) for at in range(0, len(rest), 2)]
        words += ": " + ", ".join("unknown parameter" if row is None else row.name for row in rows)
    return Explained(Direction.REQUEST, words)


def explain_code(word: bytes) -> Said:
    """One trouble code as it stands in messages: two bytes. Raises NotAReply."""
    if len(word) != 2:
        raise NotAReply(f"{len(word)} bytes; a trouble code has two")
    return Said("", word, (Value("code", decode_word(*word)),))


def framing_of(lines: Sequence[str]) -> Framing:
    """How lines were printed, by their look: with which headers, if any."""
    bare = [line.replace(" ", "").upper() for line in lines]
    first = next((line for line in bare if _HEX.fullmatch(line)), "")
    if re.match(r"7E[89A-F]", first) and len(first) % 2:
        return Framing.CAN11
    if first.startswith("18DAF1"):
        return Framing.CAN29
    frames = [bytes.fromhex(line) for line in bare if _HEX.fullmatch(line) and not len(line) % 2]
    frames = [frame for frame in frames if len(frame) > 4 and not _answers(frame[0]) and _answers(frame[3])]
    if not frames:
        return Framing.PLAIN
    j1850 = any(crc8_j1850(frame[:-1]) == frame[-1] for frame in frames)
    return Framing.J1850 if j1850 else Framing.ISO


def _answers(first: int) -> bool:
    """Whether a payload of a control unit can begin with this byte."""
    return first == NEGATIVE or (bool(first & 0x40) and first & ~0x40 in SERVICES)


def _one_text(text: bytes) -> bytes | None:
    """The text up to its prompt. Raises NotAReply for several."""
    texts = ReplyStream().feed(text if text.rstrip().endswith(b">") else text + b">")
    if len(texts) != 1:
        raise NotAReply(f"{len(texts)} prompts; one reply ends with one")
    return texts[0]


def _adapter_said(reply: Reply, request: str | None) -> Said | None:
    """What the adapter says of itself, if that is what this is."""
    command = (request or "").replace(" ", "").upper()
    if request is not None and not command.startswith(("AT", "ST")):
        return None
    values: list[Value] = []
    identity, voltage = read_identity(reply.lines), read_voltage(reply.lines)
    protocol = read_protocol(reply.lines) if command == "ATDPN" else None
    if protocol is not None:
        number, automatic = protocol
        values = [Value("protocol", number), Value("name", PROTOCOLS[number]), Value("automatic", automatic)]
    elif identity is not None:
        values = [Value("identity", identity)]
    elif voltage is not None:
        values = [Value("voltage", voltage, "V")]
    elif "OK" in reply.lines:
        values = [Value("ok", True)]
    elif request is not None:
        values = [Value("text", reply.lines)]
    return Said("", b"", tuple(values)) if values else None


def _explain_answer(reply: Reply, request: str | None) -> Explained:
    if not reply.lines:
        raise NotAReply("no text before the prompt")
    framing = framing_of(reply.lines)
    asked = re.sub(r"\s", "", request or "") or _service_asked(reply.lines, framing)
    if not _HEX.fullmatch(asked.upper()) or len(asked) < 2:
        raise NotAReply(f"{request!r} is no request: hexadecimal digits, such as 010C, or an AT command")
    answer = parse_answer(reply, asked, framing)
    if not answer.messages and not answer.refusals:
        why = [fault.value for fault in answer.faults]
        why += [f"{ecu} asked for more time and never answered" for ecu in answer.waiting]
        raise NotAReply(", ".join(dict.fromkeys(why)) or "nothing in it answers the request")
    said = [Said(each.ecu, each.payload, _values(each, asked, framing)) for each in answer.messages]
    for refusal in answer.refusals:
        refused = Value("refused, code", f"{refusal.code:02X}")
        said.append(Said(refusal.ecu, bytes((NEGATIVE, refusal.service, refusal.code)), (refused,)))
    words = _summary(said)
    if answer.faults:
        words += f"; not used: {', '.join(dict.fromkeys(fault.value for fault in answer.faults))}"
    return Explained(Direction.REPLY, words, tuple(said), reply, framing, answer)


def _service_asked(lines: Sequence[str], framing: Framing) -> str:
    """The service that the first frame answers, as two digits."""
    bare = lines[0].replace(" ", "").upper()
    if framing is Framing.PLAIN:
        numbered = next((line for line in lines if line.startswith("0:")), None)
        rest = bare if numbered is None else numbered[2:].replace(" ", "")
    elif framing in (Framing.CAN11, Framing.CAN29):
        data = bare[3:] if framing is Framing.CAN11 else bare[8:]
        rest = data[4:] if data.startswith("1") else data[2:]
    else:
        rest = bare[6:]
    if not re.match(r"[0-9A-Fa-f]{2}", rest):
        raise NotAReply(f"{lines[0][:_SENTENCE]!r} is not what an adapter prints of a frame")
    first = int(rest[:2], 16)
    if first == NEGATIVE and re.match(r"[0-9A-Fa-f]{2}", rest[2:]):
        return rest[2:4]
    if not _answers(first):
        raise NotAReply(f"its first byte is {first:02X}; answers begin with 41, 43, 44, 47, 49, 4A or 7F")
    return f"{first & ~0x40:02X}"


def _summary(said: Sequence[Said]) -> str:
    texts = []
    for each in said:
        values = "; ".join(str(value) for value in each.values) or each.payload.hex(" ").upper()
        texts.append(f"{each.ecu}: {values}" if each.ecu else values)
    return " | ".join(texts)


def _values(message: Message, request: str, framing: Framing) -> tuple[Value, ...]:
    service, payload = message.payload[0] & ~0x40, message.payload
    if service == 0x01:
        return tuple(_current_data(payload, request))
    if service in CODES:
        # Headers off, a counted list has an even number of bytes, and a line of a legacy protocol seven.
        counted = framing in (Framing.CAN11, Framing.CAN29) or (
            framing is Framing.PLAIN and not len(payload) % 2
        )
        codes = decode_codes(payload, counted=counted)
        if codes is None:
            raise NotAReply(f"{message.ecu}: a list of codes of {len(payload)} bytes does not fit its count")
        return (Value(CODES[service], codes),)
    if service == 0x04:
        return (Value("cleared", True),)
    return _information(payload)


def _current_data(payload: bytes, request: str) -> Iterator[Value]:
    wanted = tuple(bytes.fromhex(request[2 : 2 + (len(request) - 2 & ~1)]))
    if len(wanted) < 2:
        pids: Mapping[int, bytes] | None = {payload[1]: payload[2:]} if len(payload) > 1 else None
    else:
        pids = split_values(payload, wanted)
    if pids is None:
        raise NotAReply("its parameters do not fit their lengths")
    for pid, data in pids.items():
        row = PIDS.get(pid)
        if row is None:
            yield Value(f"parameter {pid:02X}", data.hex(" ").upper())
        elif len(data) != row.size:
            raise NotAReply(f"{row.name} has {len(data)} bytes, not {row.size}")
        else:
            yield from _parameter(row, data)


def _parameter(row: Pid, data: bytes) -> Iterator[Value]:
    if row.form is Form.BITMAP:
        supported = decode_supported(row.pid, data) or ()
        yield Value("supported", tuple(f"{pid:02X}" for pid in supported))
    elif row.form is Form.MONITORS and (status := decode_monitor_status(data)) is not None:
        yield Value("malfunction lamp", status.mil)
        yield Value("stored codes", status.dtc_count)
        yield Value("ignition", "compression" if status.compression_ignition else "spark")
        yield Value("incomplete", tuple(each.name for each in status.monitors if not each.complete))
    elif row.form is Form.CODE:
        yield Value(row.name, decode_word(data[0], data[1]) if any(data) else "none")
    elif row.form is Form.WORD:
        yield Value(row.name, row.word(data) or f"{data[0]:02X}, not in the table")
    elif row.form is Form.BITS:
        yield Value(row.name, data.hex(" ").upper())
    else:
        for each in row.fields:
            value = each.decode(data)
            name = row.name if len(row.fields) == 1 else f"{row.name}, {each.name}"
            yield Value(name, "not plausible") if value is None else Value(name, value, each.unit)


def _information(payload: bytes) -> tuple[Value, ...]:
    """Service 09: texts after a count, of which the VIN is one."""
    if len(payload) < 2:
        raise NotAReply("vehicle information without its number")
    if payload[1] == 0x02:
        vin = decode_vin(payload[3:])
        return (Value("VIN", vin) if vin is not None else Value("VIN", "not 17 characters of a VIN"),)
    if payload[1] == 0x04:
        return tuple(Value("calibration", text) for text in read_texts(payload[3:]))
    if payload[1] == 0x0A:
        return (Value("control unit", payload[3:].strip(b"\0").decode("latin-1")),)
    return (Value(f"information {payload[1]:02X}", payload[2:].hex(" ").upper()),)
