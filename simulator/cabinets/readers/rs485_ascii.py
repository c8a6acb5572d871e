"""Device side of a 125 kHz reader with the ASCII protocol on RS-485; sources as in the driver."""

from __future__ import annotations

from collections.abc import Iterable

from keycabinet.errors import ReplyError
from keycabinet.fobs import Fob, FobKind
from keycabinet.readers.rs485_ascii import END, TO_READER, Message, open_frame
from simulator.cabinets.readers.wire import Field, Saying

LONGEST = 17


class AsciiReaderDevice:
    """One reader. It keeps a card until that is fetched, then takes what lies there; of two fobs it reads none."""

    def __init__(self, field: Field, address: int, *, serial: str = "99080001") -> None:
        self.field = field
        self.address = str(address)
        self.serial = serial
        self.powered = True
        self._kept: Fob | None = None
        self._last: Fob | None = None
        self._buffer = b""

    def hear(self, data: bytes) -> Iterable[Saying]:
        """Answer every whole request that is meant for this reader; anything else is met with silence."""
        self._buffer = (self._buffer + data)[-2 * LONGEST :]
        while (end := self._buffer.find(END)) >= 0:
            frame, self._buffer = self._buffer[: end + 1], self._buffer[end + 1 :]
            start = frame.rfind(TO_READER)
            try:
                message = open_frame("simulated reader", frame[max(start, 0) :])
            except ReplyError:
                continue
            answer = self._answer(message) if message.address == self.address else None
            if answer is not None:
                yield 0.0, Message(False, self.address, message.function, answer).encode()

    def forget(self) -> None:
        """Drop a request that was cut."""
        self._buffer = b""

    def talk(self) -> Saying | None:
        """It only answers."""
        return None

    def _answer(self, message: Message) -> str | None:
        if message.function == "B":
            return self.serial
        if message.function == "F":
            found = self._found()
            self._last, self._kept = self._kept or found, found
            return _text(self._last)
        return _text(self._last) if message.function == "G" else None

    def _found(self) -> Fob | None:
        fobs = [fob for fob in self.field() if fob.kind is FobKind.EM]
        return fobs[0] if len(fobs) == 1 else None


def _text(fob: Fob | None) -> str:
    return "" if fob is None else f"0{fob.code}"
