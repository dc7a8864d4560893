"""Verdicts as text: the table that a broken budget fails with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from tabulate import tabulate

from pytest_npuperf.report.verdict_cells import (
    interval_text,
    measured_text,
    n_text,
    verdict_notes,
    verdict_text,
)
from pytest_npuperf.result import CaseResult
from pytest_npuperf.slo import Budget, Verdict
from pytest_npuperf.text import printable

__all__ = ["broken_budgets", "expression_text", "failure_text", "verdict_table", "warned_budgets"]

_HEADER = ("budget", "measured", "90 % interval", "n", "verdict")


def verdict_table(verdicts: Iterable[Verdict]) -> str:
    """A row for each verdict, in plain characters for terminals and JUnit; below it what else is to be said.

    What was measured stands in the unit the budget was written in; ``n`` is how many values it rests on.
    """
    verdicts = list(verdicts)
    rows = [
        (
            expression_text(verdict.budget),
            measured_text(verdict),
            interval_text(verdict),
            n_text(verdict),
            verdict_text(verdict),
        )
        for verdict in verdicts
    ]
    table = tabulate(rows, headers=_HEADER, tablefmt="simple", disable_numparse=True)
    notes = [
        f"{printable(verdict.budget.expression)}: {note}"
        for verdict in verdicts
        for note in verdict_notes(verdict)
    ]
    return "\n".join([table, *notes])


def failure_text(results: Sequence[CaseResult], repeat: str) -> str:
    """Why an item failed: a line with the reasons, the table of each of its cases, then ``repeat``.

    The reasons are the broken budgets and why a pass would mean nothing. The latter stand below
    the table of their case, too.
    """
    verdicts = [verdict for result in results for verdict in result.verdicts]
    broken = broken_budgets(verdicts)
    reasons = [f"broken: {broken}"] if broken else []
    reasons += list(dict.fromkeys(line for result in results for line in _vacuous_lines(result)))
    first = "; ".join(reasons) or f"not kept: {warned_budgets(verdicts)}"
    return "\n\n".join([first, *map(_case_text, results), repeat])


def _case_text(result: CaseResult) -> str:
    heading = f"{printable(result.name)}{_pooled(result)}"
    return "\n".join([heading, verdict_table(result.verdicts), *_vacuous_lines(result)])


def _vacuous_lines(result: CaseResult) -> Iterator[str]:
    return (f"vacuous: {printable(reason)}" for reason in result.vacuous)


def _pooled(result: CaseResult) -> str:
    return f" (measured {result.confirmations + 1} times, pooled)" if result.confirmations else ""


def expression_text(budget: Budget) -> str:
    """The budget as it was written, marked where nobody wrote it."""
    expression = printable(budget.expression)
    return f"{expression} (implied)" if budget.implied else expression


def broken_budgets(verdicts: Iterable[Verdict]) -> str:
    """The budgets that fail their case, each with what was measured; '' where none does."""
    return ", ".join(
        f"{printable(verdict.budget.expression)} ({_measured(verdict)})"
        for verdict in verdicts
        if verdict.consequence == "fail"
    )


def warned_budgets(verdicts: Iterable[Verdict]) -> str:
    """The budgets that are not kept and yet fail nothing, each with why; '' where there is none."""
    return ", ".join(
        f"{printable(verdict.budget.expression)} ({why}, {_measured(verdict)})"
        for verdict, why in _warned(verdicts)
    )


def _warned(verdicts: Iterable[Verdict]) -> Iterator[tuple[Verdict, str]]:
    for verdict in verdicts:
        if verdict.consequence in ("warn", "skip"):
            yield verdict, "advisory" if verdict.outcome == "fail" else verdict.outcome


def _measured(verdict: Verdict) -> str:
    if verdict.reason:
        return printable(verdict.reason)
    return f"measured {measured_text(verdict)}"
