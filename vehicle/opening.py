"""From a setting to a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from vehicle.config import TerminalConfig
from vehicle.errors import NoGrant, RadioUnavailable
from vehicle.link import RadioPort
from vehicle.obd_terminal import ObdTerminal
from vehicle.radio_url import RadioUrl
from vehicle.radios import Radios
from vehicle.terminal import NoTerminal, Terminal

if TYPE_CHECKING:
    from vehicle.sealed.access import Access


def open_terminal(
    config: TerminalConfig,
    radio: RadioPort | None = None,
    *,
    name: str = "",
    access: Access | None = None,
) -> Terminal:
    """The terminal that `config` describes; nothing is sent before the first read.

    `name` is the vehicle as errors should call it (default: the address). `access` has the key and the grants with
    which a sealed terminal is approached. Raises RadioUnavailable when a terminal is configured and no radio is
    given, and NoGrant for a sealed one without `access`.
    """
    if config.kind == "none" or config.address is None:
        return NoTerminal(name or "vehicle")
    if radio is None:
        raise RadioUnavailable(name or config.address, "none was given")
    if config.kind == "sealed":
        if access is None:
            raise NoGrant(name or config.address, "no holder's key was given")
        from vehicle.sealed.terminal import SealedTerminal  # noqa: PLC0415 - needs the extra `sealed`

        return SealedTerminal(name or config.address, config, radio, access)
    return ObdTerminal(name or config.address, config, radio)


def open_radios(urls: Mapping[str, RadioUrl]) -> Radios:
    """The radios of a site by their places; nothing is switched on before the first use.

    Needs the extra `ble`: raises ModuleNotFoundError without it. ValueError for none, or for more than one proxy.
    """
    from vehicle.ble import Radio  # noqa: PLC0415 - needs the extra `ble`
    from vehicle.proxy import EsphomeProxy  # noqa: PLC0415

    if sum(url.scheme == "esphome" for url in urls.values()) > 1:
        raise ValueError("one esphome proxy; several cannot be told apart yet")
    return Radios(
        {
            place: EsphomeProxy(url) if url.scheme == "esphome" else Radio(adapter=url.adapter)
            for place, url in urls.items()
        }
    )
