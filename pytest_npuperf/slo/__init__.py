"""Budget expressions and their verdicts."""

from pytest_npuperf.slo.budget import Budget
from pytest_npuperf.slo.direction import direction_warning
from pytest_npuperf.slo.evidence import Evidence, FindReference, Judging, StageEvidence, no_reference
from pytest_npuperf.slo.implied import implied_budgets
from pytest_npuperf.slo.judge import judge
from pytest_npuperf.slo.measured import stage_run
from pytest_npuperf.slo.parser import parse_budget
from pytest_npuperf.slo.precision import Precision, parse_precision
from pytest_npuperf.slo.reference import Reference
from pytest_npuperf.slo.stage_run import StageRun
from pytest_npuperf.slo.vacuous import grounds_of, vacuous_reasons
from pytest_npuperf.slo.verdict import Verdict

__all__ = [
    "Budget",
    "Evidence",
    "FindReference",
    "Judging",
    "Precision",
    "Reference",
    "StageEvidence",
    "StageRun",
    "Verdict",
    "direction_warning",
    "grounds_of",
    "implied_budgets",
    "judge",
    "no_reference",
    "parse_budget",
    "parse_precision",
    "stage_run",
    "vacuous_reasons",
]
