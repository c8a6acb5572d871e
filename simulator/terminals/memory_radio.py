"""The same adapters without a Bluetooth stack: GATT's bytes and pieces over memory, for campaigns of many cars.

Stands in for `vehicle.ble.Radio` as a whole. Range, supervision time-out and notification size are as on the
simulated air; discovery, ATT and bleak are not in it, and are tested where they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from simulator.terminals.air import ADVERTISING_S, SUPERVISION_S
from simulator.terminals.elm327_device import CarTruth, Elm327Device
from simulator.terminals.gatt import LARGEST_MTU, ByteDevice
from vehicle.errors import ConnectionDropped, OutOfRange
from vehicle.gatt import GattProfile, profile_named


@dataclass(frozen=True, slots=True)
class _Place:
    device: ByteDevice
    profile: GattProfile
    piece: int
    reachable: Callable[[], bool]


class MemoryRadio:
    """A radio (`vehicle.link.RadioPort`) and the adapters it can hear."""

    def __init__(self) -> None:
        self._places: dict[str, _Place] = {}

    def add(
        self,
        truth: CarTruth,
        address: str,
        profile: str = "fff0",
        *,
        mtu: int = LARGEST_MTU,
        adapter: Elm327Device | None = None,
    ) -> Elm327Device:
        """Plug an adapter into a car and return it; as `TerminalPark.add`."""
        adapter = adapter or Elm327Device(truth)
        self.add_device(adapter, address, profile, mtu=mtu, reachable=lambda: truth.in_range)
        return adapter

    def add_device(
        self,
        device: ByteDevice,
        address: str,
        profile: str = "fff0",
        *,
        mtu: int = LARGEST_MTU,
        reachable: Callable[[], bool] = lambda: True,
    ) -> None:
        """Put any device within hearing."""
        self._places[address.upper()] = _Place(device, profile_named(profile), mtu - 3, reachable)

    async def connect(self, terminal: str, address: str, *, find_s: float, connect_s: float) -> MemoryLink:
        """A link to `address` one advertisement later. Raises OutOfRange after `find_s`."""
        place = self._places.get(address.upper())
        loop = asyncio.get_running_loop()
        until = loop.time() + find_s
        while loop.time() + ADVERTISING_S <= until:
            if place is not None and place.reachable():
                await asyncio.sleep(ADVERTISING_S)
                return MemoryLink(terminal, place)
            # Nobody waits for single advertisements of a car that is away: a campaign has thousands of them.
            await asyncio.sleep(min(0.5, until - loop.time()))
        raise OutOfRange(terminal, f"{address} for {find_s:g} s")

    async def close(self) -> None:
        """Nothing to stop."""


class MemoryLink:
    """A pipe of bytes (`vehicle.link.Link`) to one device."""

    def __init__(self, terminal: str, place: _Place) -> None:
        self._terminal = terminal
        self._place = place
        self._timer: asyncio.TimerHandle | None = None
        self._received: Callable[[bytes], None] | None = None
        self._lost: Callable[[], None] | None = None
        self._open = True

    @property
    def profiles(self) -> tuple[GattProfile, ...]:
        """The one profile the device has."""
        return (self._place.profile,)

    async def subscribe(
        self, profile: GattProfile, received: Callable[[bytes], None], lost: Callable[[], None]
    ) -> None:
        """Take the profile into use."""
        self._check()
        self._received, self._lost = received, lost

    async def unsubscribe(self) -> None:
        """Stop the notifications."""
        self._received = self._lost = None

    async def write(self, data: bytes) -> None:
        """Deliver in pieces; out of range, the supervision time-out passes first."""
        self._check()
        if not self._place.reachable():
            await asyncio.sleep(SUPERVISION_S)
            self._check()
            if not self._place.reachable():
                self._drop()
                raise ConnectionDropped(self._terminal, "out of range")
        now = asyncio.get_running_loop().time()
        for at in range(0, len(data), self._place.piece):
            self._place.device.receive(data[at : at + self._place.piece], now)
        self._schedule()

    async def close(self) -> None:
        """Hang up."""
        self._lost = None
        self._drop()

    def _check(self) -> None:
        if not self._open:
            raise ConnectionDropped(self._terminal)

    def _drop(self) -> None:
        if self._open:
            self._open = False
            self._place.device.disconnected()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        lost, self._lost, self._received = self._lost, None, None
        if lost is not None:
            lost()

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self._place.device.due()
        if self._open and due is not None:
            self._timer = asyncio.get_running_loop().call_at(due, self._speak)

    def _speak(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        if not self._place.reachable():
            self._timer = loop.call_later(SUPERVISION_S, self._supervise)
            return
        data = self._place.device.take(loop.time())
        if self._received is not None:
            for at in range(0, len(data), self._place.piece):
                self._received(data[at : at + self._place.piece])
        self._schedule()

    def _supervise(self) -> None:
        """Time is up: back in range, what was said arrives late; otherwise the connection is gone."""
        self._timer = None
        if self._place.reachable():
            self._speak()
        else:
            self._drop()
