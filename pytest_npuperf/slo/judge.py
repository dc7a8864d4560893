"""Budgets held against what was measured."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_npuperf.slo.budget import Budget
from pytest_npuperf.slo.evidence import Evidence, StageEvidence
from pytest_npuperf.slo.stage_run import figure
from pytest_npuperf.slo.verdict import Verdict
from pytest_npuperf.slo.vocabulary import COMPARISONS

__all__ = ["judge"]


def judge(budgets: Iterable[Budget], evidence: Evidence) -> list[Verdict]:
    """The verdict of every budget, in their order; a figure that is None fails."""
    return [_judged(budget, evidence) for budget in budgets]


def _judged(budget: Budget, evidence: Evidence) -> Verdict:
    stage = evidence.stages.get(budget.stage)
    return _no_stage(budget, evidence.no_steady) if stage is None else _verdict(budget, stage)


def _verdict(budget: Budget, stage: StageEvidence) -> Verdict:
    measured, n = figure(stage.pooled, budget.metric, budget.statistic)
    holds = measured is not None and COMPARISONS[budget.comparison](measured, budget.bound)
    return Verdict(budget=budget, measured=measured, n=n, outcome="pass" if holds else "fail")


def _no_stage(budget: Budget, no_steady: str) -> Verdict:
    if budget.stage != "steady":
        reason = f"no request belonged to {budget.stage}"
    else:
        reason = f"no steady stage: {no_steady or 'the case does not ask for one'}"
    return Verdict(budget=budget, measured=None, n=0, outcome="fail", reason=reason)
