"""Turns, silence, priorities, draining and back-off on a shared wire, in virtual time."""

from __future__ import annotations

import asyncio

import pytest
from modbus_peer import Board, Chunks, Wire

from keycabinet.errors import (
    BadChecksum,
    DeviceBackedOff,
    DeviceSilent,
    ExceptionReply,
    ForeignReply,
    LineClosed,
    LinkLost,
    LyingLength,
    PortUnavailable,
    WrongReply,
)
from keycabinet.exchange import Priority
from keycabinet.line import Line
from keycabinet.modbus_device import ModbusDevice
from keycabinet.transport import LineUrl, Link

URL = LineUrl.parse("serial:///dev/nowhere?baudrate=9600")
T35 = 3.5 * 10 / 9600


def now() -> float:
    return asyncio.get_running_loop().time()


async def opened(wire: Wire) -> Line:
    return await Line.open("a", URL, opener=wire)


async def test_a_read_gives_a_mask() -> None:
    board = Board()
    board.input_mask = 0b10100101
    async with await opened(Wire(board)) as line:
        device = ModbusDevice(line, 1)
        assert await device.read_discrete_inputs(0, 8) == 0b10100101
        assert await device.read_discrete_inputs(4, 3) == 0b010
        assert await device.read_holding_registers(0x8000, 1) == (200,)
        assert line.stats.replies == 3


async def test_silence_is_kept_before_every_request() -> None:
    wire = Wire(Board(1), Board(2))
    ends: list[float] = []
    async with await opened(wire) as line:
        one, two = ModbusDevice(line, 1, gap_s=0.005), ModbusDevice(line, 2, gap_s=0.005)
        for device in (one, one, two):
            await device.read_coils(0, 8)
            ends.append(now())
    starts = [at for at, _ in wire.requests]
    assert starts[1] - ends[0] == pytest.approx(T35)
    assert starts[2] - ends[1] == pytest.approx(0.005)


async def test_a_release_goes_before_polls_and_polls_keep_their_order() -> None:
    wire = Wire(Board())
    async with await opened(wire) as line:
        device = ModbusDevice(line, 1)
        polls = [asyncio.ensure_future(device.read_coils(n, 1, priority=Priority.POLL)) for n in range(3)]
        await asyncio.sleep(0.005)
        release = asyncio.ensure_future(device.write_coil_word(0x0200, 2, priority=Priority.RELEASE))
        await asyncio.gather(*polls, release)
    assert [(frame[1], frame[3]) for _, frame in wire.requests] == [(1, 0), (5, 0), (1, 1), (1, 2)]


async def test_a_late_reply_is_drained_and_never_taken_for_the_next_answer() -> None:
    board = Board()
    wire = Wire(board)

    def late(request: bytes) -> Chunks | None:
        if request[1] != 2 or len(wire.requests) > 1:
            return None
        board.input_mask = 0xFF
        reply = wire.reply(request)
        board.input_mask = 0
        return [(0.125, reply)]

    wire.script = late
    async with await opened(wire) as line:
        device = ModbusDevice(line, 1, reply_timeout_s=0.1)
        with pytest.raises(DeviceSilent):
            await device.read_discrete_inputs(0, 8)
        assert await device.read_discrete_inputs(0, 8) == 0
        assert line.stats.noise_bytes == 6


async def test_a_cancelled_request_holds_the_line_until_its_reply_is_gone() -> None:
    board = Board()
    board.input_mask, board.coil_mask = 0xAA, 0x55
    wire = Wire(board, latency_s=0.05)
    async with await opened(wire) as line:
        device = ModbusDevice(line, 1)
        given_up = asyncio.ensure_future(device.read_discrete_inputs(0, 8))
        await asyncio.sleep(0.02)
        given_up.cancel()
        assert await device.read_discrete_inputs(0, 8) == 0xAA
        assert wire.requests[1][0] >= 0.05 + T35
        with pytest.raises(asyncio.CancelledError):
            await given_up


async def test_a_request_given_up_in_the_queue_is_never_sent() -> None:
    wire = Wire(Board())
    async with await opened(wire) as line:
        device = ModbusDevice(line, 1)
        first = asyncio.ensure_future(device.read_coils(0, 8))
        second = asyncio.ensure_future(device.write_coil_word(0x0200, 2))
        await asyncio.sleep(0.001)
        second.cancel()
        await first
        await device.read_coils(0, 8)
    assert [frame[1] for _, frame in wire.requests] == [1, 1]


@pytest.mark.parametrize("noise", [b"", b"\xff\x00", b"\x01", b"\x01\x02\x01"])
async def test_noise_before_a_reply(noise: bytes) -> None:
    board = Board()
    board.input_mask = 0x05
    wire = Wire(board)
    wire.script = lambda request: [(0.005, noise + wire.reply(request))]
    async with await opened(wire) as line:
        assert await ModbusDevice(line, 1).read_discrete_inputs(0, 8) == 0x05
        assert line.stats.noise_bytes == len(noise)


async def test_two_glued_replies() -> None:
    """The reply of another board sits in front of ours in one piece."""
    one, two = Board(1), Board(2)
    one.input_mask, two.input_mask = 0x0F, 0xF0
    wire = Wire(one, two)
    asked: list[bytes] = []

    def glue(request: bytes) -> Chunks | None:
        asked.append(request)
        return [(0.005, wire.reply(asked[0]) + wire.reply(request))] if len(asked) == 2 else None

    wire.script = glue
    async with await opened(wire) as line:
        assert await ModbusDevice(line, 2).read_discrete_inputs(0, 8) == 0xF0
        assert await ModbusDevice(line, 1).read_discrete_inputs(0, 8) == 0x0F
        assert line.stats.stale_replies == 1


async def fails(damage: str, error: type[Exception]) -> Line:
    wire = Wire(Board(1), Board(2))

    def broken(request: bytes) -> Chunks | None:
        reply = wire.reply(request)
        if damage == "crc":
            return [(0.005, reply[:-1] + bytes([reply[-1] ^ 1]))]
        if damage == "cut":
            return [(0.005, reply[:-2])]
        if damage == "foreign":
            return [(0.005, wire.reply(FOREIGN))]
        if damage == "function":
            return [(0.005, wire.reply(OTHER_FUNCTION))]
        return []

    wire.script = broken
    line = await opened(wire)
    async with line:
        device = ModbusDevice(line, 1, label="board a1")
        started = now()
        with pytest.raises(error) as caught:
            await device.read_discrete_inputs(0, 8)
        assert getattr(caught.value, "device", None) == "board a1"
        assert getattr(caught.value, "sent", None) is True
        assert now() - started < 0.35
        wire.script = None
        assert await device.read_discrete_inputs(0, 8) == 0
    return line


FOREIGN = bytes.fromhex("02020000000879ff")
OTHER_FUNCTION = bytes.fromhex("0101000000083dcc")


async def test_bad_crc() -> None:
    line = await fails("crc", BadChecksum)
    assert line.stats.checksum_errors == 1


async def test_cut_reply() -> None:
    await fails("cut", LyingLength)


async def test_reply_of_another_address() -> None:
    line = await fails("foreign", ForeignReply)
    assert line.stats.wrong_replies == 1


async def test_reply_of_another_function() -> None:
    await fails("function", WrongReply)


async def test_silence() -> None:
    await fails("silence", DeviceSilent)


async def test_exception_reply_has_code_and_meaning() -> None:
    async with await opened(Wire(Board())) as line:
        with pytest.raises(ExceptionReply, match="illegal data address") as refused:
            await ModbusDevice(line, 1).read_coils(100, 8)
        assert refused.value.code == 2
        assert not refused.value.retryable


async def test_a_dead_device_is_asked_less_and_less_and_delays_nobody_more_than_its_timeout() -> None:
    dead, alive = Board(1), Board(2)
    dead.mute = True
    wire = Wire(dead, alive)
    slowest = 0.0
    async with await opened(wire) as line:
        one, two = ModbusDevice(line, 1), ModbusDevice(line, 2)
        errors: list[type[Exception]] = []
        while now() < 120:
            asked = asyncio.ensure_future(one.read_coils(0, 8))
            started = now()
            await two.read_coils(0, 8)
            slowest = max(slowest, now() - started)
            try:
                await asked
            except DeviceSilent as error:
                errors.append(type(error))
            await asyncio.sleep(0.1)
        attempts = [at for at, frame in wire.requests if frame[0] == 1]
        assert len(attempts) <= 10
        assert errors[:3] == [DeviceSilent, DeviceSilent, DeviceBackedOff]
        assert attempts[-1] - attempts[-2] == pytest.approx(30, abs=0.6)
        assert slowest < 0.3 + 0.1
        dead.mute = False
        await one.read_coils(0, 8, priority=Priority.RELEASE)  # a release asks it all the same
        await one.read_coils(0, 8)


async def test_back_off_says_when_it_is_asked_again() -> None:
    board = Board()
    board.mute = True
    async with await opened(Wire(board)) as line:
        device = ModbusDevice(line, 1)
        for _ in range(2):
            with pytest.raises(DeviceSilent):
                await device.read_coils(0, 8)
        with pytest.raises(DeviceBackedOff, match=r"asked again in 1\.0 s") as refused:
            await device.read_coils(0, 8)
        assert not refused.value.sent


async def test_a_babbling_line_is_given_up_waiting_for() -> None:
    board = Board()
    wire = Wire(board)
    wire.script = lambda request: [(n * 0.003, b"\xff") for n in range(400)]
    async with await opened(wire) as line:
        device = ModbusDevice(line, 1)
        started = now()
        for _ in range(2):
            with pytest.raises(DeviceSilent):
                await device.read_coils(0, 8)
        assert now() - started < 3.0


async def test_a_lost_link_fails_what_is_under_way_and_is_reopened() -> None:
    wire = Wire(Board(), latency_s=0.05)
    async with await opened(wire) as line:
        device = ModbusDevice(line, 1)
        on_wire = asyncio.ensure_future(device.read_coils(0, 8))
        queued = asyncio.ensure_future(device.write_coil_word(0x0200, 2))
        await asyncio.sleep(0.02)
        wire.refuse = OSError("unplugged")
        wire.links[0].lose(OSError("read failed"))
        errors = list(await asyncio.gather(on_wire, queued, return_exceptions=True))
        assert [type(error) for error in errors] == [LinkLost, LinkLost]
        assert [error.sent for error in errors if isinstance(error, LinkLost)] == [True, False]
        with pytest.raises(LinkLost, match="link is down"):
            await device.read_coils(0, 8)
        await asyncio.sleep(2)
        assert not line.connected
        wire.refuse = None
        await asyncio.sleep(10)
        assert line.connected
        assert await device.read_coils(0, 8) == 0
        assert (line.stats.links_lost, line.stats.links_reopened) == (1, 1)


async def test_closing_ends_everything() -> None:
    line = await opened(Wire(Board(), latency_s=0.05))
    device = ModbusDevice(line, 1)
    waiting = asyncio.ensure_future(device.read_coils(0, 8))
    await asyncio.sleep(0.02)
    await line.close()
    with pytest.raises(LinkLost):
        await waiting
    with pytest.raises(LineClosed):
        await device.read_coils(0, 8)
    await line.close()


async def test_giving_up_opening_leaves_nothing_behind() -> None:
    wire = Wire(Board())
    opening = asyncio.ensure_future(opened(wire))
    await asyncio.sleep(0)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert wire.links == []


async def test_closing_while_reconnecting() -> None:
    wire = Wire(Board())
    line = await opened(wire)
    wire.refuse = OSError("unplugged")
    wire.links[0].lose()
    await asyncio.sleep(1)
    await line.close()
    opens = wire.opens
    await asyncio.sleep(60)
    assert wire.opens == opens


async def test_a_patient_line_waits_for_its_port() -> None:
    """An adapter that is plugged in later: down at first, up by itself, and everything else is told so."""
    wire = Wire(Board())
    missing = 3

    async def opener(url: LineUrl, protocol: asyncio.Protocol) -> Link:
        nonlocal missing
        if missing:
            missing -= 1
            raise PortUnavailable("a", "no such device")
        return await wire(url, protocol)

    with pytest.raises(PortUnavailable):
        await Line.open("a", URL, opener=opener)
    async with await Line.open("a", URL, opener=opener, patient=True) as line:
        device = ModbusDevice(line, 1)
        assert not line.connected
        with pytest.raises(LinkLost, match="no such device"):
            await device.read_coils(0, 8)
        await asyncio.sleep(1)
        assert line.connected
        assert await device.read_coils(0, 8) == 0
