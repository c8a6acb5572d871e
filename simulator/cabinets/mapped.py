"""Device side of a Modbus board of which only its profile is known: whatever the profile says, it does.

Good for trying a site before its boards are there. It proves nothing about the profile: both sides read the same file.
"""

from __future__ import annotations

from collections.abc import Callable

from pymodbus.constants import ExcCodes
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.bit_message import (
    ReadCoilsRequest,
    ReadCoilsResponse,
    ReadDiscreteInputsRequest,
    ReadDiscreteInputsResponse,
)
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, WriteSingleRegisterRequest

from keycabinet.profile import BoardProfile, Inputs
from simulator.cabinets.board import Refused, RelayBoard
from simulator.cabinets.frames import WriteCoilWord

BITS = 16


class MappedBoard(RelayBoard):
    """One board; `fixed` holds the registers that its profile checks before it is used, and they read as they must."""

    def __init__(
        self,
        address: int,
        profile: BoardProfile,
        *,
        sense: Callable[[int], bool] = lambda _channel: False,
        switched: Callable[[int, bool], None] = lambda _channel, _on: None,
    ) -> None:
        outputs, inputs = profile.outputs, profile.inputs
        relays, sensors = outputs.count if outputs else 0, inputs.count if inputs else 0
        super().__init__(address, relays, sensors, sense=sense, switched=switched)
        self._modes = []
        self._profile = profile
        self.fixed = {each.register_address: each.safe for each in profile.guards}
        modes, version = profile.control_modes, profile.version
        if modes:
            self.fixed |= dict.fromkeys(range(modes.start, modes.start + modes.count), modes.normal)
        if version:
            self.fixed[version.register_address] = 2 * version.scale
        self._handlers = {
            ReadCoilsRequest: self._read_coils,
            ReadDiscreteInputsRequest: self._read_discrete_inputs,
            ReadHoldingRegistersRequest: self._read_registers,
            WriteCoilWord: self._write_coil,
            WriteSingleRegisterRequest: self._write_register,
        }

    def look(self) -> None:
        """Nothing acts on an input."""

    def _read_coils(self, request: ReadCoilsRequest) -> ModbusPDU:
        addresses = range(request.address, request.address + request.count)
        return ReadCoilsResponse(bits=[self._bit("coils", each) for each in addresses])

    def _read_discrete_inputs(self, request: ReadDiscreteInputsRequest) -> ModbusPDU:
        addresses = range(request.address, request.address + request.count)
        return ReadDiscreteInputsResponse(bits=[self._bit("discrete_inputs", each) for each in addresses])

    def _blocks(self, space: str) -> list[tuple[Inputs, list[bool]]]:
        """What is read in a space: where, and the bits."""
        sensed = [self.sense(channel) for channel in range(1, self._inputs + 1)]
        blocks = ((self._profile.outputs, list(self._relays)), (self._profile.inputs, sensed))
        return [(block, bits) for block, bits in blocks if block is not None and block.read == space]

    def _bit(self, space: str, address: int) -> bool:
        for block, bits in self._blocks(space):
            if block.start <= address < block.start + block.count:
                return bits[address - block.start]
        raise Refused(ExcCodes.ILLEGAL_ADDRESS)

    def _register(self, address: int) -> int:
        if address in self.fixed:
            return self.fixed[address]
        for block, bits in self._blocks("bitmap"):
            word = bits[BITS * (address - block.start) :][:BITS] if address >= block.start else []
            if word:
                return sum(1 << index for index, on in enumerate(word) if on)
        return int(self._bit("registers", address))

    def _write_coil(self, request: WriteCoilWord) -> ModbusPDU:
        self._act(5, request.address, request.word)
        return request

    def _store(self, address: int, value: int) -> None:
        self._act(6, address, value)

    def _act(self, function: int, address: int, word: int) -> None:
        """Leave an output on or off, or pulse it."""
        switch = self._profile.outputs.switching if self._profile.outputs else None
        if switch and function == switch.function and word in (switch.on, switch.off):
            here = address - switch.start
            if 0 <= here < len(self._relays):
                self._switch(here, word == switch.on)
                return
        flash = self._profile.flash
        if flash is None or function != flash.function:
            raise Refused(ExcCodes.ILLEGAL_FUNCTION)
        units = flash.default_ms // flash.unit_ms if word == flash.default_word else word - flash.base
        if not 0 < units <= flash.longest_ms // flash.unit_ms:
            raise Refused(ExcCodes.ILLEGAL_VALUE)
        self._pulse(self._relay(address - flash.start), units * flash.unit_ms / 1000)
