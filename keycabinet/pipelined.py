"""The discipline of Modbus TCP: frames carry transaction ids, so a device may have several requests outstanding."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from heapq import heappop, heappush

from keycabinet.errors import LinkLost, LyingLength
from keycabinet.exchange import AnyExchange, LineStats
from keycabinet.mbap import MbapSplitter
from keycabinet.transport import Link


class Pipelined(asyncio.Protocol):
    """One open Modbus TCP connection. Everything runs in callbacks: no task, and one deadline timer for all requests.

    A request is sent while fewer than its device's `depth` are outstanding on the connection, so that behind a gateway
    a device of depth 1 never meets another's request.
    """

    __slots__ = (
        "_broken",
        "_deadline",
        "_line",
        "_link",
        "_loop",
        "_on_lost",
        "_order",
        "_pending",
        "_queue",
        "_splitter",
        "_stats",
        "_transaction",
        "_unsent",
        "lost",
    )

    def __init__(
        self, line: str, stats: LineStats, on_lost: Callable[[Pipelined, Exception | None], None]
    ) -> None:
        self._line = line
        self._stats = stats
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._link: Link | None = None
        self._splitter = MbapSplitter(line)
        self._pending: dict[int, AnyExchange] = {}
        self._transaction = 0
        self._unsent: list[bytes] = []
        self._queue: list[AnyExchange] = []
        self._order = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._broken: LyingLength | None = None
        self.lost = False

    def attach(self, link: Link) -> None:
        """The opener is done; begin."""
        self._link = link
        self._pump()

    def close(self) -> None:
        """Let go of the link; `connection_lost` follows."""
        if self._link is not None:
            self._link.close()

    def submit(self, exchange: AnyExchange) -> None:
        """Send one exchange, or queue it while the device is busy."""
        if not self._queue and len(self._pending) < exchange.device.depth and self._link is not None:
            self._send(exchange, self._link)
            return
        self._order += 1
        exchange.order = self._order
        heappush(self._queue, exchange)

    def _send(self, exchange: AnyExchange, link: Link) -> None:
        transaction = self._transaction + 1
        pending = self._pending
        while (
            transaction > 0xFFFF or transaction in pending
        ):  # 0 is left out: some gateways answer it to anything
            transaction = transaction + 1 if transaction < 0xFFFF else 1
        self._transaction = transaction
        pending[transaction] = exchange
        now = self._loop.time()
        exchange.sent = True
        exchange.sent_at = now
        deadline = exchange.deadline = now + exchange.timeout_s
        self._stats.requests += 1
        if self._deadline is None or self._deadline.when() > deadline:
            self._watch(deadline)
        frame = transaction.to_bytes(2, "big") + exchange.request
        if len(pending) == 1:
            link.write(frame)
            return
        if not self._unsent:
            self._loop.call_soon(self._flush)
        self._unsent.append(frame)

    def _flush(self) -> None:
        """Send in one call what was asked in one turn of the loop: a system call costs more than a request."""
        frames = b"".join(self._unsent)
        self._unsent.clear()
        if self._link is not None and not self.lost:
            self._link.write(frames)

    def _pump(self) -> None:
        queue, link = self._queue, self._link
        if link is None:
            return
        while queue:
            exchange = queue[0]
            if not exchange.future.done():
                refusal = exchange.device.back_off(self._loop.time(), exchange.priority)
                if refusal is None:
                    if len(self._pending) >= exchange.device.depth:
                        return
                    heappop(queue)
                    self._send(exchange, link)
                    continue
                self._stats.backed_off += 1
                exchange.fail(refusal, self._stats)
            heappop(queue)

    def data_received(self, data: bytes) -> None:
        """Whole or partial frames; a stream that makes no sense is closed and reopened."""
        stats, pending = self._stats, self._pending
        try:
            frames = self._splitter.feed(data)
        except LyingLength as error:
            self._broken = error
            stats.noise_bytes += len(data)
            self.close()
            return
        for transaction, adu in frames:
            exchange = pending.pop(transaction, None)
            if exchange is None:
                stats.stale_replies += 1
            else:
                exchange.feed(adu, stats)
        if self._queue:
            self._pump()

    def _watch(self, deadline: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self._loop.call_at(deadline, self._deadline_passed)

    def _deadline_passed(self) -> None:
        self._deadline = None
        now = self._loop.time()
        for transaction, exchange in list(self._pending.items()):
            if exchange.deadline <= now:
                del self._pending[transaction]
                exchange.expire(now, self._stats)
        if self._pending:
            self._watch(min(exchange.deadline for exchange in self._pending.values()))
        self._pump()

    def connection_lost(self, exc: Exception | None) -> None:
        """Everything under way fails; the line decides about reopening."""
        if self.lost:
            return
        self.lost = True
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        under_way = [*self._pending.values(), *sorted(self._queue)]
        self._pending.clear()
        self._queue.clear()
        reason = self._broken or exc
        why = f"the link was lost ({reason})" if reason else "the link was closed"
        for exchange in under_way:
            error = self._broken if self._broken is not None and exchange.sent else None
            exchange.fail(
                error or LinkLost(self._line, f"{why}; it is being reopened", sent=exchange.sent), self._stats
            )
        self._on_lost(self, exc)
