"""The book: append-only, hash-chained events, and the state that follows from them, in one SQLite file."""

from .errors import (
    CommandConflict,
    DuplicateCommand,
    LedgerBroken,
    LedgerClosed,
    LedgerError,
    LedgerHeld,
    LedgerUnavailable,
    LedgerUnreadable,
    VersionConflict,
    WrongStation,
)
from .ledger import Ledger
from .model import Command, Event, Head, Json, NewEvent, Row, Step, Verified, Write
from .verify import export, verify

__all__ = [
    "Command",
    "CommandConflict",
    "DuplicateCommand",
    "Event",
    "Head",
    "Json",
    "Ledger",
    "LedgerBroken",
    "LedgerClosed",
    "LedgerError",
    "LedgerHeld",
    "LedgerUnavailable",
    "LedgerUnreadable",
    "NewEvent",
    "Row",
    "Step",
    "Verified",
    "VersionConflict",
    "Write",
    "WrongStation",
    "export",
    "verify",
]
