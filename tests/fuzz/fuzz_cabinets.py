"""Fuzz targets of key cabinets: lock boards, Modbus, fob readers, and the explanations of frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import reduce
from operator import xor
from typing import Any

from fuzz_tools import Bytes, Target, block, check_reply, framed, golden, pieces, vectors, whole_frames
from pymodbus.framer import FramerRTU

from keycabinet import mbap, modbus
from keycabinet.decoding import explain, protocols
from keycabinet.errors import ExceptionReply, LyingLength, ReplyError
from keycabinet.protocols import kerong, wkly, xor_8a
from keycabinet.protocols.framing import Conversation, Framing, Hunter, Question
from keycabinet.readers import onewire, rdm6300, rs485_ascii, uhf

DEVICE = "fuzzed"

# Modbus


def _crc(body: bytes) -> bytes:
    return body + FramerRTU.compute_CRC(body).to_bytes(2, "big")


_BITS = bytes.fromhex("0102025a3c")
_MODBUS: tuple[tuple[modbus.Query[Any], bytes, object], ...] = (
    (modbus.ReadBits(DEVICE, 1, 2, 0, 16), _BITS, 0x3C5A),
    (modbus.ReadBits(DEVICE, 1, 1, 0, 64), b"\x01\x01\x08" + bytes(8), 0),
    (
        modbus.ReadRegisters(DEVICE, 1, 0, 4),
        b"\x01\x03\x08" + bytes(range(8)),
        (0x0001, 0x0203, 0x0405, 0x0607),
    ),
    (modbus.WriteCoil(DEVICE, 1, 3, 0xFF00), b"\x01\x05\x00\x03\xff\x00", 0xFF00),
    (modbus.WriteRegister(DEVICE, 1, 5, 0x0100), b"\x01\x06\x00\x05\x01\x00", 0x0100),
)


def modbus_rtu(data: bytes) -> None:
    source = Bytes(data)
    query, reply, meant = _MODBUS[source.number() % len(_MODBUS)]
    size = source.number()
    stream = framed(source, (_crc,))

    def judge(frame: bytes) -> object:
        if not modbus.checksum_fits(frame):
            raise LyingLength(DEVICE, "no frame")
        return query.feed(frame[:-2])

    check_reply(
        query.reader(), stream, size, modbus.MAX_RTU_FRAME,
        lambda: whole_frames(stream + _crc(reply), {5, query.reply_size}, judge), (_crc(reply), meant),
    )  # fmt: skip


def _modbus_seeds() -> Iterator[bytes]:
    names = ("waveshare-relay-rtu", "lctech-relay-rtu", "eletechsup-r4d", "modbus-rfid-hobby")
    for index, (_, reply, _) in enumerate(_MODBUS):
        yield bytes((index, 0)) + block(reply, 1)
        yield bytes((index, 3)) + block(b"\x01\x02\x02", 0) + block(reply, 1)
        yield bytes((index, 1)) + block(bytes((1, reply[1] | 0x80, 2)), 1)
    for request, reply in vectors(*names):
        yield b"\x00\x00" + block(request) + block(reply)


def modbus_tcp(data: bytes) -> None:
    source = Bytes(data)
    query, size = _MODBUS[source.number() % len(_MODBUS)][0], source.number()
    stream = source.rest

    def split(step: int) -> tuple[list[tuple[int, bytes]], bool]:
        splitter, frames = mbap.MbapSplitter(DEVICE), []
        for piece in pieces(stream, step):
            try:
                frames += splitter.feed(piece)
            except LyingLength:
                return frames, True
            assert len(splitter._buffer) < 6 + modbus.MAX_MBAP_LENGTH
        return frames, False

    frames, broken = split(size)
    (at_once, lied), (one_by_one, lied_too) = split(0), split(1)
    assert broken == lied == lied_too
    assert lied or frames == at_once == one_by_one
    rebuilt = b"".join(
        number.to_bytes(2, "big") + b"\0\0" + len(adu).to_bytes(2, "big") + adu for number, adu in frames
    )
    assert stream.startswith(rebuilt)
    for _, adu in one_by_one:
        with suppress(ReplyError, ExceptionReply):
            query.feed(adu)
            assert adu[:2] == bytes((query.address, query.function))


def _tcp_seeds() -> Iterator[bytes]:
    for request, reply in vectors("modbus-tcp"):
        yield b"\x00\x00" + reply
        yield b"\x00\x05" + reply + reply + request
    for index, (_, reply, _) in enumerate(_MODBUS):
        yield bytes((index, 0)) + b"\x00\x07\x00\x00" + len(reply).to_bytes(2, "big") + reply


# Lock boards

Asked = tuple[Question[int], bytes, int | None]
"""A question, its reply, and what that means; None where any reply would do."""


def _board(
    asked: tuple[Asked, ...], decode: Callable[[bytes], Any], seal: Callable[[bytes], bytes]
) -> Callable[[bytes], None]:
    """A lock board's codec and its reader of replies, and its reader of what comes unasked."""

    def run(data: bytes) -> None:
        with suppress(ReplyError):
            assert decode(data).encode() == data
        source = Bytes(data)
        question, reply, meant = asked[source.number() % len(asked)]
        size, longest = source.number(), question.framing.longest
        stream = framed(source, (seal,))

        def judge(frame: bytes) -> object:
            if not question.framing.fits(frame):
                raise LyingLength(DEVICE, "no frame")
            return question.value(frame)

        sizes = range(5, longest + 1)
        check_reply(
            question.reader(), stream, size, longest,
            lambda: whole_frames(stream + reply, sizes, judge), None if meant is None else (reply, meant),
        )  # fmt: skip
        found: list[bytes] = []
        pushes = Hunter(question.framing)
        for piece in pieces(stream, size):
            found += pushes.feed(piece)
            assert len(pushes.buffer) <= longest
        assert all(question.framing.fits(frame) and frame in stream for frame in found)

    return run


def _board_seeds(
    names: tuple[str, ...], asked: tuple[Asked, ...], sealed: slice
) -> Callable[[], Iterator[bytes]]:
    """`sealed` is the part of a frame that its check value, and what always stands around it, are put around."""

    def seeds() -> Iterator[bytes]:
        for index, (question, reply, _) in enumerate(asked):
            yield bytes((index, 0)) + block(reply)
            yield bytes((index, 2)) + block(reply[:-2]) + block(question.request) + block(reply[sealed], 1)
        for request, reply in vectors(*names):
            yield request
            yield reply
            yield b"\x00\x00" + block(request[sealed], 1) + block(reply[sealed], 1)

    return seeds


def _xor_frame(head: int, data: bytes) -> bytes:
    return xor_8a.Frame(xor_8a.Head(head), 1, data).encode()


_XOR: tuple[Asked, ...] = (
    (xor_8a.AskStates(DEVICE, 1, 24, 3), _xor_frame(0x80, b"\x01\x02\x03\x33"), 0x010203),
    (xor_8a.AskStates(DEVICE, 1, 32, 4), _xor_frame(0x80, b"\x01\x02\x03\x04\x33"), 0x01020304),
    (xor_8a.AskStates(DEVICE, 1, 50, 7, "low_first"), _xor_frame(0x80, bytes(7) + b"\x33"), 0),
    (xor_8a.Unlock(DEVICE, 1, 2), _xor_frame(0x8A, b"\x02\x11"), 0x11),
)
_KERONG: tuple[Asked, ...] = (
    (kerong.ask_cu48(DEVICE, 1), kerong.seal(b"\x01\x00\x75\x05" + bytes(11)), 5),
    (kerong.unlock_cu48(DEVICE, 1, 3), kerong.seal(b"\x01\x02\x77" + bytes(12)), None),
    (kerong.ask_cu16(DEVICE, 1), kerong.seal(b"\x10\x35\x05\x00\x00\x00"), 5),
    (kerong.unlock_cu16(DEVICE, 1, 3), kerong.seal(b"\x12\x31"), None),
)
_WKLY: tuple[Asked, ...] = (
    (
        wkly.AskStates(DEVICE, 1, 8),
        wkly.Frame(1, wkly.Command.ASK_ALL, b"\0\x08" + b"\x01\x00" * 4).encode(),
        0x55,
    ),
    (wkly.Unlock(DEVICE, 1, 2), wkly.Frame(1, wkly.Command.OPEN, b"\0\x02\x01").encode(), 1),
)


def _kerong_decode(data: bytes) -> kerong.Frame:
    try:
        return kerong.CU48.decode(data)
    except ReplyError:
        return kerong.CU16.decode(data)


def _wkly_seal(body: bytes) -> bytes:
    whole = wkly.HEAD + bytes((len(body) + 6,)) + body
    return whole + bytes((reduce(xor, whole),))


# Readers


def _reader(
    framing: Framing,
    reply: bytes,
    open_frame: Callable[[str, bytes], Any],
    seals: tuple[Callable[[bytes], bytes], ...],
) -> Callable[[bytes], None]:
    """A reader's codec, the search for its frames, and one conversation."""

    def run(data: bytes) -> None:
        with suppress(ReplyError):
            assert open_frame(DEVICE, data).encode() == data
        source = Bytes(data)
        size = source.number()
        stream = framed(source, seals)
        hunter = Hunter(framing)
        found: list[bytes] = []
        for piece in pieces(stream, size):
            found += hunter.feed(piece)
            assert len(hunter.buffer) <= framing.longest
        assert hunter.noise + len(hunter.buffer) + sum(map(len, found)) == len(stream)
        for frame in found:
            assert framing.fits(frame)
            assert frame in stream
        enough = framing.longest // len(reply) + 3
        assert reply in list(hunter.feed(reply * enough)), "the frame was repeated and not found"
        talk = Conversation(DEVICE, framing, framing.longest, lambda frame: open_frame(DEVICE, frame))
        for piece in pieces(stream, size):
            value = talk.feed(piece)
            if value is not None:
                assert value.encode() in found
                return
        talk.failure(0.1)

    return run


def _uhf_seal(body: bytes) -> bytes:
    whole = bytes(((len(body) + 2) & 0xFF,)) + body
    return whole + uhf.crc8408(whole).to_bytes(2, "little")


def _ascii_seal(body: bytes) -> bytes:
    whole = b"\x0a\x41" + body
    return whole + b"%02X\r" % reduce(xor, whole)


def _rdm_seal(body: bytes) -> bytes:
    raw = body[:5].ljust(5, b"\0")
    return b"\x02" + (raw + bytes((reduce(xor, raw),))).hex().upper().encode() + b"\x03"


_UHF_REPLY = uhf.Reply(0, 1, 1, bytes.fromhex("01010ce2843611000010000949000042")).encode()
_CARD = rs485_ascii.Message(False, "2", "F", "00000FF1A").encode()
_NUMBER = rdm6300.Card(0x67, 0x003B51C6).encode()


def uhf_reader(data: bytes) -> None:
    _uhf_frames(data)
    source = Bytes(data)
    reply = uhf.Reply(source.number(), source.number(), source.number(), source.rest)
    for layout in (None, *uhf.Layout):
        with suppress(ReplyError):
            tags = uhf.tags_of(DEVICE, reply, layout)
            assert sum(len(tag.epc) for tag in tags) <= len(reply.data)
            assert all(str(tag.fob) for tag in tags)
    with suppress(ReplyError):
        uhf.info_of(DEVICE, reply)


_uhf_frames = _reader(uhf.FRAMING, _UHF_REPLY, uhf.open_reply, (_uhf_seal,))


def _reader_seeds(name: str, frame: bytes, sealed: slice) -> Callable[[], Iterator[bytes]]:
    def seeds() -> Iterator[bytes]:
        yield b"\x00" + block(frame) + block(frame[:-1]) + block(frame)
        for request, reply in vectors(name):
            yield request
            yield reply
            yield b"\x04" + block(reply[sealed], 1) + block(request)

    return seeds


def one_wire(data: bytes) -> None:
    """The bridge answers without frames: byte counts, resets, passes of the search, and ROMs."""
    source = Bytes(data)
    kind, size = source.number() % 3, source.number()
    if kind == 0:
        with suppress(ReplyError):
            assert onewire.ResetReply.parse(DEVICE, source.number()).version in range(8)
        return
    if kind == 1:
        rom = source.rest if size & 1 else source.rest[:7] + bytes((onewire.crc8(source.rest[:7]),))
        with suppress(ReplyError):
            fob = onewire.fob_of(DEVICE, rom)
            assert bytes.fromhex(fob.code) == rom
            assert not onewire.crc8(rom)
        return
    stream = bytes((onewire.SEARCH_ROM,)) + source.rest
    reader = onewire.ByteReader(DEVICE, 17, lambda reply: onewire.Pass.parse(DEVICE, reply))
    value = None
    for piece in pieces(stream, size):
        value = value or reader.feed(piece)
        assert len(reader._buffer) <= reader.reply_size
    if len(stream) < reader.reply_size:
        assert value is None
        reader.failure(0.1)
        return
    assert value is not None
    path = value.next_path()
    assert path is None or path != int.from_bytes(value.rom, "little")


def _onewire_seeds() -> Iterator[bytes]:
    for request, reply in vectors("onewire-rom", "ds2480b"):
        yield b"\x01\x01" + reply
        yield b"\x01\x00" + reply
        yield b"\x00\x00" + reply
        yield b"\x02\x03" + reply + request
    yield b"\x02\x00" + bytes(16)


# Explanations


def decode(data: bytes) -> None:
    """Any frame of any protocol: a reason, or parts that are the frame, and the frame built anew from them."""
    source = Bytes(data)
    names = sorted(protocols())
    name, asked = names[source.number() % len(names)], source.take(source.number())
    frame = source.rest
    try:
        explained = explain(name, frame, asked or None)
    except ReplyError:
        return
    assert explained.frame == frame
    assert explained.summary
    assert explained.encoded is None or explained.encoded == frame, f"built anew as {explained.encoded.hex()}"


def _decode_seeds() -> Iterator[bytes]:
    names = sorted(protocols())
    for each in golden("cabinet-vectors.json"):
        request, reply = bytes.fromhex(each["request_hex"]), bytes.fromhex(each["reply_hex"])
        if each["protocol"] in names and len(request) < 256:
            which = bytes((names.index(each["protocol"]),))
            yield which + b"\0" + request
            yield which + b"\0" + reply
            yield which + bytes((len(request),)) + request + reply


_FRAMES = "wrong, cut, glued and foreign frames never make a state; the reply gets through behind them"
TARGETS = (
    Target("modbus-rtu", _FRAMES, modbus_rtu, _modbus_seeds),
    Target("modbus-tcp", "any cut gives the same frames; a lying header ends the stream", modbus_tcp, _tcp_seeds),
    Target("xor-8a", _FRAMES, _board(_XOR, xor_8a.decode, xor_8a._seal), _board_seeds(("xor-8a",), _XOR, slice(0, -1))),
    Target("kerong", _FRAMES, _board(_KERONG, _kerong_decode, kerong.seal),
           _board_seeds(("kerong-cu16", "kerong-cu48-60"), _KERONG, slice(1, -2))),
    Target("wkly", _FRAMES, _board(_WKLY, wkly.decode, _wkly_seal), _board_seeds(("wkly",), _WKLY, slice(5, -1))),
    Target("uhf-crc8408", _FRAMES, uhf_reader, _reader_seeds("uhf-crc8408", _UHF_REPLY, slice(1, -2))),
    Target("rs485-125k-ascii", _FRAMES, _reader(rs485_ascii.FRAMING, _CARD, rs485_ascii.open_frame, (_ascii_seal,)),
           _reader_seeds("rs485-125k-ascii", _CARD, slice(2, -3))),
    Target("rdm6300", _FRAMES, _reader(rdm6300.FRAMING, _NUMBER, rdm6300.open_frame, (_rdm_seal,)),
           _reader_seeds("rdm6300", _NUMBER, slice(1, 6))),
    Target("onewire", "a ROM has a right CRC; a search ends or goes on elsewhere", one_wire, _onewire_seeds),
    Target("decode", "a frame is explained whole and built anew, or refused with a reason", decode, _decode_seeds,
           longest=700),
)  # fmt: skip
