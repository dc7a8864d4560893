"""Budgets whose bound is a number."""

from __future__ import annotations

from dataclasses import replace

from pytest_npuperf.slo.budget import Budget
from pytest_npuperf.slo.estimate import estimated
from pytest_npuperf.slo.evidence import Judging, StageEvidence
from pytest_npuperf.slo.support import supported
from pytest_npuperf.slo.verdict import Verdict
from pytest_npuperf.slo.vocabulary import COMPARISONS

__all__ = ["judge_absolute"]

_UPPER_BOUNDS = ("<", "<=")


def judge_absolute(budget: Budget, stage: StageEvidence, judging: Judging) -> Verdict:
    """The verdict of a budget such as ``ttft.p99 < 500 ms``, by all measurements together.

    It passes where the estimate holds, and fails where it does not, as the budget was not shown to be
    met; what was not measured fails. Where only chance may have broken it, and the stage was measured
    once, the verdict is unsettled.
    """
    found = estimated(stage.pooled, budget)
    low, high = found.interval
    verdict = Verdict(
        budget=budget,
        measured=found.value,
        n=found.n,
        outcome="fail",
        reason=found.reason,
        low=low,
        high=high,
        needed_n=found.needed_n,
        of_successes=found.of_successes,
        bound=budget.bound,
    )
    if found.value is None:
        return verdict
    if not COMPARISONS[budget.comparison](found.value, budget.bound):
        return _missed(verdict, is_confirmed=stage.is_confirmed)
    return supported(_held(verdict), judging, is_confirmed=stage.is_confirmed)


def _held(verdict: Verdict) -> Verdict:
    return replace(verdict, outcome="pass", close=_holds_at(verdict, _worse_end(verdict)) is False)


def _missed(verdict: Verdict, *, is_confirmed: bool) -> Verdict:
    """It fails for certain where the whole interval is past the bound, or where there can be none."""
    has_interval = verdict.low is not None or verdict.high is not None
    is_certain = _holds_at(verdict, _better_end(verdict)) is False
    if verdict.budget.comparison == "==" or is_certain or not (has_interval or verdict.needed_n):
        return verdict
    return replace(verdict, close=has_interval, unsettled=not is_confirmed)


def _holds_at(verdict: Verdict, figure: float | None) -> bool | None:
    """Whether the budget would hold with another figure; None where there is none."""
    budget = verdict.budget
    if figure is None or budget.comparison == "==":
        return None
    return COMPARISONS[budget.comparison](figure, budget.bound)


def _worse_end(verdict: Verdict) -> float | None:
    return verdict.high if verdict.budget.comparison in _UPPER_BOUNDS else verdict.low


def _better_end(verdict: Verdict) -> float | None:
    return verdict.low if verdict.budget.comparison in _UPPER_BOUNDS else verdict.high
