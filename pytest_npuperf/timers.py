"""One alarm at an absolute time of the monotonic clock."""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
from collections.abc import Callable
from time import monotonic_ns
from typing import Protocol

__all__ = ["PLATFORM_TIMER", "KernelTimer", "LoopTimer", "Timer"]


class Timer(Protocol):
    """Calls back in the event loop; it may be early, never by design late."""

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None: ...

    def arm(self, due: int) -> None:
        """Replaces the deadline (monotonic ns); 0 takes it away."""

    def close(self) -> None:
        """Frees what it holds; it cannot be armed again."""


class _Spec(ctypes.Structure):
    """``struct itimerspec``."""

    _fields_ = (
        ("interval_s", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value_s", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    )


class KernelTimer:
    """A timerfd of Linux: event loops sleep in whole milliseconds, which would show in every gap.

    It goes through ctypes because ``os.timerfd_create`` came with Python 3.13 only.

    Raises:
        OSError: the kernel gives no timer.
    """

    _CLOCK_MONOTONIC = 1
    _TFD_TIMER_ABSTIME = 1

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd: int = libc.timerfd_create(self._CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create failed")
        self._settime = libc.timerfd_settime
        self._spec = _Spec()
        self._spec_pointer = ctypes.byref(self._spec)
        self._loop = loop
        loop.add_reader(self._fd, callback)

    def arm(self, due: int) -> None:
        """Replaces the deadline (monotonic ns); 0 takes it away."""
        # That also makes the descriptor unreadable again, so nobody needs to read it.
        self._spec.value_s, self._spec.value_ns = divmod(due, 1_000_000_000)
        self._settime(self._fd, self._TFD_TIMER_ABSTIME, self._spec_pointer, None)

    def close(self) -> None:
        """Closes the descriptor."""
        self._loop.remove_reader(self._fd)
        os.close(self._fd)


class LoopTimer:
    """The event loop's own timer, where there is no timerfd."""

    def __init__(self, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        self._loop = loop
        self._callback = callback
        self._handle: asyncio.TimerHandle | None = None

    def arm(self, due: int) -> None:
        """Replaces the deadline (monotonic ns); 0 takes it away."""
        self.close()
        if due:
            self._handle = self._loop.call_later((due - monotonic_ns()) / 1e9, self._callback)

    def close(self) -> None:
        """Cancels what is armed."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


PLATFORM_TIMER: type[Timer] = KernelTimer if sys.platform == "linux" else LoopTimer
