"""One writer of a ledger: an flock on `<ledger>.lock`, which says who holds it.

The kernel lets the lock go when its process dies, however it dies; the file stays, and means nothing by itself.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from pathlib import Path
from typing import Self

from .errors import LedgerHeld, LedgerUnavailable


class WriterLock:
    """Held from `take` until `release`."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, ledger: Path, holder: str) -> Self:
        """Take the lock for `holder`. Raises LedgerHeld naming who has it, LedgerUnavailable."""
        path = lock_path(ledger)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise LedgerUnavailable(ledger, f"{path.name}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held = _held(ledger, os.pread(descriptor, 4096, 0))
            os.close(descriptor)
            raise held from None
        text = json.dumps({"holder": holder, "pid": os.getpid(), "host": socket.gethostname()})
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, text.encode(), 0)
        return cls(descriptor)

    def release(self) -> None:
        """Let it go; once."""
        os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)


def lock_path(ledger: Path) -> Path:
    """Where the lock of a ledger lives."""
    return ledger.with_name(ledger.name + ".lock")


def _held(ledger: Path, content: bytes) -> LedgerHeld:
    try:
        said = json.loads(content)
        return LedgerHeld(ledger, str(said["holder"]), int(said["pid"]), str(said["host"]))
    except (ValueError, KeyError, TypeError):  # taken a moment ago, its name not written yet
        return LedgerHeld(ledger, "another process", None, None)
