"""Waking at absolute times, to the accuracy of the kernel's timers."""

from __future__ import annotations

import asyncio
import heapq
import time

from pytest_npuperf.timers import PLATFORM_TIMER

__all__ = ["Alarms"]


class Alarms:
    """All sleepers of a load generator, behind one timer; times in monotonic ns."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._timer = PLATFORM_TIMER(loop, self._ring)
        self._heap: list[tuple[int, int, asyncio.Future[None]]] = []
        self._set = 0

    async def sleep_until(self, due: int) -> None:
        """Return when it is time, at once where it is late already."""
        if due <= time.monotonic_ns():
            return
        future: asyncio.Future[None] = self._loop.create_future()
        self._set += 1
        entry = (due, self._set, future)
        heapq.heappush(self._heap, entry)
        if self._heap[0] is entry:
            self._timer.arm(due)
        await future

    def close(self) -> None:
        """Nobody is woken after this."""
        self._timer.close()

    def _ring(self) -> None:
        now = time.monotonic_ns()
        while self._heap and self._heap[0][0] <= now:
            future = heapq.heappop(self._heap)[2]
            if not future.done():  # who slept may have been cancelled
                future.set_result(None)
        self._timer.arm(self._heap[0][0] if self._heap else 0)
