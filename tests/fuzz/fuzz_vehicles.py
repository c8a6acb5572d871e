"""Fuzz targets of vehicles: what an OBD adapter prints, what control units say in it, and credits."""

from __future__ import annotations

from collections.abc import Iterator

from fuzz_tools import Bytes, Target, golden, pieces

from vehicle.credits import MOST, WINDOW, Credits
from vehicle.obd.dtc import decode_codes
from vehicle.obd.elm327 import MAX_REPLY, CommandError, Problem, ReplyStream, awaits_more, encode, read_reply
from vehicle.obd.frames import Framing, crc8_j1850, parse_answer
from vehicle.obd.pids import PIDS, decode_monitor_status, decode_supported, decode_vin, split_values

_COMMANDS = ("010C", "ATI", "0902", "03", "01000C0D", "")
_FRAMINGS = tuple(Framing)


def elm327(data: bytes) -> None:
    """Text over any cut: the same replies, none longer than is kept; and commands that an adapter cannot misread."""
    source = Bytes(data)
    command, size = _COMMANDS[source.number() % len(_COMMANDS)], source.number()
    stream = source.rest

    def read(step: int) -> tuple[list[bytes | None], bytes]:
        collected = ReplyStream()
        texts: list[bytes | None] = []
        for piece in pieces(stream, step):
            texts += collected.feed(piece)
            assert len(collected.partial) <= MAX_REPLY
        return texts, collected.partial

    texts, partial = read(size)
    assert (texts, partial) == read(0)
    awaits_more(partial, 0x01)
    for text in texts:
        reply = read_reply(text, command)
        assert all(reply.lines)
        assert not (reply.lines and reply.problem)
        assert (text is None) == (reply.problem is Problem.TOO_LONG)
    try:
        sent = encode(stream.decode("latin-1"))
    except CommandError:
        return
    assert sent.endswith(b"\r")
    assert not set(b"\r\n\0>") & set(sent[:-1])


def _printed() -> Iterator[tuple[str, bytes]]:
    """Command and reply of the golden replies."""
    for each in golden("elm327-vectors.json"):
        if "reply_ascii" in each:
            yield each.get("request_ascii", "").strip(), each["reply_ascii"].encode("latin-1")


def _elm_seeds() -> Iterator[bytes]:
    for index, (_, reply) in enumerate(_printed()):
        yield bytes((index % len(_COMMANDS), 0)) + reply
        yield bytes((index % len(_COMMANDS), 7)) + reply + b">" + reply
    yield b"\x00\x00" + b"7" * (MAX_REPLY + 1) + b">41 0C 1A F8\r\r>"
    yield b"\x01\x00AT SP 0"


def obd(data: bytes) -> None:
    """An answer of any framing: whole messages with values within their range, or named faults."""
    source = Bytes(data)
    framing = _FRAMINGS[source.number() % len(_FRAMINGS)]
    request = _COMMANDS[source.number() % (len(_COMMANDS) - 1)].replace("ATI", "07")
    text = source.rest
    if framing in (Framing.J1850, Framing.ISO) and request != "07":
        text = b"\r".join(_checked(line, framing) for line in text.split(b"\r"))
    answer = parse_answer(read_reply(text, request), request, framing)
    for message in answer.messages:
        payload = message.payload
        assert payload[0] == int(request[:2], 16) | 0x40
        assert len(payload) <= len(text)
        _values(payload)


def _checked(line: bytes, framing: Framing) -> bytes:
    """The line with its check value, which a fuzzer would not guess."""
    try:
        frame = bytes.fromhex(line.decode("latin-1"))
    except ValueError:
        return line
    check = crc8_j1850(frame) if framing is Framing.J1850 else sum(frame) & 0xFF
    return (frame + bytes((check,))).hex().upper().encode()


def _values(payload: bytes) -> None:
    for requested in ((0x0C,), (0x0C, 0x0D, 0x05), tuple(PIDS)):
        split = split_values(payload, requested)
        for pid, value in (split or {}).items():
            row = PIDS[pid]
            assert row.size == len(value)
            for each in row.fields:
                low, high = each.range
                found = each.decode(value)
                assert found is None or low <= found <= high
    vin = decode_vin(payload[3:])
    assert vin is None or len(vin) == 17
    status = decode_monitor_status(payload[2:])
    assert status is None or 0 <= status.dtc_count <= 127
    for base in (0x00, 0x20, 0xE0):
        assert all(base < pid <= base + 32 for pid in decode_supported(base, payload[2:]) or ())
    for counted in (False, True):
        assert all(len(code) == 5 for code in decode_codes(payload, counted=counted) or ())


def _obd_seeds() -> Iterator[bytes]:
    for command, text in _printed():
        reply = text.partition(b">")[0]
        which = _COMMANDS.index(command) if command in _COMMANDS else 1
        for framing in range(len(_FRAMINGS)):
            yield bytes((framing, which)) + reply
    vin = b"1D4GP00R55B123456".hex().upper()
    yield b"\x01\x02" + f"7E8 10 14 49 02 01 {vin[:6]}\r7E8 21 {vin[6:20]}\r7E8 22 {vin[20:]}".encode()
    yield b"\x00\x02" + f"014\r0:490201{vin[:6]}\r1:{vin[6:20]}\r2:{vin[20:]}".encode()
    yield b"\x03\x02" + "\r".join(f"486B10490201{vin[8 * n : 8 * n + 8]}" for n in range(5)).encode()


def telit_credits(data: bytes) -> None:
    """Credits never go below nothing or above what a byte grants."""
    account = Credits()
    for byte in data:
        before = account.to_send
        if byte < 64:
            assert account.spend() == (before > 0)
            assert account.to_send == max(0, before - 1)
        elif byte < 128:
            account.received()
        elif byte < 192:
            granted = account.grant()
            assert granted is None or (len(granted) == 1 and account.open == WINDOW)
        else:
            account.granted(bytes((byte,)) if byte & 1 else bytes((byte, byte)))
            assert account.to_send == (min(MOST, before + byte) if byte & 1 else before)
        assert 0 <= account.to_send <= MOST
        assert 0 <= account.open <= WINDOW


TARGETS = (
    Target(
        "elm327", "the same replies over any cut, none longer than is kept", elm327, _elm_seeds, longest=1000
    ),
    Target("obd", "whole messages with plausible values, or named faults", obd, _obd_seeds, longest=400),
    Target(
        "telit-credits", "credits stay within what was granted", telit_credits, lambda: [bytes(range(256))]
    ),
)
