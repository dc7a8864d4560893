"""Verdicts: budgets held against a summary."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from pytest_npuperf.slo.budget import Budget
from pytest_npuperf.slo.parser import parse_budget
from pytest_npuperf.slo.vocabulary import COMPARISONS

if TYPE_CHECKING:
    from pytest_npuperf.metrics import Summary

__all__ = ["Verdict", "implied_budgets", "judge"]

_NO_FAILURE = replace(parse_budget("failed_requests == 0"), implied=True)
_ANY_SUCCESS = replace(parse_budget("success_requests > 0"), implied=True)
_SPEAK_OF_FAILURES = ("failed_requests", "failure_rate", "success_requests")


@dataclass(frozen=True, slots=True)
class Verdict:
    """One budget, what was measured for it, and whether it holds."""

    budget: Budget
    measured: float | None
    """In the unit of ``budget.bound``; None where the sample was empty."""
    n: int
    """How many values the measured figure rests on: the sample's, or all requests for a total."""
    outcome: Literal["pass", "fail"]


def judge(budgets: Iterable[Budget], summary: Summary) -> list[Verdict]:
    """The verdict of every budget, in their order; a figure that is None fails."""
    return [_verdict(budget, summary) for budget in budgets]


def implied_budgets(budgets: Iterable[Budget], summary: Summary) -> list[Budget]:
    """What a case has to keep beside its own budgets, without being asked.

    No request may fail, unless a budget speaks of failures; and whatever the budgets say, a
    load without one success proves nothing, so ``success_requests > 0`` joins where it broke.
    ``budgets`` are all that the case has: ask when the last of them is known.
    """
    implied = []
    if not any(budget.metric in _SPEAK_OF_FAILURES for budget in budgets):
        implied.append(_NO_FAILURE)
    if summary.success_requests == 0:
        implied.append(_ANY_SUCCESS)
    return implied


def _verdict(budget: Budget, summary: Summary) -> Verdict:
    measured, n = _figure(budget, summary)
    holds = measured is not None and COMPARISONS[budget.comparison](measured, budget.bound)
    return Verdict(budget=budget, measured=measured, n=n, outcome="pass" if holds else "fail")


def _figure(budget: Budget, summary: Summary) -> tuple[float | None, int]:
    figure = getattr(summary, budget.metric)
    if budget.statistic is None:
        return figure, summary.total_requests
    return figure.statistic(budget.statistic), figure.n
