"""`motorpool capture`: what passes on a line, with times."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from itertools import islice
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.text import Text

from keycabinet.boards.base import board_shapes, build_board
from keycabinet.capture import Piece, Recorder, head
from keycabinet.commissioning import bare_config
from keycabinet.errors import KeyCabinetError
from keycabinet.exchange import Priority
from keycabinet.line import Line
from keycabinet.probing import Found, survey
from keycabinet.readers.base import build_reader
from keycabinet.readers.config import ReaderConfig
from keycabinet.transport import LineUrl, Opener, open_link
from lifecycle.clock import system_clock
from lifecycle.errors import InvalidRequest

from .output import Stopped, err, warn
from .probe import parse_addresses
from .signals import stopped_by_signal

HOLDER = "motorpool capture"
Ask = Callable[[], Awaitable[object]]


def capture(
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            help="The line: serial:///dev/ttyUSB0?baudrate=9600, rtu+tcp://host:port or modbus+tcp://host:502.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", dir_okay=False, help="A new file for the record.", show_default="standard output"
        ),
    ] = None,
    listen: Annotated[
        bool, typer.Option("--listen", help="Send nothing; record what others say on the line.")
    ] = False,
    board: Annotated[
        str | None,
        typer.Option(
            "--board",
            metavar="PROFILE",
            help=f"Poll this board: {', '.join(board_shapes())}.",
            show_default=False,
        ),
    ] = None,
    address: Annotated[int, typer.Option(min=0, max=255, help="The address of --board.")] = 1,
    addresses: Annotated[
        str | None,
        typer.Option(
            metavar="RANGES", help="Without --board: where to look for devices.", show_default="usual"
        ),
    ] = None,
    every: Annotated[float, typer.Option(min=0.02, max=3600, help="Seconds between two polls.")] = 1.0,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="How long to record.", show_default="until Ctrl-C")
    ] = None,
) -> None:
    """Record a line: every piece of traffic with its time, one JSON line each. No output is ever switched.

    With [cyan]--board[/cyan] this board is polled; without, the line is probed first and what answers is polled. With
    [cyan]--listen[/cyan] nothing is sent: connect a second adapter to A and B of a working bus.

    The first line of the record describes it; the others have "at" (seconds), "direction" (sent, received) and "hex".
    A record plays back in tests: keycabinet.capture.Replay.

    Example: [cyan]motorpool capture serial:///dev/ttyUSB0 --board xor-8a-8 --seconds 10 -o board.jsonl[/cyan]
    """
    line = LineUrl.parse(url)
    if listen and (board is not None or addresses is not None):
        raise InvalidRequest("--listen", "true", "neither --board nor --addresses: nothing is asked")
    wanted = None if addresses is None else parse_addresses(addresses)
    if board is not None:
        bare_config(board, address)
    file = _open(out)
    try:
        asyncio.run(_record(line, file, listen, board, address, wanted, every, seconds))
    except BaseException:
        if out is not None and _says_nothing(out):
            out.unlink()  # it would be in the way of the next try
        raise
    finally:
        if out is not None:
            file.close()


def _open(path: Path | None) -> TextIO:
    if path is None:
        return sys.stdout
    try:
        return path.open("x", encoding="utf-8")
    except FileExistsError:
        raise InvalidRequest(
            "--out", str(path), "a file that is not there yet: nothing is overwritten"
        ) from None
    except OSError as error:
        raise Stopped(f"cannot write {path}: {error.strerror}") from error


def _says_nothing(path: Path) -> bool:
    """Whether a record has no more than its head."""
    with path.open(encoding="utf-8") as file:
        return len(list(islice(file, 2))) < 2


async def _record(
    url: LineUrl,
    file: TextIO,
    listen: bool,
    board: str | None,
    address: int,
    wanted: frozenset[int] | None,
    every: float,
    seconds: float | None,
    opener: Opener = open_link,
) -> None:
    count = 0
    recording, nobody_reads = asyncio.current_task(), None
    assert recording is not None

    def told(piece: Piece) -> None:
        nonlocal count, nobody_reads
        count += 1
        try:
            if nobody_reads is None:
                print(piece.to_json(), file=file, flush=True)
        except BrokenPipeError as error:
            nobody_reads = error
            recording.cancel()

    recorder = Recorder(told, opener)
    try:
        async with stopped_by_signal(), asyncio.timeout(seconds):
            print(head(url, system_clock().isoformat()), file=file, flush=True)
            if listen:
                await _listen(url, recorder)
            else:
                await _poll(url, recorder, board, address, wanted, every)
    except TimeoutError:
        pass
    except asyncio.CancelledError:
        if nobody_reads is not None:
            raise nobody_reads from None
        raise
    finally:
        err().print(Text(f"{count} piece(s) recorded", style="dim"))


async def _listen(url: LineUrl, recorder: Recorder) -> None:
    async with await Line.open("capture", url, opener=recorder, exclusive=True, holder=HOLDER):
        await asyncio.Event().wait()


async def _poll(
    url: LineUrl,
    recorder: Recorder,
    board: str | None,
    address: int,
    wanted: frozenset[int] | None,
    every: float,
) -> None:
    found = [Found("", address, (board,), "")] if board is not None else await _look(url, recorder, wanted)
    async with await Line.open("capture", url, opener=recorder, exclusive=True, holder=HOLDER) as line:
        asks = [_asking(line, each) for each in found if each.profiles]
        if not asks:
            raise Stopped("nothing on this line can be polled; see `motorpool probe`, or use --listen")
        told: set[str] = set()
        while True:
            for ask in asks:
                await _ask(ask, told)
            await asyncio.sleep(every)


async def _ask(ask: Ask, told: set[str]) -> None:
    """Ask once; what goes wrong is in the record, and told the first time."""
    try:
        await ask()
    except KeyCabinetError as error:
        if error.device not in told:
            told.add(error.device)
            warn(str(error))


async def _look(url: LineUrl, recorder: Recorder, wanted: frozenset[int] | None) -> list[Found]:
    made = await survey([url], addresses=wanted, opener=recorder, exclusive=True, holder=HOLDER)
    return [each.found for each in made.sighted]


def _asking(line: Line, found: Found) -> Ask:
    profile, label = found.profiles[0], f"{found.profiles[0]} at address {found.address}"
    if found.is_reader:
        config = ReaderConfig(line="line", kind=profile, address=found.address)
        reader = build_reader(line, config, found.address, label)
        return lambda: reader.read(Priority.POLL)
    board = build_board(line, bare_config(profile, found.address), label)

    async def read() -> None:
        if board.shape.inputs:
            await board.read_inputs(Priority.POLL)
        if board.shape.reads_outputs:
            await board.read_outputs(Priority.POLL)

    return read
