"""The trend of a figure: a point for each run, joined where both were measured with the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pytest_npuperf.capacity import LoadAxis
from pytest_npuperf.report.charts.figure import Figure
from pytest_npuperf.report.charts.frame import Frame
from pytest_npuperf.report.charts.scale import Kind, Scale, Unit, linear, quantity, time_unit
from pytest_npuperf.report.history.drawing import Level, drawn_trend, remarks
from pytest_npuperf.report.history.history import HistoryRun, Trend, TrendPoint
from pytest_npuperf.report.html.markup import Child, Markup, element
from pytest_npuperf.report.html.tables import data_table
from pytest_npuperf.slo.vocabulary import METRICS

__all__ = ["named_run", "trend_figure", "trend_unit"]

_MOST_TICKS = 5
_FARTHEST = 1.5
"""Times the largest value, or the smallest one below it: a level beyond would press the trend flat."""
_NARROWEST = 0.2
"""Of the highest value, what an axis spans at least: noise of a few percent is not to look like a cliff."""
_SMALLEST = 1e-12
"""What is below it is drawn as 0: no figure is known so exactly."""
_SHORTEST = 0.01
"""Seconds: no axis of latencies is written in a smaller unit than it, milliseconds."""
_NAMED = 3
"""Runs that a sentence names; the table has all."""
_LOAD_UNITS: dict[LoadAxis, str] = {"concurrency": "clients", "rate": "req/s"}


@dataclass(frozen=True, slots=True)
class _RunScale(Scale):
    """An axis of runs from 1 on, whose ticks are their labels."""

    names: tuple[str, ...] = ()

    def labels(self, *, longest_unit: int) -> list[str]:  # noqa: ARG002
        """The labels of the runs that have a tick."""
        return list(self.names)


def trend_figure(trend: Trend, baseline: str) -> Figure | None:
    """The chart with its sentence and its table; None where no run has anything to show.

    Args:
        trend: The figure, run by run.
        baseline: The baseline's name.
    """
    values = [point.value for point in trend.points if point.value is not None]
    if not values:
        return None
    unit = trend_unit(trend)
    levels = _levels(trend)
    frame = Frame(_runs(trend.points), _heights(values, levels, unit))

    def frame_of(_: Kind) -> Frame:
        return frame

    def content(frame: Frame) -> Markup:
        return drawn_trend(frame, trend.points, levels)

    return Figure(
        title=trend.figure.name,
        subtitle=f"{unit.name or 'count'}, by run in order of time{_good_side(trend)}",
        sentence=" ".join(_sentences(trend, unit)),
        table=_table(trend, unit),
        frame_of=frame_of,
        content=content,
        legend=[("runs", "main")]
        + ([] if trend.baseline is None else [(f"baseline {baseline}", "baseline")]),
    )


def trend_unit(trend: Trend) -> Unit:
    """The unit that all values of a trend are written in."""
    if trend.axis is not None:
        return Unit(_LOAD_UNITS[trend.axis], 1.0)
    metric = METRICS[trend.figure.metric]
    if metric.is_share:
        return Unit("%", 0.01)
    values = [point.value for point in trend.points if point.value is not None]
    return time_unit(max([_SHORTEST, *values])) if metric.units[0] == "ms" else Unit(metric.units[0], 1.0)


def named_run(run: HistoryRun) -> Child:
    """When it started, as a link to its report where it has one."""
    return element("a", run.date, href=run.link) if run.link else run.date


def _good_side(trend: Trend) -> str:
    direction = "higher" if trend.axis is not None else METRICS[trend.figure.metric].direction
    return "" if direction is None else f"; {direction} is better"


def _levels(trend: Trend) -> list[Level]:
    levels = [
        Level("advisory" if bound.is_advisory else "bound", bound.look, bound.value) for bound in trend.bounds
    ]
    if trend.baseline is not None:
        levels.append(Level("baseline", "baseline", trend.baseline))
    return levels


def _heights(values: Sequence[float], levels: Sequence[Level], unit: Unit) -> Scale:
    """The axis of the values and of the levels that are not far from them."""
    low, high = min(values), max(values)
    shown = [level.value for level in levels if low / _FARTHEST <= level.value <= high * _FARTHEST]
    low, high = min(low, *shown, low), max(high, *shown, high)
    if high <= _SMALLEST:
        return linear(low, 0.0, unit, ticks=4)
    return linear(min(low, high * (1 - _NARROWEST)), high, unit, ticks=4)


def _runs(points: Sequence[TrendPoint]) -> Scale:
    count = len(points)
    places = sorted({round(place) for place in np.linspace(1, count, min(count, _MOST_TICKS)).tolist()})
    names = tuple(points[place - 1].run.label for place in places)
    return _RunScale("linear", 0.5, count + 0.5, tuple(map(float, places)), Unit("", 1.0), names)


def _sentences(trend: Trend, unit: Unit) -> Iterator[str]:
    yield _course(trend, unit)
    if trend.baseline is not None:
        yield f"The baseline has {quantity(trend.baseline, unit)}."
    for bound in trend.bounds:
        budget = f"{'advisory ' if bound.is_advisory else ''}budget {bound.expression}"
        yield f"The newest run has the {budget}: its bound is {quantity(bound.value, unit)}."
    if few := [point for point in trend.points if point.needed_n is not None]:
        counts = sorted({point.n for point in few})
        n = f"{counts[0]} to {counts[-1]}" if len(counts) > 1 else f"{counts[0]}"
        of = "Runs" if len(few) == len(trend.points) else f"{len(few)} of {len(trend.points)} runs"
        yield f"{of} with {n} requests each: the figure needs {few[-1].needed_n} for an interval."
    yield from _named("Line broken before", [(p.run, p.changes) for p in trend.points[1:] if p.changes])
    yield from _named("Notes:", [(point.run, point.notes) for point in trend.points if point.notes])


def _course(trend: Trend, unit: Unit) -> str:
    known = [(point, point.value) for point in trend.points if point.value is not None]
    (first, start), (last, end) = known[0], known[-1]
    if len(known) == 1:
        return f"{quantity(start, unit)} in the only run that measured it."
    values = [value for _, value in known]
    is_broken = any(point.changes for point in trend.points[1:])
    change = f", {end / start - 1:+.1%}" if start > 0 and not is_broken else ""
    return (
        f"From {quantity(start, unit)} ({first.run.label}) to {quantity(end, unit)} ({last.run.label})"
        f"{change}; between {quantity(min(values), unit)} and {quantity(max(values), unit)}."
    )


def _named(what: str, runs: Sequence[tuple[HistoryRun, tuple[str, ...]]]) -> Iterator[str]:
    """The newest few of the runs with what is to be said of each; nothing where there is none."""
    if not runs:
        return
    named = "; ".join(f"{run.label} ({', '.join(texts)})" for run, texts in runs[-_NAMED:])
    others = len(runs) - _NAMED
    yield f"{what} {named}" + (f"; and {others} earlier, see the table." if others > 0 else ".")


def _table(trend: Trend, unit: Unit) -> Markup:
    rows: list[list[Child]] = [
        [
            named_run(point.run),
            point.run.commit_text,
            quantity(point.value, unit),
            str(point.n) + ("" if point.needed_n is None else f" (needs {point.needed_n})"),
            "; ".join(remarks(point)) or "-",
        ]
        for point in trend.points
    ]
    return data_table(f"{trend.figure.name} by run", ["Run", "Commit", trend.figure.name, "n", "Notes"], rows)
