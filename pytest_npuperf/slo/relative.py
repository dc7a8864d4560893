"""Relative budgets: how far a figure lies from a baseline's, and whether that may be chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal

import numpy as np

from pytest_npuperf.errors import BaselineError
from pytest_npuperf.metrics.requests import Floats
from pytest_npuperf.metrics.resampling import RESAMPLES, SEED
from pytest_npuperf.slo.reference import Reference
from pytest_npuperf.slo.resampling import needed_requests, resampled
from pytest_npuperf.slo.stage_run import StageRun, figure, figure_name

__all__ = ["LEAST_EFFECT", "ChangeOutcome", "Difference", "difference", "judge_change"]

ChangeOutcome = Literal["pass", "fail", "measure again", "inconclusive"]

LEAST_EFFECT = 0.01
"""A change of that share of a figure or less is never a failure, however small a budget's margin."""
_CONFIDENCE = 0.90
_LARGEST_EFFECT = 100.0
"""Of the logarithm of a run effect: what two runs tell of the spread of runs may be next to nothing."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure beside that of a baseline; both are means of their runs' figures."""

    value: float
    baseline: float
    change: float
    """``value / baseline - 1``."""
    interval: tuple[float, float] | None
    """The two-sided 90 % interval of ``change``; None where nothing tells how sure it is."""
    n: int
    """Requests that ``value`` rests on, of all its runs."""
    baseline_n: int
    needed_n: int
    """Requests that each of both has to rest on, for there to be an interval."""


def difference(
    current: Sequence[StageRun], reference: Reference, metric: str, statistic: str | None
) -> Difference | None:
    """How a figure has changed since a baseline; None where it was not measured now.

    The interval comes from a bootstrap over runs, then over requests; the same data always give
    the same interval. With one run in the baseline, runs are taken not to differ but by their
    requests: nothing shows more. Runs that were measured by turns (``Reference.is_paired``) are
    compared pair by pair.

    Args:
        current: The first measurement and, if there was one, that which was to confirm it.
        reference: What to compare with.
        metric: By its name in budgets.
        statistic: By its name in budgets, None for a metric that has none.

    Raises:
        BaselineError: The baseline's figure is missing, zero, infinite, or rests on too few requests.
    """
    needed = needed_requests(reference.runs, metric, statistic)
    baseline, baseline_n = _baseline_figures(reference, metric, statistic, needed)
    values, n = _figures(current, metric, statistic)
    if not values or None in values:
        return None
    before, now = np.array(baseline, dtype=np.float64), np.array(values, dtype=np.float64)
    interval = None
    if n >= needed:
        rng = np.random.default_rng(SEED)
        draws = [resampled(run, metric, statistic, rng) for run in (*reference.runs, *current)]
        interval = _interval(before, now, draws, is_paired=reference.is_paired)
    value, base = float(now.mean()), float(before.mean())
    return Difference(value, base, value / base - 1, interval, n, baseline_n, needed)


def judge_change(
    change: Difference, *, allowed: float, higher_is_worse: bool, confirmed: bool
) -> ChangeOutcome:
    """Whether a change is within what a relative budget allows.

    It fails where the change is past the bound and its interval has no room for "no change"; where it
    has, the figure is to be measured again, and if that does not settle it, nobody knows. Where an
    improvement is asked for, the least that would do stands in the place of "no change".

    Args:
        change: How the figure has changed.
        allowed: By which share of itself it may get worse; below 0, by which it has to get better.
        higher_is_worse: As for latencies; False for throughputs.
        confirmed: Whether the measurement that is to confirm the first one is in ``change``.
    """
    sign = 1 if higher_is_worse else -1
    if sign * change.change <= (allowed if allowed < 0 else max(allowed, LEAST_EFFECT)):
        return "pass"
    if change.interval is not None and min(sign * end for end in change.interval) > min(allowed, 0):
        return "fail"
    return "inconclusive" if confirmed else "measure again"


def _baseline_figures(
    reference: Reference, metric: str, statistic: str | None, needed: int
) -> tuple[list[float], int]:
    name = f"baseline {reference.name!r}: {figure_name(metric, statistic)}"
    remedy = "save the baseline again from runs that have it, or bound the figure by a number"
    found, n = _figures(reference.runs, metric, statistic)
    values = [value for value in found if value is not None]
    if not values or len(values) < len(found):
        raise BaselineError(
            f"{name} was not measured in {len(found) - len(values)} of its {len(found)} runs; {remedy}"
        )
    if not all(map(isfinite, values)):
        raise BaselineError(f"{name} is infinite, because too many requests failed; {remedy}")
    if sum(values) <= 0:
        raise BaselineError(f"{name} is {sum(values):g}, and nothing is a share of that; {remedy}")
    if n < needed:
        raise BaselineError(
            f"{name} rests on {n} requests, too few to tell chance from change: it needs {needed}; "
            "save more or longer runs, or bound a statistic that needs fewer"
        )
    return values, n


def _figures(runs: Sequence[StageRun], metric: str, statistic: str | None) -> tuple[list[float | None], int]:
    found = [figure(run, metric, statistic) for run in runs]
    return [value for value, _ in found], sum(n for _, n in found)


def _interval(
    before: Floats, now: Floats, draws: Sequence[Floats | None], *, is_paired: bool
) -> tuple[float, float] | None:
    """Bounds of the change; ``draws`` are those of the baseline's runs, then of the current ones."""
    figures = np.concatenate((before, now))
    known = [drawn for drawn in draws if drawn is not None]
    if len(known) == len(draws):
        drawn = np.array(known)
    elif len(before) > 1:
        # only the runs show how far such a figure spreads
        drawn = np.repeat(figures[:, None], RESAMPLES, axis=1)
    else:
        return None
    if is_paired and len(before) == len(now):
        drawn[len(before) :] *= _pair_effects(now / before, drawn[len(before) :] / drawn[: len(before)])
    else:
        drawn *= _run_effects(before, now, drawn[: len(before)])
    with np.errstate(divide="ignore", invalid="ignore"):
        changes = drawn[len(before) :].mean(axis=0) / drawn[: len(before)].mean(axis=0) - 1
    changes[np.isnan(changes)] = 0  # both zero or both infinite
    tail = (1 - _CONFIDENCE) / 2
    low, high = np.quantile(changes, (tail, 1 - tail), method="nearest")
    return float(low), float(high)


def _run_effects(before: Floats, now: Floats, drawn: Floats) -> Floats:
    """Factors by which each run may differ from the others beyond its requests: a row a run.

    Runs have a common variance, part of which their requests explain (``drawn``, of the baseline's
    runs). The rest is that of lognormal run effects. Few runs tell little of a variance, so it is
    itself drawn from what they leave possible: the sum of squares by a chi-square variable of as
    many degrees of freedom (the generalized pivotal quantity of a variance component: S. Weerahandi,
    "Exact Statistical Methods for Data Analysis", 1995).
    """
    rows = len(before) + len(now)
    if len(before) == 1:
        return np.ones((rows, 1))
    squares, freedom = _squares(before), len(before) - 1
    if np.isfinite(now).all() and now.mean() > 0:
        squares, freedom = squares + _squares(now), freedom + len(now) - 1
    return _lognormal_effects(rows, squares, freedom, drawn / before[:, None])


def _pair_effects(ratios: Floats, drawn: Floats) -> Floats:
    """As ``_run_effects``, of the pairs: what drifts for both sides of a pair is not in their ratio."""
    if len(ratios) == 1 or not np.isfinite(ratios).all() or ratios.min() <= 0:
        return np.ones((len(ratios), 1))
    return _lognormal_effects(len(ratios), _squares(ratios), len(ratios) - 1, drawn / ratios[:, None])


def _lognormal_effects(rows: int, squares: float, freedom: int, drawn: Floats) -> Floats:
    """``drawn`` is what the requests explain of the spread, as shares of what was measured: a row each."""
    rng = np.random.default_rng((SEED, rows))
    total = squares / rng.chisquare(freedom, size=RESAMPLES)
    explained = float(np.ma.masked_invalid(drawn).var(axis=1).mean())
    spread = np.sqrt((total - explained).clip(min=0))
    effects = spread * rng.standard_normal((rows, RESAMPLES))
    factors: Floats = np.exp(effects.clip(-_LARGEST_EFFECT, _LARGEST_EFFECT))
    return factors


def _squares(figures: Floats) -> float:
    """The sum of the squared deviations from the mean, as shares of it."""
    return float(((figures / figures.mean() - 1) ** 2).sum())
