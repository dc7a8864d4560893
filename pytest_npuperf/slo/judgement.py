"""Budgets held against what was measured."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_npuperf.slo.absolute import judge_absolute
from pytest_npuperf.slo.against_baseline import judge_relative
from pytest_npuperf.slo.budget import Budget
from pytest_npuperf.slo.evidence import Evidence
from pytest_npuperf.slo.verdict import Verdict

__all__ = ["judge"]


def judge(budgets: Iterable[Budget], evidence: Evidence) -> list[Verdict]:
    """The verdict of every budget, in their order; a figure that is None fails.

    A budget with a number for a bound is judged by all measurements together, one with a baseline by
    each of them. The same evidence always gets the same verdicts.
    """
    return [_judged(budget, evidence) for budget in budgets]


def _judged(budget: Budget, evidence: Evidence) -> Verdict:
    stage = evidence.stages.get(budget.stage)
    if stage is None:
        return _no_stage(budget, evidence.no_steady)
    judge_one = judge_absolute if budget.relative is None else judge_relative
    return judge_one(budget, stage, evidence.judging)


def _no_stage(budget: Budget, no_steady: str) -> Verdict:
    if budget.stage != "steady":
        reason = f"no request belonged to {budget.stage}"
    else:
        reason = f"no steady stage: {no_steady or 'the case does not ask for one by `stage: steady`'}"
    return Verdict(
        budget=budget,
        measured=None,
        n=0,
        outcome="fail",
        reason=reason,
        bound=budget.bound if budget.relative is None else None,
    )
