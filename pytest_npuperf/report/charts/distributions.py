"""How a case's latencies are distributed: the share of requests answered within each time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from pytest_npuperf.metrics.requests import Floats
from pytest_npuperf.metrics.sample import share_below
from pytest_npuperf.report.charts.bounds import Mark, marks
from pytest_npuperf.report.charts.curves import Curve, places_along, step_curves
from pytest_npuperf.report.charts.figure import Figure
from pytest_npuperf.report.charts.frame import Frame
from pytest_npuperf.report.charts.scale import KINDS, Kind, Scale, Unit, of_kind, quantity, time_unit
from pytest_npuperf.report.html.markup import Markup, element, joined
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
"""An axis is made longer for a bound up to that many times off what was measured, not further."""
_LOG_FROM = (0.001, 0.05)
"""Shares of positive values that a logarithmic axis may leave out below: the second where these values reach
down ``_FAR_BELOW`` times."""
_FAR_BELOW = 10
_MOST_BOUNDS = 8
_FLAG = "*"
_MS = Unit("ms", 1e-3)


@dataclass(frozen=True, slots=True, eq=False)
class _Distribution:
    """One metric of one stage, of this run or of a baseline."""

    name: str
    look: str
    """A class of the style sheet; '' where it has no curve."""
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
        stages: What was measured, by stage, the total first; of more than four the total is drawn, those that
            budgets are about, and the first others. The rest is in the table only.
        reference: A baseline to draw beside them, None without one.
        verdicts: Of the case.
    """
    looks = dict(zip(_drawn_stages(stages, verdicts), _LOOKS, strict=False))
    for metric, name, meaning in LATENCIES:
        known = [_distribution(stage, looks.get(stage, ""), run, metric) for stage, run in stages.items()]
        if reference is not None:
            known.append(
                _distribution(
                    f"baseline {reference.name}", "baseline", _pooled(reference.runs, metric), metric
                )
            )
        known = [one for one in known if len(one.values)]
        if any(one.look for one in known):
            yield _figure(metric, name, meaning, known, list(_bounds(metric, verdicts))[:_MOST_BOUNDS])


def _drawn_stages(stages: Iterable[str], verdicts: Iterable[Verdict]) -> list[str]:
    """As many as there are looks, in their order."""
    bounded = {verdict.budget.stage for verdict in verdicts}
    names = list(stages)
    ranked = sorted(names[1:], key=lambda name: name not in bounded)
    chosen = {*names[:1], *ranked[: len(_LOOKS) - 1]}
    return [name for name in names if name in chosen]


def _figure(
    metric: str, name: str, meaning: str, known: Sequence[_Distribution], bounds: Sequence[Mark]
) -> Figure:
    drawn = [one for one in known if one.look]
    low = min(float(one.values[0]) for one in drawn)
    high = max(float(one.values[-1]) for one in drawn)
    near = [bound.x for bound in bounds if low / _FARTHEST_BOUND <= bound.x <= high * _FARTHEST_BOUND]
    low, high = min([low, *near]), max([high, *near])
    log_low = min([*(_log_start(one.values) for one in drawn), *near])
    unit = time_unit(high)
    curves = [
        Curve(one.name, one.look, one.values, np.arange(1, len(one.values) + 1) / one.n) for one in drawn
    ]

    def frame_of(kind: Kind) -> Frame:
        return Frame(of_kind(kind, log_low if kind == "log" else low, high, unit), _SHARES)

    def content(frame: Frame) -> Markup:
        lines = [place for curve in curves for place in places_along(frame, curve)] if bounds else []
        return joined((step_curves(frame, curves), marks(frame, bounds, lines)))

    return Figure(
        title=name,
        subtitle=f"{meaning}; share of {'gaps' if metric == 'itl' else 'requests'} within a time"
        + _left_out([one.name for one in known if not one.look]),
        sentence=_sentence(metric, drawn[0], unit),
        table=_table(metric, name, known, unit),
        frame_of=frame_of,
        content=content,
        kinds=KINDS,
        legend=[(one.name, one.look) for one in drawn],
    )


def _log_start(values: Floats) -> float:
    """Where a logarithmic axis begins: few values far below the others would take most of it.

    They stand at its edge, where the curve comes in at their share.
    """
    positive = values[values > 0]
    if not len(positive):
        return 0.0
    least, fast = np.quantile(positive, _LOG_FROM).tolist()
    return float(fast if fast > _FAR_BELOW * least else least)


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
                yield Mark(f"{stage}in {budget.metric}: {bound}", look, part.bound, None)
        bound_value = bound_of(verdict)
        if budget.metric == metric and bound_value is not None:
            # what a baseline makes of it has more digits than can be read
            bound = (
                f"{budget.comparison} {quantity(bound_value, _MS)}"
                if budget.relative
                else bound_text(verdict)
            )
            label = f"{stage}{budget.statistic} {bound}"
            yield Mark(label, look, bound_value, share_below(budget.statistic))


def _left_out(names: Sequence[str]) -> str:
    """Which stages have no curve: ``; turns 4 to 7 are in the table only``."""
    if not names:
        return ""
    if len(names) == 1:
        return f"; {names[0]} is in the table only"
    numbers = [int(number) for name in names if (number := name.removeprefix("turn ")).isdecimal()]
    is_run = len(numbers) == len(names) and numbers[-1] - numbers[0] == len(numbers) - 1
    which = f"turns {numbers[0]} to {numbers[-1]}" if is_run else ", ".join(names)
    return f"; {which} are in the table only"


def _sentence(metric: str, shown: _Distribution, unit: Unit) -> str:
    median, requests = stage_figure(shown.run, metric, "p50")
    p99, _ = stage_figure(shown.run, metric, "p99")
    what = f"{shown.n} gaps of {requests} requests" if metric == "itl" else f"{requests} requests"
    parts = [f"{_within(what, median, p99, unit)}."]
    counted = shown.n - len(shown.values)
    failed = int(shown.run.totals.get("failed_requests", 0))
    if counted:
        parts.append(
            f"{counted} failed, counted as never answered (the case's tables leave them out): the curve ends "
            "below 100 %."
        )
    elif failed:
        parts.append(f"Not counted: {failed} failed.")
    needed = needed_requests([shown.run], metric, "p99")
    if requests < needed:
        parts.append(f"P99 rests on too few requests: it takes {needed}.")
    return " ".join(parts)


def _within(what: str, median: float | None, p99: float | None, unit: Unit) -> str:
    if median == inf:
        return f"Fewer than half of the {what} were answered"
    half = f"Half of the {what} within {quantity(median, unit)}"
    if p99 == inf:
        return f"{half}; fewer than 99 % of them were answered"
    return f"{half}, 99 % within {quantity(p99, unit)}"


def _table(metric: str, name: str, known: Sequence[_Distribution], unit: Unit) -> Markup:
    """A column for each stage: there are more statistics than a chart is wide."""
    columns = [[str(one.n), *_cells(metric, one, unit)] for one in known]
    names = ["N", *(statistic.capitalize() for statistic in _STATISTICS)]
    table = data_table(
        f"{name}: values",
        [f"{name}, {unit.name}", *(one.name for one in known)],
        list(zip(names, *columns, strict=True)),
    )
    unsupported = any(cell.endswith(_FLAG) for column in columns for cell in column)
    note = element("p", f"{_FLAG} rests on too few requests for that percentile", class_="note")
    return joined((table, note if unsupported else None))


def _cells(metric: str, one: _Distribution, unit: Unit) -> Iterator[str]:
    for statistic in _STATISTICS:
        value, requests = stage_figure(one.run, metric, statistic)
        is_rank = share_below(statistic) is not None
        flag = _FLAG if is_rank and requests < needed_requests([one.run], metric, statistic) else ""
        yield f"{quantity(value, unit).removesuffix(f' {unit.name}')}{flag}"
