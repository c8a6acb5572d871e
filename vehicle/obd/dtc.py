"""Diagnostic trouble codes: two bytes to five characters (SAE J2012, SAE J1979 services 03, 07 and 0A)."""

from __future__ import annotations

_LETTERS = "PCBU"


def decode_word(high: int, low: int) -> str:
    """One code: bits 15-14 letter, bits 13-12 first digit, then three hexadecimal digits."""
    return f"{_LETTERS[high >> 6]}{high >> 4 & 3}{high & 0xF:X}{low:02X}"


def decode_codes(payload: bytes, *, counted: bool) -> tuple[str, ...] | None:
    """The codes of one answer, whose first byte is 43, 47 or 4A. None when its length is wrong.

    `counted`: on CAN a count byte follows the service byte (ISO 15765-4); elsewhere codes come three a line
    with empty slots of zeros.
    """
    body = payload[1:]
    if counted:
        if not body or len(body) != 1 + 2 * body[0]:
            return None
        body = body[1:]
    if len(body) % 2:
        return None
    pairs = zip(body[::2], body[1::2], strict=True)
    return tuple(decode_word(high, low) for high, low in pairs if high or low)
