"""What is printed on a terminal, inside the vehicle: who it is, and the secret that lets one enrol it."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field

from vehicle.sealed.commands import SECRET
from vehicle.sealed.handshake import FINGERPRINT
from vehicle.sealed.keys import PublicKey

_FORM = re.compile(r"MP1-([A-Z2-7]{16})-([A-Z2-7]{16})")


@dataclass(frozen=True, slots=True)
class Label:
    """`fingerprint`: the first 10 bytes of the key's thumbprint; `secret`: 10 random bytes. Text: MP1-...-..."""

    fingerprint: bytes
    secret: bytes = field(repr=False)

    @classmethod
    def of(cls, key: PublicKey, secret: bytes) -> Label:
        """The label of a terminal."""
        if len(secret) != SECRET:
            raise ValueError(f"a label's secret has {SECRET} bytes")
        return cls(key.thumbprint[:FINGERPRINT], secret)

    @classmethod
    def parse(cls, text: str) -> Label:
        """From what is printed; case and blanks do not matter. Raises ValueError."""
        found = _FORM.fullmatch(re.sub(r"\s", "", text).upper())
        if found is None:
            raise ValueError("a label reads MP1-, 16 letters and digits 2 to 7, a dash, and 16 more")
        return cls(base64.b32decode(found[1]), base64.b32decode(found[2]))

    def __str__(self) -> str:
        parts = (base64.b32encode(part).decode() for part in (self.fingerprint, self.secret))
        return "-".join(("MP1", *parts))
