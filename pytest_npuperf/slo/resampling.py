"""What a figure of a run might have been with other requests of the same kind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator

from pytest_npuperf.metrics.requests import Floats
from pytest_npuperf.metrics.resampling import (
    FEWEST_REQUESTS,
    RESAMPLES,
    needed_values,
    resampled_rate,
    resampled_statistic,
)
from pytest_npuperf.slo.stage_run import StageRun, figure, known_values

__all__ = ["CONFIDENCE", "needed_requests", "resampled"]

CONFIDENCE = 0.95
"""Of each bound of an interval by itself: the true figure lies past it in one case of 20."""

# Each rate as the sums over requests that it divides: counts (none: the requests themselves) by times.
_RATES: dict[str, tuple[tuple[str, ...], str]] = {
    "request_throughput": ((), "e2el"),
    "input_token_throughput": (("input_tokens",), "e2el"),
    "output_token_throughput": (("output_tokens",), "e2el"),
    "total_token_throughput": (("input_tokens", "output_tokens"), "e2el"),
    "prefill_token_throughput": (("input_tokens",), "ttft"),
}


def needed_requests(runs: Sequence[StageRun], metric: str, statistic: str | None) -> int:
    """How many requests a figure has to rest on, for its interval to have both sides.

    For a percentile so many values that its one-sided 95 % bounds exist: 299 for P99, or fewer requests
    where each has many gaps that differ. For means and rates 50.
    """
    if statistic is None:
        return FEWEST_REQUESTS if metric in _RATES else 1
    samples = [run.samples.get(metric) for run in runs]
    groups = [group for sample in samples if isinstance(sample, tuple) for group in sample if len(group)]
    return needed_values(statistic, groups, CONFIDENCE)


def resampled(run: StageRun, metric: str, statistic: str | None, rng: Generator) -> Floats | None:
    """A figure of a run, ``RESAMPLES`` times, each from requests drawn anew out of its own.

    None where one run does not show how a figure spreads: minima, maxima, counts.
    """
    if statistic is not None:
        return resampled_statistic(known_values(run, metric, statistic), statistic, rng)
    return _rate(run, metric, rng) if metric in _RATES else _share(run, metric, rng)


def _share(run: StageRun, metric: str, rng: Generator) -> Floats | None:
    value, n = figure(run, metric, None)
    return rng.binomial(n, value, size=RESAMPLES) / n if metric == "failure_rate" and value else None


def _rate(run: StageRun, metric: str, rng: Generator) -> Floats | None:
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
    drawn = resampled_rate(counts, times, clients, rng)
    # the run's own idle time was one of those drawn, so its value need not be in their middle
    drawn *= value / drawn.mean()
    return drawn
