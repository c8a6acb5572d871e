"""The holder's side of a session, sans-IO: bytes in, bytes and answers out.

Handshake, then requests one at a time. Whatever does not verify ends the session; an error that the far end sends in
the clear is hearsay: it ends the session too, and is never taken for the terminal's word about a command.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from vehicle.sealed.cbor import BadCbor
from vehicle.sealed.channel import Opener, Sealer
from vehicle.sealed.codes import Code, Refused
from vehicle.sealed.commands import Answer, Request, known_code
from vehicle.sealed.framing import Frame, FrameReader, FrameType, encode_frame
from vehicle.sealed.handshake import Initiator
from vehicle.sealed.keys import PrivateKey, PublicKey


class Hearsay(Exception):
    """An error frame in the clear, from the terminal or from anybody on the way; `code` is None if it is unknown."""

    def __init__(self, code: Code | None) -> None:
        self.code = code
        super().__init__("unknown" if code is None else code.text)


@dataclass(slots=True)
class Received:
    """What came of some bytes: what to send now, and the answer to the request under way."""

    to_send: bytes = b""
    answer: Answer | None = None


@dataclass(slots=True)
class _Keys:
    sealer: Sealer
    opener: Opener
    asked: Request | None = field(default=None)


class HolderSession:
    """One session. `expected` as in `vehicle.sealed.handshake.Initiator`. After an exception it is over."""

    def __init__(self, key: PrivateKey, expected: PublicKey | bytes) -> None:
        self._initiator = Initiator(key, expected)
        self._reader = FrameReader()
        self._keys: _Keys | None = None

    @property
    def established(self) -> bool:
        """Whether requests can be sent. The terminal has proved itself when its first answer opens."""
        return self._keys is not None

    @property
    def terminal(self) -> PublicKey | None:
        """The terminal's key, once it is known."""
        return self._initiator.terminal

    def begin(self) -> bytes:
        """The first bytes to send."""
        return encode_frame(FrameType.MESSAGE_1, self._initiator.message_1())

    def ask(self, request: Request) -> bytes:
        """The bytes of a request. Raises ValueError before the handshake is done and while one is under way."""
        if self._keys is None or self._keys.asked is not None:
            raise ValueError("one request at a time, after the handshake")
        self._keys.asked = request
        return encode_frame(FrameType.RECORD, self._keys.sealer.seal(request.encode()))

    def receive(self, data: bytes, now: float) -> Received:
        """Take bytes that arrived at `now` (s, any clock).

        Raises Refused if they are not the terminal's, and Hearsay.
        """
        received = Received()
        for frame in self._reader.feed(data, now):
            self._take(frame, received)
        return received

    def _take(self, frame: Frame, received: Received) -> None:
        if frame.type == FrameType.ERROR:
            raise Hearsay(_code(frame.body))
        if frame.type == FrameType.MESSAGE_2 and self._keys is None:
            message_3, keys = self._initiator.finish(frame.body)
            self._keys = _Keys(Sealer(keys.to_terminal), Opener(keys.to_holder))
            received.to_send += encode_frame(FrameType.MESSAGE_3, message_3)
        elif frame.type == FrameType.RECORD and self._keys is not None:
            received.answer = self._open(self._keys, frame.body)
        else:
            raise Refused(Code.FRAME_UNKNOWN)

    @staticmethod
    def _open(keys: _Keys, body: bytes) -> Answer:
        plaintext = keys.opener.open(body)
        asked, keys.asked = keys.asked, None
        try:
            answer = Answer.parse(plaintext)
        except BadCbor as error:
            raise Refused(Code.MALFORMED) from error
        if asked is None or answer.id != asked.id:
            raise Refused(Code.MALFORMED)
        return answer


def _code(body: bytes) -> Code | None:
    try:
        return known_code(body[0]) if len(body) == 1 else None
    except BadCbor:
        return None
