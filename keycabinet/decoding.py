"""Explains frames of any known protocol field by field, for people at a line and for checks of captured files.

A protocol is a name and two functions that take a frame apart; both raise a ReplyError with the reason when the bytes
are no frame of theirs. Built-in protocols are listed in `_MODULES`; another distribution adds some through the
entry-point group `motorpool.protocols`, whose entries name a tuple of `WireProtocol`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import import_module
from typing import cast

from keycabinet.errors import NotAFrame, ReplyError, UnknownProtocol
from keycabinet.plugins import plugins

ENTRY_POINTS = "motorpool.protocols"
MAX_FRAME = 4096
"""Longest frame that is looked at (bytes)."""

_MODULES = (
    "keycabinet.modbus_frames",
    "keycabinet.protocols.explained",
    "keycabinet.readers.uhf_explained",
    "keycabinet.readers.rs485_ascii",
    "keycabinet.readers.rdm6300",
    "keycabinet.readers.onewire",
)
"""Each has `PROTOCOLS`, a tuple of WireProtocol."""


class Direction(StrEnum):
    """Who sent a frame."""

    REQUEST = "request"
    REPLY = "reply"


@dataclass(frozen=True, slots=True)
class Part:
    """Some bytes of a frame that belong together, in the order of the wire."""

    name: str
    raw: bytes
    meaning: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A valid frame taken apart. Its parts, joined, are the frame.

    `encoded` is the frame built anew from what was understood; None where this library does not build such frames.
    """

    protocol: str
    direction: Direction
    summary: str
    parts: tuple[Part, ...]
    encoded: bytes | None = None

    @property
    def frame(self) -> bytes:
        """The bytes that were explained."""
        return b"".join(part.raw for part in self.parts)


ExplainRequest = Callable[[bytes], Explanation]
ExplainReply = Callable[[bytes, bytes | None], Explanation]


@dataclass(frozen=True, slots=True)
class WireProtocol:
    """One protocol by its name in vector files; `request` is None where the device only talks.

    `reply` also gets the request that was asked, if known, and refuses a frame that does not answer it.
    """

    name: str
    title: str
    reply: ExplainReply
    request: ExplainRequest | None = None


@cache
def protocols() -> Mapping[str, WireProtocol]:
    """Every protocol by name: the built-in ones, then those of other distributions by their entry points' names."""
    found: dict[str, WireProtocol] = {}
    for module in _MODULES:
        for each in cast("tuple[WireProtocol, ...]", import_module(module).PROTOCOLS):
            found[each.name] = each
    for added in cast("tuple[tuple[WireProtocol, ...], ...]", plugins(ENTRY_POINTS)):
        for each in added:
            found.setdefault(each.name, each)
    return found


def protocol(name: str) -> WireProtocol:
    """One protocol. UnknownProtocol names those that are known."""
    try:
        return protocols()[name]
    except KeyError:
        raise UnknownProtocol(name, tuple(protocols())) from None


def explain(name: str, frame: bytes, request: bytes | None = None) -> Explanation:
    """Take a frame apart: the reply to `request` if that is given, else a request or, failing that, a reply.

    Raises UnknownProtocol, and a ReplyError with the reason when the frame is not valid or answers something else.
    """
    known = protocol(name)
    _check_size(name, frame)
    if request is not None:
        explain_request(name, request)
        return known.reply(frame, request)
    if known.request is None:
        return known.reply(frame, None)
    try:
        return known.request(frame)
    except ReplyError as not_a_request:
        try:
            return known.reply(frame, None)
        except ReplyError as not_a_reply:
            if not_a_reply.text == not_a_request.text:
                raise
            raise NotAFrame(
                name, f"no request ({not_a_request.text}), and no reply ({not_a_reply.text})"
            ) from not_a_reply


def explain_request(name: str, frame: bytes) -> Explanation:
    """Take a request apart; raises as `explain` does."""
    known = protocol(name)
    _check_size(name, frame)
    if known.request is None:
        raise NotAFrame(name, "its devices are never asked; they only talk")
    return known.request(frame)


def explain_reply(name: str, frame: bytes, request: bytes | None = None) -> Explanation:
    """Take a reply apart; raises as `explain` does."""
    known = protocol(name)
    _check_size(name, frame)
    return known.reply(frame, request)


def _check_size(name: str, frame: bytes) -> None:
    if not frame:
        raise NotAFrame(name, "no bytes")
    if len(frame) > MAX_FRAME:
        raise NotAFrame(name, f"{len(frame)} bytes; no frame is longer than {MAX_FRAME}")
