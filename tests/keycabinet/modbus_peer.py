"""The device side for these tests, in pymodbus' own server codec, behind a link in memory (loop time, no I/O)."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable

from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.bit_message import ReadCoilsResponse, ReadDiscreteInputsResponse
from pymodbus.pdu.register_message import ReadHoldingRegistersResponse, WriteSingleRegisterResponse

from keycabinet.transport import LineUrl

Chunks = list[tuple[float, bytes]]
"""What a device sends back: each piece with its delay (s) after the request."""


class RawCoil(ModbusPDU):
    """FC05 as boards with a flash command read it: the word as it came."""

    function_code = 5
    rtu_frame_size = 8

    def __init__(self) -> None:
        super().__init__()
        self.word = 0

    def encode(self) -> bytes:
        return struct.pack(">HH", self.address, self.word)

    def decode(self, data: bytes) -> None:
        self.address, self.word = struct.unpack(">HH", data[:4])


def server_decoder() -> DecodePDU:
    decoder = DecodePDU(True)
    decoder.register(RawCoil)
    return decoder


class Board:
    """One simulated board: inputs, relays with flash, control modes, version."""

    def __init__(
        self, address: int = 1, outputs: int = 8, inputs: int = 8, version: int | None = 200
    ) -> None:
        self.address = address
        self.outputs, self.inputs = outputs, inputs
        self.input_mask = 0
        self.coil_mask = 0
        self.pulses: list[tuple[int, int]] = []  # (channel from 1, word)
        self.registers = {0x1000 + n: 0 for n in range(inputs)}
        if version is not None:
            self.registers[0x8000] = version
        self.mute = False
        self.relays_work = True
        self.on_pulse: Callable[[int], None] | None = None

    def answer(self, request: ModbusPDU) -> ModbusPDU | None:
        if self.mute:
            return None
        reply = self._answer(request)
        reply.dev_id, reply.transaction_id = request.dev_id, request.transaction_id
        return reply

    def _answer(self, request: ModbusPDU) -> ModbusPDU:
        if isinstance(request, RawCoil):
            return self._write(request)
        function, start, count = request.function_code, request.address, request.count
        if function in (1, 2):
            mask, size = (self.coil_mask, self.outputs) if function == 1 else (self.input_mask, self.inputs)
            if start + count > size:
                return ExceptionResponse(function, 2)
            bits = [bool(mask >> (start + n) & 1) for n in range(count)]
            return (ReadCoilsResponse if function == 1 else ReadDiscreteInputsResponse)(bits=bits)
        if function == 3:
            words = [self.registers.get(start + n) for n in range(count)]
            found = [word for word in words if word is not None]
            return (
                ReadHoldingRegistersResponse(registers=found)
                if len(found) == count
                else ExceptionResponse(3, 2)
            )
        if function == 6 and start in self.registers:
            self.registers[start] = request.registers[0]
            return WriteSingleRegisterResponse(address=start, registers=request.registers)
        return ExceptionResponse(function, 1)

    def _write(self, request: RawCoil) -> ModbusPDU:
        channel = (request.address & 0xFF) + 1
        if channel > self.outputs:
            return ExceptionResponse(5, 2)
        bit = 1 << (channel - 1)
        if request.address < 0x100:
            self.coil_mask = self.coil_mask | bit if request.word else self.coil_mask & ~bit
            return request
        self.pulses.append((channel, request.word))
        if self.relays_work:
            self.coil_mask |= bit
            asyncio.get_running_loop().call_later(request.word / 10, self._off, bit)
        if self.on_pulse is not None:
            self.on_pulse(channel)
        return request

    def _off(self, bit: int) -> None:
        self.coil_mask &= ~bit


class Wire:
    """An opener, and what hangs on the wire behind it. `script` replaces the boards' replies when it returns a list."""

    def __init__(self, *boards: Board, tcp: bool = False, latency_s: float = 0.005) -> None:
        self.boards = {board.address: board for board in boards}
        self.framer = FramerSocket(server_decoder()) if tcp else FramerRTU(server_decoder())
        self.latency_s = latency_s
        self.requests: list[tuple[float, bytes]] = []
        self.links: list[MemoryLink] = []
        self.script: Callable[[bytes], Chunks | None] | None = None
        self.refuse: Exception | None = None
        self.opens = 0

    async def __call__(self, url: LineUrl, protocol: asyncio.Protocol) -> MemoryLink:
        self.opens += 1
        await asyncio.sleep(0)
        if self.refuse is not None:
            raise self.refuse
        link = MemoryLink(self, protocol)
        self.links.append(link)
        protocol.connection_made(asyncio.BaseTransport())
        return link

    def requested(self, data: bytes) -> Chunks:
        self.requests.append((asyncio.get_running_loop().time(), data))
        if self.script is not None:
            scripted = self.script(data)
            if scripted is not None:
                return scripted
        return [(self.latency_s, reply) for reply in self.replies(data)]

    def replies(self, data: bytes) -> list[bytes]:
        found = []
        while data:
            used, request = self.framer.handleFrame(data, 0, 0)
            if request is None:
                break
            data = data[used:]
            board = self.boards.get(request.dev_id)
            reply = board.answer(request) if board is not None else None
            if reply is not None:
                found.append(self.framer.buildFrame(reply))
        return found

    def reply(self, data: bytes) -> bytes:
        """What the boards answer to one request."""
        return b"".join(self.replies(data))


class MemoryLink:
    """The bytes between a line and a Wire; a lost link tells nobody else."""

    def __init__(self, wire: Wire, protocol: asyncio.Protocol) -> None:
        self.wire, self.protocol = wire, protocol
        self.loop = asyncio.get_running_loop()
        self.timer: asyncio.TimerHandle | None = None
        self.closed = False

    def write(self, data: bytes) -> None:
        if not self.closed:
            for delay, chunk in self.wire.requested(data):
                self.loop.call_later(delay, self.deliver, chunk)

    def deliver(self, data: bytes) -> None:
        if not self.closed:
            self.protocol.data_received(data)

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        if self.timer is not None:
            self.timer.cancel()
        self.timer = self.loop.call_later(delay_s, callback)
        return self.timer

    def lose(self, error: Exception | None = None) -> None:
        if not self.closed:
            self.closed = True
            if self.timer is not None:
                self.timer.cancel()
            self.loop.call_soon(self.protocol.connection_lost, error)

    def close(self) -> None:
        self.lose()
