"""A simulated adapter on the air: a bumble GATT server in front of a device that only knows bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from bumble import att
from bumble.core import UUID, AdvertisingData
from bumble.device import Connection, Device
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.hci import Address
from bumble.host import Host

from simulator.terminals.air import ADVERTISING_S
from vehicle.gatt import GattProfile

LARGEST_MTU = 247
LARGEST_ADVERTISEMENT = 31
SHORT_UUID = 2


class ByteDevice(Protocol):
    """What sits behind the service: bytes in, and bytes out at times of its own."""

    def receive(self, data: bytes, now: float) -> None: ...
    def due(self) -> float | None: ...
    def take(self, now: float) -> bytes: ...
    def disconnected(self) -> None: ...


class Peripheral:
    """One adapter, on a controller of the simulated air or on a real one: `host` knows the way to it.

    `mtu` is the largest ATT MTU it agrees to (23 to 247); what it says is cut into notifications of MTU - 3
    bytes. `cut` ends its connections without a word, as an end to the range does; a real controller has no such.
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
        cut: Callable[[], None] = lambda: None,
    ) -> None:
        self.address = address
        self.device = device
        self._cut = cut
        self._timer: asyncio.TimerHandle | None = None
        self._listener: Connection | None = None
        self._radio = Device(name=name, address=Address(address), host=host)
        self._radio.gatt_server.max_mtu = mtu
        self._radio.on(Device.EVENT_CONNECTION, self._connected)
        self._outlet: Characteristic[bytes] | None = None
        self._radio.add_service(self._service(profile))
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

    def _service(self, profile: GattProfile) -> Service:
        properties = Characteristic.Properties
        writes = properties.WRITE | properties.WRITE_WITHOUT_RESPONSE
        if profile.write == profile.notify:
            both = self._characteristic(profile.write, writes | properties.NOTIFY)
            return Service(UUID(profile.service), [both])
        inlet = self._characteristic(profile.write, writes)
        return Service(
            UUID(profile.service), [self._characteristic(profile.notify, properties.NOTIFY), inlet]
        )

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

    def _disconnected(self, _: int) -> None:
        self._rest()
        self.device.disconnected()

    def _rest(self) -> None:
        self._listener = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _subscribed(self, bearer: Connection, notify: bool, characteristic: Characteristic[bytes]) -> None:
        if notify:
            self._listener, self._outlet = bearer, characteristic
        elif self._outlet is characteristic:
            self._listener = None

    def _written(self, _: Connection, data: bytes) -> None:
        self.device.receive(bytes(data), asyncio.get_running_loop().time())
        self._schedule()

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = self.device.due()
        if due is not None:
            self._timer = asyncio.get_running_loop().call_at(due, self._speak)

    def _speak(self) -> None:
        self._timer = None
        data = self.device.take(asyncio.get_running_loop().time())
        listener, outlet = self._listener, self._outlet
        if listener is not None and outlet is not None:
            size = listener.att_mtu - 3  # bumble cuts off what a notification cannot carry
            for at in range(0, len(data), size):
                notification = att.ATT_Handle_Value_Notification(
                    attribute_handle=outlet.handle, attribute_value=data[at : at + size]
                )
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
