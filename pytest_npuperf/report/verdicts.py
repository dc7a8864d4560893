"""Verdicts as text: the table that a broken budget fails with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tabulate import tabulate

from pytest_npuperf.report.cells import EMPTY, cell
from pytest_npuperf.report.text import printable
from pytest_npuperf.result import CaseResult
from pytest_npuperf.slo import Budget, Verdict
from pytest_npuperf.slo.vocabulary import UNITS

__all__ = ["broken_budgets", "failure_text", "measured_text", "verdict_table"]

_HEADER = ("expression", "bound", "measured", "n", "verdict")


def verdict_table(verdicts: Iterable[Verdict]) -> str:
    """A row for each verdict, in plain characters for terminals and JUnit.

    What was measured stands in the unit the budget was written in; ``n`` is how many values
    it rests on. Below it is told why there was nothing to measure.
    """
    verdicts = list(verdicts)
    rows = [
        (
            _expression(verdict.budget),
            _bound(verdict.budget),
            measured_text(verdict),
            str(verdict.n),
            "FAIL" if verdict.outcome == "fail" else verdict.outcome,
        )
        for verdict in verdicts
    ]
    table = tabulate(rows, headers=_HEADER, tablefmt="simple", disable_numparse=True)
    reasons = [
        f"{printable(verdict.budget.expression)}: {printable(verdict.reason)}"
        for verdict in verdicts
        if verdict.reason
    ]
    return "\n".join([table, *reasons])


def failure_text(results: Sequence[CaseResult]) -> str:
    """Why an item failed: a line with the broken budgets, then the table of each of its cases."""
    broken = broken_budgets(verdict for result in results for verdict in result.verdicts)
    tables = [f"{printable(result.name)}\n{verdict_table(result.verdicts)}" for result in results]
    return "\n\n".join([f"broken: {broken}", *tables])


def broken_budgets(verdicts: Iterable[Verdict]) -> str:
    """The budgets that do not hold, each with what was measured; '' where all hold."""
    return ", ".join(
        f"{printable(verdict.budget.expression)} ({_measured(verdict)})"
        for verdict in verdicts
        if verdict.outcome == "fail"
    )


def _measured(verdict: Verdict) -> str:
    return printable(verdict.reason) if verdict.reason else f"measured {measured_text(verdict)}"


def measured_text(verdict: Verdict) -> str:
    """What was measured, in the unit of the budget: ``812.3 ms``."""
    if verdict.measured is None:
        return EMPTY
    budget = verdict.budget
    measured, bound = (_in_unit(value, budget.unit) for value in (verdict.measured, budget.bound))
    if measured != bound and round(measured, 4) == round(bound, 4):
        # four decimals would show the bound itself, beside a verdict that then looks wrong
        return f"{measured:.15g} {budget.unit}".rstrip()
    return cell(measured, budget.unit)


def _expression(budget: Budget) -> str:
    expression = printable(budget.expression)
    return f"{expression} (implied)" if budget.implied else expression


def _bound(budget: Budget) -> str:
    return f"{budget.comparison} {_in_unit(budget.bound, budget.unit):.15g} {budget.unit}".rstrip()


def _in_unit(value: float, unit: str) -> float:
    size = UNITS[unit]
    return value if size == 1 else value / float(size)
