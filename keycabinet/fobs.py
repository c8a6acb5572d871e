"""Fobs and badges: the number that a reader finds on one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

_CODES = {"em": r"[0-9A-F]{8}", "epc": r"(?:[0-9A-F]{4}){1,31}", "rom": r"[0-9A-F]{16}"}


class FobKind(StrEnum):
    """Families of numbers; none of them is secret, and all can be copied to blanks."""

    EM = "em"  # 125 kHz EM4100: the 32-bit number, without the customer byte that not every reader tells
    EPC = "epc"  # UHF: the EPC as it is stored, 16-bit words
    ROM = "rom"  # 1-Wire: family, serial number and CRC, as they cross the wire


@dataclass(frozen=True, slots=True, order=True)
class Fob:
    """One fob, the same value whichever reader found it. Written `em:003B51C6`."""

    kind: FobKind
    code: str

    @classmethod
    def parse(cls, text: str) -> Fob:
        """Read `kind:CODE`, digits in either case. ValueError says what is allowed."""
        kind, _, code = text.partition(":")
        code = code.upper()
        if kind not in _CODES or re.fullmatch(_CODES[kind], code) is None:
            raise ValueError(
                "must be em: and 8, epc: and a multiple of 4, or rom: and 16 hexadecimal digits, "
                "such as em:003B51C6"
            )
        return cls(FobKind(kind), code)

    def __str__(self) -> str:
        return f"{self.kind}:{self.code}"
