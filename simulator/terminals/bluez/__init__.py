"""An `org.bluez` service on a private D-Bus: the simulated terminals, for unmodified BLE programs of any language.

The service is in `.service`, which needs Linux; `missing` says so elsewhere.
"""

from simulator.terminals.bluez.daemon import VARIABLE, missing

__all__ = ["VARIABLE", "missing"]
