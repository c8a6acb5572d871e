"""CBOR as this profile uses it: deterministic encoding only (RFC 8949, 4.2.1), no tags, no floats.

Whatever is not the one encoding of its value is refused, so that two implementations can never read the same
bytes differently.
"""

from __future__ import annotations

from typing import TypeAlias

import cbor2

Cbor: TypeAlias = "int | bytes | str | bool | list[Cbor] | dict[int, Cbor] | None"

DEEPEST = 6
LARGEST = 2**53 - 1
"""The largest number, which every language's numbers can hold."""


class BadCbor(ValueError):
    """The bytes are not the deterministic encoding of an allowed value."""


def encode(value: Cbor) -> bytes:
    """The deterministic encoding."""
    return cbor2.dumps(value, canonical=True)


def decode(data: bytes) -> Cbor:
    """The value of which `data` is the deterministic encoding. Raises BadCbor."""
    try:
        value: object = cbor2.loads(data)
    except Exception as error:  # it decodes tags too, and what the classes behind them raise has no end
        raise BadCbor(f"not CBOR: {error}") from error
    checked = _checked(value, DEEPEST)
    if encode(checked) != data:
        raise BadCbor("not the deterministic encoding")
    return checked


def _checked(value: object, depth: int) -> Cbor:
    if value is None or isinstance(value, bool | int | bytes | str):
        return value
    if depth and isinstance(value, list):
        return [_checked(item, depth - 1) for item in value]
    if depth and isinstance(value, dict):
        checked: dict[int, Cbor] = {}
        for key, item in value.items():
            if type(key) is not int:
                raise BadCbor("a key of a map is an integer")
            checked[key] = _checked(item, depth - 1)
        return checked
    raise BadCbor(f"{type(value).__name__} is not used here")


def array(value: Cbor, size: int) -> list[Cbor]:
    """`value` as an array of `size` elements. Raises BadCbor, as all of these do."""
    if not isinstance(value, list) or len(value) != size:
        raise BadCbor(f"an array of {size} is expected")
    return value


def items(value: Cbor, most: int) -> list[Cbor]:
    """`value` as an array of at most `most` elements."""
    if not isinstance(value, list) or len(value) > most:
        raise BadCbor(f"an array of at most {most} is expected")
    return value


def mapping(value: Cbor) -> dict[int, Cbor]:
    """`value` as a map."""
    if not isinstance(value, dict):
        raise BadCbor("a map is expected")
    return value


def uint(value: Cbor, most: int = LARGEST) -> int:
    """`value` as an unsigned integer of at most `most`."""
    if type(value) is not int or not 0 <= value <= most:
        raise BadCbor(f"a number from 0 to {most} is expected")
    return value


def flag(value: Cbor) -> bool:
    """`value` as a boolean."""
    if not isinstance(value, bool):
        raise BadCbor("true or false is expected")
    return value


def octets(value: Cbor, size: int | None = None) -> bytes:
    """`value` as a byte string, of `size` bytes if that is given."""
    if not isinstance(value, bytes) or (size is not None and len(value) != size):
        raise BadCbor("a byte string is expected" if size is None else f"{size} bytes are expected")
    return value


def text(value: Cbor, most: int) -> str:
    """`value` as a text of 1 to `most` bytes."""
    if not isinstance(value, str) or not 0 < len(value.encode()) <= most:
        raise BadCbor(f"a text of 1 to {most} bytes is expected")
    return value


def keyed(value: Cbor, needed: tuple[int, ...]) -> dict[int, Cbor]:
    """`value` as a map with exactly the keys `needed`."""
    found = mapping(value)
    if set(found) != set(needed):
        raise BadCbor(f"a map with the keys {', '.join(map(str, sorted(needed)))} is expected")
    return found
