"""``npuperf judge``: the cases of a saved report, judged again without a load."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pytest_npuperf.baselines import load_baseline
from pytest_npuperf.commands.marks import saved_marks
from pytest_npuperf.commands.output import warn, write_lines
from pytest_npuperf.commands.places import baselines_folder
from pytest_npuperf.comparing import BaselineFinder, beside
from pytest_npuperf.errors import BudgetError, NoBaselineError, SettingsError
from pytest_npuperf.report import verdict_table
from pytest_npuperf.result import OTHER_SIDE, CaseResult
from pytest_npuperf.saved import SavedCase, SavedReport, read_report
from pytest_npuperf.slo import (
    Budget,
    FindReference,
    Judging,
    Reference,
    Verdict,
    direction_warning,
    parse_budget,
)
from pytest_npuperf.slo.vocabulary import GOODPUTS, METRICS
from pytest_npuperf.text import printable

__all__ = ["judge_report"]

_NOT_KEPT = frozenset(name for name, metric in METRICS.items() if metric.of_chunks)
"""Metrics of which a report has no value of each request."""


def judge_report(path: Path, expressions: Sequence[str], *, case: str | None, baseline: str | None) -> int:
    """Print the verdicts of a report's cases; 1 where a case fails, else 0.

    Args:
        path: A report's folder, or its ``summary.json``.
        expressions: Budgets; where there are none, those that the report has are judged again.
        case: The only one to judge; None judges all.
        baseline: What relative budgets are held against, by its name or path.

    Raises:
        ReportError: The report is missing or damaged.
        SettingsError: There is no such case, or none at all.
        BudgetError: A budget is not valid, or on something that no report keeps.
        BaselineError: The baseline is missing or damaged.
    """
    budgets = [_budget(expression) for expression in expressions]
    report = read_report(path)
    reference = _finder(report, baseline)
    judged = [_judged(saved, budgets, reference) for saved in _cases(report, case)]
    for saved in judged:
        write_lines([*_lines(saved), ""])
    failed = [saved.result.name for saved in judged if _fails(saved)]
    undecided = sum(verdict.consequence == "warn" for saved in judged for verdict in saved.result.verdicts)
    count = f"{len(judged)} case{'s' if len(judged) > 1 else ''} judged"
    if undecided:
        count += f", {undecided} budget{'s' if undecided > 1 else ''} not shown to hold"
    write_lines(
        [f"{count}, {len(failed)} failed: {', '.join(failed)}" if failed else f"{count}, none failed"]
    )
    return 1 if failed else 0


def _budget(expression: str) -> Budget:
    budget = parse_budget(expression)
    if budget.metric in _NOT_KEPT:
        raise BudgetError(
            f"budget {budget.expression!r}: {budget.metric} is not in a report request by request; "
            "give the budget to pytest when the case is measured"
        )
    warning = direction_warning(budget)
    if warning:
        warn(f"warning: {warning}")
    return budget


def _finder(report: SavedReport, baseline: str | None) -> Callable[[CaseResult], FindReference]:
    """What finds for a case what its relative budgets are held against."""
    folder = baselines_folder(Path.cwd())
    if baseline is not None:
        load_baseline(baseline, folder)  # one that is not there is a wrong argument, not an outcome
    stored = BaselineFinder(folder, baseline, report.made_with)
    results = {case.result.name: case.result for case in report.cases}

    def of(result: CaseResult) -> FindReference:
        find, other = stored.of(result), results.get(f"{result.name}{OTHER_SIDE}")
        if baseline is not None:
            return find
        if other is None:
            return _named_only(find)
        return beside(replace(other, measurements=other.measurements or (other,)), find)

    return of


def _named_only(find: FindReference) -> FindReference:
    def named(name: str | None, stage: str) -> Reference:
        if name is None:
            raise NoBaselineError(f"no baseline to compare {stage} with: pass --baseline NAME")
        return find(name, stage)

    return named


def _cases(report: SavedReport, wanted: str | None) -> list[SavedCase]:
    names = [case.result.name for case in report.cases]
    if not names:
        raise SettingsError(
            f"the report {report.directory} has no case: the run ended before it measured one"
        )
    if wanted is None:
        return [case for case in report.cases if not _is_other_side(case.result.name, names)]
    if wanted not in names:
        listed = ", ".join(map(printable, dict.fromkeys(names)))
        raise SettingsError(f"the report has no case {printable(wanted)!r}; it has {listed}")
    return [case for case in report.cases if case.result.name == wanted]


def _is_other_side(name: str, names: Sequence[str]) -> bool:
    return name.endswith(OTHER_SIDE) and name.removesuffix(OTHER_SIDE) in names


def _judged(
    case: SavedCase, budgets: Sequence[Budget], reference: Callable[[CaseResult], FindReference]
) -> SavedCase:
    """The case with its new verdicts; as in a run, one whose figures are not the server's has none."""
    result = replace(case.result, judging=Judging(reference=reference(case.result)), verdicts=[])
    if not result.not_measured:
        if budgets:
            result.judge(budgets)
        else:
            result.verdicts.extend(_as_the_run_judged(case.verdicts))
            result.judge([verdict.budget for verdict in case.verdicts if _is_judged_again(verdict.budget)])
        result.judge_implied()
    return replace(case, result=result, verdicts=tuple(result.verdicts))


def _is_judged_again(budget: Budget) -> bool:
    # what is implied follows from the others, and is judged with them
    return not budget.implied and budget.metric not in _NOT_KEPT


def _as_the_run_judged(verdicts: Sequence[Verdict]) -> Iterator[Verdict]:
    """The verdicts on what the report does not have: the steps of a search, the lag of each chunk."""
    for verdict in verdicts:
        metric = verdict.budget.metric
        if metric in _NOT_KEPT or metric not in {**METRICS, **GOODPUTS}:
            yield replace(
                verdict, reason=verdict.reason or "as the run judged it: a report cannot tell it again"
            )


def _lines(case: SavedCase) -> Iterator[str]:
    yield case.result.name
    yield from saved_marks(case)
    if case.verdicts:
        yield from verdict_table(case.verdicts).splitlines()


def _fails(case: SavedCase) -> bool:
    result = case.result
    is_broken = any(verdict.consequence == "fail" for verdict in case.verdicts)
    return is_broken or bool(result.not_measured or result.aborted or result.vacuous or case.unseen)
