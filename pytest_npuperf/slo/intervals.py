"""How exactly a figure of a run is known: one-sided 95 % bounds on either side."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

import numpy as np

from pytest_npuperf.metrics.intervals import order_bounds, share_below
from pytest_npuperf.slo.resampling import needed_requests, resampled
from pytest_npuperf.slo.stage_run import StageRun, figure, known_values

__all__ = ["CONFIDENCE", "NO_INTERVAL", "Interval", "figure_interval", "wilson_interval"]

Interval = tuple[float | None, float | None]
"""Lower and upper bound, None on a side that has none."""

NO_INTERVAL: Interval = (None, None)
CONFIDENCE = 0.95
"""Of each bound by itself: the true figure lies past it in one case of 20."""
_SEED = 20240229


def figure_interval(run: StageRun, metric: str, statistic: str | None) -> Interval:
    """The bounds of a figure in its own unit; the same data always give the same ones.

    Requests are taken as independent of each other. A percentile of values that stand for a request
    each has distribution-free bounds, on each side as soon as there are values enough for it; a
    failure rate has Wilson's; averages, rates and figures of ``itl`` are resampled by request, from
    50 requests on. Minima, maxima and counts have none.
    """
    share = share_below(statistic)
    if metric == "failure_rate":
        return _failure_rate_interval(run)
    if share is not None and statistic is not None:
        values = known_values(run, metric, statistic)
        if not isinstance(values, tuple):
            return order_bounds(values, share, CONFIDENCE)
    return _resampled_interval(run, metric, statistic)


def wilson_interval(count: int, n: int) -> tuple[float, float]:
    """The bounds of a share, 0 to 1, of which ``count`` of ``n`` (at least one) were counted.

    E. B. Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", 1927.
    """
    z = NormalDist().inv_cdf(CONFIDENCE)
    share = count / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # rounding would leave a little above 0, or below 1
    return (middle - reach if count else 0.0, middle + reach if count < n else 1.0)


def _failure_rate_interval(run: StageRun) -> Interval:
    rate, n = figure(run, "failure_rate", None)
    return NO_INTERVAL if rate is None or not n else wilson_interval(round(rate * n), n)


def _resampled_interval(run: StageRun, metric: str, statistic: str | None) -> Interval:
    _, n = figure(run, metric, statistic)
    if n < needed_requests([run], metric, statistic):
        return NO_INTERVAL
    drawn = resampled(run, metric, statistic, np.random.default_rng(_SEED))
    if drawn is None:
        return NO_INTERVAL
    low, high = np.quantile(drawn, (1 - CONFIDENCE, CONFIDENCE))
    return float(low), float(high)
