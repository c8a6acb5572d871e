"""One question, one answer: the dialogue with an ELM327-compatible adapter over a link.

The rule that everything else hangs on: no command leaves before the prompt of the one before was seen, or a
late reply would be taken for the next answer. A local time-out leaves the adapter busy, so it is followed by
silence, one CR and a wait for the prompt; if that fails, the connection is not used again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from vehicle.errors import AdapterTimeout, ConnectionDropped
from vehicle.gatt import GattProfile
from vehicle.link import Link
from vehicle.obd.elm327 import Reply, ReplyStream, awaits_more, encode, read_reply


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds. Where to start from: the data sheet's timings, with room for slow clones and Bluetooth.

    `request_s` restarts with every piece that arrives and becomes `pending_s` once a control unit asked for
    time. `total_s` bounds any reply, however it dribbles in, `search_s` the trying of one protocol
    after another. `byte_s` is the pause between the bytes for an adapter that wants them one by one.
    """

    reset_s: float = 4.0
    command_s: float = 2.0
    first_request_s: float = 20.0
    request_s: float = 1.5
    pending_s: float = 6.0
    silence_s: float = 1.0
    prompt_s: float = 2.0
    total_s: float = 30.0
    search_s: float = 60.0
    back_off_s: float = 0.2
    byte_s: float = 0.01


class Adapter:
    """An adapter behind a link. `usable` turns false when it may still be busy with an old command."""

    def __init__(self, name: str, link: Link, limits: Limits, *, slow_writes: bool = False) -> None:
        self.name = name
        self.usable = True
        self._link = link
        self._limits = limits
        self._slow_writes = slow_writes
        self._stream = ReplyStream()
        self._texts: deque[bytes | None] = deque(maxlen=1)
        self._arrived = asyncio.Event()
        self._dropped = False
        self._last = 0.0

    async def open(self, profile: GattProfile) -> None:
        """Listen on `profile`. Raises LinkError leaves."""
        await self._link.subscribe(profile, self._received, self._lost)

    async def ask(self, command: str, limit_s: float, *, service: int | None = None) -> Reply:
        """Send `command` and wait for its prompt; what the adapter complains of is in the reply.

        `service` is that of an OBD request, so that a control unit may ask for more time. Raises
        AdapterTimeout (afterwards `usable` says whether the adapter is ready again) and ConnectionDropped.
        """
        if not self.usable:
            raise AdapterTimeout(self.name, "it is still busy")
        self.usable = False
        self._stream.clear()
        self._texts.clear()
        await self._write(encode(command))
        try:
            text = await self._next_text(limit_s, service)
        except TimeoutError:
            self.usable = await self._recover()
            raise AdapterTimeout(self.name, f"{command} after {limit_s:g} s") from None
        self.usable = True
        return read_reply(text, command)

    async def _write(self, data: bytes) -> None:
        """All of it at once, or byte by byte for an adapter that loses some otherwise."""
        for at in range(0, len(data), 1 if self._slow_writes else len(data)):
            if at:
                await asyncio.sleep(self._limits.byte_s)
            await self._link.write(data[at : at + 1] if self._slow_writes else data)

    def _received(self, data: bytes) -> None:
        self._last = asyncio.get_running_loop().time()
        self._texts.extend(self._stream.feed(data))
        self._arrived.set()

    def _lost(self) -> None:
        self._dropped = True
        self._arrived.set()

    async def _next_text(self, limit_s: float, service: int | None) -> bytes | None:
        """The next text. Raises TimeoutError when time is up, and ConnectionDropped."""
        loop = asyncio.get_running_loop()
        start = self._last = loop.time()
        while not self._texts:
            if self._dropped:
                raise ConnectionDropped(self.name, "while it was being read")
            if service is not None and awaits_more(self._stream.partial, service):
                limit_s = max(limit_s, self._limits.pending_s)
            self._arrived.clear()
            async with asyncio.timeout_at(min(self._last + limit_s, start + self._limits.total_s)):
                await self._arrived.wait()
        return self._texts.popleft()

    async def _recover(self) -> bool:
        """Get an adapter back that did not answer in time: silence, one CR, its prompt, silence again.

        The last silence is for an adapter that was just done: it takes the CR as "repeat", and prints twice.
        """
        if await self._silence():
            await self._write(b"\r")
            try:
                await self._next_text(self._limits.prompt_s, None)
            except TimeoutError:
                return False
        await self._silence()
        ready = not self._stream.partial
        self._stream.clear()
        return ready

    async def _silence(self) -> bool:
        """Wait until nothing has come for `silence_s`, and say whether the prompt is still missing."""
        prompted = False
        for _ in range(max(1, round(self._limits.prompt_s / self._limits.silence_s))):
            before = self._last
            await asyncio.sleep(self._limits.silence_s)
            if self._dropped:
                raise ConnectionDropped(self.name, "while it was being read")
            prompted = prompted or bool(self._texts)
            self._texts.clear()
            if self._last == before:
                break
        return not prompted
