"""Hands cabinet events to any number of listeners."""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import AsyncIterator

from keycabinet.model import CabinetEvent


class Subscription(AsyncIterator[CabinetEvent]):
    """Every event published after it was made, in order; ends when the cabinet closes."""

    def __init__(self) -> None:
        self._events: deque[CabinetEvent] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._closed = False

    def push(self, event: CabinetEvent) -> None:
        """One more event."""
        self._events.append(event)
        self._wake()

    def close(self) -> None:
        """No more events; those already here are still handed out."""
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def __anext__(self) -> CabinetEvent:
        while not self._events:
            if self._closed:
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        return self._events.popleft()


class EventHub:
    """Publishes to whoever still listens: a subscription that nobody holds any more is forgotten."""

    __slots__ = ("_closed", "_listeners")

    def __init__(self) -> None:
        self._listeners: list[weakref.ref[Subscription]] = []
        self._closed = False

    def subscribe(self) -> Subscription:
        """Listen from now on."""
        subscription = Subscription()
        if self._closed:
            subscription.close()
        else:
            self._listeners.append(weakref.ref(subscription))
        return subscription

    def _alive(self) -> list[Subscription]:
        alive = [
            listener for listener in (reference() for reference in self._listeners) if listener is not None
        ]
        if len(alive) != len(self._listeners):
            self._listeners = [weakref.ref(listener) for listener in alive]
        return alive

    def publish(self, event: CabinetEvent) -> None:
        """Tell every listener."""
        for listener in self._alive():
            listener.push(event)

    def close(self) -> None:
        """End every subscription."""
        self._closed = True
        for listener in self._alive():
            listener.close()
        self._listeners.clear()
