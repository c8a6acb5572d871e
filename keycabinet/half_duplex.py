"""The discipline of a shared wire: one exchange at a time, frames separated by silence, late replies drained."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from heapq import heappop, heappush

from keycabinet.contest import Traffic
from keycabinet.echo import EchoFilter
from keycabinet.errors import LineNeverSilent, LinkLost
from keycabinet.exchange import AnyExchange, Device, LineStats
from keycabinet.transport import LineUrl, Link

log = logging.getLogger(__name__)

LEAST_DRAIN_S = 0.02
"""After a time-out, how long a reply may still be on its way through an adapter (USB latency timers reach 16 ms)."""
NETWORK_DRAIN_S = 0.05
LONGEST_DRAIN_S = 0.5


class HalfDuplex(asyncio.Protocol):
    """One open half-duplex link. Everything runs in callbacks: no task, and one deadline timer for the whole line."""

    def __init__(
        self,
        line: str,
        url: LineUrl,
        stats: LineStats,
        on_lost: Callable[[HalfDuplex, Exception | None], None],
        unasked: Callable[[bytes], None] = lambda _data: None,
    ) -> None:
        """`unasked` gets what comes while nobody waits for a reply."""
        self._unasked = unasked
        self._echo = EchoFilter()
        self._line = line
        self._stats = stats
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._character_s = url.character_s
        self._silence_s = url.silence_s
        self._drain_s = LEAST_DRAIN_S if url.character_s else NETWORK_DRAIN_S
        self._link: Link | None = None
        self._queue: list[AnyExchange] = []
        self._order = 0
        self._current: AnyExchange | None = None
        self._last: Device | None = None
        self._quiet_since = self._loop.time()
        self._paused = False  # the link's timer runs: silence is being kept, or late bytes are drained
        self._drain_ends = 0.0
        self._held_since: float | None = None  # somebody waits for silence
        self._deadline: asyncio.TimerHandle | None = None
        self._traffic = Traffic()
        self._answered: AnyExchange | None = None  # until the next request
        self.lost = False

    def attach(self, link: Link) -> None:
        """The opener is done; begin."""
        self._link = link
        self._pump()

    @property
    def echoing(self) -> bool | None:
        """Whether the link hands back what is sent on it; None while no query has been answered."""
        return self._echo.present

    def close(self) -> None:
        """Let go of the link; `connection_lost` follows."""
        if self._link is not None:
            self._link.close()

    def submit(self, exchange: AnyExchange) -> None:
        """Queue one exchange."""
        self._order += 1
        exchange.order = self._order
        heappush(self._queue, exchange)
        if self._current is None and not self._paused:
            self._pump()

    def _next(self) -> AnyExchange | None:
        """The exchange whose turn it is, without those that were given up or must not be asked now."""
        queue = self._queue
        now = self._loop.time()
        while queue:
            exchange = queue[0]
            if not exchange.future.done():
                refusal = exchange.device.back_off(now, exchange.priority)
                if refusal is None:
                    return exchange
                self._stats.backed_off += 1
                exchange.fail(refusal, self._stats)
            heappop(queue)
        return None

    def _pump(self) -> None:
        """Send the next request, or arm the silence that must pass before it."""
        link = self._link
        exchange = self._next()
        if exchange is None or link is None:
            self._held_since = None
            return
        gap = self._silence_s
        last, device = self._last, exchange.device
        if last is not device and last is not None:
            gap = max(gap, last.gap_s, device.gap_s)
        now = self._loop.time()
        wait = self._quiet_since + gap - now
        if wait > 0:
            held_since = self._held_since = now if self._held_since is None else self._held_since
            if now - held_since > gap + LONGEST_DRAIN_S:
                self._give_up_waiting()
                return
            self._paused = True
            link.call_later(wait, self._silence_kept)
            return
        self._held_since = None
        heappop(self._queue)
        self._current = exchange
        self._answered = None
        self._last = device
        on_wire = (len(exchange.request) + exchange.reader.reply_size) * self._character_s
        exchange.sent = True
        exchange.sent_at = now
        exchange.deadline = now + on_wire + exchange.timeout_s
        self._stats.requests += 1
        self._watch(exchange.deadline)
        if self._echo.present is not False:  # decided once; noise makes it open again
            self._echo.sent(exchange.request, repeats_request=exchange.reader.repeats_request)
        link.write(exchange.request)

    def _give_up_waiting(self) -> None:
        """What was asked for now must not happen whenever the line falls silent: by then nobody may stand there."""
        waiting = sorted(self._queue)
        self._queue.clear()
        for exchange in waiting:
            error = LineNeverSilent(
                self._line,
                "it is never silent, so that nothing can be sent; look for a device, or another master, that talks "
                "without a pause, and for a wrong baud rate",
            )
            exchange.fail(error, self._stats)

    def _silence_kept(self) -> None:
        self._paused = False
        if self._current is None:
            self._pump()

    def data_received(self, data: bytes) -> None:
        """Bytes of the reply, of a late reply, or noise."""
        self._quiet_since = self._loop.time()
        exchange = self._current
        if exchange is None:
            self._stats.noise_bytes += len(data)
            self._unasked(data)
            if self._answered is not None:
                self._came_afterwards(self._answered, data)
            return
        if self._echo.present is not False:
            data = self._without_echo(data)
        if exchange.feed(data, self._stats, self._quiet_since):
            self._current = None
            self._answered = exchange
            self._traffic.clean += 1
            exchange.device.contest.clean += 1
            unclean = exchange.reader.noise or exchange.reader.stale
            if unclean or self._echo.present is not False:
                self._echo.answered(clean=not unclean)
            if self._queue:
                self._pump()

    def _came_afterwards(self, exchange: AnyExchange, data: bytes) -> None:
        """Bytes after a whole reply, before the next request: perhaps the reply of another board to the same one."""
        exchange.hear(data)
        exchange.look_for_two(self._quiet_since, self._stats)

    def _without_echo(self, data: bytes) -> bytes:
        echo = self._echo
        if not echo.waits():
            return data
        known = echo.present
        rest = echo.feed(data)
        if not echo.waits() and len(rest) < len(data):
            self._stats.echoes += 1
            if not known:
                log.warning(
                    "line %s: its adapter hands back what is sent; one echo is taken away", self._line
                )
        return rest

    def _watch(self, deadline: float) -> None:
        """Keep one timer, armed no later than the running exchange's deadline."""
        timer = self._deadline
        if timer is not None:
            if timer.when() <= deadline:
                return
            timer.cancel()
        self._deadline = self._loop.call_at(deadline, self._deadline_passed)

    def _deadline_passed(self) -> None:
        self._deadline = None
        exchange = self._current
        if exchange is None:
            return
        now = self._loop.time()
        if now < exchange.deadline:
            self._watch(exchange.deadline)
            return
        self._current = None
        self._echo.given_up()
        if exchange.heard and not exchange.reader.optional:
            self._traffic.garbled += 1
            exchange.device.contest.came_garbled(now, self._traffic)
        exchange.expire(now, self._stats)
        self._drain_ends = now + LONGEST_DRAIN_S
        late = exchange.reader.reply_size * self._character_s + self._silence_s
        self._pause(max(late, self._drain_s), self._drained)

    def _pause(self, seconds: float, then: Callable[[], None]) -> None:
        if self._link is not None:
            self._paused = True
            self._link.call_later(seconds, then)

    def _drained(self) -> None:
        """Go on once the late bytes have stopped, or will not stop."""
        now = self._loop.time()
        noisy = self._quiet_since + self._silence_s - now
        if noisy > 0 and now < self._drain_ends:
            self._pause(noisy, self._drained)
            return
        self._silence_kept()

    def connection_lost(self, exc: Exception | None) -> None:
        """Everything under way fails; the line decides about reopening."""
        if self.lost:
            return
        self.lost = True
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        waiting = sorted(self._queue)
        self._queue.clear()
        current, self._current = self._current, None
        why = f"the link was lost ({exc})" if exc else "the link was closed"
        if current is not None:
            current.device.contest.reply_is_due(self._loop.time())
        for exchange in [*([current] if current else []), *waiting]:
            exchange.fail(
                LinkLost(self._line, f"{why}; it is being reopened", sent=exchange.sent), self._stats
            )
        self._on_lost(self, exc)
