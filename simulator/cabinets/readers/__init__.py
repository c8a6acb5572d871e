"""The device side of fob readers: modules that answer, or talk by themselves, in the bytes of the real ones."""

from simulator.cabinets.readers.ds2480b import Ds2480b
from simulator.cabinets.readers.rdm6300 import Rdm6300
from simulator.cabinets.readers.rs485_ascii import AsciiReaderDevice
from simulator.cabinets.readers.uhf import UhfReaderDevice
from simulator.cabinets.readers.wire import ReaderDevice, ReaderWire

__all__ = [
    "AsciiReaderDevice",
    "Ds2480b",
    "Rdm6300",
    "ReaderDevice",
    "ReaderWire",
    "UhfReaderDevice",
]
