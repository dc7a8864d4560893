"""Confidence intervals of averages and percentiles, and whether a figure is known exactly enough."""

from __future__ import annotations

from math import ceil, floor, isinf, log, log1p
from typing import Protocol

import numpy as np

from pytest_npuperf.metrics.by_request import ByRequest, effective_size, figure_of, pooled, values_of
from pytest_npuperf.metrics.requests import Floats
from pytest_npuperf.metrics.resampling import FEWEST_REQUESTS, SEED, resampled_statistic
from pytest_npuperf.metrics.sample import share_below
from pytest_npuperf.trace import Trace

__all__ = [
    "NO_INTERVAL",
    "Interval",
    "drawn_bounds",
    "interval",
    "is_precise",
    "order_bounds",
    "statistic_bounds",
]

Interval = tuple[float | None, float | None]
"""Lower and upper bound, None on a side that has none."""

NO_INTERVAL: Interval = (None, None)


class Asked(Protocol):
    """What a figure is asked to be known to: ``slo.Precision``."""

    @property
    def metric(self) -> str:
        """A sample of ``Summary`` that has a value, or gaps, for each request."""

    @property
    def statistic(self) -> str:
        """avg, median or a percentile."""

    @property
    def share(self) -> float:
        """The half-width of the interval as a share of the figure."""


def is_precise(asked: Asked, trace: Trace) -> bool:
    """Whether the 95 % interval of a figure reaches no further to either side than it may.

    The figure and its interval are those of a verdict, where failed requests are infinitely slow.
    Half the interval's width is held against the figure. A figure without an interval is not precise.
    """
    values = values_of(trace, asked.metric, asked.statistic)
    bounds, figure = interval(values, asked.statistic), figure_of(values, asked.statistic)
    if bounds is None or figure is None:
        return False
    low, high = bounds
    if isinf(high):  # it is known to be infinite, or it may be anything
        return low == high
    return (high - low) / 2 <= asked.share * abs(figure)


def interval(values: ByRequest, statistic: str, confidence: float = 0.95) -> tuple[float, float] | None:
    """The two-sided interval of ``statistic_bounds``; None where it lacks a side.

    Either bound alone is a one-sided one of confidence ``(1 + confidence) / 2``.
    """
    low, high = statistic_bounds(values, statistic, (1 + confidence) / 2)
    return None if low is None or high is None else (low, high)


def statistic_bounds(values: ByRequest, statistic: str, confidence: float) -> Interval:
    """The one-sided bounds of an average or a percentile such as ``p99.9``.

    None on a side for which there are too few values, and for minima and maxima, which have none.
    Requests are taken as independent of each other.

    A percentile of values that stand for a request each has the exact, distribution-free bounds of
    order statistics (H. A. David and H. N. Nagaraja, "Order Statistics", 7.1). The gaps within one
    answer have much in common, and taken by themselves would promise too much: their percentiles have
    the bounds of as many values as they are worth (``effective_size``). Averages are resampled by
    request (percentile bootstrap, always with the same seed).

    Args:
        values: One a request, or for each request an array of its values.
        statistic: By its name in budgets.
        confidence: Of each bound, between 0.5 and 1.
    """
    share = share_below(statistic)
    if share is not None:
        if isinstance(values, tuple):
            return _grouped_bounds(values, share, confidence)
        return order_bounds(values, share, confidence)
    if len(values) < FEWEST_REQUESTS:
        return NO_INTERVAL
    return drawn_bounds(resampled_statistic(values, statistic, np.random.default_rng(SEED)), confidence)


def drawn_bounds(drawn: Floats | None, confidence: float) -> Interval:
    """The one-sided bounds of a figure of which it is known how it is distributed; None where it is not."""
    if drawn is None:
        return NO_INTERVAL
    low, high = np.quantile(drawn, (1 - confidence, confidence))
    return float(low), float(high)


def order_bounds(values: Floats, share: float, confidence: float) -> Interval:
    """The one-sided bounds of a percentile, each of the given confidence; None where no value is one.

    How many of n values lie below the percentile has a binomial distribution, so the bounds are the
    value that stands so far down, and the one so far up, that the tails hold the rest. This is so for
    any distribution, and for infinite values as for others.

    Args:
        values: One a request.
        share: Of the values below the percentile, 0 to 1; 0 and 1 are extremes, which have no bounds.
        confidence: Between 0.5 and 1.
    """
    if not 0 < share < 1:
        return NO_INTERVAL
    low, high = _order_places(len(values), share, confidence)
    ordered = np.sort(values)
    return (
        float(ordered[low - 1]) if low >= 1 else None,
        float(ordered[high - 1]) if high <= len(values) else None,
    )


def _grouped_bounds(groups: tuple[Floats, ...], share: float, confidence: float) -> Interval:
    """Those of ``order_bounds`` for as many values as the groups are worth, stretched over all of them."""
    if not 0 < share < 1 or len(groups) < FEWEST_REQUESTS:
        return NO_INTERVAL
    worth, ordered = floor(effective_size(groups, share)), np.sort(pooled(groups))
    low, high = _order_places(worth, share, confidence)
    return (
        float(ordered[(low - 1) * len(ordered) // worth]) if low >= 1 else None,
        float(ordered[ceil(high * len(ordered) / worth) - 1]) if high <= worth else None,
    )


def _order_places(n: int, share: float, confidence: float) -> tuple[int, int]:
    """Which of n ordered values, from 1, are the bounds of a percentile; 0 and n + 1 where none is."""
    below = _binomial_cdf(n, share)
    low = int(np.searchsorted(below, 1 - confidence, side="right"))
    return low, int(np.searchsorted(below, confidence, side="left")) + 1


def _binomial_cdf(n: int, p: float) -> Floats:
    """Of 0 to n successes in n trials, by logarithms, so that no term over- or underflows."""
    log_factorials = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, n + 1)))))
    k = np.arange(n + 1)
    logs = log_factorials[n] - log_factorials - log_factorials[::-1] + k * log(p) + (n - k) * log1p(-p)
    return np.cumsum(np.exp(logs))
