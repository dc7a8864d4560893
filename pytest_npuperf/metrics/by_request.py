"""What each request gave, and the figures that are formed of it."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, inf

import numpy as np

from pytest_npuperf.metrics.gaps import chunk_gaps
from pytest_npuperf.metrics.requests import Floats, RequestValues, request_values
from pytest_npuperf.metrics.sample import Sample, share_below
from pytest_npuperf.trace import Trace

__all__ = [
    "ByRequest",
    "effective_size",
    "figure_of",
    "gaps_by_request",
    "known_values",
    "pooled",
    "request_column",
    "values_of",
]

ByRequest = Floats | tuple[Floats, ...]
"""A value for each request, NaN where it has none, or for each an array of its values, such as its gaps."""

_OF_ALL_REQUESTS = ("schedule_delay",)
_INFINITE_WHERE_FAILED = ("e2el", "ttft", "tpot", "ttft_scheduled", "e2el_scheduled")


def request_column(trace: Trace, values: RequestValues, metric: str) -> Floats:
    """A metric's value for each successful request in their order; ``schedule_delay`` has all requests.

    Args:
        trace: The requests.
        values: Their values, of ``request_values``.
        metric: By its name in budgets.
    """
    column: Floats = getattr(values, metric.removeprefix("request_"))
    return column if metric in _OF_ALL_REQUESTS else column[trace.succeeded]


def gaps_by_request(trace: Trace) -> tuple[Floats, ...]:
    """The gaps between the chunks of each successful request that has any: ``itl``."""
    return tuple(chunk_gaps(trace, np.flatnonzero(trace.succeeded)))


def values_of(trace: Trace, metric: str, statistic: str) -> ByRequest:
    """What a statistic of a load is formed of, as ``known_values`` has it."""
    if metric == "itl":
        return gaps_by_request(trace)
    failed = len(trace) - int(trace.succeeded.sum()) - int(trace.cancelled.sum())
    return known_values(request_column(trace, request_values(trace), metric), metric, statistic, failed)


def known_values(values: ByRequest, metric: str, statistic: str, failed: int) -> ByRequest:
    """What a statistic is formed of: a value, or an array of them, of each request that has any.

    In percentiles and the maximum of a latency each failed request is infinitely slow.

    Args:
        values: Of the metric, by request.
        metric: By its name in budgets.
        statistic: By its name in budgets.
        failed: How many requests failed.
    """
    if isinstance(values, tuple):
        return tuple(group for group in values if len(group))
    known = values[~np.isnan(values)]
    if metric not in _INFINITE_WHERE_FAILED or statistic in ("avg", "min"):
        return known
    return np.append(known, np.full(failed, inf))


def figure_of(values: ByRequest, statistic: str) -> float | None:
    """A statistic of ``known_values``, those of all requests together; None where there are none."""
    if isinstance(values, tuple):
        return Sample(pooled(values)).statistic(statistic)
    if np.isinf(values).any():
        return _with_infinite(values, share_below(statistic))
    return Sample(values).statistic(statistic)


def pooled(groups: tuple[Floats, ...]) -> Floats:
    """The values of all requests in one array."""
    return np.concatenate([np.empty(0), *groups])


def effective_size(groups: Sequence[Floats], share: float) -> float:
    """How many independent values would tell as much of a percentile as the values of these requests.

    As many as there are where those of a request have nothing in common, as many as requests where they
    are all alike: a share's variance of independent values by its variance of requests (E. L. Korn and
    B. I. Graubard, "Confidence intervals for proportions with small expected number of positive counts
    estimated from survey data", 1998).

    Args:
        groups: The values of each request, at least one each.
        share: Of the values below the percentile, between 0 and 1.
    """
    n, sizes = len(groups), np.array([len(group) for group in groups], dtype=np.float64)
    if n < 2:
        return float(n)
    values, total = np.concatenate(groups), float(sizes.sum())
    edge = np.quantile(values, share, method="inverted_cdf")
    beyond = values > edge if (values > edge).any() else values >= edge
    counts = np.add.reduceat(
        beyond.astype(np.float64), np.cumsum(sizes).astype(np.intp) - sizes.astype(np.intp)
    )
    found = counts.sum() / total
    variance = ((counts - found * sizes) ** 2).sum() / total**2
    # what is left of rounding must not take one of exactly enough values away
    return min(total, round(found * (1 - found) / variance, 6)) if variance else total


def _with_infinite(values: Floats, share: float | None) -> float:
    """A percentile, or the maximum where ``share`` is None; numpy's has no answer between infinite values."""
    if share is None:
        return inf
    ordered, position = np.sort(values), share * (len(values) - 1)
    low, high = float(ordered[floor(position)]), float(ordered[ceil(position)])
    return low if low == high else low + (high - low) * (position - floor(position))
