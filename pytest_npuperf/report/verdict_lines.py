"""A line for each case above the tables: what became of it, and how one metric is distributed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pytest_npuperf.metrics import Sample, Summary
from pytest_npuperf.report.cells import EMPTY, cell, milliseconds
from pytest_npuperf.report.names import case_stems
from pytest_npuperf.report.sparkline import sparkline
from pytest_npuperf.report.states import case_state
from pytest_npuperf.report.tables import n_of
from pytest_npuperf.result import CaseResult, RunRecord
from pytest_npuperf.slo import Verdict
from pytest_npuperf.slo.vocabulary import METRICS

__all__ = ["VerdictLine", "verdict_lines"]

_GRAVEST_FIRST = ("fail", "skip", "warn", "pass")


@dataclass(frozen=True, slots=True)
class VerdictLine:
    """One line in two parts, the first in colour."""

    outcome: str
    """The state of the case in capitals: ``PASSED``, ``FAILED``, ``STOPPED``, ``INCONCLUSIVE``, ..."""
    colour: Literal["green", "yellow", "red"]
    """As pytest names it. Yellow is a case that passed with something to be said of it, or was not judged."""
    rest: str
    """The case's name in the tables, how many budgets it kept, the distribution."""


def verdict_lines(record: RunRecord, *, sparklines: bool) -> list[VerdictLine]:
    """A line for each case, in their order, with its columns below those of the others.

    The distribution is that of the gravest budget that bounds one, else of TTFT: the smallest and the
    largest value, and between them a sparkline or ``..``. It covers what the tables do.

    Args:
        record: The run.
        sparklines: Whether block characters can be shown.
    """
    results = record.results
    stems = case_stems([result.name for result in results])
    shown = [case_state(result, record) for result in results]
    budgets = [_budgets(result.verdicts) for result in results]
    return [
        VerdictLine(
            outcome.upper(),
            _colour(result, outcome),
            f"{_gap(outcome, shown)}{stem}{_gap(stem, stems)}{kept}{_gap(kept, budgets)}"
            f"{_distribution(result, sparklines)}",
        )
        for result, outcome, stem, kept in zip(results, shown, stems, budgets, strict=True)
    ]


def _gap(text: str, column: Sequence[str]) -> str:
    return " " * (max(map(len, column)) - len(text) + 2)


def _colour(result: CaseResult, outcome: str) -> Literal["green", "yellow", "red"]:
    if outcome in ("failed", "error"):
        return "red"
    blemished = (
        outcome != "passed"
        or any(verdict.outcome != "pass" for verdict in result.verdicts)
        or result.health.state != "ok"
        or result.suspect
    )
    return "yellow" if blemished else "green"


def _budgets(verdicts: Sequence[Verdict]) -> str:
    if not verdicts:
        return "not judged"
    kept = sum(verdict.outcome == "pass" for verdict in verdicts)
    if kept < len(verdicts):
        return f"{kept} of {len(verdicts)} budgets kept"
    return f"{kept} budget{'s' if kept > 1 else ''} kept"


def _distribution(result: CaseResult, sparklines: bool) -> str:
    summary, metric = _shown_sample(result)
    sample: Sample = getattr(summary, metric)
    name = metric if summary.stage == "total" else f"{summary.stage}.{metric}"
    if not sample.n:
        return f"{name} {EMPTY}"
    between = sparkline(sample.values) if sparklines else ".."
    low, high = (_figure(value, metric) for value in (sample.min, sample.max))
    return f"{name} {low} {between} {high} (N {n_of(summary, metric)})"


def _shown_sample(result: CaseResult) -> tuple[Summary, str]:
    """The stage and the metric whose values are shown."""
    stages = {summary.stage: summary for summary in result.summaries}
    for verdict in sorted(result.verdicts, key=lambda verdict: _GRAVEST_FIRST.index(verdict.consequence)):
        stage = stages.get(verdict.budget.stage)
        for budget in (verdict.budget, *verdict.budget.parts):
            metric = METRICS.get(budget.metric)
            if stage is not None and metric is not None and metric.takes_statistic:
                return stage, metric.name
    return result.summary, "ttft"


def _figure(value: float | None, metric: str) -> str:
    unit = METRICS[metric].units[0]
    return milliseconds(value) if unit == "ms" else cell(value, unit)
