"""A cabinet of many boards on one simulated line at 19200, polled again and again, in virtual time.

usage: python -m benchmarks.clients.dead_board BOARDS ALIVE SECONDS PAUSE_S

PAUSE_S lies between two rounds. Only the first ALIVE boards keep their supply when the clock starts.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Mapping
from itertools import pairwise

from benchmarks.meter import report
from keycabinet import BoardConfig, Cabinet, CabinetConfig, Line, LineUrl
from simulator import virtual_time
from simulator.cabinets import MemorySerial, RelayBoard, Wire
from simulator.cabinets.devices import build_device

BAUD = 19200
SLOTS = 8


class Looked:
    """When a board's inputs were read."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def sense(self) -> Callable[[int], bool]:
        """Every reading asks for channel 1 once."""

        def sensed(channel: int) -> bool:
            if channel == 1:
                self.times.append(asyncio.get_running_loop().time())
            return True

        return sensed


def _config(boards: int, pause_s: float) -> CabinetConfig:
    tables = [
        {
            "name": f"a{number}",
            "line": "a",
            "address": number,
            "profile": "waveshare-io-8ch",
            "slots": f"{SLOTS * (number - 1) + 1}-{SLOTS * number}",
        }
        for number in range(1, boards + 1)
    ]
    return CabinetConfig.model_validate({"boards": tables, "poll_idle_s": pause_s})


async def measure(boards: int, alive: int, seconds: float, pause_s: float) -> Mapping[str, float]:
    """Of the boards that live: the slowest one's readings a second, the longest time that one was not read."""
    config, looked = _config(boards, pause_s), [Looked() for _ in range(boards)]
    devices = [_device(board, each) for board, each in zip(config.boards, looked, strict=True)]
    wire = Wire(devices, baudrate=BAUD)
    url = LineUrl.parse(f"serial:///dev/nowhere?baudrate={BAUD}")
    async with (
        await Line.open("a", url, opener=MemorySerial("a", wire).open, exclusive=False) as line,
        Cabinet("A", config, {"a": line}),
    ):
        await asyncio.sleep(1.0)
        for each in looked:
            each.times.clear()
        for device in devices[alive:]:
            device.powered = False
        before = line.stats.timeouts
        await asyncio.sleep(seconds)
        living = [each.times for each in looked[:alive]]
        result = {
            "per_s": min(map(len, living)) / seconds,
            "longest_s": max(later - earlier for times in living for earlier, later in pairwise(times)),
            "timeouts": line.stats.timeouts - before,
        }
    wire.close()
    return result


def _device(board: BoardConfig, looked: Looked) -> RelayBoard:
    device = build_device(board, sense=looked.sense(), switched=lambda _channel, _on: None)
    assert isinstance(device, RelayBoard)
    return device


def main(boards: str, alive: str, seconds: str, pause_s: str) -> None:
    report(virtual_time.run(measure(int(boards), int(alive), float(seconds), float(pause_s))))


if __name__ == "__main__":
    main(*sys.argv[1:])
