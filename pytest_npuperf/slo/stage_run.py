"""What one run measured for one stage of a case, request by request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil, floor, inf

import numpy as np

from pytest_npuperf.metrics.intervals import share_below
from pytest_npuperf.metrics.requests import Floats
from pytest_npuperf.metrics.sample import Sample

__all__ = ["StageRun", "figure", "figure_name", "figure_of_successes", "known_values"]

_INFINITE_WHERE_FAILED = ("e2el", "ttft", "tpot", "ttft_scheduled", "e2el_scheduled")


@dataclass(frozen=True, slots=True, eq=False)
class StageRun:
    """What one run measured for one stage of a case; seconds, tokens, token/s, req/s, shares.

    It is what every budget is judged by, whether the run has just ended or is one of a baseline.
    """

    samples: Mapping[str, Floats | tuple[Floats, ...]]
    """Metric -> a value for each successful request in their order, NaN where it has none; for
    ``itl`` an array of gaps for each. ``schedule_delay`` has all requests, ``receive_lag`` all chunks."""
    totals: Mapping[str, float]
    """Metric without a statistic -> its value. ``max_concurrency`` is among them in a closed loop."""


def figure_name(metric: str, statistic: str | None) -> str:
    """A figure as it stands in a budget: ``ttft.p99``, ``request_throughput``."""
    return metric if statistic is None else f"{metric}.{statistic}"


def figure(run: StageRun, metric: str, statistic: str | None) -> tuple[float | None, int]:
    """A figure of a run, None where it was not measured, and how many requests it rests on.

    For ``itl`` these are the requests that have gaps, for ``receive_lag`` it is chunks, for a metric
    without a statistic all requests that were sent.
    """
    if statistic is None:
        return run.totals.get(metric), int(run.totals.get("total_requests", 0))
    values = known_values(run, metric, statistic)
    if isinstance(values, tuple):
        return Sample(np.concatenate([np.empty(0), *values])).statistic(statistic), len(values)
    if np.isinf(values).any():
        return _with_infinite(values, share_below(statistic)), len(values)
    return Sample(values).statistic(statistic), len(values)


def figure_of_successes(run: StageRun, metric: str, statistic: str | None) -> float | None:
    """A figure of a run as if its failed requests had not been sent, None where it was not measured."""
    if statistic is None:
        return run.totals.get(metric)
    return figure(replace(run, totals={}), metric, statistic)[0]


def known_values(run: StageRun, metric: str, statistic: str) -> Floats | tuple[Floats, ...]:
    """What a statistic is formed of: a value, or an array of them, of each request that has any.

    In percentiles and the maximum of a latency each failed request is infinitely slow.
    """
    values = run.samples.get(metric, np.empty(0))
    if isinstance(values, tuple):
        return tuple(group for group in values if len(group))
    known = values[~np.isnan(values)]
    if metric not in _INFINITE_WHERE_FAILED or statistic in ("avg", "min"):
        return known
    return np.append(known, np.full(int(run.totals.get("failed_requests", 0)), inf))


def _with_infinite(values: Floats, share: float | None) -> float:
    """A percentile, or the maximum where ``share`` is None; numpy's has no answer between infinite values."""
    if share is None:
        return inf
    ordered, position = np.sort(values), share * (len(values) - 1)
    low, high = float(ordered[floor(position)]), float(ordered[ceil(position)])
    return low if low == high else low + (high - low) * (position - floor(position))
