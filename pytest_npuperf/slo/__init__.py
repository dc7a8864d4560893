"""Budget expressions and their verdicts."""

from pytest_npuperf.slo.budget import Budget
from pytest_npuperf.slo.parser import parse_budget
from pytest_npuperf.slo.verdict import Verdict, implied_budgets, judge

__all__ = ["Budget", "Verdict", "implied_budgets", "judge", "parse_budget"]
