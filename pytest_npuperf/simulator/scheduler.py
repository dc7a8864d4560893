"""Calls at absolute deadlines, all of a server's behind one timer."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from time import monotonic_ns

from pytest_npuperf.timers import PLATFORM_TIMER, Timer

__all__ = ["DeadlineScheduler", "Step"]

Step = Callable[[], int]
"""Does what is due; returns its next deadline in monotonic ns, 0 for none."""

_STEPS_PER_WAKE = 128
"""After so many the loop reads its sockets: where all is late, requests still get in."""


class DeadlineScheduler:
    """A heap of deadlines; steps of the same deadline run in the order they were pushed."""

    def __init__(self, loop: asyncio.AbstractEventLoop, timer: type[Timer] = PLATFORM_TIMER) -> None:
        self._heap: list[tuple[int, int, Step]] = []
        self._pushed = 0
        self._closed = False
        self._timer = timer(loop, self._run)

    def push(self, due: int, step: Step) -> None:
        """Calls ``step`` at ``due`` (monotonic ns), and again at each deadline it returns."""
        if self._closed:
            return
        self._pushed += 1
        entry = (due, self._pushed, step)
        heapq.heappush(self._heap, entry)
        if self._heap[0] is entry:
            self._timer.arm(due)

    def close(self) -> None:
        """Forgets all deadlines, those of later too."""
        self._closed = True
        self._heap.clear()
        self._timer.close()

    def _run(self) -> None:
        heap, pop, push = self._heap, heapq.heappop, heapq.heappush
        for _ in range(_STEPS_PER_WAKE):
            if not heap or heap[0][0] > monotonic_ns():
                break
            _, order, step = pop(heap)
            if due := step():
                push(heap, (due, order, step))
        self._timer.arm(heap[0][0] if heap else 0)
