"""What one run measured for one stage of a case, request by request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from pytest_npuperf.metrics import by_request
from pytest_npuperf.metrics.by_request import ByRequest, figure_of

__all__ = ["StageRun", "figure", "figure_name", "figure_of_successes", "known_values"]


@dataclass(frozen=True, slots=True, eq=False)
class StageRun:
    """What one run measured for one stage of a case; seconds, tokens, token/s, req/s, shares.

    It is what every budget is judged by, whether the run has just ended or is one of a baseline.
    """

    samples: Mapping[str, ByRequest]
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
    return figure_of(values, statistic), len(values)


def figure_of_successes(run: StageRun, metric: str, statistic: str | None) -> float | None:
    """A figure of a run as if its failed requests had not been sent, None where it was not measured."""
    if statistic is None:
        return run.totals.get(metric)
    return figure(replace(run, totals={}), metric, statistic)[0]


def known_values(run: StageRun, metric: str, statistic: str) -> ByRequest:
    """What a statistic is formed of: a value, or an array of them, of each request that has any.

    In percentiles and the maximum of a latency each failed request is infinitely slow.
    """
    failed = int(run.totals.get("failed_requests", 0))
    return by_request.known_values(run.samples.get(metric, np.empty(0)), metric, statistic, failed)
