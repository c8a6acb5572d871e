"""The device side of key cabinets: boards that answer real Modbus bytes, the wire between, and ways to reach it."""

from simulator.cabinets.board import RelayBoard
from simulator.cabinets.log import Frame, FrameLog
from simulator.cabinets.memory import MemorySerial
from simulator.cabinets.ptyline import PtyLine
from simulator.cabinets.tcp import ModbusTcpPort, RtuTcpPort
from simulator.cabinets.wire import Wire

__all__ = [
    "Frame",
    "FrameLog",
    "MemorySerial",
    "ModbusTcpPort",
    "PtyLine",
    "RelayBoard",
    "RtuTcpPort",
    "Wire",
]
