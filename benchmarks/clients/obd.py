"""A recorded drive read from bytes to values; the memory of terminals that nobody hears.

usage: python -m benchmarks.clients.obd drive ours|python-obd|python-obd-lines PASSES | away COUNT

`python-obd` reads bytes with its own code from a port in memory; `python-obd-lines` is handed lines already split.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import sys
import tempfile
import tracemalloc
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.meter import cpu_s, report
from lifecycle.book import Book
from lifecycle.ledger import Ledger
from lifecycle.model import Vehicle
from lifecycle.terminals import Terminals
from lifecycle.visits import Visits
from simulator.terminals import MemoryRadio
from vehicle import Terminal, TerminalConfig, VehicleError, open_terminal
from vehicle.obd.dtc import decode_codes
from vehicle.obd.elm327 import Reply, ReplyStream, read_reply
from vehicle.obd.frames import Answer, Framing, Message, parse_answer
from vehicle.obd.pids import PIDS, decode_vin

SETTLE_S = 1.0
"""Until the event loop has let go of timers that are over; shorter than a visit waits."""
DRIVE = Path(__file__).parents[2] / "tests" / "golden" / "obd-drive-1.jsonl"
Replies = Sequence[tuple[str, bytes]]


def recorded() -> Replies:
    """Requests and what the adapter printed, prompts included."""
    _, *lines = DRIVE.read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line) for line in lines]
    return [(entry["request"], entry["reply"].encode("ascii")) for entry in entries]


# -- ours


def texts(replies: Replies) -> list[bytes | None]:
    stream = ReplyStream()
    return [stream.feed(printed)[0] for _, printed in replies]


def lines(replies: Replies, found: Sequence[bytes | None]) -> list[Reply]:
    return [read_reply(text, request) for text, (request, _) in zip(found, replies, strict=True)]


def frames(replies: Replies, found: Sequence[Reply]) -> list[Answer]:
    return [
        parse_answer(reply, request, Framing.CAN11)
        for reply, (request, _) in zip(found, replies, strict=True)
    ]


def value(message: Message) -> object:
    payload = message.payload
    if payload[0] == 0x41:
        return PIDS[payload[1]].decode(payload[2:])
    return decode_vin(payload[3:]) if payload[0] == 0x49 else decode_codes(payload, counted=True)


def ours(replies: Replies, passes: int) -> Mapping[str, float]:
    """Reply by reply, as a session reads them; then step by step, to see where the time goes."""
    stream, messages, began = ReplyStream(), 0, cpu_s()
    for _ in range(passes):
        for request, printed in replies:
            (text,) = stream.feed(printed)
            for message in parse_answer(read_reply(text, request), request, Framing.CAN11).messages:
                value(message)
                messages += 1
    whole = cpu_s() - began
    steps = {"text": 0.0, "lines": 0.0, "frames": 0.0, "values": 0.0}
    for _ in range(passes):
        marks = [cpu_s()]
        printed_texts = texts(replies)
        marks.append(cpu_s())
        read = lines(replies, printed_texts)
        marks.append(cpu_s())
        answers = frames(replies, read)
        marks.append(cpu_s())
        for answer in answers:
            for message in answer.messages:
                value(message)
        marks.append(cpu_s())
        for name, start, end in zip(steps, marks, marks[1:], strict=False):
            steps[name] += end - start
    count = passes * len(replies)
    parts = {f"{name}_us": spent / count * 1e6 for name, spent in steps.items()}
    return _summary(replies, passes, whole) | {"messages": messages / passes} | parts


# -- python-OBD


class _Port:
    """What python-OBD reads from: everything that was printed is there at once."""

    def __init__(self) -> None:
        self.printed = b""

    @property
    def in_waiting(self) -> int:
        return len(self.printed)

    def read(self, _: int) -> bytes:
        return self.printed


def theirs(replies: Replies, passes: int, *, from_bytes: bool) -> Mapping[str, float]:
    import obd  # type: ignore[import-untyped]  # noqa: PLC0415 - a development tool under another licence
    from obd.elm327 import ELM327  # type: ignore[import-untyped]  # noqa: PLC0415
    from obd.protocols import ISO_15765_4_11bit_500k  # type: ignore[import-untyped]  # noqa: PLC0415

    logging.disable(logging.CRITICAL)
    commands: dict[str, Any] = {
        each.command.decode(): each for mode in obd.commands.modes for each in mode if each is not None
    }
    protocol = ISO_15765_4_11bit_500k(["7E8064100BE3FB813"])
    port, adapter = _Port(), ELM327.__new__(ELM327)
    adapter._ELM327__port = port  # its constructor would search for a car
    read: Callable[[], list[str]] = adapter._ELM327__read
    handed = [
        (commands[request], printed, [line for line in printed[:-1].decode().split("\r") if line])
        for request, printed in replies
    ]
    began = cpu_s()
    for _ in range(passes):
        for command, printed, split in handed:
            port.printed = printed
            command(protocol(read() if from_bytes else split))
    return _summary(replies, passes, cpu_s() - began)


def _summary(replies: Replies, passes: int, spent: float) -> dict[str, float]:
    count = passes * len(replies)
    return {"replies": len(replies), "per_s": count / spent, "us": spent / count * 1e6}


# -- out of range


async def away(count: int) -> Mapping[str, float]:
    """Bytes a terminal that was looked for in vain, and more for a visit that waits to look again."""
    cars = [_car(number) for number in range(count)]
    radio = MemoryRadio()
    before = _held()
    terminals = [open_terminal(car.terminal, radio, name=car.fleet_number) for car in cars]
    await asyncio.gather(*(_look_for(each) for each in terminals))
    await asyncio.sleep(SETTLE_S)
    terminal = (_held() - before) / count
    del terminals
    with tempfile.TemporaryDirectory() as folder:
        waiting = await _waiting(cars, radio, Path(folder)) / count
    return {"terminal": terminal, "visit": waiting - terminal}


async def _waiting(cars: Sequence[Vehicle], radio: MemoryRadio, folder: Path) -> float:
    def clock() -> datetime:
        return datetime(2026, 11, 21, tzinfo=UTC) + timedelta(seconds=asyncio.get_running_loop().time())

    def spawn(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        return asyncio.create_task(work, name=name)

    ledger = await Ledger.open(folder / "book.db", station="s", holder="bench", clock=clock)
    visits = Visits(Book(ledger, clock, lambda kind: kind), Terminals(radio), spawn)
    before = _held()
    for car in cars:
        visits.request(car, "co-1")
    await asyncio.sleep(SETTLE_S)
    waiting = _held() - before
    await visits.close()
    await ledger.close()
    return waiting


def _car(number: int) -> Vehicle:
    address = f"F0:F1:F2:F3:{number >> 8:02X}:{number & 0xFF:02X}"
    config = TerminalConfig(kind="obd", address=address, find_s=0.01)
    return Vehicle(f"v-{number}", f"P-{number}", "patrol", "unit", terminal=config)


async def _look_for(terminal: Terminal) -> None:
    try:
        await terminal.read_telemetry()
    except VehicleError:
        return
    raise SystemExit(f"{terminal.name} was heard")


def _held() -> float:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def main() -> None:
    what, *more = sys.argv[1:]
    if what == "away":
        tracemalloc.start()
        report(asyncio.run(away(int(more[0]))))
        return
    kind, passes = more[0], int(more[1])
    replies = recorded()
    report(
        ours(replies, passes) if kind == "ours" else theirs(replies, passes, from_bytes=kind == "python-obd")
    )


if __name__ == "__main__":
    main()
