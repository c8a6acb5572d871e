"""From a setting to a terminal."""

from __future__ import annotations

from vehicle.config import TerminalConfig
from vehicle.errors import RadioUnavailable
from vehicle.link import RadioPort
from vehicle.obd_terminal import ObdTerminal
from vehicle.terminal import NoTerminal, Terminal


def open_terminal(config: TerminalConfig, radio: RadioPort | None = None, *, name: str = "") -> Terminal:
    """The terminal that `config` describes; nothing is sent before the first read.

    `name` is the vehicle as errors should call it (default: the address). Raises RadioUnavailable when an obd
    terminal is configured and no radio is given.
    """
    if config.kind == "none" or config.address is None:
        return NoTerminal(name or "vehicle")
    if radio is None:
        raise RadioUnavailable(name or config.address, "none was given")
    return ObdTerminal(name or config.address, config, radio)
