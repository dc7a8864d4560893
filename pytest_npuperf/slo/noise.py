"""The noise floor: how far runs of the same thing lie apart by chance."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, sqrt
from statistics import NormalDist, fmean, stdev

from pytest_npuperf.slo.stage_run import StageRun, figure

__all__ = ["FEWEST_RUNS", "noise_floor"]

FEWEST_RUNS = 3
"""Runs that a noise floor is made from, at least: two show next to nothing of how runs spread."""
_ONE_SIDED = 0.95


def noise_floor(runs: Sequence[StageRun], metric: str, statistic: str | None) -> float | None:
    """By which share of a figure one more run may lie above the mean of these.

    It is the upper bound of a one-sided 95 % prediction interval of normal values,
    ``t * s * sqrt(1 + 1 / runs)``: one run in 20 that differs by nothing but chance lies further off.
    None where there are fewer than three runs, and for a figure that is zero, infinite or missing in any.
    """
    values = [figure(run, metric, statistic)[0] for run in runs]
    known = [value for value in values if value is not None and isfinite(value) and value > 0]
    if len(runs) < FEWEST_RUNS or len(known) < len(runs):
        return None
    factor = _student_quantile(_ONE_SIDED, len(runs) - 1) * sqrt(1 + 1 / len(runs))
    return factor * stdev(known) / fmean(known)


def _student_quantile(share: float, freedom: int) -> float:
    """Of Student's t, within 1.5 % from two degrees of freedom on (Abramowitz and Stegun, 26.7.5)."""
    z = NormalDist().inv_cdf(share)
    terms: tuple[float, ...] = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return float(sum(term / freedom**power for power, term in enumerate(terms)))
