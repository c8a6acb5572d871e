"""The adapter's side of vehicle terminals: real bytes, over real GATT, on a simulated radio."""

from simulator.terminals.air import AirPacket
from simulator.terminals.elm327_device import Bus, CarTruth, Elm327Device, Fault
from simulator.terminals.memory_radio import MemoryRadio
from simulator.terminals.park import TerminalPark

__all__ = ["AirPacket", "Bus", "CarTruth", "Elm327Device", "Fault", "MemoryRadio", "TerminalPark"]
