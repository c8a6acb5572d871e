"""Device side of DIN-rail IO with plain coils and inputs (ADAM-6050, ioLogik E1210), by their documents' maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pymodbus.constants import ExcCodes
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.bit_message import (
    ReadCoilsRequest,
    ReadCoilsResponse,
    ReadDiscreteInputsRequest,
)

from simulator.cabinets.board import OFF, ON, Refused, RelayBoard
from simulator.cabinets.frames import WriteCoilWord

FIRST_OUTPUT = 16


class DinRailIo(RelayBoard):
    """Inputs from coil (and discrete input) 0, outputs from coil 16; nothing ends a pulse."""

    def __init__(
        self,
        address: int,
        relays: int,
        inputs: int,
        *,
        sense: Callable[[int], bool] = lambda _channel: False,
        switched: Callable[[int, bool], None] = lambda _channel, _on: None,
    ) -> None:
        super().__init__(address, relays, inputs, sense=sense, switched=switched)
        self._modes = []
        self._handlers = {
            ReadCoilsRequest: self._read_coils,
            ReadDiscreteInputsRequest: self._read_inputs,
            WriteCoilWord: self._write_output,
        }

    def look(self) -> None:
        """Nothing acts on an input."""

    def _read_coils(self, request: ReadCoilsRequest) -> ModbusPDU:
        sensed = [self.sense(channel) for channel in range(1, self._inputs + 1)]
        coils: Sequence[bool] = [*sensed, *[False] * (FIRST_OUTPUT - len(sensed)), *self._relays]
        return ReadCoilsResponse(bits=self._slice(coils, request))

    def _write_output(self, request: WriteCoilWord) -> ModbusPDU:
        if request.word not in (ON, OFF):
            raise Refused(ExcCodes.ILLEGAL_VALUE)
        self._switch(self._relay(request.address - FIRST_OUTPUT), request.word == ON)
        return request
