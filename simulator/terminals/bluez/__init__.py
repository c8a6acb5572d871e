"""An `org.bluez` service on a private D-Bus: the simulated terminals, for unmodified BLE programs of any language."""

from simulator.terminals.bluez.daemon import missing
from simulator.terminals.bluez.service import VARIABLE, BluezService

__all__ = ["VARIABLE", "BluezService", "missing"]
