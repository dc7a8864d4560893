"""What a case has to keep without anybody asking: a verdict that rests on nothing is none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_npuperf.slo.budget import Budget
from pytest_npuperf.slo.parser import parse_budget

if TYPE_CHECKING:
    from pytest_npuperf.metrics import Summary

__all__ = ["implied_budgets"]

_NO_FAILURE = replace(parse_budget("failed_requests == 0"), implied=True)
_ANY_SUCCESS = replace(parse_budget("success_requests > 0"), implied=True)
_SPEAK_OF_FAILURES = ("failed_requests", "failure_rate", "success_requests")


def implied_budgets(budgets: Iterable[Budget], summary: Summary) -> list[Budget]:
    """What a case has to keep beside its own budgets, without being asked.

    No request may fail, unless a budget speaks of failures; and whatever the budgets say, a
    load without one success proves nothing, so ``success_requests > 0`` joins where it broke.
    ``budgets`` are all that the case has: ask when the last of them is known.
    """
    implied = []
    if not any(_speaks_of_failures(budget) for budget in budgets):
        implied.append(_NO_FAILURE)
    if summary.success_requests == 0:
        implied.append(_ANY_SUCCESS)
    return implied


def _speaks_of_failures(budget: Budget) -> bool:
    """An advisory budget does not: it takes the place of none that fails."""
    return budget.metric in _SPEAK_OF_FAILURES and budget.stage == "total" and not budget.advisory
