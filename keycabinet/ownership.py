"""One owner of a line on a host: a locked file that names its holder, so that the second comer is told who it is."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import stat
import tempfile
from pathlib import Path

from keycabinet.errors import LineHeld, PortUnavailable
from keycabinet.transport import LineUrl

MAX_HOLDER_BYTES = 4096


LOCK_DIR = "MOTORPOOL_LOCK_DIR"
"""The environment variable that names another folder for lock files."""
_SHARED = (Path("/run/lock"), Path("/dev/shm"))  # noqa: S108 - shared on purpose
_FOR_EVERYBODY = 0o666
"""Who may take the lock after us, and read who has it: any user that may use the port."""
_ANYBODY = stat.S_ISVTX | stat.S_IRWXO


def lock_directory() -> Path:
    """Where the lock files are: one folder for all users and services of a host, or they would not see each other."""
    named = os.environ.get(LOCK_DIR)
    if named:
        return Path(named)
    shared = (each for each in _SHARED if each.is_dir() and each.stat().st_mode & _ANYBODY == _ANYBODY)
    return next(shared, Path(tempfile.gettempdir()))


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
    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        try:
            return os.open(path, flags)  # with O_CREAT, Linux refuses another user's file in a shared folder
        except FileNotFoundError:
            descriptor = os.open(path, flags | os.O_CREAT)
            with contextlib.suppress(PermissionError):  # somebody else was quicker
                os.fchmod(descriptor, _FOR_EVERYBODY)
            return descriptor
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
