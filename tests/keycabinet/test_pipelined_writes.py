"""Modbus TCP: how requests leave. A system call costs more than a request, and a lone request must not wait."""

from __future__ import annotations

import asyncio

from modbus_peer import Board, Chunks, Wire

from keycabinet.line import Line
from keycabinet.modbus_device import ModbusDevice
from keycabinet.transport import LineUrl

REQUEST = 12


async def test_requests_asked_in_one_turn_leave_in_two_writes_the_first_at_once() -> None:
    wire = Wire(Board(), tcp=True)
    writes: list[int] = []

    def each(data: bytes) -> Chunks:
        writes.append(len(data))
        return [
            (0.0, reply)
            for at in range(0, len(data), REQUEST)
            for reply in wire.replies(data[at : at + REQUEST])
        ]

    wire.script = each
    async with await Line.open("b", LineUrl.parse("modbus+tcp://board"), opener=wire) as line:
        device = ModbusDevice(line, 1, depth=8)
        await asyncio.gather(*(device.read_coils(0, 8) for _ in range(8)))
        assert writes == [REQUEST, 7 * REQUEST]
        await device.read_coils(0, 8)
    assert writes == [REQUEST, 7 * REQUEST, REQUEST]
