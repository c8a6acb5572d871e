"""How a site file writes which channels serve which slots."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

MAX_SLOT = 9999
_RANGE_HELP = 'ranges such as "1-8", "9-15@3" (slot 9 on channel 3) or "1-4,7"'


def expand_slots(text: str) -> tuple[tuple[int, int], ...]:
    """`"9-11@3"` -> ((9, 3), (10, 4), (11, 5)): slot and channel pairs; channels count on from 1 where none is named.

    ValueError when the text is not a list of ranges.
    """
    pairs: list[tuple[int, int]] = []
    channel = 1
    for part in text.split(","):
        span, at, start = part.strip().partition("@")
        first, dash, last = span.partition("-")
        numbers = [first, last if dash else first, start if at else str(channel)]
        if not all(number.isascii() and number.isdigit() and len(number) <= 4 for number in numbers):
            raise ValueError(f"must be {_RANGE_HELP}")
        low, high, channel = (int(number) for number in numbers)
        if not (1 <= low <= high <= MAX_SLOT and channel >= 1):
            raise ValueError(f"must be {_RANGE_HELP}, rising, from 1")
        pairs.extend((slot, channel + slot - low) for slot in range(low, high + 1))
        channel += high - low + 1
    return tuple(pairs)


def _check_slots(text: str) -> str:
    expand_slots(text)
    return text


SlotRange = Annotated[str, AfterValidator(_check_slots)]
