"""One Modbus device on a line: the verbs that boards, commissioning and benchmarks use."""

from __future__ import annotations

from typing import TypeVar

from keycabinet.exchange import Device, Priority
from keycabinet.line import Line
from keycabinet.modbus import Query, ReadBits, ReadRegisters, WriteCoil, WriteRegister

T = TypeVar("T")
MAX_QUERIES = 64
"""Encoded requests kept per device; a board's register map needs far fewer."""


class ModbusDevice:
    """A device of one address (unit) on a line. Nothing is ever resent by itself; reads may be retried by the caller.

    `reply_timeout_s` runs from the end of the request until the reply begins; the time that the bytes take on a serial
    wire is added. `gap_s` is the least silence between this device's frames and another's on a half-duplex line.
    `depth` requests may be outstanding at once on Modbus TCP.

    Every verb raises a KeyCabinetError naming the device: LineError, DeviceSilent, ReplyError or ExceptionReply.
    """

    __slots__ = ("_bits", "_device", "_rtu", "address", "label", "line")

    def __init__(
        self,
        line: Line,
        address: int,
        *,
        reply_timeout_s: float = 0.3,
        gap_s: float = 0.0,
        depth: int = 1,
        label: str | None = None,
    ) -> None:
        self.line = line
        self.address = address
        self.label = label or f"line {line.name} address {address}"
        self._device = Device(
            self.label, reply_timeout_s=reply_timeout_s, gap_s=gap_s, depth=depth, address=address
        )
        self._rtu = line.half_duplex
        self._bits: dict[tuple[int, int, int], ReadBits] = {}

    @property
    def silences(self) -> int:
        """How many requests in a row went unanswered."""
        return self._device.silences

    async def _ask(self, query: Query[T], priority: int) -> T:
        if self._rtu:
            return await self.line.submit(self._device, query.rtu, query.reader(), priority)
        return await self.line.submit(self._device, query.tcp_tail, query, priority)

    def _read_bits(self, function: int, start: int, count: int) -> ReadBits:
        key = (function, start, count)
        query = self._bits.get(key)
        if query is None:
            query = ReadBits(self.label, self.address, function, start, count)
            if len(self._bits) < MAX_QUERIES:
                self._bits[key] = query
        return query

    async def read_discrete_inputs(self, start: int, count: int, *, priority: int = Priority.COMMAND) -> int:
        """FC02: inputs `start` to `start + count - 1` (1 to 2000) as a mask, bit n = input `start` + n."""
        return await self._ask(self._read_bits(2, start, count), priority)

    async def read_coils(self, start: int, count: int, *, priority: int = Priority.COMMAND) -> int:
        """FC01: coils `start` to `start + count - 1` (1 to 2000) as a mask, bit n = coil `start` + n."""
        return await self._ask(self._read_bits(1, start, count), priority)

    async def read_holding_registers(
        self, start: int, count: int, *, priority: int = Priority.COMMAND
    ) -> tuple[int, ...]:
        """FC03: 1 to 125 registers."""
        return await self._ask(ReadRegisters(self.label, self.address, start, count), priority)

    async def write_coil_word(self, address: int, word: int, *, priority: int = Priority.COMMAND) -> None:
        """FC05 with the raw 16-bit word; returns when the device has echoed exactly that."""
        await self._ask(WriteCoil(self.label, self.address, address, word), priority)

    async def write_register(self, register: int, word: int, *, priority: int = Priority.COMMAND) -> None:
        """FC06; returns when the device has echoed exactly that."""
        await self._ask(WriteRegister(self.label, self.address, register, word), priority)
