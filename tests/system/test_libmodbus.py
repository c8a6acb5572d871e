"""The driver against a server that none of us wrote: libmodbus, in the C program beside this file."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from programs import PATIENCE_S, Program, running
from pymodbus.framer import FramerRTU
from taps import Tap, pty_before, raw_pty, socket_before

from keycabinet import (
    Cabinet,
    CabinetConfig,
    CabinetEvent,
    Line,
    LineUrl,
    Presence,
    PresenceChanged,
    ReleaseOutcome,
)
from keycabinet.commissioning import open_channel, read_board
from keycabinet.errors import DangerousLinkage, ExceptionReply

pytestmark = [pytest.mark.peer, pytest.mark.real_time]

SOURCE = Path(__file__).parent / "c" / "libmodbus_board.c"
ADDRESS = 7
PROFILE = "waveshare-relay-d-8"
every_medium = pytest.mark.parametrize("scheme", ["modbus+tcp", "serial", "rtu+tcp"])


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The C program, built."""
    compiler = shutil.which("gcc")
    if compiler is None or not Path("/usr/include/modbus/modbus.h").exists():
        pytest.skip(
            "gcc or libmodbus is missing (Debian packages gcc, libmodbus-dev; tests/system/install-peers.sh as root)"
        )
    built = tmp_path_factory.mktemp("c") / SOURCE.stem
    options = ("-std=gnu11", "-Wall", "-Wextra", "-Werror", "-O1")
    subprocess.run([compiler, *options, "-o", built, SOURCE, "-lmodbus"], check=True)
    return built


@dataclass
class Board:
    """The C program, running: where the driver finds it, what it said, and on a serial line what crossed."""

    program: Program
    url: LineUrl
    tap: Tap
    said: list[str] = field(default_factory=list)

    async def until(self, line: str) -> None:
        """Read what it says until it says this."""
        while True:
            self.said.append(await self.program.says())
            if self.said[-1] == line:
                return

    async def obey(self, line: str) -> None:
        """Give it a line, and wait until it has taken it."""
        self.program.tell(line)
        await self.until(f"done {line}")

    async def end(self) -> list[str]:
        """End it, and return what it said of pulses, relays and requests."""
        self.said += await self.program.end()
        return [line for line in self.said if not line.startswith("done")]


@asynccontextmanager
async def board(program: Path, scheme: str) -> AsyncIterator[Board]:
    """The board on one medium. On a serial line two ptys and a tap stand for the cable."""
    tap = Tap()
    with ExitStack() as cable:
        if scheme == "modbus+tcp":
            command: tuple[str, ...] = (str(program), "tcp")
        else:
            master, device = cable.enter_context(raw_pty())
            command = (str(program), "rtu", device, str(ADDRESS))
        async with running(*command) as started:
            ready = (await started.says()).removeprefix("ready ")
            if scheme == "modbus+tcp":
                url = f"modbus+tcp://127.0.0.1:{ready}"
            elif scheme == "serial":
                url = f"serial://{cable.enter_context(pty_before(tap, master))}?baudrate=9600&parity=N"
            else:
                url = f"rtu+tcp://127.0.0.1:{cable.enter_context(socket_before(tap, lambda _: master))}"
            yield Board(started, LineUrl.parse(url), tap)


@asynccontextmanager
async def cabinet_on(url: LineUrl) -> AsyncIterator[Cabinet]:
    """A cabinet of this one board. When it closes, nothing may have gone wrong on the line."""
    config = CabinetConfig.model_validate(
        {"boards": [{"line": "x", "address": ADDRESS, "profile": PROFILE, "slots": "1-8"}]}
    )
    async with await Line.open("x", url) as line:
        async with Cabinet("X", config, {"x": line}) as cabinet:
            yield cabinet
        stats = line.stats
    assert (stats.timeouts, stats.checksum_errors, stats.wrong_replies, stats.noise_bytes) == (0, 0, 0, 0)
    assert (stats.exceptions, stats.links_lost) == (0, 0)


async def next_change(events: AsyncIterator[CabinetEvent]) -> tuple[int, Presence]:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            event = await anext(events)
            if isinstance(event, PresenceChanged):
                return event.slot, event.presence


def channels(*on: int) -> tuple[bool, ...]:
    return tuple(channel in on for channel in range(1, 9))


def flash(channel: int, tenths: int) -> bytes:
    """The frame that gives a channel a pulse, its CRC by pymodbus."""
    body = bytes((ADDRESS, 5, 2, channel - 1, 0, tenths))
    return body + FramerRTU.compute_CRC(body).to_bytes(2, "big")


@every_medium
async def test_the_driver_reads_opens_and_notices(program: Path, scheme: str) -> None:
    async with board(program, scheme) as served:
        await served.obey("input 1 1")
        await served.obey("input 2 1")
        bare = await read_board(served.url, PROFILE, ADDRESS)
        assert (bare.version, bare.refused) == ("2.00", None)
        assert (bare.inputs, bare.outputs) == (channels(1, 2), channels())
        async with cabinet_on(served.url) as cabinet:
            before = [slot.presence is Presence.PRESENT for slot in cabinet.snapshot().slots]
            assert tuple(before) == channels(1, 2)
            events = cabinet.events()
            released = await cabinet.open_slot(1, "r1")
            assert (released.outcome, released.reason) == (ReleaseOutcome.CONFIRMED, None)
            await served.until("relay 1 0")  # the pulse ended, and nobody told the board to end it
            assert await cabinet.open_slot(1, "r1") == released
            for line, change in (
                ("input 1 0", (1, Presence.ABSENT)),
                ("input 8 1", (8, Presence.PRESENT)),
                ("input 1 1", (1, Presence.PRESENT)),
            ):
                await served.obey(line)
                assert await next_change(events) == change
            assert (await cabinet.open_slot(8, "r2")).outcome is ReleaseOutcome.CONFIRMED
            await served.until("relay 8 0")
        said = await served.end()
    moved = [line for line in said if not line.startswith("requests")]
    assert moved == ["pulse 1 2", "relay 1 1", "relay 1 0", "pulse 8 2", "relay 8 1", "relay 8 0"]
    asked = {int(function): int(count) for _, function, count in map(str.split, said[len(moved) :])}
    assert asked[5] == 2  # one request for each pulse, and no other write
    assert sorted(asked) == [1, 2, 3, 5]
    if scheme != "modbus+tcp":
        sent = served.tap.stream(from_host=True)
        assert (sent.count(flash(1, 2)), sent.count(flash(8, 2))) == (1, 1)


@every_medium
async def test_a_relay_that_does_not_move_is_not_confirmed_and_not_pulsed_again(
    program: Path, scheme: str
) -> None:
    async with board(program, scheme) as served:
        await served.obey("relays stuck")
        async with cabinet_on(served.url) as cabinet:
            released = await cabinet.open_slot(4, "r1")
        assert released.outcome is ReleaseOutcome.UNCONFIRMED
        assert "relay 4 was read back off" in str(released.reason)
        said = await served.end()
    assert [line for line in said if not line.startswith("requests")] == ["pulse 4 2"]


@every_medium
async def test_a_board_whose_input_could_open_a_lock_is_refused(program: Path, scheme: str) -> None:
    async with board(program, scheme) as served:
        await served.obey("mode 4 1")
        with pytest.raises(DangerousLinkage, match="0x1003"):
            async with cabinet_on(served.url):
                pass
        assert not [line for line in await served.end() if line.startswith(("pulse", "requests 5"))]


@every_medium
async def test_what_libmodbus_refuses_is_told(program: Path, scheme: str) -> None:
    async with board(program, scheme) as served:
        with pytest.raises(ExceptionReply, match="address"):  # this board has 8 relays, not 16
            await read_board(served.url, "waveshare-relay-16", ADDRESS)
        outcome, reason = await open_channel(served.url, "waveshare-relay-16", ADDRESS, 12)
        assert outcome is ReleaseOutcome.REJECTED
        assert "address" in str(reason)
        assert not [line for line in await served.end() if line.startswith("pulse")]
