"""A one-shot timer of microseconds: epoll's own time-out is rounded up to whole milliseconds."""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
from collections.abc import Callable

_CLOCK_MONOTONIC = 1
_NONBLOCK_CLOEXEC = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)


class _Spec(ctypes.Structure):
    """struct itimerspec (timerfd_create(2)): interval, then value, each seconds and nanoseconds."""

    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    )


class TimerFd:
    """One timer on one loop; arming it again replaces what was armed."""

    def __init__(self, loop: asyncio.AbstractEventLoop, libc: ctypes.CDLL) -> None:
        self._loop = loop
        self._libc = libc
        self._callback: Callable[[], None] | None = None
        self._spec = _Spec(0, 0, 0, 0)
        self._descriptor = libc.timerfd_create(_CLOCK_MONOTONIC, _NONBLOCK_CLOEXEC)
        if self._descriptor < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        loop.add_reader(self._descriptor, self._fired)

    @classmethod
    def create(cls, loop: asyncio.AbstractEventLoop) -> TimerFd | None:
        """A timer, or None where the platform has none (the loop's own timer must do)."""
        if sys.platform != "linux":
            return None
        try:
            return cls(loop, ctypes.CDLL(None, use_errno=True))
        except (OSError, AttributeError, NotImplementedError):
            return None

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> TimerFd:
        """Call once after `delay_s` seconds."""
        self._callback = callback
        spec = self._spec
        spec.value_s = int(delay_s)
        spec.value_ns = max(1, int(delay_s % 1.0 * 1e9))
        self._libc.timerfd_settime(self._descriptor, 0, ctypes.byref(spec), None)
        return self

    def _fired(self) -> None:
        try:
            os.read(self._descriptor, 8)
        except BlockingIOError:
            return  # re-armed in the same turn of the loop
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()

    def cancel(self) -> None:
        """Forget what was armed."""
        self._callback = None

    def close(self) -> None:
        """Give the descriptor back."""
        self._callback = None
        if self._descriptor >= 0:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1
