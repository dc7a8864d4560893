"""Over-saturation: a queue that grows as long as requests arrive."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter

__all__ = ["LoadPoint", "is_saturated"]

_PARTS = 3
_MARGIN = 0.10
_Z = 4.0

_elapsed = attrgetter("elapsed")


@dataclass(frozen=True, slots=True)
class LoadPoint:
    """Where an open loop stands ``elapsed`` seconds after its start."""

    elapsed: float
    in_flight: int
    done: int

    @property
    def arrived(self) -> int:
        """Requests sent until then."""
        return self.in_flight + self.done


def is_saturated(points: Sequence[LoadPoint], *, settled: float) -> bool:
    """Whether the queue of an open loop grows without end.

    It does where, in each third of the time since ``settled``, fewer than 90 % as many requests
    ended as arrived, and where the requests in flight have grown by more than four times what
    chance gives two independent counts (Poisson: the square root of their sum). A server that
    bears the load is then very rarely taken for one that does not; a small excess of arrivals
    takes long to tell: one of a half about 100 requests, one of a fifth about 700.

    Args:
        points: The load over its time, rising.
        settled: Seconds after which a server that bears the load ends as many requests as arrive:
            as long as the answers take, for until then it has only begun.
    """
    points = points[bisect_left(points, settled, key=_elapsed) :]
    if len(points) <= _PARTS:
        return False
    begin, end = points[0], points[-1]
    length = (end.elapsed - begin.elapsed) / _PARTS
    inner = [
        points[bisect_left(points, begin.elapsed + part * length, key=_elapsed)] for part in range(1, _PARTS)
    ]
    for earlier, later in pairwise([begin, *inner, end]):
        if later.done - earlier.done >= (1 - _MARGIN) * (later.arrived - earlier.arrived):
            return False
    by_chance = math.sqrt(end.arrived - begin.arrived + end.done - begin.done)
    return end.in_flight - begin.in_flight > _Z * by_chance
