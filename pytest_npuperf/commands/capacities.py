"""What lies between two runs of a history: what else they were measured with, and the capacity they found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pytest_npuperf.baselines import Fingerprint, mismatches
from pytest_npuperf.baselines.workload import Workload
from pytest_npuperf.report.change import Figure
from pytest_npuperf.report.history import HistoryRun, Trend, TrendPoint
from pytest_npuperf.saved.figures import CaseFigures
from pytest_npuperf.saved.files import CaseEntry, ExplorationEntry

__all__ = ["capacity_trends", "changes", "found_load"]

_ENDS = {
    "highest_kept": "even the largest load that was asked for keeps the budgets",
    "lowest_broken": "even the smallest load breaks a budget",
    "client_bound": "the client was the bottleneck of a larger load",
    "stopped": "interrupted",
}
"""Why a search has found no capacity, or one that may be too small."""


def changes(before: CaseFigures, now: CaseFigures) -> Iterator[str]:
    """What both were measured with that is not the same; a fact that one does not know is not told."""
    differences = list(_differences(before.made_with, now.made_with))
    yield from differences
    old, new = found_load(before.entry), found_load(now.entry)
    if old != new and not any(what.startswith("load.") for what in differences):
        yield f"{new or 'one load'} after {old or 'one load'}"


def _differences(before: Fingerprint, now: Fingerprint) -> Iterator[str]:
    return (what.replace(", in the baseline ", " after ") for what in mismatches(before, now))


def found_load(entry: CaseEntry) -> str:
    """The load that the figures of a search or a sweep are of: ``concurrency 4``; '' for any other case."""
    found = entry.exploration
    if found is None or not found.steps:
        return ""
    load = found.found if found.found is not None else found.steps[-1].load
    return f"{found.axis} {load:g}{' req/s' if found.axis == 'rate' else ''}"


def capacity_trends(measured: Sequence[tuple[HistoryRun, CaseFigures]]) -> Iterator[Trend]:
    """The capacity that searches found, run by run; nothing where none did or the newest run is no search."""
    newest = measured[-1][1].entry.exploration
    if newest is None or not newest.budgets:
        return
    searches = [
        _Search(run, case.entry, found, _without_load(case.made_with, found.axis))
        for run, case in measured
        if (found := case.entry.exploration) is not None and found.budgets and found.axis == newest.axis
    ]
    befores = [None, *searches]
    points = [_point(search, before) for search, before in zip(searches, befores, strict=False)]
    if any(point.value is not None for point in points):
        yield Trend(figure=Figure("capacity"), points=tuple(points), axis=newest.axis)


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    run: HistoryRun
    entry: CaseEntry
    found: ExplorationEntry
    made_with: Fingerprint


def _without_load(made_with: Fingerprint, axis: str) -> Fingerprint:
    """What was searched with: the load that was found is no part of it."""
    workload = made_with["workload"]
    load = workload.settings.get("load") if isinstance(workload, Workload) else None
    if not isinstance(workload, Workload) or not isinstance(load, Mapping):
        return {**made_with, "workload": None}
    rest = {key: value for key, value in load.items() if key != axis}
    return {**made_with, "workload": Workload({**workload.settings, "load": rest})}


def _point(search: _Search, before: _Search | None) -> TrendPoint:
    return TrendPoint(
        run=search.run,
        value=None if search.entry.not_measured else search.found.found,
        n=sum(step.requests for step in search.found.steps),
        notes=tuple(_notes(search)),
        changes=tuple(_search_changes(before, search)) if before is not None else (),
    )


def _notes(search: _Search) -> Iterator[str]:
    if search.entry.not_measured:
        yield f"not measured: {search.entry.not_measured}"
    if search.found.reason in _ENDS:
        yield _ENDS[search.found.reason]


def _search_changes(before: _Search, now: _Search) -> Iterator[str]:
    yield from _differences(before.made_with, now.made_with)
    if before.found.budgets != now.found.budgets:
        yield f"searched with {', '.join(now.found.budgets)} after {', '.join(before.found.budgets)}"
