"""What the fuzz targets share: a target, bytes cut into pieces and frames, and how readers of replies are tried."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from keycabinet.errors import DeviceRefused, KeyCabinetError, ReplyError

GOLDEN = Path(__file__).parents[1] / "golden"
FOUND = GOLDEN / "fuzz"
"""One folder a target: inputs that once broke it, kept as seeds and run by the tests."""
Seal = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Target:
    """One parser, or several that take the same bytes. `run` raises for a finding; `promise` says what must hold."""

    name: str
    promise: str
    run: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    longest: int = 600
    """Bytes of the longest input that is tried."""

    def inputs(self) -> Iterator[bytes]:
        """The seeds, then what was found before."""
        yield from self.seeds()
        folder = FOUND / self.name
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            yield path.read_bytes()


class Bytes:
    """An input taken apart from the front; zeros behind its end."""

    def __init__(self, data: bytes) -> None:
        self.rest = data

    def take(self, count: int) -> bytes:
        """The next bytes, fewer at the end."""
        head, self.rest = self.rest[:count], self.rest[count:]
        return head

    def number(self) -> int:
        """The next byte."""
        return int.from_bytes(self.take(1), "big")

    def blocks(self) -> Iterator[bytes]:
        """All that is left, each block behind a byte that says how long it is."""
        while self.rest:
            yield self.take(self.number())


def pieces(stream: bytes, size: int) -> Iterator[bytes]:
    """The stream as a link hands it over: whole (size 0), or so many bytes at a time."""
    step = size or max(1, len(stream))
    for at in range(0, len(stream), step):
        yield stream[at : at + step]


def framed(source: Bytes, seals: tuple[Seal, ...]) -> bytes:
    """What is left as one stream of blocks; the head of each says which check value it gets, or none.

    A coverage-guided fuzzer does not guess CRCs: like this it gets behind them.
    """
    stream = b""
    while source.rest:
        how, body = source.number(), source.take(source.number())
        stream += body if how % (len(seals) + 1) == 0 else seals[how % (len(seals) + 1) - 1](body)
    return stream


def vectors(*protocols: str) -> Iterator[tuple[bytes, bytes]]:
    """Request and reply of every golden frame of these protocols."""
    for each in json.loads((GOLDEN / "cabinet-vectors.json").read_text(encoding="utf-8")):
        if not protocols or each["protocol"] in protocols:
            yield bytes.fromhex(each["request_hex"]), bytes.fromhex(each["reply_hex"])


def golden(name: str) -> Any:
    """A golden JSON file."""
    return json.loads((GOLDEN / name).read_text(encoding="utf-8"))


def block(body: bytes, how: int = 0) -> bytes:
    """A block as `framed` reads it."""
    return bytes((how, len(body))) + body


class Reader(Protocol):
    """The part of a ReplyReader that is tried; `_buffer` is what it keeps."""

    noise: int
    stale: int
    _buffer: bytes

    def feed(self, data: bytes) -> object: ...
    def failure(self, waited_s: float) -> KeyCabinetError: ...


def ask(reader: Reader, stream: bytes, size: int, longest: int) -> tuple[object, KeyCabinetError | None]:
    """Feed a reader of one reply: its value, or its refusal, or neither. It keeps no more than one longest frame."""
    most = reader.noise + reader.stale + len(reader._buffer) + len(stream)
    for piece in pieces(stream, size):
        try:
            value = reader.feed(piece)
        except DeviceRefused as refusal:
            return None, refusal
        assert len(reader._buffer) <= longest, f"{len(reader._buffer)} bytes are kept, {longest} is a frame"
        assert reader.noise + reader.stale <= most, "more noise than bytes"
        if value is not None:
            return value, None
    assert isinstance(reader.failure(0.1), KeyCabinetError)
    return None, None


def whole_frames(stream: bytes, sizes: Iterable[int], judge: Callable[[bytes], object]) -> list[object]:
    """What every run of bytes of these sizes says by itself: the only things a reader may have understood."""
    said: list[object] = []
    for size in sizes:
        for at in range(len(stream) - size + 1):
            try:
                said.append(judge(stream[at : at + size]))
            except DeviceRefused as refusal:
                said.append(str(refusal))
            except ReplyError:
                continue
    return said


def check_reply(
    reader: Reader,
    stream: bytes,
    size: int,
    longest: int,
    said: Callable[[], list[object]],
    right: tuple[bytes, object] | None,
) -> None:
    """One exchange under anything the wire brings: never a state that no frame says; repeated, the reply gets through.

    `right` is the reply and its value; None where a reply proves nothing.
    """
    value, refusal = ask(reader, stream, size, longest)
    if value is not None:
        assert value in said(), f"{value!r} is said by no frame in {stream.hex(' ')}"
    elif refusal is not None:
        assert str(refusal) in said(), f"no frame refuses: {refusal}"
    elif right is not None:
        reply, meant = right
        again, refused = ask(reader, reply * (longest // len(reply) + 3), 0, longest)
        assert refused is None or str(refused) in said()
        assert again == meant or again in said(), f"{meant!r} was repeated, {again!r} understood"
