"""Goodput: the requests that meet bounds of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pytest_npuperf.metrics.requests import Floats
from pytest_npuperf.slo.budget import Budget
from pytest_npuperf.slo.stage_run import StageRun
from pytest_npuperf.slo.vocabulary import COMPARISONS

__all__ = ["Goodput", "goodput"]

_NS_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Goodput:
    """How many requests are good, and of how many."""

    good: int
    n: int
    """All that were sent, but for those that the case itself cancelled."""
    unmeasured: str = ""
    """The metric that no request has a value of, '' where each is known of some: nothing shows then
    that any request is good."""


def goodput(run: StageRun, parts: Sequence[Budget]) -> Goodput:
    """The requests of a run that meet all bounds.

    A failed request is not good. An answer of one token has no TPOT, so that a bound on it does not
    apply, as in vLLM's benchmark; any other value that is unknown meets no bound.

    Args:
        run: With a value of each bounded metric for each successful request.
        parts: The bounds, on what each request has one value of.
    """
    successes = int(run.totals.get("success_requests", 0))
    n = successes + int(run.totals.get("failed_requests", 0))
    good = np.ones(successes, dtype=np.bool_)
    for part in parts:
        values = _values(run, part.metric)
        if successes and np.isnan(values).all():
            return Goodput(0, n, part.metric)
        good &= _met(values, part) | _exempt(run, part.metric)
    return Goodput(int(good.sum()), n)


def _met(values: Floats, part: Budget) -> NDArray[np.bool_]:
    is_met = COMPARISONS[part.comparison]
    return np.array([is_met(value, part.bound) for value in values.tolist()], dtype=np.bool_)


def _values(run: StageRun, metric: str) -> Floats:
    """A value for each successful request, NaN where it has none."""
    if metric == "schedule_delay":
        # its column has failed requests, too; whole nanoseconds are what the difference was made of
        return np.round(_values(run, "e2el_scheduled") - _values(run, "e2el"), _NS_DIGITS)
    values = run.samples[metric]
    assert not isinstance(values, tuple), f"{metric} has many values in one request"
    return values


def _exempt(run: StageRun, metric: str) -> NDArray[np.bool_]:
    """The requests that a bound does not apply to."""
    if metric != "tpot":
        return np.zeros(len(_values(run, metric)), dtype=np.bool_)
    exempt: NDArray[np.bool_] = _values(run, "output_tokens") <= 1
    return exempt
