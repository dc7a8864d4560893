"""From the figures of many reports to a history."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import isfinite
from pathlib import Path
from urllib.parse import quote

from pytest_npuperf.baselines import Baseline
from pytest_npuperf.commands.capacities import capacity_trends, changes, found_load
from pytest_npuperf.errors import BudgetError, NoBaselineError
from pytest_npuperf.report.change import Figure
from pytest_npuperf.report.history import (
    Bound,
    CaseHistory,
    CaseState,
    History,
    HistoryRun,
    Trend,
    TrendPoint,
)
from pytest_npuperf.report.html.verdict_marks import Look
from pytest_npuperf.saved.figures import CaseFigures, RunFigures
from pytest_npuperf.saved.files import CaseEntry, VerdictEntry
from pytest_npuperf.slo import Reference, parse_budget
from pytest_npuperf.slo.noise import noise_floor
from pytest_npuperf.slo.resampling import needed_requests
from pytest_npuperf.slo.stage_run import figure_of_successes

__all__ = ["history_of"]

_PAGE = "report.html"
_COMMITS = frozenset("0123456789abcdefABCDEF")
_FAILURES = ("failed", "error")
_MEASURED_CASE = tuple[HistoryRun, CaseFigures]


def history_of(
    runs: Sequence[RunFigures],
    figures: Sequence[Figure],
    baseline: Baseline | None,
    left_out: Sequence[str] = (),
    *,
    page_folder: Path | None = None,
) -> History:
    """The trend of each figure of each case, in the order in which the runs were started.

    Args:
        runs: At least one.
        figures: What to show.
        baseline: What to draw beside it.
        left_out: The reports that could not be read, and why.
        page_folder: Where the page will lie, so that it can link the pages of the runs; None for no links.
    """
    ordered = sorted(runs, key=lambda run: run.started)
    described = list(_told_apart([_described(run, page_folder) for run in ordered]))
    cases: dict[str, list[_MEASURED_CASE]] = {}
    for of_history, run in zip(described, ordered, strict=True):
        for name, case in _named(run):
            cases.setdefault(name, []).append((of_history, case))
    return History(
        runs=tuple(described),
        cases=tuple(_case(name, measured, figures, baseline) for name, measured in cases.items()),
        left_out=tuple(left_out),
        baseline=baseline.name if baseline is not None else "",
    )


def _described(run: RunFigures, page_folder: Path | None) -> HistoryRun:
    git = run.environment.get("git")
    git = git if isinstance(git, Mapping) else {}
    commit = git.get("commit")
    model = run.server.get("model") or run.server.get("asked_model") or ""
    return HistoryRun(
        started=run.started,
        commit=commit if isinstance(commit, str) and set(commit) <= _COMMITS else "",
        is_dirty=git.get("dirty") is True,
        model=str(model),
        directory=str(run.directory),
        link="" if page_folder is None else _link(run.directory / _PAGE, page_folder),
        states=tuple((name, _state(case.entry)) for name, case in _named(run)),
        unmeasured=tuple(
            (item.nodeid, CaseState(item.outcome, "fail", tuple(filter(None, [item.failure]))))
            for item in run.unmeasured
        ),
    )


def _told_apart(runs: Sequence[HistoryRun]) -> Iterator[HistoryRun]:
    """The runs, no two with the same label."""
    of_minute = Counter(run.date for run in runs)
    seen: Counter[str] = Counter()
    for run in runs:
        named = replace(run, has_seconds=of_minute[run.date] > 1)
        seen[named.label] += 1
        yield replace(named, number=seen[named.label])


def _link(page: Path, folder: Path) -> str:
    """The address of a file as seen from a folder; '' where there is no such file, or no way to it."""
    if not page.is_file():
        return ""
    try:
        way = os.path.relpath(page.resolve(), folder.resolve())
    except ValueError:  # on another drive
        return ""
    return quote(Path(way).as_posix())


def _state(entry: CaseEntry) -> CaseState:
    """How a case came out; advisory budgets have no part in it."""
    binding = [verdict for verdict in entry.verdicts if not verdict.advisory]
    broken = [verdict.expression for verdict in binding if verdict.outcome == "fail"]
    failure = [entry.failure] if entry.failure else []
    grave = (
        ("not measured", [entry.not_measured] if entry.not_measured else []),
        ("aborted", [entry.aborted] if entry.aborted else []),
        ("vacuous", entry.vacuous),
        ("broken", broken),
    )
    for word, reasons in grave:
        if reasons:
            return CaseState(word, "fail", tuple(reasons))
    if entry.outcome in _FAILURES:
        return CaseState(entry.outcome, "fail", tuple(failure))
    if entry.stopped:
        return CaseState("stopped", "open")
    for outcome in ("inconclusive", "no baseline"):
        if found := [verdict for verdict in binding if verdict.outcome == outcome]:
            look: Look = "fail" if any(_look(verdict) == "fail" for verdict in found) else "open"
            return CaseState(outcome, look, tuple(verdict.expression for verdict in found))
    return CaseState("kept", "pass") if binding else CaseState("none", "open")


def _named(run: RunFigures) -> Iterator[tuple[str, CaseFigures]]:
    """The cases by their names; items of several folders may have cases of the same name."""
    seen: Counter[str] = Counter()
    for case in run.cases:
        name = case.entry.name
        seen[name] += 1
        yield (name if seen[name] == 1 else f"{name} ({seen[name]})"), case


def _case(
    name: str, measured: Sequence[_MEASURED_CASE], figures: Sequence[Figure], baseline: Baseline | None
) -> CaseHistory:
    newest = measured[-1][1]
    references = {figure.stage: _reference(baseline, name, figure.stage, newest) for figure in figures}
    known = [reference for reference in references.values() if reference is not None]
    differences = [what for reference in known for what in reference.mismatches]
    notes = [*_loads(newest.entry)]
    notes += [f"not like with like: {what}" for what in differences]
    if baseline is not None and not known:
        notes.append(f"the baseline {baseline.name} has no run of it")
    trends = [_trend(figure, measured, references[figure.stage]) for figure in figures]
    return CaseHistory(
        name=name,
        trends=(*capacity_trends(measured), *trends),
        notes=tuple(dict.fromkeys(notes)),
        state=_state(newest.entry),
        is_like_baseline=not differences,
    )


def _loads(entry: CaseEntry) -> Iterator[str]:
    """At which load the figures of a search or a sweep were measured."""
    load = found_load(entry)
    if load and entry.exploration is not None:
        what = "the load that the search confirmed" if entry.exploration.budgets else "the sweep's last load"
        yield f"The figures are those at {what}, in the newest run {load}."


def _reference(baseline: Baseline | None, case: str, stage: str, newest: CaseFigures) -> Reference | None:
    if baseline is None:
        return None
    try:
        return baseline.reference(case, stage, node=newest.entry.nodeid, current=newest.made_with)
    except NoBaselineError:
        return None


def _trend(figure: Figure, measured: Sequence[_MEASURED_CASE], reference: Reference | None) -> Trend:
    of_baseline = _baseline_figure(reference, figure)
    befores = [None, *(case for _, case in measured)]
    return Trend(
        figure=figure,
        points=tuple(
            _point(run, case, figure, before) for (run, case), before in zip(measured, befores, strict=False)
        ),
        baseline=of_baseline,
        bounds=tuple(_bounds(measured[-1][1], figure, reference, of_baseline)),
    )


def _baseline_figure(reference: Reference | None, figure: Figure) -> float | None:
    """The mean over the runs, of the successful requests as the figures of reports."""
    runs = reference.runs if reference is not None else ()
    found = [figure_of_successes(run, figure.metric, figure.statistic) for run in runs]
    values = [value for value in found if value is not None and isfinite(value)]
    return sum(values) / len(values) if values and len(values) == len(found) else None


def _point(run: HistoryRun, case: CaseFigures, figure: Figure, before: CaseFigures | None) -> TrendPoint:
    value, n = case.figure(figure.metric, figure.statistic, figure.stage)
    # how many requests gaps need depends on how many each has, which a summary does not tell
    needed = 0 if figure.metric == "itl" else needed_requests((), figure.metric, figure.statistic)
    return TrendPoint(
        run=run,
        value=None if case.entry.not_measured else value,
        n=n,
        needed_n=needed if value is not None and n < needed else None,
        notes=tuple(_notes(case, figure)),
        breaks_budget=any(_look(verdict) == "fail" for verdict in _verdicts(case, figure)),
        changes=tuple(changes(before, case)) if before is not None else (),
    )


def _notes(case: CaseFigures, figure: Figure) -> Iterator[str]:
    entry = case.entry
    if entry.not_measured:
        yield f"not measured: {entry.not_measured}"
    if entry.stopped:
        yield "stopped before its end"
    if entry.aborted:
        yield f"aborted: {entry.aborted}"
    if entry.client_health.state != "ok":
        yield f"client {entry.client_health.state}"
    yield from (f"vacuous: {reason}" for reason in entry.vacuous)
    yield from (f"suspect: {reason}" for reason in entry.suspect)
    failed = case.count("failed_requests", figure.stage)
    if failed:
        yield f"{failed} failed request{'s' if failed > 1 else ''}"
    for verdict in _verdicts(case, figure):
        if verdict.outcome in ("fail", "inconclusive"):
            yield f"{verdict.outcome}{', advisory' if verdict.advisory else ''}: {verdict.expression}"


def _verdicts(case: CaseFigures, figure: Figure) -> Iterator[VerdictEntry]:
    for verdict in case.entry.verdicts:
        if (verdict.stage, verdict.metric) != (figure.stage, figure.metric):
            continue
        if _usual(verdict.statistic) == _usual(figure.statistic):
            yield verdict


def _look(verdict: VerdictEntry) -> Look:
    """By what becomes of the test, as on the page of the run."""
    if verdict.outcome == "pass":
        return "pass"
    consequence = verdict.consequence or ("fail" if verdict.outcome == "fail" else "warn")
    return "fail" if consequence == "fail" and not verdict.advisory else "open"


def _usual(statistic: str | None) -> str | None:
    return "p50" if statistic == "median" else statistic


def _bounds(
    newest: CaseFigures, figure: Figure, reference: Reference | None, of_baseline: float | None
) -> Iterator[Bound]:
    for verdict in _verdicts(newest, figure):
        bound, look = verdict.bound, _look(verdict)
        if reference is not None and _is_relative(verdict):
            bound, look = _relative_bound(verdict, figure, reference, of_baseline), "open"
        if bound is not None:
            yield Bound(verdict.expression, bound, look, is_advisory=verdict.advisory)


def _is_relative(verdict: VerdictEntry) -> bool:
    """Whether it is held against the baseline that the person names, so against the one shown here."""
    try:
        relative = parse_budget(verdict.expression).relative
    except BudgetError:
        return False
    return relative is not None and relative.baseline is None


def _relative_bound(
    verdict: VerdictEntry, figure: Figure, reference: Reference, of_baseline: float | None
) -> float | None:
    """What the budget would be bound to by the baseline that is shown; None where that cannot be told."""
    relative = parse_budget(verdict.expression).relative
    floor = noise_floor(reference.runs, figure.metric, figure.statistic)
    if relative is None or of_baseline is None or (relative.noise and floor is None):
        return None
    return of_baseline * (1 + relative.change_with(floor or 0.0))
