"""Budget expressions and their verdicts."""

from pytest_npuperf.slo.budget import Budget
from pytest_npuperf.slo.parser import parse_budget
from pytest_npuperf.slo.precision import Precision, parse_precision
from pytest_npuperf.slo.verdict import Verdict, implied_budgets, judge

__all__ = [
    "Budget",
    "Precision",
    "Verdict",
    "implied_budgets",
    "judge",
    "parse_budget",
    "parse_precision",
]
