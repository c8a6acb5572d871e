"""`org.bluez` on a bus of its own, for as long as the simulated terminals are on the air.

It is a look-alike: BlueZ's objects, properties and errors with real ATT and L2CAP behind them, over a radio that
only hears the simulated air. Not there: agents (pairing is Just Works), advertising, GATT servers, BR/EDR,
passive scanning by advertisement monitors, AcquireWrite and AcquireNotify.
"""

from __future__ import annotations

from dbus_fast import Message, MessageType, NameFlag, RequestNameReply
from dbus_fast.aio import MessageBus

from simulator.terminals.air import Air
from simulator.terminals.bluez.adapter import BluezAdapter
from simulator.terminals.bluez.daemon import PrivateBus
from simulator.terminals.bluez.tree import ObjectTree
from simulator.terminals.radio import Central

NAME = "org.bluez"
CENTRAL_ADDRESS = "C0:00:00:00:00:02"
_LEFT = "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',arg2=''"


class BluezService:
    """The service. `address` is what programs of this user need as DBUS_SYSTEM_BUS_ADDRESS in their environment."""

    def __init__(self, air: Air) -> None:
        self.address = ""
        self._central = Central(air, CENTRAL_ADDRESS)
        self._daemon = PrivateBus()
        self._bus: MessageBus | None = None
        self._tree: ObjectTree | None = None
        self._adapter: BluezAdapter | None = None

    async def start(self) -> None:
        """Start the bus and the service. Raises OSError with what is in the way."""
        await self._central.start()
        try:
            self.address = await self._daemon.start()
            self._bus = await MessageBus(bus_address=self.address).connect()
            self._tree = ObjectTree(self._bus)
            self._bus.add_message_handler(self._received)
            await self._watch(self._bus)
            self._adapter = BluezAdapter(self._tree, self._central)
            owner = await self._bus.request_name(NAME, NameFlag.DO_NOT_QUEUE)
            if owner is not RequestNameReply.PRIMARY_OWNER:
                raise OSError(f"{NAME} is taken on {self.address}")
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Everything that is connected is let go; the bus ends, and every program on it notices."""
        adapter, self._adapter = self._adapter, None
        tree, self._tree = self._tree, None
        bus, self._bus = self._bus, None
        if adapter is not None:
            await adapter.close()
        if tree is not None:
            await tree.close()
        if bus is not None:
            bus.disconnect()
            await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]
        await self._daemon.stop()
        await self._central.stop()

    async def __aenter__(self) -> BluezService:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _watch(self, bus: MessageBus) -> None:
        """Ask to be told of programs that leave the bus."""
        driver = "org.freedesktop.DBus"
        rule = Message(
            destination=driver,
            path="/org/freedesktop/DBus",
            interface=driver,
            member="AddMatch",
            signature="s",
            body=[_LEFT],
        )
        reply = await bus.call(rule)
        if reply.message_type is MessageType.ERROR:
            raise OSError(f"the message bus does not tell who leaves: {reply}")

    def _received(self, message: Message) -> None:
        if message.member == "NameOwnerChanged" and self._adapter is not None and self._tree is not None:
            name, _, owner = message.body
            if not owner and name.startswith(":"):
                self._tree.spawn(self._adapter.left(name))
