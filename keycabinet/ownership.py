"""One owner of a line on a host: a locked file that names its holder, so that the second comer is told who it is."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
from pathlib import Path

from keycabinet.errors import LineHeld, PortUnavailable
from keycabinet.transport import LineUrl

MAX_HOLDER_BYTES = 4096


def lock_directory() -> Path:
    """Where the lock files are: XDG_RUNTIME_DIR, else the directory for temporary files."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    return Path(runtime) if runtime and Path(runtime).is_dir() else Path(tempfile.gettempdir())


class Ownership:
    """A held lock. The kernel lets go of it when the process ends, however it ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def acquire(cls, line: str, url: LineUrl, holder: str, directory: Path | None = None) -> Ownership:
        """Take the lock of the wire under `url` (blocking, brief); LineHeld names who has it."""
        digest = hashlib.sha256(url.identity.encode()).hexdigest()[:16]
        path = (directory or lock_directory()) / f"motorpool-line-{digest}.lock"
        descriptor = _open(line, path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            found = _read_holder(descriptor)
            os.close(descriptor)
            raise LineHeld(line, found) from None
        note = json.dumps({"holder": holder, "pid": os.getpid(), "line": str(url)}, ensure_ascii=False)
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, note.encode()[:MAX_HOLDER_BYTES], 0)
        except OSError as error:
            os.close(descriptor)
            raise PortUnavailable(line, f"cannot write lock file {path}: {error.strerror}") from error
        return cls(descriptor)

    def release(self) -> None:
        """Let go; may be called twice. The file stays: removing it would race with the next owner."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.ftruncate(descriptor, 0)
            os.close(descriptor)


def _open(line: str, path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(path, flags, 0o600)
    except OSError as error:
        raise PortUnavailable(
            line, f"cannot open lock file {path}: {error.strerror}; another user may own it"
        ) from error


def _read_holder(descriptor: int) -> str:
    try:
        note = json.loads(os.pread(descriptor, MAX_HOLDER_BYTES, 0))
        return f"{note['holder']} (process {int(note['pid'])})"
    except (OSError, ValueError, TypeError, KeyError):
        return "another program"  # it has just begun, or is just ending
