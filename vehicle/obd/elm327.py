"""The command interface of ELM327-compatible adapters as bytes in, replies out.

An adapter takes one command, ended by CR, and prints text until its prompt `>`; nothing may be sent before
the prompt. `ReplyStream` collects the text over any cut of the stream, `read_reply` says what it is. Source:
ELM327DSL data sheet v2.3, chapters "Communicating with the ELM327", "Interpreting Messages", "Error
Messages".
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

PROMPT = b">"
MAX_COMMAND = 40
"""Longest command that is sent; OBD requests are at most 16 digits, AT commands shorter than 32
characters."""
MAX_REPLY = 16_384
"""Longest reply that is kept. An ISO-TP message of 4,095 bytes with headers and spaces prints as about
16,000."""

_DATA = re.compile(r"[0-9A-F][0-9A-F :]*")
"""Bytes that an adapter prints, with blanks and line numbers; no message of its own has such characters alone."""
_COMMAND = re.compile(r"[0-9A-Z @.,:_/-]*")
_SEARCHING = re.compile(r"SEARCHING", re.IGNORECASE)
_PROGRESS = re.compile(r"^(SEARCHING:?\s*\.*\s*)?(BUS INIT:\s*\.*\s*OK\s*)?", re.IGNORECASE)
_INTERNAL = re.compile(r"ERR[0-9A-F]{2}$")


class CommandError(ValueError):
    """A command that would not survive the way to the adapter."""


class Problem(StrEnum):
    """What an adapter says instead of data. The value is what it prints."""

    NOT_UNDERSTOOD = "?"
    NO_DATA = "NO DATA"
    UNABLE_TO_CONNECT = "UNABLE TO CONNECT"
    BUS_INIT_ERROR = "BUS INIT ERROR"
    CAN_ERROR = "CAN ERROR"
    BUS_BUSY = "BUS BUSY"
    BUS_ERROR = "BUS ERROR"
    FB_ERROR = "FB ERROR"
    DATA_ERROR = "DATA ERROR"
    RX_ERROR = "RX ERROR"
    BUFFER_FULL = "BUFFER FULL"
    STOPPED = "STOPPED"
    ACT_ALERT = "ACT ALERT"
    LP_ALERT = "LP ALERT"
    LV_RESET = "LV RESET"
    INTERNAL = "ERR"
    TOO_LONG = "more than the longest reply"


_TEXTS: dict[str, Problem] = {
    problem.value.replace(" ", ""): problem
    for problem in Problem
    if problem not in (Problem.NOT_UNDERSTOOD, Problem.BUS_INIT_ERROR, Problem.INTERNAL, Problem.TOO_LONG)
}
_LINE_MARKS: dict[str, Problem] = {"<DATAERROR": Problem.DATA_ERROR, "<RXERROR": Problem.RX_ERROR}


class Reply(NamedTuple):  # and no dataclass, which takes three times as long to make: one a reply
    """One reply: the lines that carry data, and the problem if the adapter reported one.

    With a problem that concerns the whole reply, `lines` is empty. A line marked `<DATA ERROR` or `<RX ERROR`
    is dropped and counted in `dropped`; the others stay, and the problem is set only if none does.
    """

    lines: tuple[str, ...]
    problem: Problem | None = None
    dropped: int = 0
    searched: bool = False
    echo: bool = False


def encode(command: str) -> bytes:
    """The bytes of one command, its CR included. Raises CommandError for what an adapter would misread."""
    text = command.upper()
    if len(text) > MAX_COMMAND or not _COMMAND.fullmatch(text):
        raise CommandError(f"not an adapter command: {command[:MAX_COMMAND]!r}")
    return text.encode("ascii") + b"\r"


class ReplyStream:
    """Collects what an adapter prints, over any cut, into one text a prompt.

    Zero bytes are dropped, as the data sheet asks. What exceeds MAX_REPLY is discarded up to the next prompt,
    and that reply comes out as None, so that memory is bounded whatever arrives.
    """

    __slots__ = ("_buffer", "_overflow")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._overflow = False

    @property
    def partial(self) -> bytes:
        """What was printed since the last prompt."""
        return bytes(self._buffer)

    def feed(self, data: bytes) -> tuple[bytes | None, ...]:
        """The texts that `data` completes, without their prompts; None stands for one that was too long."""
        if b"\0" in data:
            data = data.replace(b"\0", b"")
        pieces = data.split(PROMPT)
        rest = pieces.pop()
        done = tuple([self._end(piece) for piece in pieces])
        if rest:
            self._append(rest)
        return done

    def clear(self) -> None:
        """Forget the unfinished text."""
        self._buffer.clear()
        self._overflow = False

    def _end(self, piece: bytes) -> bytes | None:
        """The text that `piece` ends."""
        if not self._buffer and not self._overflow and len(piece) <= MAX_REPLY:
            return piece
        self._append(piece)
        text = None if self._overflow else bytes(self._buffer)
        self.clear()
        return text

    def _append(self, piece: bytes) -> None:
        if self._overflow or len(self._buffer) + len(piece) > MAX_REPLY:
            self._overflow = True
            self._buffer.clear()
        else:
            self._buffer += piece


def awaits_more(partial: bytes, service: int) -> bool:
    """Whether an unfinished text says that a control unit needs longer (`7F <service> 78`, ISO 14229-1)."""
    return f"7F{service:02X}78".encode() in partial.replace(b" ", b"").upper()


def read_reply(text: bytes | None, command: str = "") -> Reply:
    """What one text says. `command` is what was asked, so that its echo can be told from the answer."""
    if text is None:
        return Reply((), Problem.TOO_LONG)
    echo_of = command.replace(" ", "").upper()
    data: list[str] = []
    problem: Problem | None = None
    marked: Problem | None = None
    dropped = 0
    searched = echo = False
    for raw in text.decode("latin-1").replace("\n", "\r").split("\r"):
        if not raw or not (line := raw.strip(" \t")):
            continue
        if not data and not echo and line.replace(" ", "").upper() == echo_of:
            echo = True
            continue
        if _DATA.fullmatch(line):  # by far the commonest
            data.append(line)
            continue
        searched = searched or _SEARCHING.match(line) is not None
        line = _PROGRESS.sub("", line)
        kind, mark = _problem_of(line)
        if mark is not None:
            marked, dropped = mark, dropped + 1
        elif kind is not None:
            problem = problem or kind
        elif line:
            data.append(line)
    if problem is None and not data:
        problem = marked
    return Reply(() if problem else tuple(data), problem, dropped, searched, echo)


def _problem_of(line: str) -> tuple[Problem | None, Problem | None]:
    """The problem that a line reports for the whole reply, and the one that marks this line alone."""
    bare = line.replace(" ", "").upper().lstrip("!")
    if bare == "?":
        return Problem.NOT_UNDERSTOOD, None
    for text, problem in _LINE_MARKS.items():
        if bare.endswith(text):
            return None, problem
    if bare.startswith("BUSINIT") and bare.endswith("ERROR"):
        return Problem.BUS_INIT_ERROR, None
    for text, problem in _TEXTS.items():
        # The text may follow, on the same line, what had been printed of a frame.
        if bare.endswith(text):
            return problem, None
    return (Problem.INTERNAL, None) if _INTERNAL.search(bare) else (None, None)
