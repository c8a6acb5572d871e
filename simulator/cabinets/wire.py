"""A half-duplex serial line with several boards on it, timed as the wire is.

A request's bytes take their time, the frame ends after 3.5 characters of silence, a board answers after its
turnaround, and the reply takes its time too. Each silence before a request is checked
(Modbus over Serial Line V1.02, 2.5.1.1).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

from simulator.cabinets.board import BROADCAST, RelayBoard
from simulator.cabinets.frames import open_rtu, seal_rtu
from simulator.cabinets.lock_device import LockDevice
from simulator.cabinets.log import Frame, FrameLog

FIXED_SILENCE_S = 0.00175  # above 19200 baud
TURNAROUND_S = 0.002
PUSH_RETRY_S = 0.005  # a board that wants to talk looks again for a quiet line
GRACE_S = 20e-6  # a clock read a little late must not accuse the other side


class Cancellable(Protocol):
    """A timer."""

    def cancel(self) -> None: ...


AnyBoard = RelayBoard | LockDevice
Garbler = Callable[[bytes], bytes | None]
CallLater = Callable[[float, Callable[[], None]], Cancellable]


class Wire:
    """The line. The host's end calls `transmit`; what it hears goes to `deliver`.

    `strict` makes boards ignore a request that came too soon, as some do; otherwise it is only counted.
    `byte_by_byte` hands a reply over as it arrives instead of at its last byte. `call_later` is the wire's timer,
    of which at most one is pending.

    What goes wrong on it hangs in lists that are empty as a rule: `on_request` and `on_reply` turn a frame into what
    the other side hears of it (None: nothing), `echoes` are told that the host hears its own bytes.
    """

    def __init__(
        self,
        boards: Sequence[AnyBoard],
        *,
        baudrate: int = 9600,
        bits_per_character: int = 10,
        strict: bool = False,
        byte_by_byte: bool = False,
        turnaround_s: float = TURNAROUND_S,
        call_later: CallLater | None = None,
        log: FrameLog | None = None,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.boards = list(boards)
        for board in self.boards:
            if isinstance(board, LockDevice):
                board.say = self.say
        self.deliver: Callable[[bytes], None] = lambda _data: None
        self.strict = strict
        self.byte_by_byte = byte_by_byte
        self.turnaround_s = turnaround_s
        self.log = log or FrameLog()
        self.character_s = bits_per_character / baudrate
        self.silence_s = FIXED_SILENCE_S if baudrate > 19200 else 3.5 * self.character_s
        self.on_request: list[Garbler] = []
        self.on_reply: list[Garbler] = []
        self.echoes: list[Callable[[], None]] = []
        self._loop = loop
        self._time = loop.time
        self._call_later: CallLater = call_later or loop.call_later
        self._timer: Cancellable | None = None
        self._request = b""
        self._request_at = 0.0
        self._verdict = "ok"
        self._host_until = 0.0  # when the last byte of the host leaves the wire
        self._quiet_since: float | None = None
        self._reply = b""
        self._reply_at = 0.0
        self._handed_over = 0
        self._silence_before = math.inf  # the running request
        self._late: dict[asyncio.TimerHandle, None] = {}

    def transmit(self, data: bytes) -> None:
        """Put the host's bytes on the wire."""
        if not data:
            return
        now = self._time()
        if not self._request:
            self._request_at = now
            self._silence_before = math.inf if self._quiet_since is None else now - self._quiet_since
            self._verdict = self._check_silence(now)
        elif now > self._host_until + GRACE_S:
            self.log.silence_violations += 1  # a hole inside what the boards take for one frame
        self._request += data
        self._host_until = max(now, self._host_until) + len(data) * self.character_s
        self._arm(self._host_until + self.silence_s - now, self._end_of_request)

    def close(self) -> None:
        """Stop; a reply under way is lost."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for late in self._late:
            late.cancel()
        self._late.clear()
        self._request = self._reply = b""

    def _check_silence(self, now: float) -> str:
        if self._reply:  # the host talks while a board answers: neither is understood
            self.log.collisions += 1
            self._finish_reply("collided")
            return "collided"
        if self._quiet_since is None or now - self._quiet_since >= self.silence_s - GRACE_S:
            return "ok"
        self.log.silence_violations += 1
        return "no silence before it" if self.strict else "ok"

    def _end_of_request(self) -> None:
        self._timer = None
        frame, self._request = self._request, b""
        self._quiet_since = self._host_until
        if self.echoes:
            self._echo(frame)
        heard: bytes | None = frame
        for garble in self.on_request:
            heard = None if heard is None else garble(heard)
        if heard is None:
            self.log.add(Frame(self._request_at, True, frame, "lost"))
            return
        frame = heard
        if self._lock_device_hears(frame):
            return
        opened = open_rtu(frame)
        if opened is None:
            self.log.bad_frames += 1
            self._verdict = "bad frame"
        self.log.add(Frame(self._request_at, True, frame, self._verdict))
        if opened is not None and self._verdict == "ok":
            self._dispatch(*opened)

    def _dispatch(self, address: int, pdu: bytes) -> None:
        if address == BROADCAST:
            for board in self.boards:
                if isinstance(board, RelayBoard):
                    board.handle(pdu)
            return
        for board in self.boards:
            if board.address == address and isinstance(board, RelayBoard):
                if any(deaf(self._silence_before) for deaf in board.deaf):
                    return
                reply = board.handle(pdu)
                if reply is not None:
                    self._reply_by(board, partial(seal_rtu, address, reply))
                return

    def _lock_device_hears(self, frame: bytes) -> bool:
        """Whether the frame is a request of a protocol other than Modbus."""
        meant = [
            (board, heard)
            for board in self.boards
            if isinstance(board, LockDevice) and (heard := board.find(frame)) is not None
        ]
        if not meant:
            return False
        self.log.add(Frame(self._request_at, True, frame, self._verdict))
        for device, heard in meant if self._verdict == "ok" else ():
            if any(deaf(self._silence_before) for deaf in device.deaf):
                continue
            answer = device.answer(frame, heard)
            if answer is not None:
                self._reply_by(device, answer.frame, answer.after_s)
        return True

    def say(self, frame: bytes) -> None:
        """Carry what a board tells unasked, once nobody else talks."""
        if not (self._reply or self._request):
            self._answer(frame)
            return

        def again() -> None:
            del self._late[timer]
            self.say(frame)

        timer = self._loop.call_later(PUSH_RETRY_S, again)
        self._late[timer] = None

    def _echo(self, frame: bytes) -> None:
        for told in self.echoes:
            told()
        self.deliver(frame)

    def _reply_by(self, board: AnyBoard, reply: Callable[[], bytes], after_s: float = 0.0) -> None:
        late_s = math.fsum((after_s, *(delay() for delay in board.delays)))
        if late_s <= 0:
            self._answer(reply())
            return

        def answer() -> None:
            del self._late[timer]
            if self._reply or self._request:  # it talks into what somebody else says
                self.log.collisions += 1
                self._reply = bytes(byte ^ 0xFF for byte in self._reply)
                self._verdict = "collided"
            else:
                self._answer(reply())

        timer = self._loop.call_later(late_s, answer)
        self._late[timer] = None

    def _answer(self, reply: bytes) -> None:
        for garble in self.on_reply:
            heard = garble(reply)
            if heard is None:
                self.log.add(Frame(self._time(), False, reply, "lost"))
                return
            reply = heard
        self._reply = reply
        self._reply_at = self._time() + self.turnaround_s
        self._handed_over = 0
        self._arm_reply()

    def _arm_reply(self) -> None:
        due = self._handed_over + 1 if self.byte_by_byte else len(self._reply)
        self._arm(self._reply_at + due * self.character_s - self._time(), self._reply_due)

    def _reply_due(self) -> None:
        self._timer = None
        now = self._time()
        arrived = len(self._reply)
        if self.byte_by_byte:
            arrived = min(arrived, max(self._handed_over + 1, int((now - self._reply_at) / self.character_s)))
        chunk = self._reply[self._handed_over : arrived]
        self._handed_over = arrived
        if arrived < len(self._reply):
            self._arm_reply()
        else:
            self._quiet_since = now
            self._finish_reply("ok")
        self.deliver(chunk)

    def _finish_reply(self, verdict: str) -> None:
        self.log.add(Frame(self._reply_at, False, self._reply, verdict))
        self._reply = b""

    def _arm(self, delay_s: float, callback: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._call_later(max(0.0, delay_s), callback)
