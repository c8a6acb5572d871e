"""All the terminals of a car park, and the radio of the station that hears them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bumble.host import Host
from bumble.transport.common import AsyncPipeSink

from simulator.terminals.air import Air, AirController, Tap
from simulator.terminals.elm327_device import CarTruth, Elm327Device
from simulator.terminals.gatt import LARGEST_MTU, ByteDevice, Peripheral
from simulator.terminals.radio import BumbleClient, BumbleScanner, Central
from vehicle.gatt import GattProfile, profile_named


@dataclass(frozen=True, slots=True)
class _Socket:
    """Where an adapter is plugged in, and what it shows of itself."""

    address: str
    name: str
    profile: GattProfile
    device: ByteDevice
    mtu: int
    controller: AirController
    wants_bond: bool

    def peripheral(self, host: Host, cut: Callable[[], None] = lambda: None) -> Peripheral:
        return Peripheral(
            host,
            self.address,
            self.name,
            self.profile,
            self.device,
            self.mtu,
            wants_bond=self.wants_bond,
            cut=cut,
        )


class TerminalPark:
    """Adapters on one simulated air. `client_backend` and `scanner_backend` are bleak's `backend=` classes.

    Must be made while an event loop runs, real or virtual. What crosses the air goes to every function in
    `taps`.
    """

    def __init__(self) -> None:
        self._air = Air()
        self._central = Central(self._air)
        self._sockets: dict[str, _Socket] = {}
        self._peripherals: dict[str, Peripheral] = {}
        self._started = False
        self.client_backend = type("ParkClient", (BumbleClient,), {"central": self._central})
        self.scanner_backend = type("ParkScanner", (BumbleScanner,), {"central": self._central})

    @property
    def air(self) -> Air:
        """The air itself, for other radios that shall hear the adapters."""
        return self._air

    @property
    def taps(self) -> list[Tap]:
        """Functions that see each packet; append to it."""
        return self._air.taps

    def add(
        self,
        truth: CarTruth,
        address: str,
        profile: str | GattProfile = "fff0",
        *,
        name: str = "OBDII",
        mtu: int = LARGEST_MTU,
        adapter: Elm327Device | None = None,
    ) -> Elm327Device:
        """Plug an adapter into a car, before `start`, and return it.

        `truth` is read whenever the car is asked, and `truth.in_range` for every packet. `adapter` stands in for
        the ELM327-compatible one that is made by default. Raises ValueError if the address is taken.
        """
        adapter = adapter or Elm327Device(truth)
        self.add_device(adapter, address, profile, name=name, mtu=mtu, reachable=lambda: truth.in_range)
        return adapter

    def add_device(
        self,
        device: ByteDevice,
        address: str,
        profile: str | GattProfile,
        *,
        name: str = "device",
        mtu: int = LARGEST_MTU,
        reachable: Callable[[], bool] = lambda: True,
        wants_bond: bool = False,
    ) -> None:
        """Put any device on the air behind the service of `profile`, before `start`.

        With `wants_bond` it lets nobody subscribe who has not paired, as an OBDLink CX does.
        """
        if self._started or address in self._sockets:
            raise ValueError(f"{address} is taken, or the park has started")
        if isinstance(profile, str):
            profile = profile_named(profile)
        controller = AirController(address, self._air, address, reachable)
        socket = _Socket(address, name, profile, device, mtu, controller, wants_bond)
        self._sockets[address] = socket
        host = Host(controller, AsyncPipeSink(controller))
        self._peripherals[address] = socket.peripheral(host, cut=lambda: self._air.cut(controller))

    def peripheral(self, address: str) -> Peripheral:
        """One adapter's radio. KeyError if there is none."""
        return self._peripherals[address]

    def drop(self, address: str) -> None:
        """Lose the connection of one adapter now, as when it is pulled out; it advertises again."""
        self._peripherals[address].drop()

    async def move(self, address: str, host: Host) -> Peripheral:
        """Take one adapter off the simulated air and put it behind another controller, a dongle for example.

        Whether it is in range is then for that radio to say. Returned switched on; the caller stops it.
        """
        socket = self._sockets[address]
        await self._peripherals.pop(address).stop()
        self._air.remove(socket.controller)
        moved = socket.peripheral(host)
        await moved.start()
        return moved

    async def start(self) -> None:
        """Switch everything on."""
        self._started = True
        await self._central.start()
        for peripheral in self._peripherals.values():
            await peripheral.start()

    async def stop(self) -> None:
        """Switch everything off; no task and no timer is left."""
        for peripheral in self._peripherals.values():
            await peripheral.stop()
        await self._central.stop()
        self._air.close()

    async def __aenter__(self) -> TerminalPark:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
