"""Feeds planned requests to the load generator: far enough ahead of it, and no further than needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from pytest_npuperf.load.plan import LoadPlan, PlannedRequest
from pytest_npuperf.load.planned import PlannedWriter

__all__ = ["Feed"]

_AHEAD_BYTES = 256 << 20
_AHEAD_OF_BOUNDED = 4096
"""Requests written before the load where their number is known: making them costs the machine time."""
_SEGMENT_REQUESTS = 1024


class Feed:
    """Writes the requests of a plan, which are made as they are asked for."""

    def __init__(self, directory: Path, plan: LoadPlan, requests: Iterable[PlannedRequest]) -> None:
        self._writer = PlannedWriter(directory)
        self._requests: Iterator[PlannedRequest] = iter(requests)
        self._held = next(self._requests, None)
        """The next to be written: a segment ends only before one that continues no other."""
        self._written = 0
        self._bytes = 0
        self._ended = False
        in_flight = plan.concurrency or 64
        unbounded = plan.requests is None and not plan.scheduled
        self._ahead = 4 * in_flight + 64 if unbounded else max(_AHEAD_OF_BOUNDED, 4 * in_flight)

    def top_up(self, taken: int) -> None:
        """Write what may be needed soon, ``taken`` being how many requests the load has taken.

        Raises whatever the iterator of the requests raises, after what came before has been written.
        """
        while not self._ended and (missing := self._ahead - (self._written - taken)) > 0:
            if not self._write_segment(min(missing, _SEGMENT_REQUESTS), taken):
                return

    def _write_segment(self, room: int, taken: int) -> bool:
        segment: list[PlannedRequest] = []
        # what the load has taken is in memory all the same: on average that much of what was written
        size = self._bytes * (self._written - taken) // max(self._written, 1)
        try:
            while self._held is not None and (
                self._held.continues or (len(segment) < room and size < _AHEAD_BYTES)
            ):
                segment.append(self._held)
                size += len(self._held.body)
                self._bytes += len(self._held.body)
                self._held = None
                self._held = next(self._requests, None)
        finally:
            if segment:
                self._writer.append(segment)
                self._written += len(segment)
        if self._held is None:
            self._ended = True
            self._writer.end()
        return bool(segment)
