"""Records what crosses a line, with times, and plays such a record back in place of the line.

A capture is a file of JSON lines. The first describes it: `{"capture": 1, "line": URL, "started": RFC 3339 or null}`.
Each other one is a piece of traffic as it passed: `{"at": seconds since the start, "direction": "sent" or "received",
"hex": bytes}`. Sent is what this program wrote; while only listening, everything is received.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from keycabinet.errors import ConfigError, LineError, LineUrlError
from keycabinet.transport import Cancellable, LineUrl, Link, Opener, open_link

FORMAT = 1
MAX_PIECES = 1_000_000
MAX_PIECE = 65_536
"""Bytes of one piece that a capture file may hold."""


class CaptureFileError(ConfigError):
    """A file has not the form of a capture; the text names the line that is wrong."""


class ReplayDiverged(LineError):
    """Something else was sent than when the capture was recorded, or more."""

    retryable = False


class Direction(StrEnum):
    """Which way a piece of traffic went."""

    SENT = "sent"
    RECEIVED = "received"


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes that passed together, `at` seconds after the start."""

    at: float
    direction: Direction
    data: bytes

    def to_json(self) -> str:
        """Its line in a capture file."""
        return json.dumps({"at": round(self.at, 6), "direction": self.direction, "hex": self.data.hex()})


@dataclass(frozen=True, slots=True)
class Capture:
    """A whole record, in the order of time."""

    url: LineUrl
    pieces: tuple[Piece, ...]
    started: str | None = None

    def lines(self) -> Iterator[str]:
        """The lines of its file."""
        yield head(self.url, self.started)
        yield from (piece.to_json() for piece in self.pieces)


def head(url: LineUrl, started: str | None = None) -> str:
    """The first line of a capture file; `started` is the wall time at which `at` was 0."""
    return json.dumps({"capture": FORMAT, "line": str(url), "started": started})


def parse_capture(text: str) -> Capture:
    """Read a capture file. CaptureFileError names the line that is wrong."""
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise CaptureFileError("", "an empty file; the first line of a capture describes it")
    if len(lines) > MAX_PIECES:
        raise CaptureFileError("", f"{len(lines)} lines; up to {MAX_PIECES} are read")
    first = _object(*lines[0])
    if first.get("capture") != FORMAT:
        raise CaptureFileError(
            "", f'line 1: "capture": {FORMAT} is missing; this is no capture of that format'
        )
    started = first.get("started")
    try:
        url = LineUrl.parse(str(first.get("line")))
    except LineUrlError as error:
        raise CaptureFileError("", f"line 1: {error}") from None
    pieces = tuple(_pieces(lines[1:]))
    return Capture(url, pieces, started if isinstance(started, str) else None)


def _pieces(lines: Iterable[tuple[int, str]]) -> Iterator[Piece]:
    latest = 0.0
    for number, line in lines:
        entry = _object(number, line)
        at = entry.get("at")
        if isinstance(at, bool) or not isinstance(at, int | float) or not math.isfinite(at) or at < latest:
            raise CaptureFileError(
                "", f"line {number}: at is {at!r}, seconds from {latest:g} on are expected"
            )
        latest = float(at)
        yield Piece(latest, _direction(number, entry.get("direction")), _data(number, entry.get("hex")))


def _object(number: int, line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line, parse_int=float)  # no number is too large for it
    except (ValueError, RecursionError) as error:
        raise CaptureFileError("", f"line {number} is not JSON: {error}") from None
    if not isinstance(entry, dict):
        raise CaptureFileError("", f"line {number} is no JSON object")
    return entry


def _direction(number: int, value: object) -> Direction:
    try:
        return Direction(str(value))
    except ValueError:
        raise CaptureFileError(
            "", f"line {number}: direction is {value!r}, neither sent nor received"
        ) from None


def _data(number: int, value: object) -> bytes:
    try:
        data = bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError:
        data = b""
    if not 1 <= len(data) <= MAX_PIECE:
        raise CaptureFileError("", f"line {number}: hex is {value!r:.80}, not 1 to {MAX_PIECE} bytes")
    return data


class Recorder:
    """An `Opener` over another one that tells everything that passes through its links, with its time.

    A line that is opened through it records itself; as long as nobody asks anything, it only listens.
    """

    def __init__(self, told: Callable[[Piece], None], opener: Opener = open_link) -> None:
        self._told = told
        self._opener = opener
        self._origin: float | None = None

    async def __call__(self, url: LineUrl, protocol: asyncio.Protocol) -> Link:
        """Open a link; the first one starts the clock."""
        if self._origin is None:
            self._origin = asyncio.get_running_loop().time()
        return _RecordedLink(self, await self._opener(url, _RecordedProtocol(self, protocol)))

    def passed(self, direction: Direction, data: bytes) -> None:
        """Some bytes pass now."""
        at = asyncio.get_running_loop().time() - (self._origin or 0.0)
        self._told(Piece(at, direction, data))


class _RecordedProtocol(asyncio.Protocol):
    def __init__(self, recorder: Recorder, protocol: asyncio.Protocol) -> None:
        self._recorder = recorder
        self._protocol = protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._protocol.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self._recorder.passed(Direction.RECEIVED, data)
        self._protocol.data_received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._protocol.connection_lost(exc)


class _RecordedLink:
    def __init__(self, recorder: Recorder, link: Link) -> None:
        self._recorder = recorder
        self._link = link
        self.call_later = link.call_later
        self.close = link.close

    def write(self, data: bytes) -> None:
        self._recorder.passed(Direction.SENT, data)
        self._link.write(data)


class Replay:
    """An `Opener` that plays a capture back: what was sent must be sent again, in the same pieces or others.

    What was received then comes after the time that it took when it was recorded. What was received before anything
    was sent comes by itself after opening. Opening it again goes on where it stopped.
    """

    def __init__(self, capture: Capture) -> None:
        self.capture = capture
        self.position = 0
        """How many pieces are over."""

    @property
    def finished(self) -> bool:
        """Whether everything was sent and received."""
        return self.position == len(self.capture.pieces)

    async def __call__(self, url: LineUrl, protocol: asyncio.Protocol) -> Link:
        """Open a link on it, whatever the URL."""
        link = _ReplayLink(self, protocol)
        protocol.connection_made(asyncio.BaseTransport())
        link.receive(self.capture.pieces[self.position - 1].at if self.position else 0.0)
        return link


class _ReplayLink:
    def __init__(self, replay: Replay, protocol: asyncio.Protocol) -> None:
        self._replay = replay
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._coming: dict[int, asyncio.TimerHandle] = {}
        self._sent = b""
        self._next = replay.position  # the piece that is due; those that are coming are counted
        self._closed = False

    def write(self, data: bytes) -> None:
        """Compare with what was sent when it was recorded."""
        pieces = self._replay.capture.pieces
        self._sent += data
        while self._sent and not self._closed:
            if self._next == len(pieces):
                self._lose(
                    ReplayDiverged("replay", f"{self._sent.hex(' ')} was sent, and the capture is over")
                )
                return
            expected = pieces[self._next].data
            if not expected.startswith(self._sent[: len(expected)]):
                text = (
                    f"{self._sent.hex(' ')} was sent as piece {self._next}, {expected.hex(' ')} is recorded"
                )
                self._lose(ReplayDiverged("replay", text))
                return
            if len(self._sent) < len(expected):
                return
            self._sent = self._sent[len(expected) :]
            at = pieces[self._next].at
            self._next += 1
            self._replay.position += 1
            self.receive(at)

    def receive(self, since: float) -> None:
        """Let come what was received next, counted from the time `since` of the record."""
        pieces = self._replay.capture.pieces
        while self._next < len(pieces) and pieces[self._next].direction is Direction.RECEIVED:
            piece = pieces[self._next]
            self._coming[self._next] = self._loop.call_later(
                piece.at - since, self._deliver, self._next, piece.data
            )
            self._next += 1

    def _deliver(self, number: int, data: bytes) -> None:
        del self._coming[number]
        self._replay.position += 1
        self._protocol.data_received(data)

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Cancellable:
        """One shot on the event loop's clock."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(delay_s, callback)
        return self._timer

    def close(self) -> None:
        """Let go; what was coming is lost."""
        self._lose(None)

    def _lose(self, error: Exception | None) -> None:
        if self._closed:
            return
        self._closed = True
        for timer in (self._timer, *self._coming.values()):
            if timer is not None:
                timer.cancel()
        self._replay.position = self._next
        self._loop.call_soon(self._protocol.connection_lost, error)
