"""What a review of the drivers found: lines, gateways, drivers and settings that are not as they should be."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import socket
import tty
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest
import serial
from modbus_peer import Board, Chunks, MemoryLink, Wire

from keycabinet import Cabinet, CabinetConfig, Line, LineUrl, Presence, ReleaseOutcome, find_problems
from keycabinet.boards.base import board_kinds, build_board, families
from keycabinet.boards.modbus import ModbusBoard
from keycabinet.commissioning import open_channel
from keycabinet.config import BoardConfig
from keycabinet.errors import KeyCabinetError, LineHeld, PortUnavailable, ProfileError, WiringError
from keycabinet.exchange import MOST_HEARD, Priority
from keycabinet.half_duplex import HalfDuplex
from keycabinet.modbus_device import ModbusDevice
from keycabinet.ownership import Ownership, lock_directory
from keycabinet.profile_file import load_profile
from keycabinet.release import REMEMBERED_COMMANDS
from keycabinet.transport import UNACKNOWLEDGED_S, TcpLink, open_tcp

URL = LineUrl.parse("serial:///dev/nowhere?baudrate=9600")
TCP = LineUrl.parse("modbus+tcp://gateway")
D8 = {"name": "a1", "line": "a", "address": 1, "profile": "waveshare-relay-d-8", "slots": "1-8"}
D8_TOO = {**D8, "name": "a2", "address": 2, "slots": "9-16"}


def config(*boards: dict[str, object]) -> CabinetConfig:
    return CabinetConfig.model_validate({"boards": list(boards)})


def test_two_slots_on_one_channel_within_one_key() -> None:
    """`5-8@4` instead of `5-8@5`: slot 5's release would open slot 4's lock."""
    assert find_problems("A", config({**D8, "slots": "1-4,5-8@4"})) != ()
    assert find_problems("A", config({**D8, "slots": None, "locks": "1@1,2@1"})) != ()


async def test_a_line_that_is_never_silent_holds_no_request_for_ever() -> None:
    board = Board()
    board.input_mask = 0xFF
    wire = Wire(board)

    async def babble() -> None:
        while True:
            await asyncio.sleep(0.003)  # less than 3.5 characters
            wire.links[0].deliver(b"\xff")

    async with (
        await Line.open("a", URL, opener=wire) as line,
        Cabinet("A", config(D8), {"a": line}) as cabinet,
    ):
        babbling = asyncio.ensure_future(babble())
        try:
            async with asyncio.timeout(60):
                assert (await cabinet.open_slot(1, "c1")).outcome is not ReleaseOutcome.CONFIRMED
            await asyncio.sleep(5)
            assert not cabinet.snapshot().online
        finally:
            babbling.cancel()
            await asyncio.sleep(60)
        assert board.pulses == []  # nobody stands there any more
        assert cabinet.snapshot().online


async def test_a_gateway_that_lost_the_boards_answer_has_not_refused_the_release() -> None:
    board = Board()
    wire = Wire(board, tcp=True)

    def lost(request: bytes) -> Chunks | None:
        if request[7] != 5:
            return None
        wire.replies(request)  # the board has it, and pulses
        return [(0.2, request[:2] + bytes.fromhex("0000000301850B"))]

    async with (
        await Line.open("a", TCP, opener=wire) as line,
        Cabinet("A", config({**D8, "pulse_ms": 1000}), {"a": line}) as cabinet,
    ):
        wire.script = lost
        release = await cabinet.open_slot(3, "c1")
        assert board.pulses == [(3, 10)]
        assert release.outcome in (ReleaseOutcome.CONFIRMED, ReleaseOutcome.UNCONFIRMED)


async def test_a_board_that_its_gateway_cannot_reach_is_asked_less_and_less() -> None:
    wire = Wire(Board(), tcp=True)
    asked: list[bytes] = []

    def unreachable(request: bytes) -> Chunks | None:
        if request[6] != 2:
            return None
        asked.append(request)
        return [(0.25, request[:2] + bytes((0, 0, 0, 3, 2, request[7] | 0x80, 0x0B)))]

    wire.script = unreachable
    async with (
        await Line.open("a", TCP, opener=wire) as line,
        Cabinet("A", config(D8, D8_TOO), {"a": line}),
    ):
        await asyncio.sleep(60)
    assert len(asked) < 20


def plugged(link: Path) -> int:
    """A port behind `link`; closing the descriptor pulls it out."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    link.unlink(missing_ok=True)
    link.symlink_to(os.ttyname(slave))
    os.close(slave)
    return master


@pytest.mark.real_time
async def test_an_adapter_pulled_out_again_just_when_it_was_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTORPOOL_LOCK_DIR", str(tmp_path))
    link = tmp_path / "ttyUSB0"
    masters = [plugged(link)]
    opens = serial.Serial.open

    def loose(self: Any) -> None:
        opens(self)
        if len(masters) == 2:  # gone before it is flushed, and back
            os.close(masters[1])
            masters.append(plugged(link))

    async with await Line.open("a", LineUrl.parse(f"serial://{link}")) as line:
        os.close(masters[0])
        masters.append(plugged(link))
        monkeypatch.setattr(serial.Serial, "open", loose)
        await asyncio.sleep(2)
        assert len(masters) == 3
        assert line.connected
    os.close(masters[2])


async def test_a_driver_that_fails_leaves_no_stale_presence(monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = Board(1), Board(2)
    one.input_mask = two.input_mask = 0xFF
    reads = ModbusBoard.read_inputs

    async def buggy(self: ModbusBoard, priority: Priority) -> int:
        if self.name == "A/a1":
            raise IndexError("a bug in somebody's driver")
        return await reads(self, priority)

    async with (
        await Line.open("a", URL, opener=Wire(one, two)) as line,
        Cabinet("A", config(D8, D8_TOO), {"a": line}) as cabinet,
    ):
        monkeypatch.setattr(ModbusBoard, "read_inputs", buggy)
        one.input_mask = 0  # every set is taken
        await asyncio.sleep(30)
        assert cabinet.snapshot().slot(1).presence is Presence.UNKNOWN
        assert not cabinet.snapshot().online
        assert (await cabinet.open_slot(1, "c1")).outcome is ReleaseOutcome.NOT_SENT


async def test_a_driver_that_fails_in_one_release_of_many(monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board()
    pulses = ModbusBoard.pulse

    async def buggy(self: ModbusBoard, channel: int) -> None:
        await pulses(self, channel)
        if channel == 1:
            raise IndexError("a bug in somebody's driver")

    async with (
        await Line.open("a", URL, opener=Wire(board)) as line,
        Cabinet("A", config(D8), {"a": line}) as cabinet,
    ):
        monkeypatch.setattr(ModbusBoard, "pulse", buggy)
        releases = await cabinet.open_slots([1, 2, 3], "mobilise")
        assert [each.outcome for each in releases][1:] == [ReleaseOutcome.CONFIRMED] * 2


async def test_a_service_and_a_login_shell_do_not_both_own_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service has no XDG_RUNTIME_DIR, and who logs in has one: both look for locks in the same folder."""
    monkeypatch.delenv("MOTORPOOL_LOCK_DIR")
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    url = LineUrl.parse(f"modbus+tcp://gateway-{os.getpid()}")
    before = list(lock_directory().glob("motorpool-line-*.lock"))
    async with await Line.open("a", url, opener=Wire(Board(), tcp=True), exclusive=True, holder="station 04"):
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
        with pytest.raises(LineHeld, match="station 04"):
            await Line.open("a", url, opener=Wire(Board(), tcp=True), exclusive=True)
    for left in lock_directory().glob("motorpool-line-*.lock"):
        if left not in before and not left.read_bytes():
            left.unlink()


async def test_a_board_that_gives_no_pulse_is_not_said_to_have_opened() -> None:
    board = Board(1, outputs=32, inputs=12)
    board.coil_mask = 1 << 16  # the lamp on its first output is lit
    wire = Wire(board, tcp=True)
    with pytest.raises(WiringError, match="channel = 1"):
        await open_channel(TCP, "advantech-adam-6050", 1, 1, opener=wire)


async def test_a_wkly_board_at_address_133_on_a_line_with_noise_and_echo() -> None:
    """The query to it ends in 00, which reads as a status with nothing behind it."""
    wire = Wire()
    wire.script = lambda request: [(0.01, b"\x00" + request + b"\xff\xff")]
    async with await Line.open("a", URL, opener=wire) as line:
        board = build_board(line, BoardConfig(line="a", address=133, profile="wkly-8"), "A/w")
        async with asyncio.timeout(30):
            with pytest.raises(KeyCabinetError):
                await board.read_inputs(Priority.COMMAND)


async def test_giving_up_closing_lets_go_of_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTORPOOL_LOCK_DIR", str(tmp_path))
    line = await Line.open("a", TCP, opener=Wire(Board(), tcp=True), exclusive=True)
    closing = asyncio.ensure_future(line.close())
    await asyncio.sleep(0)
    closing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await closing
    Ownership.acquire("a", TCP, "next").release()


@pytest.mark.real_time
async def test_a_host_name_that_is_none() -> None:
    with pytest.raises(PortUnavailable, match="cannot connect"):
        await Line.open("a", LineUrl.parse("rtu+tcp://cabinet..lan:4000"))


@pytest.mark.real_time
async def test_what_is_not_acknowledged_is_given_up() -> None:
    """Else a cable that is put back would deliver a release of minutes ago."""
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        link = await open_tcp(LineUrl.parse(f"rtu+tcp://127.0.0.1:{port}"), asyncio.Protocol())
        assert isinstance(link, TcpLink)
        opened = link._transport.get_extra_info("socket")
        wait_ms = opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        assert wait_ms == UNACKNOWLEDGED_S * 1000
        link.close()


MAPPED = (Path(__file__).parents[2] / "keycabinet" / "profiles" / "waveshare-io-8ch.toml").read_text(
    encoding="utf-8"
)
INPUTS = "[inputs]                     # FC02\nstart = 0x0000\ncount = 8"


@pytest.mark.parametrize(
    ("found", "instead", "says"),
    [
        (INPUTS, "[inputs]\nstart = 0x3000\ncount = 200\nread = 'registers'", "at most 125 registers"),
        (INPUTS, "[inputs]\nstart = 0xFFFC\ncount = 8", "the last address is FFFF"),
        ("start = 0x0200", "start = 0xFFFC", "the last address is FFFF"),
        ("default_ms = 200", "default_ms = 50", "no pulse at all"),
    ],
)
def test_a_profile_that_no_request_can_say(tmp_path: Path, found: str, instead: str, says: str) -> None:
    assert found in MAPPED
    path = tmp_path / "mine.toml"
    path.write_text(MAPPED.replace(found, instead), encoding="utf-8")
    with pytest.raises(ProfileError, match=says):
        load_profile(path)


def test_a_reader_on_a_modbus_tcp_line() -> None:
    readers = [{"line": "b", "kind": "rs485-125k-ascii", "slots": "1@1"}]
    cabinet = CabinetConfig.model_validate({"boards": [D8], "readers": readers})
    (problem,) = find_problems("A", cabinet, {"a": "serial:///dev/ttyUSB0", "b": "modbus+tcp://gateway"})
    assert problem.key == "readers.0.line"


async def test_garbage_before_a_deadline_is_not_kept() -> None:
    wire = Wire(Board())
    async with await Line.open("a", LineUrl.parse("rtu+tcp://gateway:4000"), opener=wire) as line:
        wire.script = lambda _request: []
        asked = asyncio.ensure_future(ModbusDevice(line, 1, reply_timeout_s=5.0).read_coils(0, 8))
        await asyncio.sleep(0.05)
        connection = line._connection
        assert isinstance(connection, HalfDuplex)
        exchange = connection._current
        assert exchange is not None
        for _ in range(50):
            wire.links[0].deliver(b"\xff" * 10_000)
            await asyncio.sleep(0.05)
        assert len(exchange.heard) <= MOST_HEARD
        asked.cancel()
        await asyncio.sleep(6)


async def test_a_peer_that_hangs_up_at_once_is_called_less_and_less() -> None:
    wire = Wire(Board())

    async def opener(url: LineUrl, protocol: asyncio.Protocol) -> MemoryLink:
        link = await wire(url, protocol)
        asyncio.get_running_loop().call_later(0.001, link.lose)
        return link

    async with await Line.open("a", TCP, opener=opener):
        await asyncio.sleep(60)
        assert wire.opens < 20


async def test_a_command_for_many_slots_is_remembered_whole() -> None:
    """However many commands for single slots came since: sent again, it must not open anything twice."""
    board = Board()
    async with (
        await Line.open("a", URL, opener=Wire(board)) as line,
        Cabinet("A", config(D8), {"a": line}) as cabinet,
    ):
        first = await cabinet.open_slots([1, 2], "many")
        for number in range(REMEMBERED_COMMANDS + 10):
            await cabinet._releaser.run(3, f"single-{number}", lambda: asyncio.sleep(0, first[0]))
        pulses = list(board.pulses)
        assert await cabinet.open_slots([1, 2], "many") == first
        assert board.pulses == pulses


def test_a_package_that_cannot_be_loaded_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = EntryPoint("broken", "no_such_module_of_ours:BOARDS", "motorpool.boards")
    monkeypatch.setattr("keycabinet.plugins.entry_points", lambda *, group: [broken] if group else [])
    families.cache_clear()
    try:
        assert "waveshare-relay-d-8" in board_kinds()
        assert "broken of an unknown package cannot be loaded" in caplog.text
    finally:
        families.cache_clear()
