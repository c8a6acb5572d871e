"""Flow control by credits, as Telit's Terminal I/O service has it: a packet costs one, and the receiver grants more.

Source: Telit, Terminal I/O Implementation Guide; the roles of the four characteristics as open-source apps use them.
Never tried on such a module.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

WINDOW: Final = 64
"""Packets that the far end may send at first; a grant is one byte, and 255 is the most that may be open."""
MOST: Final = 255


@dataclass(slots=True)
class Credits:
    """Both directions of one connection: `to_send` packets we may send, `open` packets we have let the far end send."""

    to_send: int = 0
    open: int = 0

    def granted(self, data: bytes) -> None:
        """The far end grants: one byte. Anything else, or more than there can be, is not counted."""
        if len(data) == 1:
            self.to_send = min(MOST, self.to_send + data[0])

    def spend(self) -> bool:
        """Take the credit for one packet; False while there is none."""
        if not self.to_send:
            return False
        self.to_send -= 1
        return True

    def received(self) -> None:
        """A packet came."""
        self.open = max(0, self.open - 1)

    def grant(self) -> bytes | None:
        """What to grant now: nothing while half of the window is open."""
        if self.open > WINDOW // 2:
            return None
        more, self.open = WINDOW - self.open, WINDOW
        return bytes([more])
