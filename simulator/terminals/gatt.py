"""A simulated adapter on the air: a bumble GATT server in front of a device that only knows bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from bumble import att
from bumble.core import UUID, AdvertisingData
from bumble.device import Connection, Device
from bumble.gatt import (
    GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR,
    Characteristic,
    CharacteristicValue,
    Service,
)
from bumble.hci import Address
from bumble.host import Host
from bumble.keys import MemoryKeyStore

from simulator.terminals.air import ADVERTISING_S, just_works
from vehicle.gatt import GattProfile

LARGEST_MTU = 247
LARGEST_ADVERTISEMENT = 31
SHORT_UUID = 2
CREDIT = 4
"""Packets that a module with credits lets the station send at a time: few, so that they run out."""
CREDIT_PIECE = 20


@dataclass(slots=True)
class Credit:
    """Flow control of Telit's Terminal I/O: packets we may send, and those the station still may."""

    ours: int = 0
    given: int = 0
    giver: Characteristic[bytes] | None = None


class ByteDevice(Protocol):
    """What sits behind the service: bytes in, and bytes out at times of its own."""

    def receive(self, data: bytes, now: float) -> None: ...
    def due(self) -> float | None: ...
    def take(self, now: float) -> bytes: ...
    def disconnected(self) -> None: ...


class Peripheral:
    """One adapter, on a controller of the simulated air or on a real one: `host` knows the way to it.

    `mtu` is the largest ATT MTU it agrees to (23 to 247); what it says is cut into notifications of MTU - 3
    bytes. With `wants_bond` it lets nobody subscribe without one; pairing needs no passkey. `cut` ends its
    connections without a word, as an end to the range does; a real controller has no such.
    """

    def __init__(
        self,
        host: Host,
        address: str,
        name: str,
        profile: GattProfile,
        device: ByteDevice,
        mtu: int = LARGEST_MTU,
        *,
        wants_bond: bool = False,
        cut: Callable[[], None] = lambda: None,
    ) -> None:
        self.address = address
        self.pairings = 0
        self.overdrafts = 0
        self.device = device
        self._cut = cut
        self._unsent = bytearray()
        self._timer: asyncio.TimerHandle | None = None
        self._listener: Connection | None = None
        self._radio = Device(name=name, address=Address(address), host=host)
        self._radio.gatt_server.max_mtu = mtu
        self._radio.on(Device.EVENT_CONNECTION, self._connected)
        self._outlet: Characteristic[bytes] | None = None
        self._credit = Credit() if profile.credits else None
        self._radio.add_service(self._service(profile))
        if wants_bond:
            self._lock_subscriptions()
        self._advertisement = _advertisement(name, UUID(profile.service))

    async def start(self) -> None:
        """Switch on and advertise."""
        await self._radio.power_on()
        await self._radio.start_advertising(
            auto_restart=True,
            advertising_data=self._advertisement,
            advertising_interval_min=ADVERTISING_S * 1000,
            advertising_interval_max=ADVERTISING_S * 1000,
        )

    async def stop(self) -> None:
        """Unplug it: connections end, nothing is left running."""
        self._cut()
        self._rest()
        await _turns()
        await self._radio.stop_advertising()
        for connection in list(self._radio.connections.values()):
            await connection.disconnect()
        await self._radio.power_off()

    def drop(self) -> None:
        """Lose the connection now, if there is one; advertising resumes."""
        self._cut()

    def _lock_subscriptions(self) -> None:
        """Refuse to be subscribed to without encryption, and count who pairs."""
        self._radio.keystore = MemoryKeyStore()
        self._radio.pairing_config_factory = just_works
        for attribute in self._radio.gatt_server.attributes:
            if attribute.type == GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR:
                attribute.permissions |= Characteristic.Permissions.WRITE_REQUIRES_ENCRYPTION

    def _count_pairing(self, _: object) -> None:
        self.pairings += 1

    def _service(self, profile: GattProfile) -> Service:
        properties = Characteristic.Properties
        writes = properties.WRITE | properties.WRITE_WITHOUT_RESPONSE
        if profile.write == profile.notify:
            both = self._characteristic(profile.write, writes | properties.NOTIFY)
            return Service(UUID(profile.service), [both])
        if profile.credits is not None:
            return self._credit_service(profile, *profile.credits)
        inlet = self._characteristic(profile.write, writes)
        return Service(
            UUID(profile.service), [self._characteristic(profile.notify, properties.NOTIFY), inlet]
        )

    def _credit_service(self, profile: GattProfile, grants: str, granted: str) -> Service:
        """Data both ways, and credits both ways: they are granted to us by writing, by us with indications."""
        properties, write = Characteristic.Properties, Characteristic.Permissions.WRITEABLE
        outlet = self._characteristic(profile.notify, properties.NOTIFY)
        inlet = self._characteristic(profile.write, properties.WRITE_WITHOUT_RESPONSE)
        purse: Characteristic[bytes] = Characteristic(
            UUID(grants), properties.WRITE, write, CharacteristicValue(write=self._credited)
        )
        giver: Characteristic[bytes] = Characteristic(
            UUID(granted), properties.INDICATE, write, CharacteristicValue(read=_refuse)
        )
        giver.on(
            Characteristic.EVENT_SUBSCRIPTION,
            lambda bearer, _, indicate: self._give_credit(bearer, giver, indicate),
        )
        return Service(UUID(profile.service), [inlet, outlet, purse, giver])

    def _give_credit(self, bearer: Connection, giver: Characteristic[bytes], indicate: bool) -> None:
        assert self._credit is not None
        self._credit = Credit(giver=giver if indicate else None)
        self._grant(bearer)

    def _grant(self, bearer: Connection) -> None:
        credit = self._credit
        if credit is None or credit.giver is None or credit.given > 0:
            return
        credit.given = CREDIT
        indication = att.ATT_Handle_Value_Indication(
            attribute_handle=credit.giver.handle, attribute_value=bytes([CREDIT])
        )
        self._radio.gatt_server.send_gatt_pdu(bearer, bytes(indication))

    def _credited(self, _: Connection, data: bytes) -> None:
        assert self._credit is not None
        self._credit.ours += data[0]
        self._schedule()

    def _characteristic(self, uuid: str, properties: Characteristic.Properties) -> Characteristic[bytes]:
        characteristic: Characteristic[bytes] = Characteristic(
            UUID(uuid),
            properties,
            Characteristic.Permissions.WRITEABLE,
            CharacteristicValue(read=_refuse, write=self._written),
        )
        if properties & Characteristic.Properties.NOTIFY:
            characteristic.on(
                Characteristic.EVENT_SUBSCRIPTION,
                lambda bearer, notify, _: self._subscribed(bearer, notify, characteristic),
            )
        return characteristic

    def _connected(self, connection: Connection) -> None:
        connection.on(Connection.EVENT_DISCONNECTION, self._disconnected)
        connection.on(Connection.EVENT_PAIRING, self._count_pairing)

    def _disconnected(self, _: int) -> None:
        self._rest()
        self.device.disconnected()

    def _rest(self) -> None:
        self._listener = None
        self._unsent.clear()
        if self._credit is not None:
            self._credit = Credit()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _subscribed(self, bearer: Connection, notify: bool, characteristic: Characteristic[bytes]) -> None:
        if notify:
            self._listener, self._outlet = bearer, characteristic
        elif self._outlet is characteristic:
            self._listener = None

    def _written(self, bearer: Connection, data: bytes) -> None:
        if self._credit is not None:
            if not self._credit.given:
                self.overdrafts += 1
                return
            self._credit.given -= 1
            self._grant(bearer)
        self.device.receive(bytes(data), asyncio.get_running_loop().time())
        self._schedule()

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.device.due()
        if due is not None:
            self._timer = asyncio.get_running_loop().call_at(due, self._speak)
        elif self._unsent and (self._credit is None or self._credit.ours):
            self._timer = asyncio.get_running_loop().call_later(0, self._speak)

    def _speak(self) -> None:
        self._timer = None
        self._unsent += self.device.take(asyncio.get_running_loop().time())
        listener, outlet = self._listener, self._outlet
        if listener is None or outlet is None:
            self._unsent.clear()
            self._schedule()
            return
        # bumble cuts off what a notification cannot carry
        size = listener.att_mtu - 3 if self._credit is None else CREDIT_PIECE
        while self._unsent and (self._credit is None or self._credit.ours):
            if self._credit is not None:
                self._credit.ours -= 1
            notification = att.ATT_Handle_Value_Notification(
                attribute_handle=outlet.handle, attribute_value=bytes(self._unsent[:size])
            )
            del self._unsent[:size]
            self._radio.gatt_server.send_gatt_pdu(listener, bytes(notification))
        self._schedule()


def _refuse(_: Connection) -> bytes:
    """The stream is written to and listened to; bumble would leave a read without an answer."""
    raise att.ATT_Error(att.ErrorCode.READ_NOT_PERMITTED)


def _advertisement(name: str, service: UUID) -> bytes:
    """Name and service; without the service where the two do not fit (Bluetooth Core, Vol 6, Part B, 2.3.1.1)."""
    kinds = AdvertisingData.Type
    short = len(service.to_bytes()) == SHORT_UUID
    listed = (
        kinds.COMPLETE_LIST_OF_16_BIT_SERVICE_CLASS_UUIDS
        if short
        else kinds.COMPLETE_LIST_OF_128_BIT_SERVICE_CLASS_UUIDS
    )
    always = [(kinds.FLAGS, bytes([0x06])), (kinds.COMPLETE_LOCAL_NAME, name.encode("ascii"))]
    whole = bytes(AdvertisingData([*always, (listed, service.to_bytes())]))
    return whole if len(whole) <= LARGEST_ADVERTISEMENT else bytes(AdvertisingData(always))


async def _turns() -> None:
    """Let bumble's own short tasks, which follow a disconnection, come to their end."""
    for _ in range(20):
        await asyncio.sleep(0)
