"""The same adapters without a Bluetooth stack: GATT's bytes and pieces over memory, for campaigns of many cars.

Stands in for `vehicle.ble.Radio` as a whole. What is modelled: when a terminal advertises and so is heard, how long
connecting takes, the connection interval that paces writes and notifications, the MTU that cuts them, one central at
a time, a signal strength, and an end to the range with its supervision time-out. What is not: packets below ATT,
interference, bonding, bleak; they are tested where they are.
"""

from __future__ import annotations

import asyncio
import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from simulator.terminals.air import ADVERTISING_S, SUPERVISION_S
from simulator.terminals.elm327_device import CarTruth, Elm327Device
from simulator.terminals.gatt import LARGEST_MTU, ByteDevice
from vehicle.errors import ConnectFailed, ConnectionDropped, OutOfRange
from vehicle.gatt import GattProfile, profile_named
from vehicle.link import Heard

INTERVAL_S = 0.03
DISCOVERY_INTERVALS = 12
"""Connection events that MTU exchange, service discovery and subscription need on a small adapter."""
CACHED_INTERVALS = 4
"""The same for a central that kept the handles: connection set-up, MTU exchange, and whether the cache holds."""
LISTEN_AGAIN_S = 0.25
"""While a terminal is not to be heard, how often it is looked whether it can be again."""
Told = Callable[[], None]


@dataclass(slots=True, eq=False)
class OnAir:
    """One terminal on the air. What goes wrong hangs in the lists, which are empty as a rule.

    `asked` are told of each attempt to hear it; so are `unheard`, and nothing passes, and `taken`, and it is not heard
    since another central has it. `rssi` is how loud it is (dBm). `slow_advertising` and `slow_link` give longer
    intervals (s); `drops` say of each written piece whether the connection breaks in the middle of it. `taps` hear each
    piece that is written to it, with the number of the connection, as anybody near it can. `discovery` is how many
    connection events pass before it can be written to.
    """

    address: str
    device: ByteDevice
    profile: GattProfile
    mtu: int
    in_range: Callable[[], bool]
    asked: list[Told] = field(default_factory=list)
    unheard: list[Told] = field(default_factory=list)
    taken: list[Told] = field(default_factory=list)
    slow_advertising: list[Callable[[], float]] = field(default_factory=list)
    slow_link: list[Callable[[], float]] = field(default_factory=list)
    drops: list[Callable[[], bool]] = field(default_factory=list)
    taps: list[Callable[[int, bytes], None]] = field(default_factory=list)
    rssi: int = -60
    discovery: int = DISCOVERY_INTERVALS
    connections: int = 0
    link: MemoryLink | None = None

    @property
    def reachable(self) -> bool:
        """Whether packets pass."""
        return self.in_range() and not self.unheard

    @property
    def advertises(self) -> bool:
        """Whether it can be heard: a connected adapter does not advertise."""
        return self.link is None and not self.taken and self.reachable

    @property
    def advertising_s(self) -> float:
        """Seconds from one advertisement to the next."""
        return max([slow() for slow in self.slow_advertising], default=ADVERTISING_S)

    @property
    def interval_s(self) -> float:
        """Seconds from one connection event to the next."""
        return max([slow() for slow in self.slow_link], default=INTERVAL_S)

    def next_advertisement(self, now: float) -> float:
        """When it advertises next; each adapter has its own place in time."""
        every = self.advertising_s
        phase = zlib.crc32(self.address.encode()) / 2**32 * every
        return phase + math.ceil((now - phase) / every) * every


class MemoryRadio:
    """A radio (`vehicle.link.RadioPort`) and the adapters it can hear."""

    def __init__(self) -> None:
        self._terminals: dict[str, OnAir] = {}
        self._last: dict[str, Heard] = {}

    def add(
        self,
        truth: CarTruth,
        address: str,
        profile: str | GattProfile = "fff0",
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
        profile: str | GattProfile = "fff0",
        *,
        mtu: int = LARGEST_MTU,
        reachable: Callable[[], bool] = lambda: True,
    ) -> None:
        """Put any device within hearing. ValueError if the address is taken."""
        if address.upper() in self._terminals:
            raise ValueError(f"{address} is taken")
        if isinstance(profile, str):
            profile = profile_named(profile)
        self._terminals[address.upper()] = OnAir(address.upper(), device, profile, mtu, reachable)

    def on_air(self, address: str) -> OnAir:
        """Return what is known of one terminal, and where its faults are hung. KeyError if there is none."""
        return self._terminals[address.upper()]

    async def hear(self, terminal: str, address: str, *, find_s: float) -> Heard:
        """Wait for an advertisement; see `vehicle.link.ListeningRadio`."""
        await self._hear(terminal, address, find_s)
        return self._last[address.upper()]

    def last_heard(self, address: str) -> Heard | None:
        """See `vehicle.link.ListeningRadio`."""
        return self._last.get(address.upper())

    async def connect(self, terminal: str, address: str, *, find_s: float, connect_s: float) -> MemoryLink:
        """Connect to `address`; see `vehicle.link.RadioPort`."""
        found = await self._hear(terminal, address, find_s)
        if found.interval_s * found.discovery > connect_s:
            await asyncio.sleep(connect_s)
            raise ConnectFailed(terminal, f"not within {connect_s:g} s")
        link = MemoryLink(terminal, found)
        found.link = link
        found.connections += 1
        try:
            await asyncio.sleep(found.interval_s * found.discovery)
            if not found.reachable:
                await asyncio.sleep(SUPERVISION_S)
                raise ConnectFailed(terminal, "it went away while connecting")
        except BaseException:
            await link.close()
            raise
        return link

    async def close(self) -> None:
        """Nothing to stop: open links stay so, as with `vehicle.ble.Radio`."""

    def hang_up(self) -> None:
        """End every connection, as when the host dies or is switched off."""
        for terminal in self._terminals.values():
            if terminal.link is not None:
                terminal.link.drop()

    async def _hear(self, terminal: str, address: str, find_s: float) -> OnAir:
        loop = asyncio.get_running_loop()
        give_up = loop.time() + find_s
        found = self._terminals.get(address.upper())
        while found is not None:
            now = loop.time()
            heard_at = found.next_advertisement(now)
            if heard_at > give_up:
                break
            if not found.advertises:
                heard_at = max(heard_at, now + LISTEN_AGAIN_S)
            await asyncio.sleep(min(heard_at, give_up) - now)
            if loop.time() >= give_up:
                break
            if self._heard(found):
                self._last[found.address] = Heard(found.address, found.rssi, loop.time())
                return found
        await asyncio.sleep(max(0.0, give_up - loop.time()))
        raise OutOfRange(terminal, f"{address} for {find_s:g} s")

    @staticmethod
    def _heard(terminal: OnAir) -> bool:
        """Whether it is heard now; whoever is in the way of that is told."""
        for told in (*terminal.asked, *terminal.unheard, *terminal.taken):
            told()
        return terminal.advertises


class MemoryLink:
    """A `vehicle.link.Link`: GATT writes and notifications of one connection."""

    def __init__(self, terminal: str, on_air: OnAir) -> None:
        self._terminal = terminal
        self._on_air = on_air
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._received: Callable[[bytes], None] | None = None
        self._lost: Told | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._unreached_since: float | None = None
        self._open = True

    @property
    def profiles(self) -> tuple[GattProfile, ...]:
        """The profile behind which the adapter is."""
        return (self._on_air.profile,)

    async def subscribe(self, profile: GattProfile, received: Callable[[bytes], None], lost: Told) -> None:
        """Take the notifications of `profile`."""
        self._check()
        if profile != self._on_air.profile:
            raise ConnectFailed(self._terminal, f"it does not offer {profile.name}")
        self._received, self._lost = received, lost
        await asyncio.sleep(self._until_event())

    async def unsubscribe(self) -> None:
        """Stop the notifications."""
        self._received = self._lost = None

    async def write(self, data: bytes) -> None:
        """Send `data` in pieces, each acknowledged in a connection event."""
        size = self._on_air.mtu - 3
        for at in range(0, len(data), size):
            self._check()
            await asyncio.sleep(self._until_event())
            if not self._on_air.reachable:
                await self._until_reached()
            self._check()
            if any(breaks() for breaks in self._on_air.drops):
                self.drop()
                raise ConnectionDropped(self._terminal, "while it was being written to")
            for tap in self._on_air.taps:
                tap(self._on_air.connections, data[at : at + size])
            self._on_air.device.receive(data[at : at + size], self._loop.time())
            self._schedule()

    async def close(self) -> None:
        """Disconnect."""
        self._lost = None
        self.drop()

    def drop(self) -> None:
        """Lose the connection now."""
        if not self._open:
            return
        self._open = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._on_air.link is self:
            self._on_air.link = None
        self._on_air.device.disconnected()
        lost, self._lost = self._lost, None
        if lost is not None:
            lost()

    def _check(self) -> None:
        if not self._open:
            raise ConnectionDropped(self._terminal)

    def _until_event(self, after: float = 0.0) -> float:
        """Seconds until the first connection event that is not before `after`."""
        now, interval = self._loop.time(), self._on_air.interval_s
        events = math.floor((max(now, after) - self._began) / interval + 1e-9) + 1
        return self._began + events * interval - now

    async def _until_reached(self) -> None:
        """Radio retransmits until the terminal is back in range or the supervision time-out has passed."""
        gone_at = self._loop.time() + SUPERVISION_S
        while not self._on_air.reachable and self._open:
            if self._loop.time() >= gone_at:
                for told in self._on_air.unheard:
                    told()
                self.drop()
            else:
                await asyncio.sleep(LISTEN_AGAIN_S)

    def _schedule(self) -> None:
        due = self._on_air.device.due()
        if due is not None and self._timer is None and self._open:
            self._timer = self._loop.call_later(self._until_event(due), self._speak)

    def _speak(self) -> None:
        """Carry what the adapter has said by now, in notifications of one connection event."""
        self._timer = None
        if not self._on_air.reachable:
            self._retry()
            return
        self._unreached_since = None
        data = self._on_air.device.take(self._loop.time())
        size = self._on_air.mtu - 3
        for at in range(0, len(data), size):
            if self._received is not None:
                self._received(data[at : at + size])
        self._schedule()

    def _retry(self) -> None:
        now = self._loop.time()
        if self._unreached_since is None:
            self._unreached_since = now
        if now - self._unreached_since < SUPERVISION_S:
            self._timer = self._loop.call_later(LISTEN_AGAIN_S, self._speak)
            return
        for told in self._on_air.unheard:
            told()
        self.drop()
