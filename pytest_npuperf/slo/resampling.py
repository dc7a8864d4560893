"""What a figure of a run might have been with other requests of the same kind: the bootstrap by request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil, floor, log

import numpy as np
from numpy.random import Generator

from pytest_npuperf.metrics.intervals import share_below
from pytest_npuperf.metrics.requests import Floats
from pytest_npuperf.slo.stage_run import StageRun, figure, known_values

__all__ = ["RESAMPLES", "needed_requests", "resampled"]

RESAMPLES = 1000
_BLOCK = 50_000
"""Numbers that are made at once: they stay in the processor's cache."""
_FEWEST_REQUESTS = 50
"""Requests to draw from: with fewer, a resampled mean of skewed values is too sure of itself."""
_GRID = np.linspace(-4, 4, 257)
"""Log odds, counted from those of a percentile, of the shares of gaps that are told apart."""

# Each rate as the sums over requests that it divides: counts (none: the requests themselves) by times.
_RATES: dict[str, tuple[tuple[str, ...], str]] = {
    "request_throughput": ((), "e2el"),
    "input_token_throughput": (("input_tokens",), "e2el"),
    "output_token_throughput": (("output_tokens",), "e2el"),
    "total_token_throughput": (("input_tokens", "output_tokens"), "e2el"),
    "prefill_token_throughput": (("input_tokens",), "ttft"),
}


def needed_requests(runs: Sequence[StageRun], metric: str, statistic: str | None) -> int:
    """How many requests a figure has to rest on, for resampling to tell how sure it is.

    For a percentile so many values that its one-sided 95 % interval exists: 299 for P99. For means
    and rates, and for gaps of which a request has many, 50.
    """
    share = share_below(statistic)
    if not share:  # P0 is the minimum
        return _FEWEST_REQUESTS if statistic == "avg" or metric in _RATES else 1
    values = ceil(log(0.05) / log(max(share, 1 - share)))
    samples = [run.samples.get(metric) for run in runs]
    groups = [group for sample in samples if isinstance(sample, tuple) for group in sample if len(group)]
    if not groups:
        return values
    return max(_FEWEST_REQUESTS, ceil(values * len(groups) / sum(map(len, groups))))


def resampled(run: StageRun, metric: str, statistic: str | None, rng: Generator) -> Floats | None:
    """A figure of a run, ``RESAMPLES`` times, each from requests drawn anew out of its own.

    Requests are taken as independent of each other; the gaps within one are not, so they are
    drawn together. None where one run does not show how a figure spreads: minima, maxima, counts.
    """
    if statistic is None:
        return _rate(run, metric, rng) if metric in _RATES else _share(run, metric, rng)
    share = share_below(statistic)
    if not share and statistic != "avg":
        return None
    values = known_values(run, metric, statistic)
    if not len(values):
        return None
    if isinstance(values, tuple):
        return _grouped_mean(values, rng) if share is None else _grouped_percentile(values, share, rng)
    return _mean(values, np.ones(len(values)), rng) if share is None else _percentile(values, share, rng)


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


def _mean(sums: Floats, counts: Floats, rng: Generator) -> Floats:
    return np.concatenate([weights @ sums / (weights @ counts) for weights in _weights(len(sums), rng)])


def _grouped_mean(groups: tuple[Floats, ...], rng: Generator) -> Floats:
    return _mean(np.array([group.sum() for group in groups]), _sizes(groups), rng)


def _grouped_percentile(groups: tuple[Floats, ...], share: float, rng: Generator) -> Floats:
    """From the number of gaps of each request below the edges of a grid, fine about the percentile."""
    values, sizes = np.concatenate(groups), _sizes(groups)
    shares = 1 / (1 + np.exp(-(log(share / (1 - share)) + _GRID)))
    edges = np.unique(np.append(np.quantile(values, shares, method="inverted_cdf"), values.max()))
    rows = np.repeat(np.arange(len(groups)), sizes.astype(np.intp))
    places = rows * len(edges) + np.searchsorted(edges, values)
    counts = np.bincount(places, minlength=len(groups) * len(edges)).reshape(len(groups), -1)
    below = counts.cumsum(axis=1).astype(np.float64)
    found = [
        (weights @ below >= share * (weights @ sizes)[:, None]).argmax(axis=1)
        for weights in _weights(len(groups), rng)
    ]
    drawn: Floats = edges[np.concatenate(found)]
    return drawn


def _sizes(groups: tuple[Floats, ...]) -> Floats:
    return np.array([len(group) for group in groups], dtype=np.float64)


def _share(run: StageRun, metric: str, rng: Generator) -> Floats | None:
    value, n = figure(run, metric, None)
    return rng.binomial(n, value, size=RESAMPLES) / n if metric == "failure_rate" and value else None


def _rate(run: StageRun, metric: str, rng: Generator) -> Floats | None:
    """A benchmark lasts as long as its requests and the idle time at its end, shared by the clients.

    So durations are drawn, too: a rate of few long requests is less sure than that of many short ones.
    """
    counted, timed = _RATES[metric]
    columns = [run.samples[name] for name in (*counted, timed) if name in run.samples]
    value, _ = figure(run, metric, None)
    if not value or len(columns) <= len(counted):
        return None
    table = np.array(columns)
    table = table[:, ~np.isnan(table).any(axis=0)]
    times, counts = table[-1], table[:-1].sum(axis=0) if counted else np.ones(table.shape[1])
    if not times.sum():
        return None
    clients = int(run.totals.get("max_concurrency", 1)) if timed == "e2el" else 1
    drawn: Floats = np.concatenate(
        [
            weights @ counts / (weights @ times + _idle_time(times, clients, len(weights), rng))
            for weights in _weights(len(times), rng)
        ]
    )
    # the run's own idle time was one of those drawn, so its value need not be in their middle
    drawn *= value / drawn.mean()
    return drawn


def _idle_time(times: Floats, clients: int, size: int, rng: Generator) -> Floats:
    """How long the clients of a closed loop together wait for its last answer.

    When the last request is sent, every other client has one under way: a long one rather than a
    short one, and a part of it, as likely small as large, is still to come.
    """
    left = rng.choice(times, p=times / times.sum(), size=(size, clients)) * rng.random((size, clients))
    idle: Floats = clients * left.max(axis=1) - left.sum(axis=1)
    return idle


def _weights(n: int, rng: Generator) -> Iterator[Floats]:
    """How often each of n requests is drawn in n draws: a row a resample, some rows at a time."""
    rows = max(1, _BLOCK // n)
    for start in range(0, RESAMPLES, rows):
        count = min(rows, RESAMPLES - start)
        places = rng.integers(n, size=(count, n)) + n * np.arange(count)[:, None]
        yield np.bincount(places.ravel(), minlength=count * n).reshape(count, n).astype(np.float64)
