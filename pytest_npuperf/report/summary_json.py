"""``summary.json``: a run for programs, described by docs/report.md and docs/summary.schema.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from math import isinf
from typing import Any

from pytest_npuperf.metrics import ClientHealth, Sample, Summary
from pytest_npuperf.report.exploration import exploration_data
from pytest_npuperf.report.figures import summary_figures
from pytest_npuperf.report.repeat import repeat_command
from pytest_npuperf.report.states import failure_of, outcome_of
from pytest_npuperf.report.tables import STATISTICS
from pytest_npuperf.report.verdict_cells import bound_of
from pytest_npuperf.result import CaseResult, RunRecord
from pytest_npuperf.slo import Verdict

__all__ = ["SCHEMA_VERSION", "run_summary"]

SCHEMA_VERSION = 1
"""Grows when a key goes away or changes its meaning, not when one is added."""


def run_summary(
    record: RunRecord, files: Sequence[Mapping[str, str]], pictures: Sequence[Mapping[str, str]]
) -> dict[str, Any]:
    """The run as plain data; ``files`` and ``pictures`` of each result were written, in their order."""
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": record.run_id,
        "abbr": record.abbr,
        "started": record.started,
        "finished": record.finished,
        "stopped": record.stopped,
        "server": record.server,
        "environment": record.environment,
        "cases": [
            _case(result, record)
            | {"files": dict(written), "pictures": dict(drawn)}
            | {"repeat": repeat_command(record.settings, result.nodeid)}
            for result, written, drawn in zip(record.results, files, pictures, strict=True)
        ],
        "unmeasured": [
            {"nodeid": nodeid, "outcome": record.outcomes[nodeid], "failure": record.failures[nodeid]}
            for nodeid in record.unmeasured
        ],
    }


def _case(result: CaseResult, record: RunRecord) -> dict[str, Any]:
    summary = result.summary
    return {
        "name": result.name,
        "nodeid": result.nodeid,
        "outcome": outcome_of(result, record),
        "failure": failure_of(result, record),
        "started": result.started,
        "stopped": result.stopped,
        "aborted": result.aborted,
        "kernel_stamps": result.trace.kernel_stamps,
        "client_health": _health(result.health),
        "not_measured": result.not_measured,
        "vacuous": list(result.vacuous),
        "suspect": list(result.suspect),
        "confirmations": result.confirmations,
        "prompts_hash": result.prompts_hash,
        "warmup_window": result.warmup_window,
        "steady_window": result.steady_window,
        "no_steady": result.no_steady,
        "tokens_estimated": summary.tokens_estimated,
        "errors": summary.errors,
        "verdicts": [_verdict(verdict) for verdict in result.verdicts],
        "exploration": exploration_data(result.exploration) if result.exploration is not None else None,
        "stages": {summary.stage: _figures(summary) for summary in result.summaries},
    }


def _health(health: ClientHealth) -> dict[str, Any]:
    return {field.name: getattr(health, field.name) for field in fields(health)}


def _figures(summary: Summary) -> dict[str, Any]:
    return {name: _plain(value) for name, value in summary_figures(summary).items()}


def _plain(value: Any) -> Any:
    return _statistics(value) if isinstance(value, Sample) else value


def _statistics(sample: Sample) -> dict[str, float | None]:
    return {"n": sample.n, **{name: sample.statistic(name) for name in STATISTICS}}


def _verdict(verdict: Verdict) -> dict[str, Any]:
    budget = verdict.budget
    return {
        "expression": budget.expression,
        "stage": budget.stage,
        "metric": budget.metric,
        "statistic": budget.statistic,
        "comparison": budget.comparison,
        "bound": _finite(bound_of(verdict)),
        "baseline": _finite(verdict.baseline),
        "measured": _finite(verdict.measured),
        "measured_is_infinite": verdict.measured is not None and isinf(verdict.measured),
        "of_successes": _finite(verdict.of_successes),
        "low": _finite(verdict.low),
        "high": _finite(verdict.high),
        "n": verdict.n,
        "needed_n": verdict.needed_n,
        "implied": budget.implied,
        "advisory": budget.advisory,
        "require_support": budget.require_support,
        "outcome": verdict.outcome,
        "consequence": verdict.consequence,
        "mismatches": list(verdict.mismatches),
        "close": verdict.close,
        "reason": verdict.reason,
    }


def _finite(value: float | None) -> float | None:
    """JSON has no infinity."""
    return None if value is None or isinf(value) else value
