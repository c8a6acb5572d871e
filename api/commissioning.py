"""Opening one lock of a bare board by hand, with a record of its own: there is no release without one."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from keycabinet.commissioning import open_channel
from keycabinet.errors import KeyCabinetError
from keycabinet.model import ReleaseOutcome
from keycabinet.transport import LineUrl

HOLDER = "motorpool cabinet (commissioning)"


class CommissioningLog:
    """Appends one JSON line a fact and returns when it is on the disk. Raises `OSError` when it cannot."""

    def __init__(self, path: Path, clock: Callable[[], datetime]) -> None:
        self.path = path
        self._clock = clock

    def write(self, **facts: str | int | None) -> None:
        """Record the facts, with the time and who is logged in."""
        at = self._clock().isoformat().replace("+00:00", "Z")
        line = json.dumps({"at": at, "who": _who(), **facts}, ensure_ascii=False)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name, as in some containers
        return f"uid {os.getuid()}"


async def open_recorded(
    url: LineUrl, profile: str, address: int, channel: int, record: CommissioningLog
) -> tuple[ReleaseOutcome, str | None]:
    """Give one lock one pulse: the intent is on the disk before the first byte goes out, the outcome after it.

    Raises what `keycabinet.commissioning.open_channel` raises, recorded as well, and `OSError` when the log cannot
    be written: then nothing was opened.
    """

    def note(outcome: str, reason: str | None = None) -> None:
        record.write(
            what="open",
            line=str(url),
            board=profile,
            address=address,
            channel=channel,
            outcome=outcome,
            reason=reason,
        )

    note("intended")
    try:
        outcome, reason = await open_channel(url, profile, address, channel, holder=HOLDER)
    except KeyCabinetError as error:
        note("unconfirmed" if error.sent else "not_sent", str(error))
        raise
    note(str(outcome), reason)
    return outcome, reason
