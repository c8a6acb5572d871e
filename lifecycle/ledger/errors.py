"""What can go wrong with the book.

LedgerError
├── LedgerUnavailable    the disk is full or failing; nothing was recorded; try again        (retryable)
├── LedgerHeld           another process writes this ledger                                  (retryable)
├── LedgerClosed         the ledger was closed
├── LedgerBroken         cut, altered, or not a ledger: refused from a sequence number on
│   └── LedgerUnreadable another format, or a revision that this version does not know
├── WrongStation         the file is another station's book
├── VersionConflict      a state row moved on since it was read: decide again on the new one
├── DuplicateCommand     this very command was recorded before; carries its answer
└── CommandConflict      the command id was used before with other content
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from pathlib import Path

    from .model import Command


class LedgerError(Exception):
    """Root of the ledger's errors. `ledger` is the file; `retryable`: the same call may be made again, unchanged."""

    retryable: ClassVar[bool] = False

    def __init__(self, ledger: Path, text: str) -> None:
        super().__init__(f"ledger {ledger}: {text}")
        self.ledger = ledger


class LedgerUnavailable(LedgerError):
    """The store failed (disk full, input/output error). Nothing of the step is half-done.

    When the very last write to the disk fails, only reading tells whether the step landed; the ledger reads
    before it goes on, and a command that did land answers a retry with `DuplicateCommand`.
    """

    retryable = True

    def __init__(self, ledger: Path, cause: str) -> None:
        super().__init__(ledger, f"the store fails ({cause}); see to the disk, then try again")
        self.cause = cause


class LedgerHeld(LedgerError):
    """Another process has this ledger open for writing: `holder`, `pid`, `host`, as far as it wrote them."""

    retryable = True

    def __init__(self, ledger: Path, holder: str, pid: int | None, host: str | None) -> None:
        where = f" (pid {pid} on {host})" if pid is not None else ""
        super().__init__(ledger, f"held by {holder}{where}; stop it first, one process writes a ledger")
        self.holder, self.pid, self.host = holder, pid, host


class LedgerClosed(LedgerError):
    """The ledger was closed before or during the call."""

    def __init__(self, ledger: Path) -> None:
        super().__init__(ledger, "closed; open it again")


class LedgerBroken(LedgerError):
    """The file cannot be trusted from event `seq` on; 0: not even its beginning can."""

    advice: ClassVar[str] = "bring back a copy that verifies"

    def __init__(self, ledger: Path, seq: int, reason: str) -> None:
        super().__init__(ledger, f"breaks at event {seq}: {reason}; it was left as it is, {self.advice}")
        self.seq, self.reason = seq, reason


class LedgerUnreadable(LedgerBroken):
    """The file is of another format or revision, or not a ledger at all."""

    advice = "use the motorpool that wrote it"


class WrongStation(LedgerError):
    """The ledger belongs to the station `found`."""

    def __init__(self, ledger: Path, expected: str, found: str) -> None:
        super().__init__(
            ledger,
            f"is the book of station {found!r}, not of {expected!r}; check the site file",
        )
        self.expected, self.found = expected, found


class VersionConflict(LedgerError):
    """The state row has version `found` (0: it does not exist); the step was decided on `expected`."""

    def __init__(self, ledger: Path, kind: str, id: str, expected: int, found: int) -> None:  # noqa: A002
        super().__init__(
            ledger,
            f"{kind} {id} is at version {found}, not {expected}; read it and decide again",
        )
        self.kind, self.id, self.expected, self.found = kind, id, expected, found


class DuplicateCommand(LedgerError):
    """The command was recorded before with the same content: answer `command.answer`, do not act again."""

    def __init__(self, ledger: Path, command: Command) -> None:
        super().__init__(ledger, f"command {command.id} is recorded already; its answer stands")
        self.command = command


class CommandConflict(LedgerError):
    """The command id was recorded before with other content."""

    def __init__(self, ledger: Path, command_id: str) -> None:
        super().__init__(ledger, f"command id {command_id} was used before with other content; use a new id")
        self.command_id = command_id
