"""Verdicts: budgets held against the summaries of a case."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from pytest_npuperf.slo.budget import Budget
from pytest_npuperf.slo.parser import parse_budget
from pytest_npuperf.slo.vocabulary import COMPARISONS

if TYPE_CHECKING:
    from pytest_npuperf.metrics import Summary

__all__ = ["Outcome", "Verdict", "implied_budgets", "judge"]

_NO_FAILURE = replace(parse_budget("failed_requests == 0"), implied=True)
_ANY_SUCCESS = replace(parse_budget("success_requests > 0"), implied=True)
_SPEAK_OF_FAILURES = ("failed_requests", "failure_rate", "success_requests")


Outcome = Literal["pass", "fail", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """One budget, what was measured for it, and whether it holds."""

    budget: Budget
    measured: float | None
    """In the unit of ``budget.bound``; None where the sample was empty."""
    n: int
    """How many values the measured figure rests on: the sample's, or all requests for a total."""
    outcome: Outcome
    reason: str = ""
    """What is to be said of the outcome: why nothing was measured, why it is inconclusive, ..."""
    low: float | None = None
    high: float | None = None
    """The confidence interval of ``measured``; None on a side that the sample cannot bound."""
    needed_n: int | None = None
    """How many values the interval would take, where there were too few: the figure is unsupported."""
    close: bool = False
    """The bound lies within the interval: another run could come out the other way."""
    of_successes: float | None = None
    """The same figure of the successful requests alone, where failed ones count as infinitely slow."""
    baseline: float | None = None
    """The baseline's figure, of a relative budget; ``bound`` then follows from it."""
    bound: float | None = None
    """What ``measured`` was held against; None where that could not be told."""


def judge(budgets: Iterable[Budget], summaries: Iterable[Summary], *, no_steady: str = "") -> list[Verdict]:
    """The verdict of every budget, in their order; a figure that is None fails.

    Args:
        budgets: What to judge.
        summaries: One for each stage there is.
        no_steady: Why there is no steady stage, where one was looked for.
    """
    stages = {summary.stage: summary for summary in summaries}
    return [
        _verdict(budget, stages[budget.stage]) if budget.stage in stages else _no_stage(budget, no_steady)
        for budget in budgets
    ]


def implied_budgets(budgets: Iterable[Budget], summary: Summary) -> list[Budget]:
    """What a case has to keep beside its own budgets, without being asked.

    No request may fail, unless a budget speaks of failures; and whatever the budgets say, a
    load without one success proves nothing, so ``success_requests > 0`` joins where it broke.
    ``budgets`` are all that the case has: ask when the last of them is known.
    """
    implied = []
    if not any(budget.metric in _SPEAK_OF_FAILURES and budget.stage == "total" for budget in budgets):
        implied.append(_NO_FAILURE)
    if summary.success_requests == 0:
        implied.append(_ANY_SUCCESS)
    return implied


def _verdict(budget: Budget, summary: Summary) -> Verdict:
    measured, n = _figure(budget, summary)
    holds = measured is not None and COMPARISONS[budget.comparison](measured, budget.bound)
    return Verdict(budget=budget, measured=measured, n=n, outcome="pass" if holds else "fail")


def _no_stage(budget: Budget, no_steady: str) -> Verdict:
    if budget.stage != "steady":
        reason = f"no request belonged to {budget.stage}"
    else:
        reason = f"no steady stage: {no_steady or 'the case does not ask for one'}"
    return Verdict(budget=budget, measured=None, n=0, outcome="fail", reason=reason)


def _figure(budget: Budget, summary: Summary) -> tuple[float | None, int]:
    figure = getattr(summary, budget.metric)
    if budget.statistic is None:
        return figure, summary.total_requests
    return figure.statistic(budget.statistic), figure.n
