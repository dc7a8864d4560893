"""Whether the event loop came round in time: what tells a late client from a bursty server."""

from __future__ import annotations

from pytest_npuperf.wire.stamps import ArrivalClock

__all__ = ["LoopWatch"]

_SLEEP_NS = 50_000
"""A shorter pause between two callbacks is the loop's own work."""
_TOLERANCE_NS = 1_000_000
"""A stamp that may be wrong by less is exact enough."""


class LoopWatch:
    """Shared by the connections of one loop; all times are monotonic ns."""

    __slots__ = ("_asleep_since", "_awake_since", "_due_since", "busy_until", "clock")

    def __init__(self) -> None:
        self.clock = ArrivalClock()
        self.busy_until = 0
        """When the loop was last seen at work: a read sets it, and longer work has to at its end."""
        self._asleep_since = self._awake_since = 0
        self._due_since = 0
        """No byte that came later than that has been waiting for the loop without being seen."""

    def slept(self, stamp: int, now: int) -> bool:
        """Whether the loop slept until shortly before the bytes read now arrived (``stamp``).

        Then they came together. Else the first of them may have waited for the loop, while more
        came after it: the loop was busy, or got no processor when it should have woken.
        """
        if now - self.busy_until > _SLEEP_NS:
            self._asleep_since, self._awake_since, self._due_since = self.busy_until, now, stamp
        self.busy_until = now
        if self._awake_since - stamp > _TOLERANCE_NS:  # it should have woken for this
            self._due_since = self._asleep_since
        return stamp - self._due_since <= _TOLERANCE_NS
