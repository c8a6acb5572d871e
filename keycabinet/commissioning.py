"""A bare board on a line, without a site file: read it, or open one of its locks, while it is being installed."""

from __future__ import annotations

from dataclasses import dataclass

from keycabinet.boards.base import Board, board_kind, board_kinds, build_board
from keycabinet.config import BoardConfig
from keycabinet.errors import BoardRefused, KeyCabinetError, Problem, WiringError
from keycabinet.exchange import Priority
from keycabinet.line import Line
from keycabinet.model import LatchState, ReleaseOutcome
from keycabinet.release import LatchReader, pulse_and_read_back
from keycabinet.transport import LineUrl, Opener, open_link

HOLDER = "motorpool commissioning"


@dataclass(frozen=True, slots=True)
class BareBoard:
    """What one board says; `inputs[0]` is channel 1. `refused` says why a cabinet would not use it, or is None.

    There are no `outputs` where a board does not tell which are on.
    """

    profile: str
    address: int
    version: str | None
    inputs: tuple[bool, ...]
    outputs: tuple[bool, ...]
    refused: str | None


def bare_config(profile: str, address: int) -> BoardConfig:
    """The board alone; WiringError for an unknown profile or an address that it cannot have, ProfileError."""
    kind = board_kind(profile)
    problems = []
    if kind is None:
        allowed = f"one of {', '.join(sorted(board_kinds()))}, or the path of a profile file (*.toml)"
        problems.append(Problem(("profile",), profile, allowed))
    addresses = kind.addresses if kind else range(256)
    if address not in addresses:
        allowed = f"{addresses.start} to {addresses.stop - 1}"
        problems.append(Problem(("address",), address, allowed))
    if problems:
        raise WiringError("bare board", problems)
    return BoardConfig(line="line", address=address, profile=profile)


def _build(line: Line, config: BoardConfig) -> Board:
    return build_board(line, config, f"{config.profile} at address {config.address} on {line.url}")


def _bits(mask: int, count: int) -> tuple[bool, ...]:
    return tuple(bool(mask >> index & 1) for index in range(count))


def _latch_of(board: Board, channel: int) -> LatchReader:
    """Reads a lock board's own feedback with the polarity that its documents give: 1 = locked."""

    async def read() -> LatchState:
        try:
            inputs = await board.read_inputs(Priority.RELEASE)
        except KeyCabinetError:
            return LatchState.UNKNOWN
        return LatchState.LOCKED if inputs >> (channel - 1) & 1 else LatchState.UNLOCKED

    return read


async def read_board(
    url: LineUrl, profile: str, address: int, *, opener: Opener = open_link, holder: str = HOLDER
) -> BareBoard:
    """Read version, inputs and relays. A board that a cabinet would refuse is read all the same.

    LineHeld when a station has the line; other KeyCabinetErrors as they come.
    """
    config = bare_config(profile, address)
    async with await Line.open("commissioning", url, opener=opener, holder=holder) as line:
        board = _build(line, config)
        version: str | None = None
        refused: str | None = None
        try:
            version = (await board.verify()).version
        except BoardRefused as error:
            refused = error.text
        inputs = await board.read_inputs(Priority.COMMAND)
        shape = board.shape
        outputs = await board.read_outputs(Priority.COMMAND) if shape.reads_outputs else 0
        return BareBoard(
            profile,
            address,
            version,
            _bits(inputs, shape.inputs),
            _bits(outputs, shape.outputs) if shape.reads_outputs else (),
            refused,
        )


async def open_channel(
    url: LineUrl,
    profile: str,
    address: int,
    channel: int,
    *,
    opener: Opener = open_link,
    holder: str = HOLDER,
) -> tuple[ReleaseOutcome, str | None]:
    """Give one lock one pulse and read back; returns the outcome and, short of `confirmed`, why.

    BoardRefused for a board that must not be used, LineHeld when a station has the line, WiringError for a channel
    that the board does not have.
    """
    config = bare_config(profile, address)
    kind = board_kind(profile)
    outputs = kind.shape.outputs_for("lock") if kind else 0
    if not 1 <= channel <= outputs:
        raise WiringError("bare board", [Problem(("channel",), channel, f"1 to {outputs}")])
    async with await Line.open("commissioning", url, opener=opener, holder=holder) as line:
        board = _build(line, config)
        await board.verify()
        latch = _latch_of(board, channel) if channel <= board.shape.latches else None
        return await pulse_and_read_back(board, channel, latch)
