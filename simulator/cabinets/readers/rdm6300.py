"""Device side of an RDM6300 module: it repeats the number of the one fob on its coil; sources as in the driver."""

from __future__ import annotations

from collections.abc import Iterable

from keycabinet.fobs import FobKind
from keycabinet.readers.rdm6300 import Card
from simulator.cabinets.readers.wire import Field, Saying

EVERY_S = 0.065


class Rdm6300:
    """One module; `version` is the customer byte of every fob."""

    def __init__(self, field: Field, *, version: int = 0x67) -> None:
        self.field = field
        self.version = version
        self.powered = True

    def hear(self, data: bytes) -> Iterable[Saying]:
        """It has no ears."""
        return ()

    def forget(self) -> None:
        """Nothing to forget."""

    def talk(self) -> Saying | None:
        """The fob's number every 65 ms; nothing without one, and nothing readable with two."""
        fobs = [fob for fob in self.field() if fob.kind is FobKind.EM]
        words = Card(self.version, int(fobs[0].code, 16)).encode() if len(fobs) == 1 else b""
        return EVERY_S, words
