"""Bluetooth Low Energy by bleak: with `vehicle.ble_link` the only modules of this package that import it.

How an absent car delays nobody: there is one scan at a time, as BlueZ demands, and everyone who looks for a
terminal shares it. Each has a deadline of its own; the scan begins with the first and ends with the last. No
lock is held while a car is waited for, only for the moment it takes to start or stop the scan. Connecting
begins when a terminal was heard, and is bounded too.

Bonds, agents and caches are the operating system's; what this asks of it is in `vehicle.ble_link`. Not tried on a
radio; tried with bleak 3.1 on simulated ones.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any, TypeAlias

from bleak import BleakClient, BleakScanner
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.exc import BleakError
from bleak_retry_connector import (
    BleakNotFoundError,
    close_stale_connections_by_address,
    establish_connection,
)

from vehicle.ble_link import BleLink, link_error
from vehicle.errors import (
    ConnectFailed,
    ConnectionDropped,
    OutOfRange,
    RadioUnavailable,
)
from vehicle.link import Heard

__all__ = ["BleLink", "Radio"]
_Found: TypeAlias = tuple[BLEDevice, Heard]
_Advertised: TypeAlias = Callable[[BLEDevice, AdvertisementData], None]


class Radio:
    """This host's Bluetooth radio, or whatever stands in for it.

    `backend_client` and `backend_scanner` are bleak's `backend=` classes; None means the operating system's.
    `adapter` is one of several controllers on Linux, as hci1. `client` and `scanner` stand in for bleak's own classes
    where a library brings such.
    """

    def __init__(
        self,
        backend_client: type[BaseBleakClient] | None = None,
        backend_scanner: type[BaseBleakScanner] | None = None,
        *,
        adapter: str | None = None,
        client: type[BleakClient] = BleakClient,
        scanner: Callable[..., BleakScanner] = BleakScanner,
    ) -> None:
        self._backend_client = backend_client
        self._client = client
        options: dict[str, Any] = {} if backend_scanner is None else {"backend": backend_scanner}
        if adapter is not None:
            options["bluez"] = {"adapter": adapter}
        self._ear = _Ear(partial(scanner, **options))
        self._last: dict[str, Heard] = {}
        self._greeted: dict[str, None] = {}
        self._paired: dict[str, None] = {}

    async def hear(self, terminal: str, address: str, *, find_s: float) -> Heard:
        """How a terminal is heard; see `vehicle.link.ListeningRadio`."""
        _, heard = await self._ear.hear(terminal, address, find_s)
        self._last[heard.address] = heard
        return heard

    def last_heard(self, address: str) -> Heard | None:
        """How a terminal was heard last, if ever."""
        return self._last.get(address.upper())

    async def connect(self, terminal: str, address: str, *, find_s: float, connect_s: float) -> BleLink:
        """A link to `address`; see `vehicle.link.RadioPort`."""
        await self._free_stale(address)
        device, heard = await self._ear.hear(terminal, address, find_s)
        self._last[heard.address] = heard
        link = BleLink(terminal, lambda: self._may_pair(address))
        try:
            async with asyncio.timeout(connect_s):
                client = await establish_connection(
                    self._client,
                    device,
                    terminal,
                    disconnected_callback=link.disconnected,
                    max_attempts=3,
                    backend=self._backend_client,
                )
        except TimeoutError:
            raise ConnectFailed(terminal, f"not within {connect_s:g} s") from None
        except BleakNotFoundError as error:
            raise OutOfRange(terminal, "it went away while connecting") from error
        except (BleakError, OSError, EOFError) as error:
            raise link_error(terminal, error, ConnectFailed) from error
        try:
            link.attach(client)
        except ConnectionDropped:
            await link.close()
            raise
        return link

    async def close(self) -> None:
        """Stop listening. Links that are open stay so."""
        await self._ear.close()

    def _may_pair(self, address: str) -> bool:
        """Once an address: an adapter that lost its bond is not helped by trying again."""
        first = address not in self._paired
        self._paired[address] = None
        return first

    async def _free_stale(self, address: str) -> None:
        """BlueZ keeps connections of a process that died, and a connected adapter does not advertise."""
        if self._backend_client is None and address not in self._greeted:
            self._greeted[address] = None
            await close_stale_connections_by_address(address)


class _Ear:
    """One scan, shared by everyone who looks for a terminal."""

    def __init__(self, make: Callable[[_Advertised], BleakScanner]) -> None:
        self._make = make
        self._scanner: BleakScanner | None = None
        self._switch = asyncio.Lock()
        self._waiting: dict[str, list[asyncio.Future[_Found]]] = {}

    async def hear(self, terminal: str, address: str, limit_s: float) -> _Found:
        """The terminal as soon as it advertises. Raises OutOfRange after `limit_s`, and RadioUnavailable."""
        future: asyncio.Future[_Found] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(address.upper(), []).append(future)
        try:
            async with asyncio.timeout(limit_s):
                await self._start()
                return await future
        except TimeoutError:
            raise OutOfRange(terminal, f"{address} for {limit_s:g} s") from None
        except (BleakError, OSError, EOFError) as error:
            raise link_error(terminal, error, RadioUnavailable) from error
        finally:
            self._forget(address.upper(), future)
            if not self._waiting:
                await self.close()

    async def close(self) -> None:
        """Stop the scan if nobody waits any more."""
        async with self._switch:
            if self._scanner is not None and not self._waiting:
                scanner, self._scanner = self._scanner, None
                with contextlib.suppress(BleakError, OSError, EOFError):
                    await scanner.stop()

    async def _start(self) -> None:
        async with self._switch:
            if self._scanner is None:
                scanner = self._make(self._heard)
                await scanner.start()
                self._scanner = scanner

    def _heard(self, device: BLEDevice, data: AdvertisementData) -> None:
        heard = Heard(device.address.upper(), data.rssi, asyncio.get_running_loop().time())
        for future in self._waiting.get(device.address.upper(), ()):
            if not future.done():
                future.set_result((device, heard))

    def _forget(self, address: str, future: asyncio.Future[_Found]) -> None:
        waiting = self._waiting[address]
        waiting.remove(future)
        if not waiting:
            del self._waiting[address]
