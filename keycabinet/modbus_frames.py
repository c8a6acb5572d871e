"""Takes Modbus frames apart for people: RTU frames as relay boards use them, and Modbus TCP.

Sources: Modbus Application Protocol V1.1b3, section 6; Messaging on TCP/IP V1.0b, 3.1.3; what coils and registers mean
on a board is from its vendor's register map: https://www.waveshare.com/wiki/Modbus_RTU_Relay; Erriez/R421A08-rs485-8ch-
relay-board and the N4D3E16 command document.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from pymodbus.framer import FramerRTU
from pymodbus.pdu.bit_message import WriteMultipleCoilsRequest
from pymodbus.pdu.register_message import WriteMultipleRegistersRequest

from keycabinet.decoding import Direction, Explanation, Part, WireProtocol
from keycabinet.errors import (
    EXCEPTION_MEANINGS,
    BadChecksum,
    ExceptionReply,
    ForeignReply,
    LyingLength,
    NotAFrame,
    WrongReply,
)
from keycabinet.modbus import (
    MAX_MBAP_LENGTH,
    MAX_RTU_FRAME,
    Query,
    ReadBits,
    ReadRegisters,
    WriteCoil,
    WriteRegister,
    checksum_fits,
    rtu_frame,
    tcp_frame,
)

FUNCTIONS = {
    1: "read coils",
    2: "read discrete inputs",
    3: "read holding registers",
    4: "read input registers",
    5: "write one coil",
    6: "write one register",
    15: "write coils",
    16: "write registers",
}
_READS = (1, 2, 3, 4)
_BITS = (1, 2, 15)
_COIL_WORDS = {0xFF00: "on", 0x0000: "off", 0x5500: "toggle"}


@dataclass(frozen=True, slots=True)
class Meanings:
    """What a board's addresses mean: a written coil (address, word), a register; "" for nothing special."""

    coil: Callable[[int, int], str] = lambda _address, _word: ""
    register: Callable[[int], str] = lambda _address: ""


def _words(data: bytes) -> tuple[int, ...]:
    return struct.unpack(f">{len(data) // 2}H", data)


def _ones(data: bytes) -> str:
    mask = int.from_bytes(data, "little")
    on = [str(bit) for bit in range(8 * len(data)) if mask >> bit & 1]
    return f"on: {', '.join(on)}" if on else "all off"


def _where(function: int, meanings: Meanings, address: int, word: int) -> str:
    known = meanings.coil(address, word) if function == 5 else ""
    if function in (3, 6, 16):
        known = meanings.register(address)
    return f"{address} ({known})" if known else str(address)


def _payload(name: str, function: int, data: bytes, meanings: Meanings) -> list[Part]:
    """The fields of a request's data; LyingLength when they do not add up."""
    if len(data) < 4:
        raise LyingLength(name, f"function {function} needs an address and a value, {len(data)} bytes follow")
    address, second = struct.unpack_from(">HH", data)
    parts = [Part("address", data[:2], _where(function, meanings, address, second))]
    if function in (5, 6):
        meaning = _COIL_WORDS.get(second, str(second)) if function == 5 else str(second)
        parts.append(Part("value", data[2:4], meaning))
        rest = data[4:]
    else:
        parts.append(Part("count", data[2:4], str(second)))
        rest = data[4:]
        _check_count(name, function, second)
    if function in (15, 16) and rest:
        width = (second + 7) // 8 if function == 15 else 2 * second
        if rest[0] != width or len(rest) != 1 + width:
            raise LyingLength(name, f"byte count {rest[0]}, {width} expected, {len(rest) - 1} there")
        meaning = _ones(rest[1:]) if function == 15 else ", ".join(str(word) for word in _words(rest[1:]))
        parts += [Part("byte count", rest[:1], str(rest[0])), Part("values", rest[1:], meaning)]
    elif rest:
        raise LyingLength(name, f"{len(rest)} bytes too many for function {function}")
    return parts


def _check_count(name: str, function: int, count: int) -> None:
    most = {1: 2000, 2: 2000, 3: 125, 4: 125, 15: 1968, 16: 123}[function]
    if not 1 <= count <= most:
        raise NotAFrame(name, f"count {count}; function {function} takes 1 to {most}")


def _request_pdu(name: str, pdu: bytes, meanings: Meanings) -> list[Part]:
    function = pdu[0]
    if function not in FUNCTIONS:
        raise NotAFrame(name, f"function {function:#04x} is none of {', '.join(map(str, FUNCTIONS))}")
    parts = _payload(name, function, pdu[1:], meanings)
    if function in (15, 16) and len(parts) == 2:
        raise LyingLength(name, f"function {function} without values")
    return [Part("function", pdu[:1], FUNCTIONS[function]), *parts]


def _reply_pdu(name: str, pdu: bytes, meanings: Meanings) -> list[Part]:
    function, data = pdu[0], pdu[1:]
    if function & 0x80:
        return _exception(name, function & 0x7F, pdu)
    if function not in FUNCTIONS:
        raise NotAFrame(name, f"function {function:#04x} is none of {', '.join(map(str, FUNCTIONS))}")
    head = Part("function", pdu[:1], FUNCTIONS[function])
    if function not in _READS:
        parts = _payload(name, function, data, meanings)
        if len(parts) > 2:
            raise LyingLength(name, f"{len(data) - 4} bytes too many for the reply to function {function}")
        return [head, *parts]
    if not data or len(data) != 1 + data[0] or (function not in _BITS and data[0] % 2):
        raise LyingLength(
            name, f"byte count {data[0] if data else 'missing'}, {max(0, len(data) - 1)} bytes there"
        )
    meaning = _ones(data[1:]) if function in _BITS else ", ".join(str(word) for word in _words(data[1:]))
    return [head, Part("byte count", data[:1], str(data[0])), Part("data", data[1:], meaning)]


def _exception(name: str, function: int, pdu: bytes) -> list[Part]:
    if function not in FUNCTIONS or len(pdu) != 2:
        raise LyingLength(name, f"an exception to function {function} of {len(pdu)} bytes")
    code = EXCEPTION_MEANINGS.get(pdu[1], "unknown exception")
    return [
        Part("function", pdu[:1], f"{FUNCTIONS[function]}: refused"),
        Part("exception", pdu[1:], f"{pdu[1]}, {code}"),
    ]


def query_of(name: str, unit: int, pdu: bytes) -> Query[int] | Query[tuple[int, ...]] | None:
    """The question of this library that a request asks; None for one that only a maker's tools ask."""
    function, address, second = struct.unpack_from(">BHH", pdu)
    if function in (1, 2):
        return ReadBits(name, unit, function, address, second)
    if function == 3:
        return ReadRegisters(name, unit, address, second)
    if function == 5:
        return WriteCoil(name, unit, address, second)
    return WriteRegister(name, unit, address, second) if function == 6 else None


def _encoded(name: str, unit: int, pdu: bytes) -> tuple[bytes, bytes] | None:
    """The request built anew, as RTU frame and as Modbus TCP frame without its transaction id."""
    query = query_of(name, unit, pdu)
    if query is not None:
        return query.rtu, query.tcp_tail
    function, address, second = struct.unpack_from(">BHH", pdu)
    if function == 15:
        mask = int.from_bytes(pdu[6:], "little")
        coils = [bool(mask >> bit & 1) for bit in range(second)]
        many = WriteMultipleCoilsRequest(dev_id=unit, address=address, bits=coils)
        return rtu_frame(many), tcp_frame(many)[2:]
    if function == 16:
        registers = WriteMultipleRegistersRequest(
            dev_id=unit, address=address, registers=list(_words(pdu[6:]))
        )
        return rtu_frame(registers), tcp_frame(registers)[2:]
    return None


def _matches(name: str, asked: bytes, adu: bytes) -> None:
    """Refuse a reply (unit and PDU) that does not answer the request (unit and PDU)."""
    unit, function = asked[0], asked[1]
    query = query_of(name, unit, asked[1:])
    if query is not None:
        with suppress(ExceptionReply):  # a refusal answers too
            query.feed(adu)
        return
    if adu[0] != unit:
        raise ForeignReply(name, unit, adu[0])
    if adu[1] & 0x7F != function:
        raise WrongReply(name, f"function {function} was asked, {adu[1]} answered")
    if function in (15, 16) and adu[1] == function and adu[2:6] != asked[2:6]:
        raise WrongReply(name, "another address or count is acknowledged than was written")


def _summary(parts: list[Part]) -> str:
    return "; ".join(
        f"{part.name} {part.meaning}" for part in parts if part.name not in ("byte count", "CRC")
    )


def _open_rtu(name: str, frame: bytes) -> tuple[list[Part], bytes, list[Part]]:
    if not 4 <= len(frame) <= MAX_RTU_FRAME:
        raise LyingLength(name, f"{len(frame)} bytes; an RTU frame has 4 to {MAX_RTU_FRAME}")
    if not checksum_fits(frame):
        right = FramerRTU.compute_CRC(frame[:-2]).to_bytes(2, "big").hex(" ").upper()
        raise BadChecksum(
            name, f"the CRC is {frame[-2:].hex(' ').upper()}, of these bytes it would be {right}"
        )
    address = Part("device", frame[:1], "all (broadcast)" if not frame[0] else str(frame[0]))
    return [address], frame[1:-2], [Part("CRC", frame[-2:], "right")]


def _rtu(name: str, title: str, meanings: Meanings) -> WireProtocol:
    def request(frame: bytes) -> Explanation:
        head, pdu, tail = _open_rtu(name, frame)
        parts = [*head, *_request_pdu(name, pdu, meanings), *tail]
        encoded = _encoded(name, frame[0], pdu)
        rtu = None if encoded is None else encoded[0]
        return Explanation(name, Direction.REQUEST, _summary(parts), tuple(parts), rtu)

    def reply(frame: bytes, asked: bytes | None) -> Explanation:
        head, pdu, tail = _open_rtu(name, frame)
        if not frame[0]:
            raise NotAFrame(name, "nobody answers from the broadcast address 0")
        parts = [*head, *_reply_pdu(name, pdu, meanings), *tail]
        if asked is not None:
            _matches(name, asked[:-2], frame[:-2])
        return Explanation(name, Direction.REPLY, _summary(parts), tuple(parts))

    return WireProtocol(name, title, reply, request)


def _open_tcp(name: str, frame: bytes) -> tuple[list[Part], bytes]:
    if len(frame) < 8:
        raise LyingLength(name, f"{len(frame)} bytes; a Modbus TCP frame has at least 8")
    transaction, protocol, length, unit = struct.unpack_from(">HHHB", frame)
    if protocol:
        raise NotAFrame(name, f"protocol id {protocol}; Modbus has 0")
    if length > MAX_MBAP_LENGTH or length != len(frame) - 6:
        raise LyingLength(name, f"the length field says {length}, {len(frame) - 6} bytes follow it")
    head = [
        Part("transaction", frame[:2], str(transaction)),
        Part("protocol", frame[2:4], "Modbus"),
        Part("length", frame[4:6], str(length)),
        Part("unit", frame[6:7], str(unit)),
    ]
    return head, frame[7:]


def _tcp(name: str, title: str) -> WireProtocol:
    def request(frame: bytes) -> Explanation:
        head, pdu = _open_tcp(name, frame)
        parts = [*head, *_request_pdu(name, pdu, Meanings())]
        encoded = _encoded(name, frame[6], pdu)
        tcp = None if encoded is None else frame[:2] + encoded[1]
        return Explanation(name, Direction.REQUEST, _summary(parts[3:]), tuple(parts), tcp)

    def reply(frame: bytes, asked: bytes | None) -> Explanation:
        head, pdu = _open_tcp(name, frame)
        parts = [*head, *_reply_pdu(name, pdu, Meanings())]
        if asked is not None:
            if asked[:2] != frame[:2]:
                raise WrongReply(name, f"transaction {asked[:2].hex()} was asked, {frame[:2].hex()} answered")
            _matches(name, asked[6:], frame[6:])
        return Explanation(name, Direction.REPLY, _summary(parts[3:]), tuple(parts))

    return WireProtocol(name, title, reply, request)


def _waveshare_coil(address: int, word: int) -> str:
    if address == 0x00FF:
        return "all relays"
    for base, verb in ((0x0400, "off"), (0x0200, "on")):
        if base <= address < base + 0x100:
            return f"relay {address - base + 1} flashes {verb} for {word * 100} ms"
    return f"relay {address + 1}" if address < 0x20 else ""


def _waveshare_register(address: int) -> str:
    if 0x1000 <= address < 0x1020:
        return f"control mode of channel {address - 0x1000 + 1}"
    return {0x2000: "serial settings", 0x4000: "device address", 0x8000: "software version"}.get(address, "")


def _eletechsup_register(address: int) -> str:
    if address <= 16:
        return f"channel {address}" if address else "all channels"
    if 0x81 <= address <= 0xA0:
        return f"input {address - 0x80}"
    return {
        0x70: "outputs as a bit map",
        0xC0: "inputs as a bit map",
        0xFC: "automatic report",
        0xFD: "automatic report",
        0xFE: "device address",
        0xFF: "baud rate",
    }.get(address, "")


PROTOCOLS = (
    _rtu("waveshare-relay-rtu", "Waveshare Modbus RTU Relay and IO boards",
         Meanings(_waveshare_coil, _waveshare_register)),
    _rtu("lctech-relay-rtu", "LC-Tech style Modbus RTU relay boards", Meanings()),
    _rtu("eletechsup-r4d", "Eletechsup R4D, N4D and R421A08 boards", Meanings(register=_eletechsup_register)),
    _tcp("modbus-tcp", "Modbus TCP"),
    _rtu("modbus-rfid-hobby", "a hobby Modbus RTU card reader (registers 40032 and 40033)", Meanings()),
)  # fmt: skip
