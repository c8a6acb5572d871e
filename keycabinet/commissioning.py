"""A bare board on a line, without a site file: read it, or open one of its locks, while it is being installed."""

from __future__ import annotations

from dataclasses import dataclass

from keycabinet.boards.base import Board, board_shapes, build_board
from keycabinet.config import BoardConfig
from keycabinet.errors import BoardRefused, Problem, WiringError
from keycabinet.exchange import Priority
from keycabinet.line import Line
from keycabinet.model import ReleaseOutcome
from keycabinet.release import pulse_and_read_back
from keycabinet.transport import LineUrl, Opener, open_link

HOLDER = "motorpool commissioning"


@dataclass(frozen=True, slots=True)
class BareBoard:
    """What one board says; `inputs[0]` is channel 1. `refused` says why a cabinet would not use it, or is None."""

    profile: str
    address: int
    version: str | None
    inputs: tuple[bool, ...]
    outputs: tuple[bool, ...]
    refused: str | None


def bare_config(profile: str, address: int) -> BoardConfig:
    """The board alone; WiringError for an unknown profile or an address outside 1 to 255."""
    shapes = board_shapes()
    problems = []
    if profile not in shapes:
        problems.append(Problem(("profile",), profile, f"one of {', '.join(sorted(shapes))}"))
    if not 1 <= address <= 255:
        problems.append(Problem(("address",), address, "1 to 255"))
    if problems:
        raise WiringError("bare board", problems)
    return BoardConfig(line="line", address=address, profile=profile)


def _build(line: Line, config: BoardConfig) -> Board:
    return build_board(line, config, f"{config.profile} at address {config.address} on {line.url}")


def _bits(mask: int, count: int) -> tuple[bool, ...]:
    return tuple(bool(mask >> index & 1) for index in range(count))


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
        outputs = await board.read_outputs(Priority.COMMAND)
        shape = board.shape
        return BareBoard(
            profile, address, version, _bits(inputs, shape.inputs), _bits(outputs, shape.outputs), refused
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
    outputs = board_shapes()[profile].outputs
    if not 1 <= channel <= outputs:
        raise WiringError("bare board", [Problem(("channel",), channel, f"1 to {outputs}")])
    async with await Line.open("commissioning", url, opener=opener, holder=holder) as line:
        board = _build(line, config)
        await board.verify()
        return await pulse_and_read_back(board, channel)
