"""Times and durations as a story says them: "01:40", "day 2 06:15", "10 min"."""

from __future__ import annotations

import re

DAY_S = 86_400.0
_UNITS = {"s": 1.0, "min": 60.0, "h": 3_600.0, "d": DAY_S}
_DURATION = re.compile(r"(\d+(?:\.\d+)?) ?(s|min|h|d)")
_MOMENT = re.compile(r"(?:day ([1-9]\d{0,3}) )?([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")

DURATION_HELP = 'a duration such as "90 s", "10 min", "3 h" or "2 d"'
MOMENT_HELP = 'a time of day such as "01:40", or "day 2 06:15" (the first day is day 1)'


def parse_duration(text: str) -> float:
    """Seconds. Raises ValueError."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise ValueError(DURATION_HELP)
    return float(found[1]) * _UNITS[found[2]]


def parse_moment(text: str) -> float:
    """Seconds since midnight of the first day. Raises ValueError."""
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        raise ValueError(MOMENT_HELP)
    day, hours, minutes, seconds = found.groups()
    return (int(day or 1) - 1) * DAY_S + int(hours) * 3600 + int(minutes) * 60 + int(seconds or 0)


def moment(at_s: float) -> str:
    """Seconds since midnight of the first day as a story says them: "day 2 06:15:00"."""
    day, rest = divmod(int(at_s), int(DAY_S))
    hours, rest = divmod(rest, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"day {day + 1} {hours:02d}:{minutes:02d}:{seconds:02d}"
