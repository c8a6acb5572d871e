"""Waiting over HTTP: long polls and server-sent events, all of which end at once when the server stops."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lifecycle import MotorPool
from lifecycle.errors import MotorPoolError
from lifecycle.ledger import Event, LedgerError

KEEP_ALIVE_S = 15.0
"""A comment line about every 15 s keeps proxies from dropping the stream (HTML standard, section 9.2.7)."""
RETRY_MS = 2000
PAGE = 200

logger = logging.getLogger(__name__)


class Waits:
    """Everything that waits on behalf of a client, so that a stopping server can end it."""

    def __init__(self) -> None:
        self._open: dict[asyncio.Timeout, None] = {}
        self.closing = False

    def close(self) -> None:
        """End every wait now, and let no new one begin."""
        self.closing = True
        now = asyncio.get_running_loop().time()
        for scope in list(self._open):
            if not scope.expired():
                scope.reschedule(now)

    @asynccontextmanager
    async def at_most(self, seconds: float) -> AsyncIterator[None]:
        """Leave the block after `seconds` at the latest, at once when the server stops, and say nothing."""
        scope = asyncio.timeout(0 if self.closing else seconds)
        try:
            async with scope:
                self._open[scope] = None
                yield
        except TimeoutError:
            if not scope.expired():  # somebody else's
                raise
        finally:
            self._open.pop(scope, None)


@dataclass(frozen=True, slots=True)
class Page:
    """Events, oldest first, and the sequence number to ask after next."""

    events: list[dict[str, Any]]
    next: int


def event_json(event: Event) -> dict[str, Any]:
    """The envelope that clients get: what happened, without the chain's own fields."""
    return {
        "seq": event.seq,
        "at": _utc(event.at),
        "recorded_at": _utc(event.recorded_at),
        "kind": event.kind,
        "ids": dict(event.ids),
        "actor": event.actor,
        "proof": event.proof,
        "because": list(event.because),
        "policy": event.policy,
        "command": event.command,
        "data": event.data,
        "hash": event.hash,
    }


def _utc(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


async def next_page(
    pool: MotorPool,
    waits: Waits,
    *,
    after: int,
    limit: int = PAGE,
    wait: float = 0.0,
    vehicle: str | None = None,
) -> Page:
    """The next events after `after`: at once if there are any, else the first within `wait` seconds."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait
    while True:
        events = await pool.events_page(after, limit)
        after = events[-1].seq if events else after
        chosen = [
            event_json(event) for event in events if vehicle is None or event.ids.get("vehicle") == vehicle
        ]
        if chosen:
            return Page(chosen, after)
        if len(events) == limit:
            continue
        left = deadline - loop.time()
        if left <= 0 or waits.closing:
            return Page([], after)
        async with waits.at_most(left):
            await pool.wait_event(after)


async def server_sent(
    pool: MotorPool, waits: Waits, *, after: int, vehicle: str | None = None
) -> AsyncIterator[bytes]:
    """`text/event-stream` from `after` on, without end: `id` is the sequence number, `event` the kind.

    A client that reads slowly falls behind in the ledger, not in memory. It ends when the server stops
    or the ledger cannot be read; the client comes back with Last-Event-ID and misses nothing.
    """
    yield b"retry: %d\n\n" % RETRY_MS
    while not waits.closing:
        try:
            page = await next_page(pool, waits, after=after, wait=KEEP_ALIVE_S, vehicle=vehicle)
        except (MotorPoolError, LedgerError) as error:
            logger.warning("event stream ended after %d: %s", after, error)
            return
        after = page.next
        if page.events:
            yield b"".join(map(_frame, page.events))
        elif not waits.closing:
            yield b": keep-alive\n\n"


def _frame(event: dict[str, Any]) -> bytes:
    data = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    return f"id: {event['seq']}\nevent: {event['kind']}\ndata: {data}\n\n".encode()
