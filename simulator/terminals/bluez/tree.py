"""Objects on a D-Bus: their properties and methods, and the signals that announce what happens to them.

The standard interfaces are answered here: Properties, ObjectManager (at `/`, as BlueZ has it) and Introspectable.
Source: D-Bus specification 0.42, sections "Message Types" and "Standard Interfaces".
"""

from __future__ import annotations

import asyncio
import logging
import xml.etree.ElementTree as ET
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dbus_fast import DBusError, ErrorType, Message, MessageFlag, MessageType, PropertyAccess, Variant
from dbus_fast import introspection as intr
from dbus_fast.aio import MessageBus
from dbus_fast.signature import get_signature_tree

_LOG = logging.getLogger(__name__)
_PROPERTIES = "org.freedesktop.DBus.Properties"
_MANAGER = "org.freedesktop.DBus.ObjectManager"
_INTROSPECTABLE = "org.freedesktop.DBus.Introspectable"


@dataclass(frozen=True, slots=True)
class Call:
    """A method call: who sent it (a unique bus name), and its arguments."""

    sender: str
    arguments: list[Any]


@dataclass(frozen=True, slots=True)
class Method:
    """A method with its D-Bus signatures. `run` returns the results; a DBusError it raises is the reply."""

    takes: str
    gives: str
    run: Callable[[Call], Awaitable[tuple[Any, ...]]]


class Interface:
    """One interface of one object. `types` are its properties' D-Bus types; a property without value is absent.

    `writable` names the properties that a client may set.
    """

    def __init__(
        self,
        name: str,
        types: Mapping[str, str],
        values: Mapping[str, Any],
        methods: Mapping[str, Method] | None = None,
        writable: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.types = types
        self.values = dict(values)
        self.methods = methods or {}
        self.writable = writable

    def variants(self, names: Iterable[str] | None = None) -> dict[str, Variant]:
        """Values as D-Bus carries them: of `names`, or all."""
        return {name: Variant(self.types[name], self.values[name]) for name in names or self.values}

    def introspected(self) -> intr.Interface:
        """What the interface offers, for clients that ask first."""
        read, write = PropertyAccess.READ, PropertyAccess.READWRITE
        return intr.Interface(
            self.name,
            methods=[
                intr.Method(name, _arguments(method.takes), _arguments(method.gives))
                for name, method in self.methods.items()
            ],
            properties=[
                intr.Property(name, type_, write if name in self.writable else read)
                for name, type_ in self.types.items()
            ],
        )


class ObjectTree:
    """The objects of one service. Calls run in tasks of their own, begun in the order of arrival."""

    def __init__(self, bus: MessageBus) -> None:
        self._bus = bus
        self._objects: dict[str, dict[str, Interface]] = {}
        self._tasks: dict[asyncio.Task[None], None] = {}
        bus.add_message_handler(self._received)

    def interface(self, path: str, name: str) -> Interface:
        """One interface of an object. KeyError if it is not there."""
        return self._objects[path][name]

    def add(self, path: str, *interfaces: Interface) -> None:
        """Put an object into the tree; everybody is told."""
        self._objects[path] = {each.name: each for each in interfaces}
        shown = {each.name: each.variants() for each in interfaces}
        self._signal("/", _MANAGER, "InterfacesAdded", "oa{sa{sv}}", [path, shown])

    def remove(self, path: str) -> None:
        """Take an object out of the tree; everybody is told. One that is not there is no error."""
        interfaces = self._objects.pop(path, None)
        if interfaces is not None:
            self._signal("/", _MANAGER, "InterfacesRemoved", "oas", [path, list(interfaces)])

    def change(self, path: str, name: str, changed: Mapping[str, Any], gone: tuple[str, ...] = ()) -> None:
        """Set properties and drop those in `gone`; everybody is told, also of a value that is set anew.

        Nothing happens to an object that is not there any more.
        """
        interface = self._objects.get(path, {}).get(name)
        if interface is None:
            return
        interface.values.update(changed)
        for each in gone:
            interface.values.pop(each, None)
        body = [name, interface.variants(changed) if changed else {}, list(gone)]
        self._signal(path, _PROPERTIES, "PropertiesChanged", "sa{sv}as", body)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something that belongs to this tree and ends with it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)

    async def close(self) -> None:
        """Answer nobody any more."""
        self._bus.remove_message_handler(self._received)
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # -- calls

    def _received(self, message: Message) -> bool | None:
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        method = self._method(message)
        if method is None:
            return None  # dbus-fast answers Peer by itself
        if message.signature != method.takes:
            raise DBusError(ErrorType.UNKNOWN_METHOD, f"{message.member} takes ({method.takes})")
        self.spawn(self._answer(message, method))
        return True

    async def _answer(self, message: Message, method: Method) -> None:
        try:
            results = await method.run(Call(message.sender or "", message.body))
        except DBusError as error:
            reply = Message.new_error(message, error.type, error.text)
        except Exception as error:  # noqa: BLE001 - supervised: one call that fails is told to its caller
            _LOG.exception("%s on %s failed", message.member, message.path)
            reply = Message.new_error(message, ErrorType.INTERNAL_ERROR, type(error).__name__)
        else:
            reply = Message.new_method_return(message, method.gives, list(results))
        if not message.flags & MessageFlag.NO_REPLY_EXPECTED:
            self._send(reply)

    def _method(self, message: Message) -> Method | None:
        path, wanted, member = message.path or "", message.interface, message.member or ""
        standard = self._standard(path, wanted, member)
        if standard is not None or wanted == "org.freedesktop.DBus.Peer":
            return standard
        interfaces = self._objects.get(path)
        if interfaces is None:
            raise DBusError(ErrorType.UNKNOWN_OBJECT, f"there is no object {path}")
        for name, interface in interfaces.items():
            if wanted in (None, name) and member in interface.methods:
                return interface.methods[member]
        raise DBusError(ErrorType.UNKNOWN_METHOD, f"{path} has no method {wanted}.{member}")

    # -- the standard interfaces

    def _standard(self, path: str, wanted: str | None, member: str) -> Method | None:
        if wanted in (None, _INTROSPECTABLE) and member == "Introspect":
            return Method("", "s", lambda _: self._introspect(path))
        if wanted in (None, _MANAGER) and (path, member) == ("/", "GetManagedObjects"):
            return Method("", "a{oa{sa{sv}}}", self._managed)
        if wanted != _PROPERTIES or path not in self._objects:
            return None
        found: dict[str, Method] = {
            "Get": Method("ss", "v", lambda call: self._get(path, call)),
            "GetAll": Method("s", "a{sv}", lambda call: self._get_all(path, call)),
            "Set": Method("ssv", "", lambda call: self._set(path, call)),
        }
        return found.get(member)

    async def _managed(self, _: Call) -> tuple[Any, ...]:
        shown = {
            path: {name: interface.variants() for name, interface in interfaces.items()}
            for path, interfaces in self._objects.items()
        }
        return (shown,)

    async def _introspect(self, path: str) -> tuple[Any, ...]:
        node = intr.Node.default()
        node.interfaces.extend(each.introspected() for each in self._objects.get(path, {}).values())
        prefix = path.rstrip("/") + "/"
        below = [
            other[len(prefix) :].partition("/")[0] for other in self._objects if other.startswith(prefix)
        ]
        node.nodes.extend(intr.Node(name, is_root=False) for name in dict.fromkeys(below))
        return (ET.tostring(node.to_xml(), encoding="unicode"),)

    async def _get(self, path: str, call: Call) -> tuple[Any, ...]:
        interface, name = self._asked(path, call.arguments[0]), call.arguments[1]
        if name not in interface.values:
            raise DBusError(ErrorType.INVALID_ARGS, f"{path} has no property {name}")
        return (Variant(interface.types[name], interface.values[name]),)

    async def _get_all(self, path: str, call: Call) -> tuple[Any, ...]:
        return (self._asked(path, call.arguments[0]).variants(),)

    async def _set(self, path: str, call: Call) -> tuple[Any, ...]:
        interface, name, value = self._asked(path, call.arguments[0]), call.arguments[1], call.arguments[2]
        if name not in interface.types:
            raise DBusError(ErrorType.UNKNOWN_PROPERTY, f"{path} has no property {name}")
        if name not in interface.writable:
            raise DBusError(ErrorType.PROPERTY_READ_ONLY, f"{name} cannot be set here")
        if value.signature != interface.types[name]:
            raise DBusError(ErrorType.INVALID_ARGS, f"{name} is of type {interface.types[name]}")
        self.change(path, interface.name, {name: value.value})
        return ()

    def _asked(self, path: str, name: str) -> Interface:
        interface = self._objects.get(path, {}).get(name)
        if interface is None:
            raise DBusError(ErrorType.UNKNOWN_INTERFACE, f"{path} has no interface {name}")
        return interface

    # -- sending

    def _signal(self, path: str, interface: str, member: str, signature: str, body: list[Any]) -> None:
        self._send(
            Message(
                message_type=MessageType.SIGNAL,
                path=path,
                interface=interface,
                member=member,
                signature=signature,
                body=body,
            )
        )

    def _send(self, message: Message) -> None:
        if self._bus.connected:
            self._bus.send(message).add_done_callback(_forget)


def _forget(sent: asyncio.Future[Any]) -> None:
    """Nobody waits for a message to be sent; that the bus is lost is told elsewhere."""
    if not sent.cancelled():
        sent.exception()


def _arguments(signature: str) -> list[intr.Arg]:
    return [intr.Arg(each) for each in get_signature_tree(signature).types]
