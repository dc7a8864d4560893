"""The concurrency curve: how many requests are in flight at each moment."""

from __future__ import annotations

import numpy as np

from pytest_npuperf.trace import Ints

__all__ = ["concurrency_steps"]


def concurrency_steps(starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """The moments at which the number of requests in flight changes, and the number from then on."""
    moments = np.concatenate((starts, ends))
    changes = np.concatenate((np.ones_like(starts), -np.ones_like(ends)))
    times, places = np.unique(moments, return_inverse=True)
    # an end and a start in the same nanosecond cancel out: no step down and up again
    counts = np.cumsum(np.bincount(places, weights=changes, minlength=len(times)).astype(np.int64))
    return times, counts
