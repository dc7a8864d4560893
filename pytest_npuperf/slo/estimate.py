"""The figure that a budget bounds, and how exactly it is known."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_npuperf.metrics.intervals import NO_INTERVAL, Interval
from pytest_npuperf.slo.budget import Budget
from pytest_npuperf.slo.goodput import goodput
from pytest_npuperf.slo.intervals import figure_interval, wilson_interval
from pytest_npuperf.slo.resampling import needed_requests
from pytest_npuperf.slo.stage_run import StageRun, figure, figure_of_successes
from pytest_npuperf.slo.vocabulary import METRICS

__all__ = ["Estimate", "estimated"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """The figure of a budget in the unit of its bound, from one run or from several pooled."""

    value: float | None
    """None where it was not measured."""
    n: int
    """Requests that it rests on; chunks for ``receive_lag``."""
    interval: Interval = NO_INTERVAL
    needed_n: int | None = None
    """How many requests a whole interval takes, where there are fewer."""
    of_successes: float | None = None
    """The same figure of the successful requests alone, where it is another."""
    reason: str = ""
    """Why it was not measured, where that can be told."""


def estimated(run: StageRun, budget: Budget) -> Estimate:
    """The figure that a budget bounds, of one stage."""
    if budget.parts:
        return _goodput_estimate(run, budget)
    metric, statistic = budget.metric, budget.statistic
    value, n = figure(run, metric, statistic)
    if value is None or METRICS[metric].of_chunks:
        return Estimate(value, n)
    needed = needed_requests([run], metric, statistic)
    alone = figure_of_successes(run, metric, statistic)
    return Estimate(
        value,
        n,
        _around(value, figure_interval(run, metric, statistic)),
        needed if n < needed else None,
        alone if alone != value else None,
    )


def _around(value: float, interval: Interval) -> Interval:
    """Of few values the estimate is interpolated, and may lie outside of the order statistics about it."""
    low, high = interval
    return None if low is None else min(low, value), None if high is None else max(high, value)


def _goodput_estimate(run: StageRun, budget: Budget) -> Estimate:
    counted = goodput(run, budget.parts)
    scale = 1 / counted.n if counted.n else None
    if budget.metric == "goodput_rate":
        scale = _rate_of_one(run)
    if counted.unmeasured:
        return Estimate(None, counted.n, reason=f"no request has a {counted.unmeasured}")
    if scale is None or not counted.n:
        return Estimate(None, 0)
    low, high = wilson_interval(counted.good, counted.n)
    whole = scale * counted.n
    return Estimate(counted.good * scale, counted.n, (low * whole, high * whole))


def _rate_of_one(run: StageRun) -> float | None:
    """What one request adds to the Request Throughput of the stage: 1 / Benchmark Duration.

    In the steady stage it is more: throughputs are there the window's own.
    """
    throughput, successes = run.totals.get("request_throughput"), run.totals.get("success_requests")
    if throughput and successes:
        return throughput / successes
    duration = run.totals.get("benchmark_duration")
    return 1 / duration if duration else None
