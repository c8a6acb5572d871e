"""Reader protocols byte by byte: what a line may bring between, before and inside their frames."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keycabinet.errors import (
    BadChecksum,
    DeviceRefused,
    DeviceSilent,
    LyingLength,
    NotAFrame,
    ReplyError,
    WrongReply,
)
from keycabinet.fobs import Fob, FobKind
from keycabinet.line import Line
from keycabinet.protocols.framing import Conversation, Framing, Hunter
from keycabinet.readers import onewire, rdm6300, rs485_ascii, uhf
from keycabinet.transport import LineUrl
from simulator.cabinets import MemorySerial
from simulator.cabinets.readers import ReaderWire, UhfReaderDevice

EPCS = [bytes.fromhex(f"E2843611000010000949{n:04X}") for n in range(3)]
INVENTORY = uhf.Reply(0, uhf.Command.INVENTORY, uhf.Status.DONE, b"\x01\x01\x0c" + EPCS[0] + b"\x42").encode()
CARD = rs485_ascii.Message(False, "2", "F", "00000FF1A").encode()
NUMBER = rdm6300.Card(0x67, 0x003B51C6).encode()
FRAMES: dict[str, tuple[Framing, bytes, Callable[[str, bytes], object]]] = {
    "uhf": (uhf.FRAMING, INVENTORY, uhf.open_reply),
    "ascii": (rs485_ascii.FRAMING, CARD, rs485_ascii.open_frame),
    "rdm6300": (rdm6300.FRAMING, NUMBER, rdm6300.open_frame),
}
framed = pytest.mark.parametrize("name", FRAMES)


@framed
@given(data=st.data())
def test_glued_frames_are_found_in_any_pieces(name: str, data: st.DataObject) -> None:
    framing, frame, _ = FRAMES[name]
    stream = frame * data.draw(st.integers(1, 4))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    hunter, found = Hunter(framing), []
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += hunter.feed(stream[begin:end])
    assert found == [frame] * (len(stream) // len(frame))
    assert hunter.noise == hunter.misfits == 0


@framed
@given(before=st.binary(max_size=40), after=st.binary(max_size=600))
def test_a_frame_is_found_behind_garbage_and_memory_stays_bounded(
    name: str, before: bytes, after: bytes
) -> None:
    framing, frame, take_apart = FRAMES[name]
    hunter = Hunter(framing)
    found = [*hunter.feed(before), *hunter.feed(frame)]
    found += hunter.feed(after)
    assert len(hunter.buffer) <= framing.longest
    for each in found:
        assert framing.fits(each)
        with suppress(ReplyError):  # digits that are none, say: still the right kind of error
            take_apart("reader", each)
    assert frame in found or any(frame[:1] in each[1:] for each in found)


@framed
@given(data=st.data())
def test_one_wrong_byte_is_never_believed(name: str, data: st.DataObject) -> None:
    _, frame, take_apart = FRAMES[name]
    place = data.draw(st.integers(0, len(frame) - 1))
    wrong = bytearray(frame)
    wrong[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ReplyError):
        take_apart("reader", bytes(wrong))


@framed
def test_cut_and_doubled_frames(name: str) -> None:
    _, frame, take_apart = FRAMES[name]
    for wrong in (b"", frame[:1], frame[:-1], frame[1:], frame * 2):
        with pytest.raises(ReplyError):
            take_apart("reader", wrong)


def test_the_length_byte_may_lie() -> None:
    hunter = Hunter(uhf.FRAMING)
    assert list(hunter.feed(b"\xff" + INVENTORY)) == [INVENTORY]
    with pytest.raises(LyingLength):
        uhf.open_reply("reader", b"\x20" + INVENTORY[1:])


# UHF


@given(
    st.lists(st.sampled_from(EPCS), max_size=8), st.sampled_from([*uhf.Layout]), st.sampled_from([1, 2, 4, 8])
)
def test_tags_come_back_from_both_layouts(epcs: list[bytes], layout: uhf.Layout, antenna: int) -> None:
    new = layout is uhf.Layout.NEW
    body = (bytes((antenna,)) if new else b"") + bytes((len(epcs),))
    body += b"".join(bytes((len(epc),)) + epc + (b"\x42" if new else b"") for epc in epcs)
    reply = uhf.Reply(0, uhf.Command.INVENTORY, uhf.Status.DONE, body)
    assert [tag.epc for tag in uhf.tags_of("reader", reply, layout)] == epcs
    with suppress(NotAFrame):  # both layouts fit: then it is not guessed
        assert [tag.epc for tag in uhf.tags_of("reader", reply)] == epcs


@pytest.mark.parametrize("data", ["", "0101", "01010C00", "010102E200420000"])
def test_tags_whose_lengths_do_not_add_up(data: str) -> None:
    reply = uhf.Reply(0, uhf.Command.INVENTORY, uhf.Status.DONE, bytes.fromhex(data))
    with pytest.raises(NotAFrame, match="add up"):
        uhf.tags_of("reader", reply)


def test_the_crc_is_the_published_one() -> None:
    """CRC-16/MCRF4XX of "123456789" is 6F91 in the catalogue of parametrised CRC algorithms."""
    assert uhf.crc8408(b"123456789") == 0x6F91


# 1-Wire. No package with a 1-Wire CRC is at hand: the catalogue's check value and published ROMs stand in for a peer.


def test_the_1wire_crc_is_the_published_one() -> None:
    """CRC-8/MAXIM-DOW of "123456789" is A1 in the catalogue of parametrised CRC algorithms."""
    assert onewire.crc8(b"123456789") == 0xA1


@given(st.binary(min_size=7, max_size=7), st.integers(0, 63))
def test_a_rom_with_a_wrong_bit_is_refused(seven: bytes, bit: int) -> None:
    rom = seven + bytes((onewire.crc8(seven),))
    if any(rom):
        onewire.check_rom("reader", rom)
    wrong = (int.from_bytes(rom, "little") ^ 1 << bit).to_bytes(8, "little")
    with pytest.raises(ReplyError):
        onewire.check_rom("reader", wrong)


@pytest.mark.parametrize("rom", [bytes(8), b"\xff" * 8])
def test_a_dead_wire_is_no_rom(rom: bytes) -> None:
    with pytest.raises(NotAFrame):
        onewire.check_rom("reader", rom)


def test_another_family_is_no_fob() -> None:
    with pytest.raises(NotAFrame, match="family 02"):
        onewire.fob_of("reader", bytes.fromhex("021CB801000000A2"))


@given(st.integers(0, (1 << 64) - 1))
def test_a_search_is_taken_apart_as_it_was_built(path: int) -> None:
    (protocol,) = (each for each in onewire.PROTOCOLS if each.name == "ds2480b")
    assert protocol.request is not None
    explanation = protocol.request(onewire.search_request(path))
    assert explanation.encoded == onewire.search_request(path)


@given(st.binary(min_size=17, max_size=17))
def test_any_answer_to_a_search_ends_the_search_or_goes_on_elsewhere(reply: bytes) -> None:
    reply = bytes((onewire.SEARCH_ROM,)) + reply[1:]
    found = onewire.Pass.parse("reader", reply)
    path = found.next_path()
    assert path is None or path != int.from_bytes(found.rom, "little")


@given(st.lists(st.binary(max_size=9), max_size=6))
def test_a_byte_reader_keeps_no_more_than_it_wants(pieces: list[bytes]) -> None:
    reader = onewire.ByteReader("bridge", 4, bytes)
    whole = b"".join(pieces)
    value = None
    for piece in pieces:
        value = value or reader.feed(piece)
    assert value == (whole[:4] if len(whole) >= 4 else None)
    assert isinstance(reader.failure(0.1), LyingLength | DeviceSilent)


# The reader of a line


def test_replies_that_answer_something_else_are_passed_over() -> None:
    def judge(frame: bytes) -> str:
        message = rs485_ascii.open_frame("reader", frame)
        if message.address != "2":
            raise WrongReply("reader", "another one")
        return message.data

    talk = Conversation("reader", rs485_ascii.FRAMING, 16, judge)
    assert talk.feed(rs485_ascii.Message(False, "1", "F", "000000001").encode()) is None
    assert isinstance(talk.failure(0.1), WrongReply)
    assert talk.feed(b"\x0a\x41\xff" + CARD) == "00000FF1A"
    assert talk.stale == 1
    assert talk.noise == 3


def test_why_there_is_no_reply() -> None:
    def talk(data: bytes) -> Conversation[bytes]:
        conversation: Conversation[bytes] = Conversation("reader", uhf.FRAMING, 256, lambda frame: frame)
        assert conversation.feed(data) is None
        return conversation

    assert isinstance(talk(b"").failure(0.1), DeviceSilent)
    assert isinstance(talk(INVENTORY[:-1]).failure(0.1), LyingLength)
    assert isinstance(talk(INVENTORY[:-1] + b"\0").failure(0.1), BadChecksum)
    assert "baud" in talk(b"\x01\x02").failure(0.1).text


@pytest.mark.parametrize(
    "text", ["em:003B51C6", "epc:E28436110000100009494 4AA".replace(" ", ""), "rom:010203040506070F"]
)
def test_fobs_are_written_and_read(text: str) -> None:
    assert str(Fob.parse(text.lower())) == text


@pytest.mark.parametrize("text", ["", "em", "em:1", "em:003B51CG", "epc:E2", "rom:01", "nfc:00"])
def test_what_is_no_fob(text: str) -> None:
    with pytest.raises(ValueError, match="hexadecimal"):
        Fob.parse(text)


def test_card_texts() -> None:
    assert rs485_ascii.fob_of("") is None
    assert rs485_ascii.fob_of("00000FF1A") == rs485_ascii.fob_of("FF1A") == Fob.parse("em:0000FF1A")


async def asked(device: UhfReaderDevice, **options: Any) -> tuple[uhf.UhfReader, Line, ReaderWire]:
    wire = ReaderWire([device], baudrate=57600)
    url = LineUrl.parse("serial:///dev/nowhere?baudrate=57600")
    line = await Line.open("u", url, opener=MemorySerial("u", wire).open)
    return uhf.UhfReader(line, 0, "reader", **options), line, wire


async def test_a_reader_that_pushes_by_itself_is_named() -> None:
    device = UhfReaderDevice(list, address=7, pushes=True)
    reader, line, wire = await asked(device)
    with pytest.raises(WrongReply, match="answer mode"):
        await reader.verify()
    await line.close()
    wire.close()


async def test_antennas_are_asked_one_after_another() -> None:
    fob = Fob(FobKind.EPC, EPCS[0].hex().upper())
    reader, line, wire = await asked(UhfReaderDevice(lambda: [fob], scan_s=0.1), antennas=(1, 4))
    assert await reader.read() == (fob,)
    codes = [frame.data[6] for frame in wire.log.frames if frame.is_request and frame.data[2] == 1]
    assert codes == [0x80, 0x83]
    await line.close()
    wire.close()


async def test_an_error_status_is_a_refusal() -> None:
    class Broken(UhfReaderDevice):
        def _inventory(self, data: bytes) -> list[bytes]:
            return [self._reply(uhf.Command.INVENTORY, uhf.Status.ANTENNA, b"")]

    reader, line, wire = await asked(Broken(list))
    with pytest.raises(DeviceRefused, match="antenna"):
        await reader.read()
    await line.close()
    wire.close()
