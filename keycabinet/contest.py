"""Notices that two boards answer at one address of a shared line.

What that looks like depends on how far apart they answer: two whole replies to one question, one behind the other; or
replies whose bytes lie over each other, so that the check values of this address alone are wrong while all others on
the line are right. Boards that answer with the same bytes at the same time cannot be noticed by anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

STANDS_S = 30.0
"""How long nothing of an address is believed after the last sign of a second board."""
LATE_S = 5.0
"""How long after a time-out the reply to the old question may still come, in front of the one to the next."""
SAME = 6
"""So many replies that came twice within `WITHIN_S`, each time with the same bytes, are no accident."""
GARBLED = 8
OTHERS_CLEAN = 16
WITHIN_S = 120.0
"""So many garbled replies within that time, at least half of its own, while so many of the others' were clean and none
was garbled: noise would have met others too."""


@dataclass(slots=True)
class Traffic:
    """Replies on a line so far: clean ones, and such as came garbled."""

    clean: int = 0
    garbled: int = 0


class _Since(NamedTuple):
    """When the first of some garbled replies came, and the counts just before it."""

    at: float
    own_clean: int
    clean: int
    garbled: int


@dataclass(slots=True)
class Contest:
    """What speaks for a second board at a device's address. Times are the loop's (s)."""

    sure: bool = False
    clean: int = 0
    _until: float = 0.0
    _settled_at: float = 0.0
    _same: int = 0
    _same_since: float = 0.0
    _garbled: int = 0
    _since: _Since | None = None

    def stands(self, now: float) -> bool:
        """Whether a second board was noticed not long ago."""
        return now < self._until

    def reply_is_due(self, now: float) -> None:
        """A reply did not come in time and may come late: two in a row then prove nothing for a while."""
        self._settled_at = max(self._settled_at, now + LATE_S)

    def came_twice(self, now: float, *, same: bool) -> bool:
        """Two whole replies came to one question, both the `same` or not; tells whether that means anything.

        Now and then an adapter says everything twice. If it goes on so, it is not the adapter.
        """
        if now < self._settled_at:
            return False
        if now - self._same_since > WITHIN_S:
            self._same_since, self._same = now, 0
        self._same += 1
        if not same or self._same >= SAME:
            self.sure = True
            self._until = now + STANDS_S
        return True

    def came_garbled(self, now: float, line: Traffic) -> None:
        """Bytes came that were no reply; `line` counts those of all devices, this one included."""
        since = self._since
        alone = since is not None and line.garbled - since.garbled == self._garbled + 1
        if since is None or not alone or now - since.at > WITHIN_S:
            self._since, self._garbled = _Since(now, self.clean, line.clean, line.garbled - 1), 1
            return
        self._garbled += 1
        own_clean = self.clean - since.own_clean
        others_clean = line.clean - since.clean - own_clean
        if self._garbled >= max(GARBLED, own_clean) and others_clean >= OTHERS_CLEAN:
            self.sure = self.sure and self.stands(now)
            self._until = now + STANDS_S
