"""Everything that can go wrong with a cabinet, one leaf per cause.

KeyCabinetError                      device, retryable, sent
├── ConfigError (ValueError)         the site file; never retryable
│   ├── LineUrlError                 field, value, allowed
│   ├── ProfileError                 problems: what is wrong with a profile file
│   ├── UnknownProtocol              known
│   └── WiringError                  problems
├── LineError                        the wire, not the device on it
│   ├── PortUnavailable              cannot be opened
│   ├── LineHeld                     holder: somebody else owns it
│   ├── LinkLost                     it was open and went away
│   ├── LineNeverSilent              something talks on it without a pause
│   └── LineClosed                   closed by ourselves
├── DeviceSilent                     no reply within the time-out
│   └── DeviceBackedOff              not asked at all: silent before; retry_in_s
├── ReplyError                       it answered, but not this question
│   ├── BadChecksum
│   ├── NotAFrame                    bytes of no known form
│   ├── ForeignReply                 the reply of another address
│   ├── AddressTakenTwice            address, sure: two boards answer there
│   ├── WrongReply                   another function, coil, value or count
│   └── LyingLength                  a length that the frame does not have
├── DeviceRefused                    it understood and said no
│   └── ExceptionReply               code, meaning: no in Modbus
├── BoardRefused                     it works, but must not be used
│   ├── UnsupportedBoard             another protocol version
│   └── DangerousLinkage             its inputs could open a lock
├── BoardUnverified                  not checked yet since it (re)appeared
├── DriverFailed                     its driver raised what no driver may raise
└── CommandError                     the caller's mistake
    ├── UnknownSlot
    ├── NotWired                     the cabinet has no such lock, door, lamp
    ├── CommandReused                the same command id for something else
    └── CabinetClosed

`retryable` says whether the same request may succeed later without anybody changing anything; whether repeating it is
*safe* is another question, answered by `sent`: false means that not one byte of it reached the line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class KeyCabinetError(Exception):
    """Root of this package's errors; `device` names the line, board or cabinet concerned."""

    retryable: ClassVar[bool] = False

    def __init__(self, device: str, text: str, *, sent: bool = False) -> None:
        super().__init__(f"{device}: {text}" if device else text)
        self.device = device
        self.text = text
        self.sent = sent


class ConfigError(KeyCabinetError, ValueError):
    """The site file says something that cannot be."""


class LineUrlError(ConfigError):
    """A line's URL cannot be used: which part, its value, and what is allowed there."""

    def __init__(self, url: str, field: str, value: str, allowed: str) -> None:
        super().__init__("", f"line URL {url!r}: {field} is {value!r}; allowed: {allowed}")
        self.url = url
        self.field = field
        self.value = value
        self.allowed = allowed


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a cabinet's table: where, what stands there, and what is allowed."""

    path: tuple[str | int, ...]
    value: object
    allowed: str

    @property
    def key(self) -> str:
        """The path as a dotted key, such as `boards.0.slots`."""
        return ".".join(str(part) for part in self.path)

    def __str__(self) -> str:
        return f"{self.key} = {self.value!r}: {self.allowed}"


class UnknownProtocol(ConfigError):
    """No protocol of this name is known; `known` are those that are."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__("", f"no protocol {name!r} is known; known: {', '.join(known)}")
        self.known = tuple(known)


class ProfileError(ConfigError):
    """A profile file that cannot be used; `problems` has everything that is wrong with it, each with its line."""

    def __init__(self, path: str, problems: Sequence[str]) -> None:
        super().__init__(path, "; ".join(problems))
        self.problems = tuple(problems)


class WiringError(ConfigError):
    """A cabinet's boards do not fit together; `problems` has all of them."""

    def __init__(self, cabinet: str, problems: Sequence[Problem]) -> None:
        super().__init__(f"cabinet {cabinet}", "; ".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class LineError(KeyCabinetError):
    """The wire failed, whichever device was asked."""

    retryable = True


class PortUnavailable(LineError):
    """The port or address cannot be opened."""


class LineHeld(LineError):
    """Another program owns the line."""

    def __init__(self, device: str, holder: str) -> None:
        super().__init__(
            device, f"held by {holder}; stop it, or let it do the work: a line has one owner at a time"
        )
        self.holder = holder


class LinkLost(LineError):
    """The line was open and went away; it is being reopened."""


class LineNeverSilent(LineError):
    """Nothing can be sent: something talks on the line without a pause."""


class LineClosed(LineError):
    """The line was closed by this program."""

    retryable = False


class DeviceSilent(KeyCabinetError):
    """No reply within the time-out."""

    retryable = True


class DeviceBackedOff(DeviceSilent):
    """Not asked: the device was silent before, and is asked again in `retry_in_s` seconds."""

    def __init__(self, device: str, silences: int, retry_in_s: float) -> None:
        super().__init__(
            device,
            f"silent {silences} times in a row; asked again in {retry_in_s:.1f} s; check its power, wiring and address",
        )
        self.silences = silences
        self.retry_in_s = retry_in_s


class ReplyError(KeyCabinetError):
    """Something came back that does not answer the question."""

    retryable = True

    def __init__(self, device: str, text: str, *, sent: bool = True) -> None:
        super().__init__(device, text, sent=sent)


class BadChecksum(ReplyError):
    """The reply's check value does not fit its bytes."""


class NotAFrame(ReplyError):
    """The bytes have not the form of any frame of the protocol."""


class ForeignReply(ReplyError):
    """Another address answered."""

    def __init__(self, device: str, expected: int, got: int) -> None:
        super().__init__(
            device,
            f"address {expected} was asked and address {got} answered; look for two boards that share an address, "
            "or a longer gap_ms",
        )
        self.expected = expected
        self.got = got


class WrongReply(ReplyError):
    """The right address answered another question: function, coil, value or count differ."""


class AddressTakenTwice(ReplyError):
    """Two boards answer at one address; `sure` when two whole answers came to one question."""

    def __init__(self, device: str, address: int | None, *, sure: bool) -> None:
        where = "its address" if address is None else f"address {address}"
        seen = (
            f"two boards answer at {where}: two answers came to one question"
            if sure
            else f"two boards seem to answer at {where}, or its cable is bad: only its answers are garbled on this line"
        )
        super().__init__(
            device,
            f"{seen}; take one of them off the line and give it an address of its own; until then neither is used",
        )
        self.address = address
        self.sure = sure


class LyingLength(ReplyError):
    """A frame announces a length that it does not have."""


EXCEPTION_MEANINGS = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledged, still working",
    6: "device busy",
    7: "negative acknowledge",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target does not respond",
}
"""Modbus Application Protocol V1.1b3, section 7 (7: earlier editions)."""


class DeviceRefused(KeyCabinetError):
    """The device understood and said no."""

    def __init__(self, device: str, text: str) -> None:
        super().__init__(device, text, sent=True)


NOT_NOW = (4, 5, 6, 8, 10, 11)
"""Exceptions that say nothing of the board's make: it, or its gateway, fails or is busy (Application Protocol, 7)."""
GATEWAY_ALONE = (10, 11)
"""Exceptions that a gateway gives because the device is not heard."""
PERHAPS_DONE = (4, 5, 11)
"""Exceptions after which the request may have been carried out: it failed on the way, is still going on, or its answer
was not heard."""


class ExceptionReply(DeviceRefused):
    """The device refused with a Modbus exception, or a gateway told of one."""

    def __init__(self, device: str, function: int, code: int) -> None:
        self.function = function
        self.code = code
        self.meaning = EXCEPTION_MEANINGS.get(code, "unknown exception")
        super().__init__(
            device,
            f"refused function {function:#04x} with exception {code} ({self.meaning}); "
            "check that the profile fits this board",
        )

    @property
    def not_now(self) -> bool:
        """Whether the same request may be answered another time."""
        return self.code in NOT_NOW

    @property
    def silent(self) -> bool:
        """Whether it was a gateway that answered, because the device did not."""
        return self.code in GATEWAY_ALONE

    @property
    def perhaps_done(self) -> bool:
        """Whether what was asked for may have happened all the same."""
        return self.code in PERHAPS_DONE


class BoardRefused(KeyCabinetError):
    """The board answers and must not be used as it is."""

    def __init__(self, device: str, text: str) -> None:
        super().__init__(device, text, sent=True)


class UnsupportedBoard(BoardRefused):
    """The board speaks another version of its protocol."""


class DangerousLinkage(BoardRefused):
    """The board's own inputs could switch its relays; `modes` is (channel, mode) for each that can."""

    def __init__(self, device: str, modes: Sequence[tuple[int, int]], base: int) -> None:
        listed = ", ".join(f"channel {channel} has mode {mode}" for channel, mode in modes)
        registers = ", ".join(f"{base + channel - 1:#06x}" for channel, _ in modes)
        super().__init__(
            device,
            f"its inputs could open a lock: {listed}; write 0 (normal) to holding register {registers} "
            f"({base:#06x} + channel - 1), then open the cabinet again",
        )
        self.modes = tuple(modes)


class BoardUnverified(KeyCabinetError):
    """The board has not passed its checks since it (re)appeared, so it is not told to open anything."""

    retryable = True


class DriverFailed(KeyCabinetError):
    """A board's driver raised something that is no KeyCabinetError; what it had sent by then is not known."""

    def __init__(self, device: str, error: Exception) -> None:
        super().__init__(device, f"its driver failed with {error!r}; tell whoever made it", sent=True)


class CommandError(KeyCabinetError):
    """The caller asked for something that this cabinet cannot mean."""


class UnknownSlot(CommandError):
    """The cabinet has no such slot."""


class NotWired(CommandError):
    """The cabinet has no such lock, door or lamp."""


class CommandReused(CommandError):
    """The same command id was used before with other content."""


class CabinetClosed(CommandError):
    """The cabinet is not open."""
