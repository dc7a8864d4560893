"""What a figure might have been with other requests of the same kind: the bootstrap by request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, floor, log

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from pytest_npuperf.metrics.by_request import ByRequest, effective_size, pooled
from pytest_npuperf.metrics.requests import Floats
from pytest_npuperf.metrics.sample import share_below

__all__ = [
    "FEWEST_REQUESTS",
    "RESAMPLES",
    "SEED",
    "needed_values",
    "resampled_rate",
    "resampled_statistic",
]

RESAMPLES = 1000
SEED = 20240229
"""What intervals are drawn with: the same data always have the same one."""
FEWEST_REQUESTS = 50
"""Requests to draw from: with fewer, a resampled mean of skewed values is too sure of itself."""
_PLENTY = 10
"""Times as many requests as values are needed are enough, however alike the gaps of each are."""
_BLOCK = 50_000
"""Numbers that are made at once: they stay in the processor's cache."""
_TABLE_BLOCK = 500_000
"""The same where each block has a table to read that does not fit into it."""
_TABLE_ROWS = 10_000
"""Of such a table that are counted at once."""
_GRID = np.linspace(-4, 4, 257)
"""Log odds, counted from those of a percentile, of the shares of gaps that are told apart."""


def needed_values(statistic: str, groups: Sequence[Floats], confidence: float) -> int:
    """How many requests an average or a percentile has to rest on, to tell on both sides how sure it is.

    For a percentile so many values that the order statistics about it exist: 299 for P99 at 95 % on
    either side. Gaps take fewer requests the less those of one have in common, but 50 at least, as do
    means. Extremes take one.

    Args:
        statistic: By its name in budgets.
        groups: Gaps of requests, by which to tell how much one tells; empty where each has one value.
        confidence: Of each side.
    """
    share = share_below(statistic)
    if not share:  # P0 is the minimum
        return FEWEST_REQUESTS if statistic == "avg" else 1
    values = ceil(log(1 - confidence) / log(max(share, 1 - share)))
    if not groups:
        return values
    if len(groups) > _PLENTY * values:
        return values
    return max(FEWEST_REQUESTS, ceil(values * len(groups) / effective_size(groups, share)))


def resampled_statistic(values: ByRequest, statistic: str, rng: Generator) -> Floats | None:
    """An average or a percentile, ``RESAMPLES`` times, each from requests drawn anew out of those it has.

    Requests are taken as independent of each other; the gaps within one are not, so they are drawn
    together. None where there are no values, and for extremes: they do not show how those spread.
    """
    share = share_below(statistic)
    if not len(values) or (not share and statistic != "avg"):
        return None
    if isinstance(values, tuple):
        return _grouped_mean(values, rng) if share is None else _grouped_percentile(values, share, rng)
    return _mean(values, None, rng) if share is None else _percentile(values, share, rng)


def resampled_rate(counts: Floats, times: Floats, clients: int, rng: Generator) -> Floats:
    """A sum of counts by the time it took, ``RESAMPLES`` times, each from requests drawn anew.

    A load lasts as long as its requests and the idle time at its end, shared by the clients. So
    durations are drawn, too: a rate of few long requests is less sure than that of many short ones.

    Args:
        counts: One a request.
        times: As many; not all 0.
        clients: Of a closed loop; 1 where none waits for another.
        rng: What to draw with.
    """
    return np.concatenate(
        [
            weights @ counts / (weights @ times + _idle_time(times, clients, len(weights), rng))
            for weights in _weights(len(times), rng)
        ]
    )


def _percentile(values: Floats, share: float, rng: Generator) -> Floats:
    """The percentile of n draws from n values: just the bootstrap, without drawing them all.

    The k-th smallest of n draws is the value at the k-th smallest of n uniform places, which has a
    beta distribution (H. A. David and H. N. Nagaraja, "Order Statistics", 2.1).
    """
    n, ordered = len(values), np.sort(values)
    position = share * (n - 1)
    k = floor(position) + 1
    place = rng.beta(k, n - k + 1, size=RESAMPLES)
    low: Floats = ordered[(n * place).astype(np.intp).clip(max=n - 1)]
    if position == floor(position):
        return low
    place += (1 - place) * rng.beta(1, n - k, size=RESAMPLES)
    high = ordered[(n * place).astype(np.intp).clip(max=n - 1)]
    # two infinite values have no difference
    step = np.subtract(high, low, out=np.zeros(RESAMPLES), where=low < high)
    low += step * (position - floor(position))
    return low


def _mean(sums: Floats, counts: Floats | None, rng: Generator) -> Floats:
    """``counts`` of None are ones, of which n draws always have n."""
    n = len(sums)
    return np.concatenate(
        [weights @ sums / (n if counts is None else weights @ counts) for weights in _weights(n, rng)]
    )


def _grouped_mean(groups: tuple[Floats, ...], rng: Generator) -> Floats:
    return _mean(np.array([group.sum() for group in groups]), _sizes(groups), rng)


def _grouped_percentile(groups: tuple[Floats, ...], share: float, rng: Generator) -> Floats:
    """From the number of gaps of each request below the edges of a grid, fine about the percentile."""
    values, sizes = pooled(groups), _sizes(groups)
    shares = 1 / (1 + np.exp(-(log(share / (1 - share)) + _GRID)))
    edges = np.unique(np.append(np.quantile(values, shares, method="inverted_cdf"), values.max()))
    below = _counts_below(np.searchsorted(edges, values), sizes.astype(np.intp), len(edges))
    found = [
        (weights.astype(np.float32) @ below >= share * (weights @ sizes)[:, None]).argmax(axis=1)
        for weights in _weights(len(groups), rng, _TABLE_BLOCK)
    ]
    drawn: Floats = edges[np.concatenate(found)]
    return drawn


def _counts_below(columns: NDArray[np.intp], sizes: NDArray[np.intp], width: int) -> NDArray[np.float32]:
    """How many values of each request lie in or below each column; 32 bits hold such counts exactly."""
    below = np.empty((len(sizes), width), dtype=np.float32)
    ends = np.cumsum(sizes)
    for first in range(0, len(sizes), _TABLE_ROWS):
        rows = sizes[first : first + _TABLE_ROWS]
        start = ends[first] - sizes[first]
        places = np.repeat(np.arange(len(rows)), rows) * width + columns[start : start + rows.sum()]
        counts = np.bincount(places, minlength=len(rows) * width).reshape(len(rows), width)
        below[first : first + len(rows)] = counts.cumsum(axis=1)
    return below


def _sizes(groups: tuple[Floats, ...]) -> Floats:
    return np.array([len(group) for group in groups], dtype=np.float64)


def _idle_time(times: Floats, clients: int, size: int, rng: Generator) -> Floats:
    """How long the clients of a closed loop together wait for its last answer.

    When the last request is sent, every other client has one under way: a long one rather than a
    short one, and a part of it, as likely small as large, is still to come.
    """
    left = rng.choice(times, p=times / times.sum(), size=(size, clients)) * rng.random((size, clients))
    idle: Floats = clients * left.max(axis=1) - left.sum(axis=1)
    return idle


def _weights(n: int, rng: Generator, block: int = _BLOCK) -> Iterator[Floats]:
    """How often each of n requests is drawn in n draws: a row a resample, some rows at a time."""
    rows = max(1, block // n)
    for start in range(0, RESAMPLES, rows):
        count = min(rows, RESAMPLES - start)
        places = rng.integers(n, size=(count, n))
        places += n * np.arange(count)[:, None]
        yield np.bincount(places.ravel(), minlength=count * n).reshape(count, n).astype(np.float64)
