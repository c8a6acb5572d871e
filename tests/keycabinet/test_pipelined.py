"""Modbus TCP: transaction ids, depth, stale replies, streams that make no sense, in virtual time."""

from __future__ import annotations

import asyncio

import pytest
from modbus_peer import Board, Chunks, Wire

from keycabinet.errors import DeviceSilent, ForeignReply, LinkLost, LyingLength, PortUnavailable, WrongReply
from keycabinet.exchange import Priority
from keycabinet.line import Line
from keycabinet.modbus_device import ModbusDevice
from keycabinet.transport import LineUrl

URL = LineUrl.parse("modbus+tcp://board")


async def opened(wire: Wire) -> Line:
    return await Line.open("b", URL, opener=wire)


@pytest.mark.parametrize("depth", [1, 4])
async def test_no_more_requests_outstanding_than_the_depth(depth: int) -> None:
    wire = Wire(Board(), tcp=True, latency_s=0.01)
    async with await opened(wire) as line:
        device = ModbusDevice(line, 1, depth=depth)
        await asyncio.gather(*(device.read_coils(0, 8) for _ in range(8)))
    at = sorted({round(at, 6) for at, _ in wire.requests})
    assert at == pytest.approx([n * 0.01 for n in range(8 // depth)])


async def test_replies_out_of_order_find_their_requests() -> None:
    board = Board()
    wire = Wire(board, tcp=True)
    delays = iter((0.03, 0.02, 0.01))

    def shuffled(request: bytes) -> Chunks:
        board.input_mask = request[9]  # the reply says which input was asked first
        return [(next(delays), reply) for reply in wire.replies(request)]

    def each(data: bytes) -> Chunks:
        return [chunk for at in range(0, len(data), 12) for chunk in shuffled(data[at : at + 12])]

    wire.script = each
    async with await opened(wire) as line:
        device = ModbusDevice(line, 1, depth=3)
        masks = await asyncio.gather(*(device.read_discrete_inputs(n, 8 - n) for n in range(3)))
        assert masks == [0, 1 >> 1, 2 >> 2]
        assert line.stats.replies == 3


async def test_a_late_reply_is_dropped_by_its_transaction_id() -> None:
    board = Board()
    board.input_mask = 0xFF
    wire = Wire(board, tcp=True, latency_s=0.4)
    async with await opened(wire) as line:
        device = ModbusDevice(line, 1, reply_timeout_s=0.3)
        with pytest.raises(DeviceSilent):
            await device.read_discrete_inputs(0, 8)
        wire.latency_s = 0.2
        board.input_mask = 0
        assert await device.read_discrete_inputs(0, 8) == 0
        assert line.stats.stale_replies == 1


async def test_a_release_goes_before_queued_polls() -> None:
    wire = Wire(Board(), tcp=True)
    async with await opened(wire) as line:
        device = ModbusDevice(line, 1)
        polls = [asyncio.ensure_future(device.read_coils(n, 1, priority=Priority.POLL)) for n in range(3)]
        await asyncio.sleep(0)
        release = asyncio.ensure_future(device.write_coil_word(0x0200, 2, priority=Priority.RELEASE))
        await asyncio.gather(*polls, release)
    assert [frame[7] for _, frame in wire.requests] == [1, 5, 1, 1]


@pytest.mark.parametrize("head", ["000100010003", "00010000ffff", "000100000001"])
async def test_a_stream_that_makes_no_sense_is_closed_and_reopened(head: str) -> None:
    wire = Wire(Board(), tcp=True)
    wire.script = lambda request: [(0.01, bytes.fromhex(head) + b"\x01\x01\x01")]
    async with await opened(wire) as line:
        device = ModbusDevice(line, 1)
        with pytest.raises(LyingLength):
            await device.read_coils(0, 8)
        wire.script = None
        await asyncio.sleep(1)
        assert await device.read_coils(0, 8) == 0
        assert line.stats.links_reopened == 1


@pytest.mark.parametrize(
    ("place", "value", "error"), [(6, 9, ForeignReply), (7, 2, WrongReply), (8, 2, LyingLength)]
)
async def test_a_reply_that_does_not_answer(place: int, value: int, error: type[Exception]) -> None:
    wire = Wire(Board(), tcp=True)

    def altered(request: bytes) -> Chunks:
        reply = bytearray(wire.reply(request))
        reply[place] = value
        return [(0.01, bytes(reply))]

    wire.script = altered
    async with await opened(wire) as line:
        with pytest.raises(error):
            await ModbusDevice(line, 1).read_coils(0, 8)


async def test_a_dead_unit_behind_a_gateway_is_backed_off() -> None:
    dead, alive = Board(1), Board(2)
    dead.mute = True
    wire = Wire(dead, alive, tcp=True)
    async with await opened(wire) as line:
        one, two = ModbusDevice(line, 1), ModbusDevice(line, 2)
        for _ in range(50):
            results = await asyncio.gather(one.read_coils(0, 8), two.read_coils(0, 8), return_exceptions=True)
            assert isinstance(results[0], DeviceSilent)
            assert results[1] == 0
            await asyncio.sleep(0.1)
        assert sum(1 for _, frame in wire.requests if frame[6] == 1) <= 5


async def test_a_lost_connection_fails_everything() -> None:
    wire = Wire(Board(), tcp=True, latency_s=1.0)
    async with await opened(wire) as line:
        device = ModbusDevice(line, 1, reply_timeout_s=2.0)
        asked = [asyncio.ensure_future(device.read_coils(0, 8)) for _ in range(3)]
        await asyncio.sleep(0.1)
        wire.links[0].lose(ConnectionResetError("reset"))
        errors = await asyncio.gather(*asked, return_exceptions=True)
        assert [(type(error), error.sent) for error in errors if isinstance(error, LinkLost)] == [
            (LinkLost, True),
            (LinkLost, False),
            (LinkLost, False),
        ]


async def test_over_the_network_of_virtual_time() -> None:
    """The real opener, through the event loop's own TCP."""
    board = Board()
    board.input_mask = 0x81
    wire = Wire(board, tcp=True)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(300):
            writer.write(wire.reply(data))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 5020)
    async with await Line.open("b", LineUrl.parse("modbus+tcp://127.0.0.1:5020"), exclusive=False) as line:
        assert await ModbusDevice(line, 1).read_discrete_inputs(0, 8) == 0x81
    server.close()
    await server.wait_closed()
    with pytest.raises(PortUnavailable, match="cannot connect"):
        await Line.open("b", LineUrl.parse("modbus+tcp://127.0.0.1:5020"), exclusive=False)
