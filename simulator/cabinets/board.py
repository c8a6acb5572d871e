"""Device side of the Waveshare Modbus RTU relay family: Relay (D) and IO 8CH, and the 16 and 32 channel boards.

Source: the register map at https://www.waveshare.com/wiki/Modbus_RTU_Relay and Modbus_RTU_Relay_(D), protocol V2. What
the vendor does not publish (the exception for a bad address, a board without inputs) follows the Modbus Application
Protocol V1.1b3.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import ClassVar, Final

from pymodbus.constants import ExcCodes
from pymodbus.pdu import ExceptionResponse, ModbusPDU
from pymodbus.pdu.bit_message import (
    ReadCoilsRequest,
    ReadCoilsResponse,
    ReadDiscreteInputsRequest,
    ReadDiscreteInputsResponse,
    WriteMultipleCoilsRequest,
    WriteMultipleCoilsResponse,
)
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    WriteMultipleRegistersRequest,
    WriteMultipleRegistersResponse,
    WriteSingleRegisterRequest,
)

from simulator.cabinets.frames import WriteCoilWord, decode_request, encode_reply

ALL_RELAYS: Final = 0x00FF
FLASH_ON: Final = 0x0200
FLASH_OFF: Final = 0x0400
FLASH_UNIT_S: Final = 0.1
FLASH_WORDS: Final = range(1, 0x8000)
CONTROL_MODES: Final = 0x1000
UART: Final = 0x2000
ADDRESS: Final = 0x4000
VERSION: Final = 0x8000
ON, OFF, TOGGLE = 0xFF00, 0x0000, 0x5500
BROADCAST: Final = 0
FACTORY_UART: Final = 0x0001  # 9600 8N1
SILENT: Final = b""
"""What an intercept answers when there is to be no reply."""


class Mode(IntEnum):
    """How an input acts on the relay of its channel."""

    NORMAL = 0
    LINKAGE = 1
    TOGGLE = 2
    EDGE = 3


class Refused(Exception):
    """The request gets an exception reply."""

    def __init__(self, code: ExcCodes) -> None:
        self.code = code


class RelayBoard:
    """One board: relays, inputs, and the registers around them.

    `sense` reads an input and `switched` hears of a relay, channels counted from 1. `powered` False makes it mute,
    with its relays off, and `cuts` counts the reasons. `requests` counts what it was asked. `linked` gives it the
    inputs linked to relays that some of these boards ship with.

    What goes wrong with it hangs in lists that are empty as a rule: `intercepts` see each request and may answer in
    its place (SILENT: not at all), `delays` say by how many seconds its reply is late, `deaf` whether it misses a
    request that came so many seconds after the last byte on the wire.
    """

    pushes: ClassVar[bool] = False

    def __init__(
        self,
        address: int,
        relays: int,
        inputs: int = 0,
        *,
        sense: Callable[[int], bool] = lambda _channel: False,
        switched: Callable[[int, bool], None] = lambda _channel, _on: None,
        version: int = 200,
        linked: bool = False,
    ) -> None:
        self.address = address
        self.sense = sense
        self.switched = switched
        self.version = version
        self.requests = 0
        self.cuts = 0
        self.intercepts: list[Callable[[bytes], bytes | None]] = []
        self.delays: list[Callable[[], float]] = []
        self.deaf: list[Callable[[float], bool]] = []
        self._powered = True
        self._relays = [False] * relays
        self._inputs = inputs
        self._seen = [False] * inputs
        self._modes = [Mode.LINKAGE if linked else Mode.NORMAL] * (relays if inputs else 0)
        self._uart = FACTORY_UART
        self._flashes: dict[int, asyncio.TimerHandle] = {}
        self._handlers: dict[type[ModbusPDU], Callable[..., ModbusPDU]] = {
            ReadCoilsRequest: self._read_relays,
            ReadDiscreteInputsRequest: self._read_inputs,
            ReadHoldingRegistersRequest: self._read_registers,
            WriteCoilWord: self._write_coil,
            WriteMultipleCoilsRequest: self._write_relays,
            WriteSingleRegisterRequest: self._write_register,
            WriteMultipleRegistersRequest: self._write_registers,
        }

    @property
    def relays(self) -> tuple[bool, ...]:
        """Which relays are on, in the order of the channels."""
        return tuple(self._relays)

    @property
    def modes(self) -> tuple[Mode, ...]:
        """The control mode of each channel; none on a board without inputs."""
        return tuple(self._modes)

    @property
    def powered(self) -> bool:
        """Whether the board has supply."""
        return self._powered

    @powered.setter
    def powered(self, on: bool) -> None:
        if on == self._powered:
            return
        self._powered = on
        if on:
            self.look()
        else:
            for index in range(len(self._relays)):
                self._switch(index, False)

    def timer(self, channel: int) -> asyncio.TimerHandle | None:
        """What will end a flash on a channel."""
        return self._flashes.get(channel - 1)

    def said(self, frame: bytes) -> bool:
        """Whether a frame on a serial line is this board's."""
        return frame[:1] == bytes((self.address,))

    def handle(self, pdu: bytes) -> bytes | None:
        """Act on a request and return the reply; None while the board has no supply."""
        for intercept in self.intercepts:
            instead = intercept(pdu)
            if instead is not None:
                self.requests += self._powered
                return instead if instead and self._powered else None
        if not self._powered or not pdu:
            return None
        self.requests += 1
        function = pdu[0]
        handler: Callable[..., ModbusPDU] | None = None
        request = decode_request(pdu) if function in _FUNCTIONS else None
        if request is not None:
            handler = self._handlers.get(type(request))
        if request is None or handler is None:
            known = function in _FUNCTIONS
            code = ExcCodes.ILLEGAL_VALUE if known else ExcCodes.ILLEGAL_FUNCTION
            return encode_reply(ExceptionResponse(function, code))
        try:
            return encode_reply(handler(request))
        except Refused as refused:
            return encode_reply(ExceptionResponse(function, refused.code))

    def link(self, mode: Mode) -> None:
        """Give every channel a control mode, as somebody at the board does; inputs act on relays at once."""
        self.look()
        self._modes = [mode] * len(self._modes)
        self.look()

    def look(self) -> None:
        """Notice changed inputs; in a mode other than normal they drive the relays."""
        for index in range(self._inputs):
            before, now = self._seen[index], self.sense(index + 1)
            self._seen[index] = now
            mode = self._modes[index]
            if not self._powered or mode is Mode.NORMAL:
                continue
            if mode is Mode.LINKAGE:
                self._switch(index, now)
            elif now != before and (now or mode is Mode.EDGE):
                self._switch(index, not self._relays[index])

    # -- requests

    def _read_relays(self, request: ReadCoilsRequest) -> ModbusPDU:
        return ReadCoilsResponse(bits=self._slice(self._relays, request))

    def _read_inputs(self, request: ReadDiscreteInputsRequest) -> ModbusPDU:
        if not self._inputs:
            raise Refused(ExcCodes.ILLEGAL_FUNCTION)
        sensed = [self.sense(channel) for channel in range(1, self._inputs + 1)]
        return ReadDiscreteInputsResponse(bits=self._slice(sensed, request))

    def _slice(self, bits: Sequence[bool], request: ModbusPDU) -> Sequence[bool]:
        end = request.address + request.count
        if end > len(bits):
            raise Refused(ExcCodes.ILLEGAL_ADDRESS)
        return bits[request.address : end]

    def _write_coil(self, request: WriteCoilWord) -> ModbusPDU:
        address, word = request.address, request.word
        if address >= FLASH_ON:
            self._flash(address, word)
            return request
        if word not in (ON, OFF, TOGGLE):
            raise Refused(ExcCodes.ILLEGAL_VALUE)
        for index in range(len(self._relays)) if address == ALL_RELAYS else (self._relay(address),):
            self._switch(index, not self._relays[index] if word == TOGGLE else word == ON)
        return request

    def _flash(self, address: int, word: int) -> None:
        on = address < FLASH_OFF
        index = self._relay(address - (FLASH_ON if on else FLASH_OFF))
        if word not in FLASH_WORDS:
            raise Refused(ExcCodes.ILLEGAL_VALUE)
        self._pulse(index, word * FLASH_UNIT_S, on=on)

    def _pulse(self, index: int, seconds: float, *, on: bool = True) -> None:
        """Set a relay for so long."""
        self._switch(index, on)
        loop = asyncio.get_running_loop()
        self._flashes[index] = loop.call_later(seconds, self._end_flash, index, not on)

    def _end_flash(self, index: int, on: bool) -> None:
        self._switch(index, on)

    def _write_relays(self, request: WriteMultipleCoilsRequest) -> ModbusPDU:
        count = request.count
        if request.address + count > len(self._relays):
            raise Refused(ExcCodes.ILLEGAL_ADDRESS)
        if len(request.bits) != count:
            raise Refused(ExcCodes.ILLEGAL_VALUE)
        for index, on in enumerate(request.bits, request.address):
            self._switch(index, on)
        return WriteMultipleCoilsResponse(address=request.address, count=count)

    def _read_registers(self, request: ReadHoldingRegistersRequest) -> ModbusPDU:
        addresses = range(request.address, request.address + request.count)
        return ReadHoldingRegistersResponse(registers=[self._register(address) for address in addresses])

    def _write_register(self, request: WriteSingleRegisterRequest) -> ModbusPDU:
        self._store(request.address, request.registers[0])
        return request

    def _write_registers(self, request: WriteMultipleRegistersRequest) -> ModbusPDU:
        for address, value in enumerate(request.registers, request.address):
            self._store(address, value)
        return WriteMultipleRegistersResponse(address=request.address, count=len(request.registers))

    def _register(self, address: int) -> int:
        single = {UART: self._uart, ADDRESS: self.address, VERSION: self.version}.get(address)
        if single is not None:
            return single
        return self._modes[self._mode_index(address)]

    def _store(self, address: int, value: int) -> None:
        if address == UART:
            self._uart = value
        elif address == ADDRESS:
            if not 1 <= value <= 255:
                raise Refused(ExcCodes.ILLEGAL_VALUE)
            self.address = value
        else:
            index = self._mode_index(address)
            if value not in tuple(Mode):
                raise Refused(ExcCodes.ILLEGAL_VALUE)
            self.look()  # what changed until now happened under the old mode
            self._modes[index] = Mode(value)
            self.look()

    # -- relays

    def _relay(self, index: int) -> int:
        if not 0 <= index < len(self._relays):
            raise Refused(ExcCodes.ILLEGAL_ADDRESS)
        return index

    def _mode_index(self, address: int) -> int:
        index = address - CONTROL_MODES
        if not 0 <= index < len(self._modes):
            raise Refused(ExcCodes.ILLEGAL_ADDRESS)
        return index

    def _switch(self, index: int, on: bool) -> None:
        """Set a relay; whatever flash was running on it is over."""
        flash = self._flashes.pop(index, None)
        if flash is not None:
            flash.cancel()
        if on != self._relays[index]:
            self._relays[index] = on
            self.switched(index + 1, on)


_FUNCTIONS = frozenset(
    request.function_code
    for request in (
        ReadCoilsRequest,
        ReadDiscreteInputsRequest,
        ReadHoldingRegistersRequest,
        WriteCoilWord,
        WriteMultipleCoilsRequest,
        WriteSingleRegisterRequest,
        WriteMultipleRegistersRequest,
    )
)
