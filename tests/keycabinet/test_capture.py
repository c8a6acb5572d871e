"""Records of a line, and playing them back."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keycabinet.boards.base import Board, build_board
from keycabinet.capture import (
    Capture,
    CaptureFileError,
    Direction,
    Piece,
    Recorder,
    Replay,
    ReplayDiverged,
    parse_capture,
)
from keycabinet.config import BoardConfig
from keycabinet.errors import BadChecksum, DeviceSilent, LinkLost
from keycabinet.exchange import Priority
from keycabinet.fobs import Fob
from keycabinet.line import Line
from keycabinet.readers.rdm6300 import Rdm6300Reader
from keycabinet.transport import LineUrl
from simulator.cabinets import MemorySerial, Wire
from simulator.cabinets.board import RelayBoard
from simulator.cabinets.readers.devices import build_reader_device
from simulator.cabinets.readers.wire import ReaderWire
from simulator.cabinets.xor_8a import XorDevice

GOLDEN = Path(__file__).parents[1] / "golden"
URL = LineUrl.parse("serial:///dev/nowhere?baudrate=9600")
FOB = Fob.parse("em:0A1B2C3D")


def boards(line: Line) -> tuple[Board, Board]:
    relay = BoardConfig(line="a", address=1, profile="waveshare-relay-d-8")
    locks = BoardConfig(line="a", address=2, profile="xor-8a-8")
    return build_board(line, relay, "relay"), build_board(line, locks, "locks")


async def session(line: Line) -> tuple[object, ...]:
    """Some polls of two boards, one of them garbled."""
    relay, locks = boards(line)
    version = (await relay.verify()).version
    first = await relay.read_inputs(Priority.POLL)
    states = await locks.read_inputs(Priority.COMMAND)
    with pytest.raises((BadChecksum, DeviceSilent)) as garbled:
        await locks.read_inputs(Priority.COMMAND)
    return version, first, states, type(garbled.value), await relay.read_inputs(Priority.POLL)


async def recorded() -> tuple[Capture, tuple[object, ...]]:
    wire = Wire([RelayBoard(1, 8, 8, sense=lambda n: n in (2, 3)), XorDevice(2, 8, sense=lambda n: n < 8)])
    replies = iter([None, None, None, None, lambda reply: reply[:-1] + b"\x00"])

    def garble(reply: bytes) -> bytes:
        change = next(replies, None)
        return change(reply) if change else reply

    wire.on_reply.append(garble)
    pieces: list[Piece] = []
    port = MemorySerial("a", wire)
    async with await Line.open("a", URL, opener=Recorder(pieces.append, port.open)) as line:
        seen = await session(line)
    wire.close()
    return Capture(URL, tuple(pieces)), seen


async def test_what_was_recorded_plays_back_with_its_times() -> None:
    capture, seen = await recorded()
    assert seen[:3] == ("2.00", 0b110, 0x7F)
    assert [piece.direction for piece in capture.pieces] == [Direction.SENT, Direction.RECEIVED] * 6
    again = parse_capture("\n".join(capture.lines()))
    assert again.url == capture.url
    assert [piece.data for piece in again.pieces] == [piece.data for piece in capture.pieces]
    replay = Replay(again)
    pieces: list[Piece] = []
    async with await Line.open("a", again.url, opener=Recorder(pieces.append, replay)) as line:
        assert await session(line) == seen
    assert replay.finished
    for mine, recorded_piece in zip(pieces, again.pieces, strict=True):
        assert mine.data == recorded_piece.data
        assert mine.at == pytest.approx(recorded_piece.at, abs=1e-4)


async def test_a_recorded_file_of_boards() -> None:
    """Cut from what `motorpool capture` wrote on a simulated line, over a paced pty."""
    replay = Replay(parse_capture((GOLDEN / "capture-1.jsonl").read_text(encoding="utf-8")))
    async with await Line.open("a", replay.capture.url, opener=replay) as line:
        relay, locks = boards(line)
        assert await relay.read_inputs(Priority.POLL) == 0b11
        assert await relay.read_outputs(Priority.POLL) == 0
        assert await locks.read_inputs(Priority.POLL) == 0xFF
    assert not replay.finished


async def test_something_else_than_recorded_ends_the_link() -> None:
    capture, _ = await recorded()
    replay = Replay(capture)
    async with await Line.open("a", URL, opener=replay) as line:
        relay, locks = boards(line)
        with pytest.raises(LinkLost, match="is recorded"):
            await locks.read_inputs(Priority.COMMAND)
    replay = Replay(Capture(URL, capture.pieces[:2]))
    async with await Line.open("a", URL, opener=replay) as line:
        relay, locks = boards(line)
        with pytest.raises(LinkLost, match="the capture is over"):
            await relay.verify()
    assert not ReplayDiverged.retryable


async def test_a_reader_that_only_talks_plays_back() -> None:
    wire = ReaderWire([build_reader_device("rdm6300", 0, lambda: (FOB,))])
    port = MemorySerial("a", wire)
    pieces: list[Piece] = []
    async with await Line.open("a", URL, opener=Recorder(pieces.append, port.open)):
        await asyncio.sleep(1.0)  # nobody asks: it only listens
    wire.close()
    assert {piece.direction for piece in pieces} == {Direction.RECEIVED}
    replay = Replay(Capture(URL, tuple(pieces)))
    async with await Line.open("a", URL, opener=replay) as line:
        assert await Rdm6300Reader(line, "r").read() == (FOB,)


async def test_it_goes_on_after_it_was_opened_again() -> None:
    capture, _ = await recorded()
    replay = Replay(capture)
    async with await Line.open("a", URL, opener=replay) as line:
        await boards(line)[0].verify()
    async with await Line.open("a", URL, opener=replay) as line:
        assert await boards(line)[0].read_inputs(Priority.POLL) == 0b110


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("no", "line 1 is not JSON"),
        ("[]", "no JSON object"),
        ('{"line": "serial:///dev/x"}', "no capture of that format"),
        ('{"capture": 1, "line": "x"}', "line 1"),
        ('{"at": 1, "direction": "sent", "hex": "zz"}', "line 2: hex"),
        ('{"at": 1, "direction": "sent", "hex": ""}', "line 2: hex"),
        ('{"at": 1, "direction": "sideways", "hex": "00"}', "line 2: direction"),
        ('{"at": -1, "direction": "sent", "hex": "00"}', "line 2: at"),
        ('{"at": true, "direction": "sent", "hex": "00"}', "line 2: at"),
        ('{"at": NaN, "direction": "sent", "hex": "00"}', "line 2: at"),
        (
            '{"at": 2, "direction": "sent", "hex": "00"}\n{"at": 1, "direction": "sent", "hex": "00"}',
            "line 3: at",
        ),
    ],
)
def test_files_that_are_no_captures(text: str, words: str) -> None:
    first = '{"capture": 1, "line": "serial:///dev/x"}\n' if text.startswith('{"at"') else ""
    with pytest.raises(CaptureFileError, match=words):
        parse_capture(first + text)


PIECES = st.lists(
    st.builds(
        Piece,
        st.floats(0, 1e6).map(lambda at: round(at, 6)),
        st.sampled_from(Direction),
        st.binary(min_size=1, max_size=32),
    )
).map(lambda pieces: sorted(pieces, key=lambda piece: piece.at))


@given(PIECES, st.none() | st.just("2026-11-21T22:00:00+00:00"))
def test_every_capture_is_read_as_it_was_written(pieces: list[Piece], started: str | None) -> None:
    capture = Capture(URL, tuple(pieces), started)
    assert parse_capture("\n".join(capture.lines())) == capture


@given(st.text())
def test_any_text_is_a_capture_or_an_error(text: str) -> None:
    with suppress(CaptureFileError):
        parse_capture(text)
