"""A report directory as the results that it was written from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

from pytest_npuperf.baselines import Fingerprint, fingerprint
from pytest_npuperf.capacity import End, Exploration
from pytest_npuperf.confirming import pooled_result
from pytest_npuperf.errors import BudgetError, ReportError
from pytest_npuperf.metrics import Steady, steady_stage, summarize, summarize_steady, turn_stages
from pytest_npuperf.result import CaseResult
from pytest_npuperf.saved.files import (
    CaseEntry,
    ExplorationEntry,
    RequestEntry,
    VerdictEntry,
    read_case_settings,
    read_requests,
    read_run,
    report_directory,
)
from pytest_npuperf.saved.requests import ORIGIN, nanoseconds, trace_of
from pytest_npuperf.slo import Budget, Verdict, parse_budget
from pytest_npuperf.slo.vocabulary import GOODPUTS, METRICS
from pytest_npuperf.trace import Trace

__all__ = ["SavedCase", "SavedReport", "read_report"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SavedCase:
    """A case of a report."""

    result: CaseResult
    """As it was measured, without verdicts; of a search without its steps."""
    verdicts: tuple[Verdict, ...]
    """As the run gave them."""
    unseen: tuple[str, ...] = ()
    """Why a pass would mean nothing, by what a report does not show: requests that nobody accounts for,
    another model that answered."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SavedReport:
    """A report, read back."""

    directory: Path
    run_id: str
    environment: Mapping[str, Any]
    server: Mapping[str, Any]
    cases: tuple[SavedCase, ...]

    def made_with(self, result: CaseResult) -> Fingerprint:
        """What a case of it was run with, to compare like with like."""
        return fingerprint(self.environment, self.server, result.settings)


def read_report(path: Path) -> SavedReport:
    """The report in a directory, which may also be given by its ``summary.json``.

    Figures are those of the run to the nanosecond, but for ``receive_lag``, which a report does not
    keep request by request.

    Raises:
        ReportError: It is missing, damaged or of a newer version.
    """
    directory = report_directory(path)
    run = read_run(directory)
    settings = read_case_settings(directory, run)
    return SavedReport(
        directory=directory,
        run_id=run.run_id,
        environment=run.environment,
        server=run.server,
        cases=tuple(
            _saved(_result(directory, case, of_case), case)
            for case, of_case in zip(run.cases, settings, strict=True)
        ),
    )


def _saved(result: CaseResult, case: CaseEntry) -> SavedCase:
    verdicts = tuple(_verdict(entry) for entry in case.verdicts)
    # the verdicts of the run matter: a budget on lengths stands in the place of a reason
    seen = replace(result, verdicts=list(verdicts)).vacuous
    return SavedCase(
        result=result,
        verdicts=verdicts,
        unseen=tuple(reason for reason in case.vacuous if reason not in seen),
    )


def _result(directory: Path, case: CaseEntry, settings: Mapping[str, Any]) -> CaseResult:
    requests = read_requests(directory, case)
    runs = _by_run(requests)
    if case.confirmations and len(runs) == case.confirmations + 1:
        measurements = [_measurement(case, settings, trace_of(run)) for run in runs]
        return _as_reported(pooled_result(measurements), case)
    trace = trace_of(requests)
    return _as_reported(_measured(case, settings, trace, _steady_of(trace, case.steady_window)), case)


def _as_reported(result: CaseResult, case: CaseEntry) -> CaseResult:
    """With what is said of the case as a whole."""
    return replace(
        result,
        stopped=case.stopped,
        aborted=case.aborted,
        not_measured=case.not_measured,
        prompts_hash=case.prompts_hash,
        warmup_window=case.warmup_window,
        no_steady=case.no_steady,
        health=case.client_health,
        cache_expected=not case.suspect,
        exploration=_sweep(case.exploration),
    )


def _sweep(entry: ExplorationEntry | None) -> Exploration | None:
    """The steps of a sweep; what was searched for is more than a report keeps."""
    if entry is None or entry.budgets:
        return None
    return Exploration(
        axis=entry.axis,
        search=None,
        steps=tuple(entry.steps),
        end=End(entry.reason, entry.found, entry.neighbour),
    )


def _by_run(requests: Sequence[RequestEntry]) -> list[list[RequestEntry]]:
    """The requests of each load: those of one have their number behind a name of its own."""
    runs: dict[str, list[RequestEntry]] = {}
    for request in requests:
        runs.setdefault(request.id.rpartition("-")[0], []).append(request)
    return list(runs.values())


def _measurement(case: CaseEntry, settings: Mapping[str, Any], trace: Trace) -> CaseResult:
    """One of several measurements; a report has the window of none of them, so it is found again."""
    if not settings.get("steady"):
        return _measured(case, settings, trace, None)
    load = settings.get("load")
    always_full = isinstance(load, Mapping) and load.get("think_time") == 0
    found = steady_stage(trace, max_concurrency=_concurrency(case), open_loop=not always_full)
    return _measured(case, settings, trace, found if isinstance(found, Steady) else None)


def _measured(
    case: CaseEntry, settings: Mapping[str, Any], trace: Trace, steady: Steady | None
) -> CaseResult:
    concurrency = _concurrency(case)
    stages = turn_stages(trace, max_concurrency=concurrency)
    if steady is not None:
        stages = (summarize_steady(trace, steady, max_concurrency=concurrency), *stages)
    return CaseResult(
        name=case.name,
        nodeid=case.nodeid,
        settings=settings,
        started=case.started,
        stopped=False,
        trace=trace,
        summary=summarize(trace, max_concurrency=concurrency),
        health=case.client_health,
        stages=stages,
        steady_window=steady.window if steady is not None else None,
        steady_rows=steady.rows if steady is not None else None,
    )


def _concurrency(case: CaseEntry) -> int | None:
    return case.stages["total"].max_concurrency if "total" in case.stages else None


def _steady_of(trace: Trace, window: tuple[float, float] | None) -> Steady | None:
    if window is None:
        return None
    start, end = (ORIGIN + nanoseconds(bound) for bound in window)
    return Steady(window, np.flatnonzero((trace.t_sent >= start) & (trace.t_end <= end)))


def _verdict(entry: VerdictEntry) -> Verdict:
    return Verdict(
        budget=_budget(entry),
        measured=inf if entry.measured_is_infinite else entry.measured,
        n=entry.n,
        outcome=entry.outcome,
        reason=entry.reason,
        low=entry.low,
        high=entry.high,
        needed_n=entry.needed_n,
        close=entry.close,
        of_successes=entry.of_successes,
        baseline=entry.baseline,
        bound=entry.bound,
        mismatches=tuple(entry.mismatches),
    )


def _budget(entry: VerdictEntry) -> Budget:
    """The budget of a verdict; that of a search, which no expression stands for, from its parts."""
    if entry.metric in METRICS or entry.metric in GOODPUTS:
        try:
            budget = parse_budget(entry.expression)
        except BudgetError as exc:
            raise ReportError(
                f"the report has a budget that this pytest-npuperf does not know: {exc}"
            ) from exc
    else:
        unit = "req/s" if entry.expression.endswith("req/s") else ""
        budget = Budget(
            expression=entry.expression,
            metric=entry.metric,
            statistic=entry.statistic,
            comparison=entry.comparison,
            bound=entry.bound or 0.0,
            unit=unit,
        )
    return replace(
        budget, implied=entry.implied, advisory=entry.advisory, require_support=entry.require_support
    )
