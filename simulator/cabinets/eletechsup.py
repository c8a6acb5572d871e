"""Device side of Eletechsup relay and IO boards: FC03 and FC06 with command words, and silence for anything wrong.

Written from the boards' command documents: register = channel (0: all), high byte of the word = action (01 on, 02 off,
03 toggle, 04 this one alone, 05 momentary, 06 on for low-byte seconds, 07 and 08 all on and off).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pymodbus.constants import ExcCodes
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, WriteSingleRegisterRequest

from simulator.cabinets.board import Refused, RelayBoard

OUTPUTS: Final = 0x0070
FIRST_INPUT: Final = 0x0081
INPUTS: Final = 0x00C0
SETTINGS: Final = (0x00F9, 0x00FA, 0x00FC, 0x00FD)
"""Linking to other boards' outputs, and reporting unasked; boards without inputs have none of them."""
MOMENTARY_S: Final = 1.0


class EletechsupBoard(RelayBoard):
    """One board; `settings` holds what is not 0 from the factory on."""

    def __init__(
        self,
        address: int,
        relays: int,
        inputs: int = 0,
        *,
        sense: Callable[[int], bool] = lambda _channel: False,
        switched: Callable[[int, bool], None] = lambda _channel, _on: None,
    ) -> None:
        super().__init__(address, relays, inputs, sense=sense, switched=switched)
        self.settings = dict.fromkeys(SETTINGS, 0) if inputs else {}
        self._modes = []
        self._handlers = {
            ReadHoldingRegistersRequest: self._read_registers,
            WriteSingleRegisterRequest: self._write_register,
        }

    def handle(self, pdu: bytes) -> bytes | None:
        """As the base does, but what would be an exception is silence."""
        reply = super().handle(pdu)
        return None if reply is None or reply[0] & 0x80 else reply

    def look(self) -> None:
        """Nothing acts on an input."""

    def _register(self, address: int) -> int:
        if 1 <= address <= len(self._relays):
            return int(self._relays[address - 1])
        if address == OUTPUTS:
            return sum(1 << index for index, on in enumerate(self._relays) if on)
        if address == INPUTS and self._inputs:
            return sum(1 << index for index in range(self._inputs) if self.sense(index + 1))
        if FIRST_INPUT <= address < FIRST_INPUT + self._inputs:
            return int(self.sense(address - FIRST_INPUT + 1))
        if address in self.settings:
            return self.settings[address]
        raise Refused(ExcCodes.ILLEGAL_ADDRESS)

    def _store(self, address: int, value: int) -> None:
        if address in self.settings:
            self.settings[address] = value
        elif address == OUTPUTS:
            for index in range(len(self._relays)):
                self._switch(index, bool(value >> index & 1))
        else:
            self._act(address, value >> 8, value & 0xFF)

    def _act(self, register: int, action: int, seconds: int) -> None:
        every = range(len(self._relays))
        if register == 0 and action in (7, 8):
            for index in every:
                self._switch(index, action == 7)
            return
        index = self._relay(register - 1)
        if action in (5, 6):
            self._pulse(index, float(seconds) if action == 6 else MOMENTARY_S)
        elif action == 4:
            for other in every:
                self._switch(other, other == index)
        elif action in (1, 2, 3):
            self._switch(index, not self._relays[index] if action == 3 else action == 1)
        else:
            raise Refused(ExcCodes.ILLEGAL_VALUE)
