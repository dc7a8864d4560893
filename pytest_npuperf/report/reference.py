"""The baseline that a case is shown beside."""

from __future__ import annotations

from pytest_npuperf.errors import BaselineError
from pytest_npuperf.result import CaseResult
from pytest_npuperf.slo import Reference

__all__ = ["shown_reference"]


def shown_reference(result: CaseResult) -> Reference | None:
    """What the budgets of the case were held against, or would be; None where there is nothing."""
    named = [verdict.budget.relative.baseline for verdict in result.verdicts if verdict.budget.relative]
    try:
        return result.judging.reference(named[0] if named else None, "total")
    except BaselineError:
        return None
