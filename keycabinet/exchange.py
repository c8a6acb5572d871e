"""One question and answer on a line, whatever the protocol."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from keycabinet.contest import Contest
from keycabinet.errors import (
    AddressTakenTwice,
    BadChecksum,
    DeviceBackedOff,
    DeviceRefused,
    DeviceSilent,
    DriverFailed,
    ExceptionReply,
    ForeignReply,
    KeyCabinetError,
    ReplyError,
)

log = logging.getLogger(__name__)

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

FIRST_BACK_OFF_S = 1.0
LONGEST_BACK_OFF_S = 30.0
MOST_HEARD = 1024
"""Bytes that are kept of a reply and of what comes behind it."""


class Priority(IntEnum):
    """Whose turn comes first; equals are served in the order they came."""

    RELEASE = (
        0  # opening a lock and reading back what came of it; also passes the back-off of a silent device
    )
    COMMAND = 1  # somebody waits for it
    POLL = 2


class ReplyReader(Protocol[T_co]):
    """Sans-IO: eats bytes and finds the reply to one request."""

    @property
    def reply_size(self) -> int:
        """Bytes of the longest expected reply, for the time it takes on the wire."""

    @property
    def noise(self) -> int:
        """Bytes that belonged to no frame."""

    @property
    def stale(self) -> int:
        """Frames that answered something else."""

    @property
    def optional(self) -> bool:
        """Whether silence is a right answer too; the exchange then ends with None."""

    @property
    def repeats_request(self) -> bool:
        """Whether a right reply may equal the request byte for byte, as an echo does."""

    def feed(self, data: bytes) -> T_co | None:
        """The reply once it is whole; KeyCabinetError when the device refused."""

    def failure(self, waited_s: float) -> KeyCabinetError:
        """Why there is no reply, as exactly as the bytes tell."""


@runtime_checkable
class FindsReplies(Protocol):
    """A ReplyReader whose replies are single frames, so that it can tell when two came to one request."""

    def replies(self, heard: bytes) -> Sequence[bytes]:
        """The whole replies to the request that these bytes hold, at most 2; an echo is none."""


@dataclass(slots=True)
class LineStats:
    """What a line has seen since it was opened; counters only rise."""

    requests: int = 0
    replies: int = 0
    exceptions: int = 0
    timeouts: int = 0
    checksum_errors: int = 0
    wrong_replies: int = 0
    noise_bytes: int = 0
    stale_replies: int = 0
    backed_off: int = 0
    links_lost: int = 0
    links_reopened: int = 0
    echoes: int = 0
    pushed_frames: int = 0
    doubled_replies: int = 0


class Device:
    """What a line knows of one device on it: its timing, and whether it has gone silent.

    `gap_s` is the least silence between this device's frames and another's; `depth` how many requests it takes at
    once (Modbus TCP only; half-duplex lines have one). With the `address` that it has on its line, errors can name it.
    """

    __slots__ = (
        "address",
        "asked_again_at",
        "contest",
        "depth",
        "gap_s",
        "name",
        "reply_timeout_s",
        "silences",
    )

    def __init__(
        self,
        name: str,
        *,
        reply_timeout_s: float,
        gap_s: float = 0.0,
        depth: int = 1,
        address: int | None = None,
    ) -> None:
        self.name = name
        self.address = address
        self.contest = Contest()
        self.reply_timeout_s = reply_timeout_s
        self.gap_s = gap_s
        self.depth = depth
        self.silences = 0
        self.asked_again_at = 0.0

    def fell_silent(self, now: float) -> None:
        """One more silence in a row. The first may be a lost frame; from the second on it is asked less and less."""
        self.silences += 1
        if self.silences > 1:
            doublings = min(self.silences - 2, 10)
            self.asked_again_at = now + min(LONGEST_BACK_OFF_S, FIRST_BACK_OFF_S * 2**doublings)

    def answered(self) -> None:
        """It is alive."""
        self.silences = 0
        self.asked_again_at = 0.0

    def back_off(self, now: float, priority: int) -> DeviceBackedOff | None:
        """The error for a request that must not be sent now."""
        if self.silences < 2 or now >= self.asked_again_at or priority == Priority.RELEASE:
            return None
        return DeviceBackedOff(self.name, self.silences, self.asked_again_at - now)


class Exchange(Generic[T]):
    """A request waiting for its turn or its reply. `future` gets the reply's value or a KeyCabinetError."""

    __slots__ = (
        "deadline",
        "device",
        "future",
        "heard",
        "order",
        "priority",
        "reader",
        "request",
        "sent",
        "sent_at",
        "timeout_s",
    )

    def __init__(
        self,
        device: Device,
        request: bytes,
        reader: ReplyReader[T],
        priority: int,
        future: asyncio.Future[Any],
        timeout_s: float | None = None,
    ) -> None:
        """`timeout_s` goes before the device's usual one; the future gets None where the reply is optional."""
        self.device = device
        self.request = request
        self.reader = reader
        self.priority = priority
        self.future = future
        self.heard = b""
        self.order = 0
        self.sent = False
        self.sent_at = 0.0
        self.deadline = 0.0
        self.timeout_s = device.reply_timeout_s if timeout_s is None else timeout_s

    def __lt__(self, other: AnyExchange) -> bool:
        if self.priority != other.priority:
            return self.priority < other.priority
        return self.order < other.order

    def feed(self, data: bytes, stats: LineStats, now: float | None = None) -> bool:
        """Give bytes to the reader; True when the exchange is over, its future told and its traffic counted.

        `now` only on a line where two boards may have one address: what came twice is not believed.
        """
        if now is not None:
            self.hear(data)
        try:
            value = self.reader.feed(data)
        except KeyCabinetError as error:
            self.fail(error, stats)
            return True
        except Exception as error:
            log.exception("%s: its driver failed", self.device.name)
            self.fail(DriverFailed(self.device.name, error), stats)
            return True
        if value is None:
            return False
        stats.replies += 1
        self.device.answered()
        if now is not None and self._contested(now, stats):
            self.fail(self._two_boards(), stats)
            return True
        self._count(stats)
        if not self.future.done():
            self.future.set_result(value)
        return True

    def hear(self, data: bytes) -> None:
        """Keep what came, up to `MOST_HEARD` bytes."""
        if len(self.heard) < MOST_HEARD:
            self.heard = (self.heard + data)[:MOST_HEARD]

    def _failure(self, now: float) -> KeyCabinetError:
        try:
            return self.reader.failure(now - self.sent_at)
        except Exception as error:
            log.exception("%s: its driver failed", self.device.name)
            return DriverFailed(self.device.name, error)

    def _two_boards(self) -> AddressTakenTwice:
        return AddressTakenTwice(self.device.name, self.device.address, sure=self.device.contest.sure)

    def _contested(self, now: float, stats: LineStats) -> bool:
        """Whether two boards are known to answer, or did so just now."""
        contest = self.device.contest
        if self.reader.noise:
            self.look_for_two(now, stats)
        return contest.stands(now)

    def look_for_two(self, now: float, stats: LineStats) -> None:
        """Notice a second whole reply among what was heard; none where one looks like an echo of the request."""
        reader = self.reader
        if reader.repeats_request or not isinstance(reader, FindsReplies):
            return
        found = reader.replies(self.heard)
        if len(found) > 1 and self.device.contest.came_twice(now, same=found[0] == found[1]):
            stats.doubled_replies += 1

    def expire(self, now: float, stats: LineStats) -> None:
        """The time-out has come: fail with the most telling reason, or end well where silence is an answer."""
        if self.reader.optional:
            self._count(stats)
            if not self.future.done():
                self.future.set_result(None)
            return
        contested = bool(self.heard) and self.device.contest.stands(now)
        error = self._two_boards() if contested else self._failure(now)
        stats.timeouts += 1
        self.device.contest.reply_is_due(now)
        if isinstance(error, DeviceSilent):
            self.device.fell_silent(now)
        self.fail(error, stats)

    def fail(self, error: KeyCabinetError, stats: LineStats) -> None:
        """End with an error; a caller that gave up meanwhile is not told."""
        if isinstance(error, ExceptionReply) and error.silent:
            self.device.fell_silent(asyncio.get_running_loop().time())
        elif isinstance(error, ReplyError | DeviceRefused) and not isinstance(error, ForeignReply):
            self.device.answered()
        stats.exceptions += isinstance(error, DeviceRefused)
        stats.checksum_errors += isinstance(error, BadChecksum)
        stats.wrong_replies += isinstance(error, ReplyError) and not isinstance(error, BadChecksum)
        self._count(stats)
        if not self.future.done():
            self.future.set_exception(error)

    def _count(self, stats: LineStats) -> None:
        reader = self.reader
        if reader.noise or reader.stale:
            stats.noise_bytes += reader.noise
            stats.stale_replies += reader.stale


AnyExchange = Exchange[Any]
