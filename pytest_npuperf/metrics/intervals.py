"""Confidence intervals of statistics, and whether a figure is known exactly enough."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log, log1p
from typing import Protocol

import numpy as np

from pytest_npuperf.metrics.gaps import chunk_gaps
from pytest_npuperf.metrics.requests import Floats, request_values
from pytest_npuperf.metrics.sample import Sample
from pytest_npuperf.trace import Trace

__all__ = ["interval", "is_precise", "order_bounds", "share_below"]

_RESAMPLES = 500
_SEED = 20240229
_FEWEST_REQUESTS = 50
"""Requests to draw from: with fewer, a resampled mean of skewed values is too sure of itself."""
_FEWEST_BEYOND = 10
"""Gaps on the short side of a percentile: with fewer, resampling repeats the same ones."""


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

    Its half-width is held against the figure. A figure without an interval is not precise.
    """
    values = _by_request(trace, asked.metric)
    bounds = interval(values, asked.statistic)
    if bounds is None:
        return False
    estimate = Sample(_pooled(values)).statistic(asked.statistic)
    return estimate is not None and (bounds[1] - bounds[0]) / 2 <= asked.share * abs(estimate)


def interval(
    sample: Floats | Sequence[Floats], statistic: str, confidence: float = 0.95
) -> tuple[float, float] | None:
    """The two-sided confidence interval of ``avg``, ``median`` or a percentile such as ``p99.9``.

    None where there are too few values for one, and for ``min`` and ``max``, which have none.
    Either bound alone is a one-sided one of confidence ``(1 + confidence) / 2``. Requests are
    taken as independent of each other.

    A percentile of values that stand for a request each has the exact, distribution-free interval
    between two order statistics (H. A. David and H. N. Nagaraja, "Order Statistics", 7.1). All
    others are resampled by request (percentile bootstrap, always with the same seed): the gaps
    within one answer have much in common, and taken by themselves would promise too much.

    Args:
        sample: One value a request, or for each request an array of its values.
        statistic: By its name in budgets.
        confidence: Between 0 and 1.
    """
    share = share_below(statistic)
    if share is None and statistic != "avg":
        return None
    if isinstance(sample, np.ndarray):
        if share is not None:
            return _order_interval(sample, share, confidence)
        return _mean_interval(sample, np.ones(len(sample)), confidence)
    if share is not None:
        return _pooled_percentile_interval(sample, share, confidence)
    sums = np.array([values.sum() for values in sample])
    counts = np.array([float(len(values)) for values in sample])
    return _mean_interval(sums, counts, confidence)


def share_below(statistic: str | None) -> float | None:
    """The share of values below a percentile, None for any other statistic."""
    if statistic == "median":
        return 0.5
    return float(statistic[1:]) / 100 if statistic and statistic.startswith("p") else None


def order_bounds(values: Floats, share: float, confidence: float) -> tuple[float | None, float | None]:
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
        return None, None
    n, below = len(values), _binomial_cdf(len(values), share)
    low = int(np.searchsorted(below, 1 - confidence, side="right"))
    high = int(np.searchsorted(below, confidence, side="left")) + 1
    ordered = np.sort(values)
    return (
        float(ordered[low - 1]) if low >= 1 else None,
        float(ordered[high - 1]) if high <= n else None,
    )


def _order_interval(values: Floats, share: float, confidence: float) -> tuple[float, float] | None:
    low, high = order_bounds(values, share, (1 + confidence) / 2)
    return None if low is None or high is None else (low, high)


def _binomial_cdf(n: int, p: float) -> Floats:
    """Of 0 to n successes in n trials, by logarithms, so that no term over- or underflows."""
    log_factorials = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, n + 1)))))
    k = np.arange(n + 1)
    logs = log_factorials[n] - log_factorials - log_factorials[::-1] + k * log(p) + (n - k) * log1p(-p)
    return np.cumsum(np.exp(logs))


def _mean_interval(sums: Floats, counts: Floats, confidence: float) -> tuple[float, float] | None:
    if len(sums) < _FEWEST_REQUESTS:
        return None
    means = [float(weights @ sums / (weights @ counts)) for weights in _resamples(len(sums))]
    return _middle(means, confidence)


def _pooled_percentile_interval(
    groups: Sequence[Floats], share: float, confidence: float
) -> tuple[float, float] | None:
    values = _pooled(groups)
    if len(groups) < _FEWEST_REQUESTS or len(values) * min(share, 1 - share) < _FEWEST_BEYOND:
        return None
    order = np.argsort(values)
    values, owners = values[order], np.repeat(np.arange(len(groups)), [len(group) for group in groups])[order]
    percentiles = []
    for weights in _resamples(len(groups)):
        below = np.cumsum(weights[owners])
        percentiles.append(float(values[np.searchsorted(below, share * below[-1])]))
    return _middle(percentiles, confidence)


def _resamples(n: int) -> Iterator[Floats]:
    """How often each of n requests is drawn in n draws, again and again."""
    rng = np.random.default_rng(_SEED)
    for _ in range(_RESAMPLES):
        yield np.bincount(rng.integers(n, size=n), minlength=n).astype(np.float64)


def _middle(figures: Sequence[float], confidence: float) -> tuple[float, float]:
    tail = (1 - confidence) / 2
    low, high = np.quantile(figures, (tail, 1 - tail))
    return float(low), float(high)


def _by_request(trace: Trace, metric: str) -> Floats | list[Floats]:
    """The values that a sample of ``Summary`` rests on, by request."""
    good = trace.succeeded
    if metric == "itl":
        return chunk_gaps(trace, np.flatnonzero(good))
    values: Floats = getattr(request_values(trace), metric.removeprefix("request_"))
    values = values if metric == "schedule_delay" else values[good]
    return values[~np.isnan(values)]


def _pooled(sample: Floats | Sequence[Floats]) -> Floats:
    return sample if isinstance(sample, np.ndarray) else np.concatenate([np.empty(0), *sample])
