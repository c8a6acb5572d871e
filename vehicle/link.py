"""The ports between a terminal and whatever carries its bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from vehicle.gatt import GattProfile


class Link(Protocol):
    """An opened pipe of bytes to one terminal."""

    @property
    def profiles(self) -> tuple[GattProfile, ...]:
        """The profiles of the table that the device offers, in the table's order."""
        ...

    async def subscribe(
        self, profile: GattProfile, received: Callable[[bytes], None], lost: Callable[[], None]
    ) -> None:
        """Take `profile` into use: every notification goes to `received`, in the order of arrival; `lost` is
        called once if the connection ends by itself. Raises LinkError leaves."""
        ...

    async def unsubscribe(self) -> None:
        """Stop the notifications of the profile in use; nothing happens if there is none."""
        ...

    async def write(self, data: bytes) -> None:
        """Send all of `data`, in pieces that the connection can carry. Raises ConnectionDropped."""
        ...

    async def close(self) -> None:
        """Disconnect. Never raises; a second call does nothing."""
        ...


class RadioPort(Protocol):
    """Finds terminals and connects to them."""

    async def connect(self, terminal: str, address: str, *, find_s: float, connect_s: float) -> Link:
        """A link to `address`. `terminal` names it in errors; the two limits are seconds.

        Raises OutOfRange when it was not heard within `find_s`, else ConnectFailed or RadioUnavailable.
        """
        ...


@dataclass(frozen=True, slots=True)
class Heard:
    """One advertisement: whose, how loud (dBm, None where the radio does not tell), and when (loop time, s)."""

    address: str
    rssi: int | None
    at: float


@runtime_checkable
class ListeningRadio(RadioPort, Protocol):
    """A radio that also says how it hears a terminal, without connecting."""

    async def hear(self, terminal: str, address: str, *, find_s: float) -> Heard:
        """The first advertisement within `find_s`. Raises OutOfRange and RadioUnavailable."""
        ...

    def last_heard(self, address: str) -> Heard | None:
        """The last advertisement that `hear` or `connect` heard of a terminal."""
        ...

    async def close(self) -> None:
        """Stop listening. Links that are open stay so."""
        ...
