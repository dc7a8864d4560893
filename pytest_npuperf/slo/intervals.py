"""How exactly a figure of a run is known: one-sided 95 % bounds on either side."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

import numpy as np

from pytest_npuperf.metrics.intervals import NO_INTERVAL, Interval, drawn_bounds, statistic_bounds
from pytest_npuperf.metrics.resampling import SEED
from pytest_npuperf.slo.resampling import CONFIDENCE, needed_requests, resampled
from pytest_npuperf.slo.stage_run import StageRun, figure, known_values

__all__ = ["figure_interval", "wilson_interval"]


def figure_interval(run: StageRun, metric: str, statistic: str | None) -> Interval:
    """The bounds of a figure in its own unit; the same data always give the same ones.

    Requests are taken as independent of each other. A percentile has distribution-free bounds, on each
    side as soon as there are values enough for it; a failure rate has Wilson's; averages and rates are
    resampled by request, from 50 requests on. Minima, maxima and counts have none.
    """
    if statistic is not None:
        return statistic_bounds(known_values(run, metric, statistic), statistic, CONFIDENCE)
    return _failure_rate_interval(run) if metric == "failure_rate" else _rate_interval(run, metric)


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


def _rate_interval(run: StageRun, metric: str) -> Interval:
    _, n = figure(run, metric, None)
    if n < needed_requests([run], metric, None):
        return NO_INTERVAL
    return drawn_bounds(resampled(run, metric, None, np.random.default_rng(SEED)), CONFIDENCE)
