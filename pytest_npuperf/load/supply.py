"""Which request is sent next, and whether it is measured: warmup, measured requests, cooldown."""

from __future__ import annotations

import time
from typing import NamedTuple

from pytest_npuperf.load.plan import LoadPlan
from pytest_npuperf.load.planned import PlannedReader, Row

__all__ = ["Supply", "Taken"]

_NS_PER_S = 1_000_000_000


class Taken(NamedTuple):
    """A request that somebody is about to send."""

    number: int
    row: Row
    measured: bool


class Supply:
    """Hands the requests of a plan out in their order, each once.

    The phases follow each other without a pause: whoever ended a warmup request takes a measured
    one next, while other warmup requests are still under way.
    """

    def __init__(self, plan: LoadPlan, planned: PlannedReader) -> None:
        self._plan = plan
        self._planned = planned
        self._next = 0
        self._measured = self._measured_under_way = self._cooldown = 0
        self._to_be_continued = 0
        """Conversations whose next turn nobody has taken yet."""
        self._no_more_measured = False
        self.measuring_since = 0
        """When the first measured request was taken, monotonic ns; 0 before."""

    @property
    def taken(self) -> int:
        """How far into the plan the load is."""
        return self._next

    @property
    def is_over(self) -> bool:
        """Whether all that is measured has ended."""
        return self._no_more_measured and not self._measured_under_way

    def enough(self) -> None:
        """Measure nothing more than what is under way."""
        self._no_more_measured = True

    def is_waiting(self) -> bool:
        """Whether the next request has not been written yet."""
        if self._next >= self._planned.known:
            self._planned.look()
        return self._next >= self._planned.known and not self._planned.complete

    def take(self) -> Taken | None:
        """The next request that continues no other; None where there is none (now: see ``is_waiting``)."""
        if self.is_waiting() or self._next >= self._planned.known:
            return None
        number = self._next
        self._next += 1
        while self._planned.row(self._next - 1).followed:
            self._next += 1
        return self._taken(number)

    def following(self, taken: Taken) -> Taken | None:
        """The request that continues one; None where there is none or the load is over."""
        if not taken.row.followed:
            return None
        self._to_be_continued -= 1
        return self._taken(taken.number + 1)

    def ended(self, taken: Taken) -> None:
        """Note that a request has ended."""
        self._measured_under_way -= taken.measured
        self._to_be_continued += taken.row.followed
        exhausted = self._planned.complete and self._next >= self._planned.known
        if exhausted and not self._measured_under_way and not self._to_be_continued:
            self._no_more_measured = True

    def _taken(self, number: int) -> Taken | None:
        if number < self._plan.warmup:
            return Taken(number, self._planned.row(number), measured=False)
        if self._may_measure():
            self._measured += 1
            self._measured_under_way += 1
            return Taken(number, self._planned.row(number), measured=True)
        if self.is_over or self._cooldown >= self._plan.cooldown:
            return None
        self._cooldown += 1
        return Taken(number, self._planned.row(number), measured=False)

    def _may_measure(self) -> bool:
        if self._no_more_measured:
            return False
        now = time.monotonic_ns()
        if not self.measuring_since:
            self.measuring_since = now
        requests, duration = self._plan.requests, self._plan.duration
        if requests is not None and self._measured >= requests:
            self._no_more_measured = True
        if duration is not None and now - self.measuring_since >= duration * _NS_PER_S:
            self._no_more_measured = True
        return not self._no_more_measured
