"""Budget expressions and their verdicts."""

from typing import TYPE_CHECKING

from pytest_npuperf.slo.budget import Budget
from pytest_npuperf.slo.direction import direction_warning
from pytest_npuperf.slo.parser import parse_budget
from pytest_npuperf.slo.precision import Precision, parse_precision
from pytest_npuperf.slo.verdict import Verdict

if TYPE_CHECKING:
    from pytest_npuperf.slo.evidence import Evidence, FindReference, Judging, StageEvidence, no_reference
    from pytest_npuperf.slo.implied import implied_budgets
    from pytest_npuperf.slo.judgement import judge
    from pytest_npuperf.slo.measured import run_of_stage
    from pytest_npuperf.slo.reference import Reference
    from pytest_npuperf.slo.stage_run import StageRun
    from pytest_npuperf.slo.vacuous import grounds_of, vacuous_reasons

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
    "run_of_stage",
    "vacuous_reasons",
]

_HOMES = {
    "Evidence": "pytest_npuperf.slo.evidence",
    "FindReference": "pytest_npuperf.slo.evidence",
    "Judging": "pytest_npuperf.slo.evidence",
    "Reference": "pytest_npuperf.slo.reference",
    "StageEvidence": "pytest_npuperf.slo.evidence",
    "StageRun": "pytest_npuperf.slo.stage_run",
    "grounds_of": "pytest_npuperf.slo.vacuous",
    "implied_budgets": "pytest_npuperf.slo.implied",
    "judge": "pytest_npuperf.slo.judgement",
    "no_reference": "pytest_npuperf.slo.evidence",
    "run_of_stage": "pytest_npuperf.slo.measured",
    "vacuous_reasons": "pytest_npuperf.slo.vacuous",
}


def __getattr__(name: str) -> object:
    # whoever only reads budgets, such as the collection of cases, needs no numpy
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
