"""A radio in another place: an ESPHome Bluetooth proxy, by `bleak-esphome`.

Never tried, neither on a proxy nor with the library, which is not among this project's dependencies: written after
its documentation. One proxy a process, since the library joins all of them to one radio and does not tell by its public
interface which of them heard something.
"""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Any

from vehicle.ble import Radio
from vehicle.errors import RadioUnavailable
from vehicle.link import Heard, Link
from vehicle.radio_url import RadioUrl

START_S = 10.0
MODULES = ("bleak_esphome", "habluetooth", "habluetooth.wrappers")


class EsphomeProxy:
    """A `vehicle.link.ListeningRadio` over one proxy; connected to when it is first needed."""

    def __init__(self, url: RadioUrl) -> None:
        self._url = url
        self._radio: Radio | None = None
        self._connection: Any = None
        self._starting = asyncio.Lock()

    async def hear(self, terminal: str, address: str, *, find_s: float) -> Heard:
        """See `vehicle.link.ListeningRadio`."""
        return await (await self._started(terminal)).hear(terminal, address, find_s=find_s)

    def last_heard(self, address: str) -> Heard | None:
        """See `vehicle.link.ListeningRadio`."""
        return None if self._radio is None else self._radio.last_heard(address)

    async def connect(self, terminal: str, address: str, *, find_s: float, connect_s: float) -> Link:
        """See `vehicle.link.RadioPort`."""
        radio = await self._started(terminal)
        return await radio.connect(terminal, address, find_s=find_s, connect_s=connect_s)

    async def close(self) -> None:
        """Let go of the proxy."""
        radio, self._radio = self._radio, None
        if radio is not None:
            await radio.close()
            await self._connection.stop()

    async def _started(self, terminal: str) -> Radio:
        async with self._starting:
            if self._radio is None:
                self._radio = await self._start(terminal)
            return self._radio

    async def _start(self, terminal: str) -> Radio:
        try:
            library, bluetooth, wrappers = (import_module(name) for name in MODULES)
        except ModuleNotFoundError as missing:
            text = f"a proxy needs {missing.name}, which is not installed: pip install bleak-esphome"
            raise RadioUnavailable(terminal, text) from missing
        await bluetooth.BluetoothManager().async_setup()
        settings = {"address": self._url.host, "noise_psk": self._url.key, "port": self._url.port}
        self._connection = library.APIConnectionManager(settings)
        try:
            async with asyncio.timeout(START_S):
                await self._connection.start()
        except (OSError, TimeoutError) as error:
            await self._connection.stop()
            raise RadioUnavailable(terminal, f"the proxy at {self._url.host} does not answer") from error
        return Radio(client=wrappers.HaBleakClientWrapper, scanner=wrappers.HaBleakScannerWrapper)
