"""Fuzz targets of sealed terminals: frames, CBOR, papers, handshake, sessions from either side, labels and keys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from fuzz_tools import Bytes, Target, block, golden, pieces

from simulator.model import Car
from simulator.terminals.sealed import SealedDevice, Timing
from simulator.terminals.sealed_car import FittedCar
from simulator.terminals.sealed_desk import Session
from vehicle.sealed import cbor
from vehicle.sealed.cbor import BadCbor, Cbor
from vehicle.sealed.channel import DirectionKey, Opener, Sealer
from vehicle.sealed.client import Hearsay, HolderSession, _Keys
from vehicle.sealed.codes import Code, Refused, Verb
from vehicle.sealed.commands import (
    Admission,
    Answer,
    Enrolment,
    Entry,
    Greeting,
    Measured,
    Remembered,
    Request,
    State,
)
from vehicle.sealed.framing import LONGEST_FRAME, Frame, FrameReader, FrameType, encode_frame
from vehicle.sealed.grant import read_grant
from vehicle.sealed.handshake import Initiator, Responder
from vehicle.sealed.keys import Authority, AuthorityKey, BadKey, PrivateKey, PublicKey, public_from_pem
from vehicle.sealed.label import Label
from vehicle.sealed.revocation import read_revocations, read_ticket
from vehicle.sealed.signed import BadSignature, Signed, parse_signed, verify

_GOLDEN = golden("sealed-1.json")
_HOLDER = PrivateKey.of(bytes.fromhex(_GOLDEN["holder"]["private"]))
_TERMINAL = PrivateKey.of(bytes.fromhex(_GOLDEN["terminal"]["private"]))
_AUTHORITY = AuthorityKey(bytes.fromhex(_GOLDEN["authority"]["public"]))
_NOW = 1_800_000_000
_SECRET = bytes(range(10))
_VEHICLE = "P-112"
_SIGNED = tuple(bytes.fromhex(each["cose"]) for each in _GOLDEN["signed"].values())
_REQUESTS = tuple(bytes.fromhex(each["request"]) for each in _GOLDEN["records"])
_ANSWERS = tuple(bytes.fromhex(each["answer"]) for each in _GOLDEN["records"])
_MESSAGES = tuple(bytes.fromhex(_GOLDEN["handshake"][f"message_{number}"]) for number in (1, 2, 3))
_FRAMES = tuple(
    bytes.fromhex(each[f"{way}_frame"]) for each in _GOLDEN["records"] for way in ("request", "answer")
)


def frames(data: bytes) -> None:
    """Any cut gives the same frames, which encode to the same bytes; a length that lies ends the stream."""
    source = Bytes(data)
    size, stream = source.number(), source.rest

    def read(step: int) -> tuple[list[Frame], int | None]:
        reader, found = FrameReader(), []
        for piece in pieces(stream, step):
            try:
                found += reader.feed(piece, 0.0)
            except Refused:
                assert reader.feed(b"\x00\x01\x20", 0.0) == []
                return found, None
            assert reader.pending <= 2 + LONGEST_FRAME
        return found, reader.pending

    found, pending = read(size)
    assert pending == read(1)[1]
    if pending is not None:
        assert found == read(0)[0] == read(1)[0]
        rebuilt = b"".join(
            (len(each.body) + 1).to_bytes(2, "big") + bytes((each.type,)) + each.body for each in found
        )
        assert rebuilt == stream[: len(stream) - pending]


def any_cbor(data: bytes) -> None:
    """The one encoding of an allowed value, or refused."""
    try:
        value = cbor.decode(data)
    except BadCbor:
        return
    assert cbor.encode(value) == data


def papers(data: bytes) -> None:
    """What is signed is read as it was signed; nothing but what the authority signed verifies."""
    try:
        signed = parse_signed(data)
    except BadCbor:
        _payload(data)
        return
    assert cbor.encode(cbor.decode(data[1:])) == data[1:]
    _payload(signed.payload)
    try:
        verify(signed, _AUTHORITY)
    except BadSignature:
        return
    assert data in _SIGNED, "a forged paper verifies"


def _payload(payload: bytes) -> None:
    for read, field in ((read_grant, "claims"), (read_revocations, "payload"), (read_ticket, "payload")):
        with suppress(BadCbor):
            paper = read(Signed(b"", 0, b"", "", payload))
            assert cbor.encode(getattr(paper, field)) == payload


_BODIES = (Admission, Enrolment, Entry, Greeting, Measured, Remembered, State)


def messages(data: bytes) -> None:
    """Requests, answers and their bodies: read and written alike, or refused."""
    for kind in (Request, Answer):
        with suppress(BadCbor):
            assert kind.parse(data).encode() == data
    body: Cbor
    try:
        body = cbor.decode(data)
    except BadCbor:
        return
    if isinstance(body, list) and len(body) == 3:
        _body(body[2])
    _body(body)


def _body(body: Cbor) -> None:
    for kind in _BODIES:
        with suppress(BadCbor):
            assert kind.of(body).cbor == body
    with suppress(BadCbor, BadKey):
        assert PublicKey.from_cose(body).cose == body


def handshake(data: bytes) -> None:
    """Any three messages, to both sides: refused, whatever the EDHOC library makes of them, and never a session."""
    source = Bytes(data)
    kind, message = source.number() % 4, source.rest
    try:
        if kind == 0:
            Responder(_TERMINAL).message_2(message, by_value=bool(len(message) & 1))
        elif kind == 1:
            initiator = Initiator(
                _HOLDER, _TERMINAL.public if len(message) & 1 else _TERMINAL.public.thumbprint[:10]
            )
            initiator.message_1()
            initiator.finish(message)
            raise AssertionError("a message 2 that nobody sent was taken")
        elif kind == 2:
            responder = Responder(_TERMINAL)
            responder.message_2(_MESSAGES[0], by_value=False)
            responder.finish(message)
            raise AssertionError("a message 3 that nobody sent was taken")
        else:
            PublicKey.from_credential(message)
    except (Refused, BadCbor, BadKey):
        return


def _handshake_seeds() -> Iterator[bytes]:
    for kind in range(3):
        yield bytes((kind,)) + _MESSAGES[kind]
        yield bytes((kind,)) + _MESSAGES[kind][:-1]
    yield b"\x03" + _HOLDER.public.credential


def _device() -> SealedDevice:
    device = SealedDevice(
        FittedCar(Car(vin="1D4GP00R55B123456")),
        _TERMINAL,
        secret=_SECRET,
        rtc=lambda: _NOW,
        random_bytes=bytes,
        timing=Timing(0.0, 0.0),
    )
    device.enrol(_AUTHORITY, _VEHICLE, _NOW - 60, immobilisable=True)
    return device


_TO_TERMINAL, _TO_HOLDER = DirectionKey(b"\x01" * 16, b"\x02" * 13), DirectionKey(b"\x03" * 16, b"\x04" * 13)


def terminal(data: bytes) -> None:
    """A terminal under any bytes, and any requests of a holder without a grant: car and fleet stay as they are."""
    source = Bytes(data)
    sealed, size = source.number() & 1, source.number()
    device, sealer = _device(), Sealer(_TO_TERMINAL)
    if sealed:
        stranger = PrivateKey.of(b"\x21" * 32).public
        device.session = Session(stranger, Opener(_TO_TERMINAL), Sealer(_TO_HOLDER), began=0.0, last=0.0)
    before = _state(device)
    parts = source.blocks() if sealed else pieces(source.rest, size)
    for part in parts:
        device.receive(encode_frame(FrameType.RECORD, sealer.seal(part)) if sealed else part, 0.0)
        assert device.waiting_bytes <= 2 + LONGEST_FRAME
        said = device.take(0.0)
        assert len(said) <= 4 * (2 + LONGEST_FRAME)
    assert _state(device) == before, "something changed without a grant"


def _state(device: SealedDevice) -> tuple[object, ...]:
    memory, car = device.memory, device.car
    return (
        memory.authority, memory.vehicle, memory.ordered, memory.immobilisable, tuple(memory.commands),
        car.doors_locked, car.restart_blocked,
    )  # fmt: skip


def _terminal_seeds() -> Iterator[bytes]:
    yield b"\x01\x00" + b"".join(block(each)[1:] for each in _REQUESTS if len(each) < 256)
    for each in _REQUESTS:
        if len(each) < 256:
            yield b"\x01\x00" + block(each)[1:]
    for frame in (encode_frame(FrameType.MESSAGE_1, _MESSAGES[0]), *_FRAMES):
        yield b"\x00\x00" + frame
        yield b"\x00\x05" + frame + frame


def holder(data: bytes) -> None:
    """A holder's session under any bytes: only what the terminal sealed for the request is an answer to it."""
    source = Bytes(data)
    sealed, size = source.number() & 1, source.number()
    session = HolderSession(_HOLDER, _TERMINAL.public)
    session._keys = _Keys(Sealer(_TO_TERMINAL), Opener(_TO_HOLDER))
    asked = Request(bytes([1]) * 16, int(Verb.READ))
    session.ask(asked)
    sealer = Sealer(_TO_HOLDER)
    for part in source.blocks() if sealed else pieces(source.rest, size):
        try:
            received = session.receive(
                encode_frame(FrameType.RECORD, sealer.seal(part)) if sealed else part, 0.0
            )
        except (Refused, Hearsay):
            return
        if received.answer is not None:
            assert sealed
            assert received.answer.id == asked.id
            assert received.answer.code in Code


def _holder_seeds() -> Iterator[bytes]:
    for each in _ANSWERS:
        if len(each) < 256:
            yield b"\x01\x00" + block(each)[1:]
    for frame in (
        encode_frame(FrameType.MESSAGE_2, _MESSAGES[1]),
        *_FRAMES,
        encode_frame(FrameType.ERROR, b"\x21"),
    ):
        yield b"\x00\x00" + frame


def keys_and_labels(data: bytes) -> None:
    """Labels and keys as people copy them: read and written alike, or refused."""
    text = data.decode("latin-1")
    with suppress(ValueError):
        label = Label.parse(text)
        assert Label.parse(str(label)) == label
    with suppress(BadKey):
        assert PublicKey.from_hex(text) == PublicKey.from_hex(PublicKey.from_hex(text).hex)
    for read in (public_from_pem, PrivateKey.from_pem, Authority.from_pem):
        with suppress(BadKey):
            assert read(data) == read(data)


def _key_seeds() -> Iterator[bytes]:
    yield _GOLDEN["terminal"]["label"].encode()
    yield _HOLDER.public.hex.encode()
    yield _HOLDER.pem()


def _cbor_seeds() -> Iterator[bytes]:
    yield from (signed[1:] for signed in _SIGNED)
    yield from (bytes.fromhex(each["payload"]) for each in _GOLDEN["signed"].values())
    yield from _REQUESTS
    yield from _ANSWERS
    yield _HOLDER.public.credential


def _paper_seeds() -> Iterator[bytes]:
    yield from _SIGNED
    yield from (bytes.fromhex(each["payload"]) for each in _GOLDEN["signed"].values())


TARGETS = (
    Target(
        "sealed-frames",
        "any cut gives the same frames; a length that lies ends the stream",
        frames,
        lambda: (b"\x00" + frame * 2 for frame in _FRAMES),
        longest=1200,
    ),
    Target("sealed-cbor", "the one encoding of a value, or refused", any_cbor, _cbor_seeds, longest=400),
    Target(
        "sealed-papers",
        "read as signed; nothing but the authority's own verifies",
        papers,
        _paper_seeds,
        longest=920,
    ),
    Target(
        "sealed-messages",
        "requests, answers and bodies are read and written alike",
        messages,
        _cbor_seeds,
        longest=400,
    ),
    Target(
        "sealed-handshake",
        "messages that nobody sent never make a session",
        handshake,
        _handshake_seeds,
        longest=200,
    ),
    Target(
        "sealed-terminal",
        "without a grant a terminal stays as it is",
        terminal,
        _terminal_seeds,
        longest=1500,
    ),
    Target("sealed-holder", "only the terminal's own answer is one", holder, _holder_seeds, longest=1200),
    Target(
        "sealed-keys", "labels and keys are read and written alike", keys_and_labels, _key_seeds, longest=400
    ),
)
