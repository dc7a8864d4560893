"""The figures that are compared."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from benchmarks.client import Statistics

__all__ = ["mean_p50_p99", "statistics_of"]


def statistics_of(answers: Sequence[tuple[int, Sequence[int]]]) -> Statistics:
    """Statistics of answers: when each request was sent or received, and its chunks; monotonic ns."""
    ttft = [(stamps[0] - start) / 1e6 for start, stamps in answers]
    itl = [(later - earlier) / 1e6 for _, stamps in answers for earlier, later in pairwise(stamps)]
    _, itl_p50, itl_p99 = mean_p50_p99(itl)
    return Statistics(*mean_p50_p99(ttft), itl_p50, itl_p99)


def mean_p50_p99(values: Sequence[float]) -> tuple[float | None, float | None, float | None]:
    """Percentiles interpolate linearly; None of no values."""
    # late: the aiohttp client's environment has no numpy
    import numpy as np

    if not values:
        return None, None, None
    p50, p99 = np.percentile(values, (50, 99))
    return float(np.mean(values)), float(p50), float(p99)
