"""How a case's latencies are distributed: the share of requests answered within each time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from pytest_npuperf.metrics.intervals import share_below
from pytest_npuperf.metrics.requests import Floats
from pytest_npuperf.report.charts.bounds import Mark, marks
from pytest_npuperf.report.charts.curves import Curve, step_curves
from pytest_npuperf.report.charts.figure import Figure
from pytest_npuperf.report.charts.frame import Frame
from pytest_npuperf.report.charts.scale import KINDS, Kind, Scale, Unit, of_kind, quantity, time_unit
from pytest_npuperf.report.html.markup import Child, Markup, element, joined
from pytest_npuperf.report.html.tables import data_table
from pytest_npuperf.report.html.verdict_marks import verdict_look
from pytest_npuperf.report.verdict_cells import bound_of, bound_text
from pytest_npuperf.slo import Reference, StageRun, Verdict
from pytest_npuperf.slo.resampling import needed_requests
from pytest_npuperf.slo.stage_run import figure as stage_figure
from pytest_npuperf.slo.stage_run import known_values

__all__ = ["LATENCIES", "distribution_figures"]

LATENCIES = (
    ("ttft", "TTFT", "time to first token"),
    ("tpot", "TPOT", "time per output token after the first"),
    ("itl", "ITL", "gaps between neighbouring chunks"),
    ("e2el", "E2EL", "end-to-end latency"),
)
_LOOKS = ("main", "second", "third", "fourth")
_STATISTICS = ("min", "p50", "p90", "p95", "p99", "p99.9", "max")
_SHARES = Scale("linear", 0, 1, (0, 0.25, 0.5, 0.75, 0.9, 0.99), Unit("%", 0.01))
_FARTHEST_BOUND = 1.6
"""An axis is made longer for a bound up to that many times what was measured, not further."""
_MOST_BOUNDS = 8
_FLAG = "*"


@dataclass(frozen=True, slots=True, eq=False)
class _Distribution:
    """One metric of one stage, of this run or of a baseline."""

    name: str
    look: str
    run: StageRun
    values: Floats
    """Finite ones, in seconds, rising."""
    n: int
    """Of all values: the infinite ones of failed requests are among them."""


def distribution_figures(
    stages: Mapping[str, StageRun], reference: Reference | None, verdicts: Sequence[Verdict]
) -> Iterator[Figure]:
    """A figure for each latency that was measured, with the bounds that its budgets set.

    Failed requests never answered: where budgets count them so, a curve ends below 100 %, and a percentile
    budget holds where the curve has passed its mark to the left.

    Args:
        stages: What was measured, by stage, the total first; the first four are drawn.
        reference: A baseline to draw beside them, None without one.
        verdicts: Of the case.
    """
    for metric, name, meaning in LATENCIES:
        drawn = [
            _distribution(stage, look, run, metric)
            for look, (stage, run) in zip(_LOOKS, stages.items(), strict=False)
        ]
        if reference is not None:
            drawn.append(
                _distribution(
                    f"baseline {reference.name}", "baseline", _pooled(reference.runs, metric), metric
                )
            )
        drawn = [one for one in drawn if len(one.values)]
        if drawn:
            yield _figure(metric, name, meaning, drawn, list(_bounds(metric, verdicts))[:_MOST_BOUNDS])


def _figure(
    metric: str, name: str, meaning: str, drawn: Sequence[_Distribution], bounds: Sequence[Mark]
) -> Figure:
    low = min(float(one.values[0]) for one in drawn)
    high = max(float(one.values[-1]) for one in drawn)
    high = max([high, *(bound.x for bound in bounds if bound.x <= _FARTHEST_BOUND * high)])
    unit = time_unit(high)
    curves = [
        Curve(one.name, one.look, one.values, np.arange(1, len(one.values) + 1) / one.n) for one in drawn
    ]

    def frame_of(kind: Kind) -> Frame:
        return Frame(of_kind(kind, low, high, unit), _SHARES)

    def content(frame: Frame) -> Markup:
        return joined((step_curves(frame, curves), marks(frame, bounds)))

    return Figure(
        title=name,
        subtitle=f"{meaning}; share of {'gaps' if metric == 'itl' else 'requests'} within a time",
        sentence=_sentence(metric, drawn[0], unit),
        table=_table(metric, name, drawn, unit),
        frame_of=frame_of,
        content=content,
        kinds=KINDS,
        legend=[(one.name, one.look) for one in drawn],
    )


def _distribution(name: str, look: str, run: StageRun, metric: str) -> _Distribution:
    known = known_values(run, metric, "median")
    values = np.sort(np.concatenate([np.empty(0), *known]) if isinstance(known, tuple) else known)
    finite = values[: np.searchsorted(values, np.inf)]
    return _Distribution(name, look, run, finite, len(values))


def _pooled(runs: Sequence[StageRun], metric: str) -> StageRun:
    """The values of a metric of all runs as those of one."""
    samples = [run.samples[metric] for run in runs if metric in run.samples]
    failed = sum(run.totals.get("failed_requests", 0) for run in runs)
    groups = [group for sample in samples if isinstance(sample, tuple) for group in sample]
    columns = [sample for sample in samples if not isinstance(sample, tuple)]
    pooled = np.concatenate(columns) if columns else tuple(groups)
    return StageRun({metric: pooled}, {"failed_requests": failed})


def _bounds(metric: str, verdicts: Iterable[Verdict]) -> Iterator[Mark]:
    for verdict in verdicts:
        budget, look = verdict.budget, verdict_look(verdict)
        stage = "" if budget.stage == "total" else f"{budget.stage} "
        for part in budget.parts:
            if part.metric == metric:
                bound = part.expression.removeprefix(part.metric).strip()
                yield Mark(f"{stage}{budget.metric} {bound}", look, part.bound, None)
        bound_value = bound_of(verdict)
        if budget.metric == metric and bound_value is not None:
            label = f"{stage}{budget.statistic} {bound_text(verdict)}"
            yield Mark(label, look, bound_value, share_below(budget.statistic))


def _sentence(metric: str, shown: _Distribution, unit: Unit) -> str:
    median, requests = stage_figure(shown.run, metric, "p50")
    p99, _ = stage_figure(shown.run, metric, "p99")
    what = f"{shown.n} gaps of {requests} requests" if metric == "itl" else f"{requests} requests"
    parts = [f"{_within(what, median, p99, unit)}."]
    failed = shown.n - len(shown.values)
    if failed:
        parts.append(f"{failed} failed and count as never answered: the curve ends below 100 %.")
    needed = needed_requests([shown.run], metric, "p99")
    if requests < needed:
        parts.append(f"P99 rests on too few requests: it takes {needed}.")
    return " ".join(parts)


def _within(what: str, median: float | None, p99: float | None, unit: Unit) -> str:
    if median == inf:
        return f"Fewer than half of the {what} were answered"
    half = f"Half of the {what} within {quantity(median, unit)}"
    return f"{half}, fewer than 99 % ever" if p99 == inf else f"{half}, 99 % within {quantity(p99, unit)}"


def _table(metric: str, name: str, drawn: Sequence[_Distribution], unit: Unit) -> Markup:
    header = ["Stage", "N", *(statistic.capitalize() for statistic in _STATISTICS)]
    rows: list[list[Child]] = [[one.name, one.n, *_cells(metric, one, unit)] for one in drawn]
    unsupported = any(str(cell).endswith(_FLAG) for row in rows for cell in row[2:])
    note = element("p", f"{_FLAG} rests on too few requests for that percentile", class_="note")
    return joined((data_table(f"{name}: values", header, rows), note if unsupported else None))


def _cells(metric: str, one: _Distribution, unit: Unit) -> Iterator[str]:
    for statistic in _STATISTICS:
        value, requests = stage_figure(one.run, metric, statistic)
        is_rank = share_below(statistic) is not None
        flag = _FLAG if is_rank and requests < needed_requests([one.run], metric, statistic) else ""
        yield f"{quantity(value, unit)}{flag}"
