"""Finds out whether an adapter hands back what is sent through it, and takes exactly one such echo away.

Half-duplex adapters that leave their receiver on do that. It matters because some replies equal their requests byte for
byte: Modbus writes, and an 8A board that failed. A query decides, since no reply to a query equals it. Knows no I/O.
"""

from __future__ import annotations


class EchoFilter:
    """Stands in front of the reader of one link. `present` is None until a query has shown what the link does."""

    __slots__ = ("_expected", "_held", "_tells", "present")

    def __init__(self) -> None:
        self.present: bool | None = None
        self._expected = b""  # the part of the request that has not come back yet
        self._held = b""
        self._tells = False

    def waits(self) -> bool:
        """Whether an echo may still come, so that bytes must be looked at."""
        return bool(self._expected)

    def sent(self, request: bytes, *, repeats_request: bool) -> None:
        """A request goes out; one whose reply may equal it is left alone until a query has decided."""
        self._tells = not repeats_request
        self._expected = request if self.present or (self.present is None and self._tells) else b""
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """What is left of these bytes without the echo. Bytes that may yet be one are held back."""
        expected = self._expected
        if not expected:
            return data
        count = min(len(data), len(expected))
        if data[:count] != expected[:count]:
            if self._tells:
                self.present = None  # there was none, or noise hit it: the reply will show which
            data = self._held + data
            self._expected = self._held = b""
            return data
        if count < len(expected):
            self._expected = expected[count:]
            self._held += data
            return b""
        self._expected = self._held = b""
        self.present = True
        return data[count:]

    def answered(self, *, clean: bool) -> None:
        """The reply has come, with nothing but itself when `clean`: a link that echoed would have shown it."""
        if self._tells and self.present is not True:
            self.present = False if clean else None
        self._expected = self._held = b""

    def given_up(self) -> None:
        """No reply came."""
        self._expected = self._held = b""
