"""The trend of a figure: a point for each run, joined where both were measured with the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pytest_npuperf.report.charts.figure import Figure
from pytest_npuperf.report.charts.frame import Frame
from pytest_npuperf.report.charts.scale import Kind, Scale, Unit, linear, quantity, time_unit
from pytest_npuperf.report.history.history import Trend, TrendPoint
from pytest_npuperf.report.html.markup import Markup, element, joined
from pytest_npuperf.report.html.tables import data_table
from pytest_npuperf.slo.vocabulary import METRICS

__all__ = ["trend_figure"]

_MOST_TICKS = 5
_FARTHEST_BOUND = 2.0
"""Times the largest value: a bound beyond would press the trend flat, so it is left to the words."""
_SMALLEST = 1e-12
"""What is below it is drawn as 0: no figure is known so exactly."""
_SHORTEST = 0.01
"""Seconds: no axis of latencies is written in a smaller unit than it, milliseconds."""
_LABEL_HEIGHT = 12
_RADIUS = 3.5


@dataclass(frozen=True, slots=True)
class _RunScale(Scale):
    """An axis of runs from 1 on, whose ticks are their labels."""

    names: tuple[str, ...] = ()

    def labels(self, *, longest_unit: int) -> list[str]:  # noqa: ARG002
        """The labels of the runs that have a tick."""
        return list(self.names)


@dataclass(frozen=True, slots=True)
class _Line:
    """A value across the chart."""

    text: str
    look: str
    value: float


def trend_figure(trend: Trend, baseline: str) -> Figure | None:
    """The chart with its sentence and its table; None where no run measured the figure.

    Args:
        trend: The figure, run by run.
        baseline: The baseline's name.
    """
    values = [point.value for point in trend.points if point.value is not None]
    if not values:
        return None
    unit = _unit(trend.figure.metric, max(values))
    lines = _lines(trend, max(values))
    heights = [*values, *(line.value for line in lines)]
    highest = max(heights) if max(heights) > _SMALLEST else 0.0
    frame = Frame(_runs(trend.points), linear(min(heights), highest, unit, ticks=4))

    def content(_: Frame) -> Markup:
        return joined((*_across(frame, lines), *_joins(frame, trend.points), *_dots(frame, trend.points)))

    def frame_of(_: Kind) -> Frame:
        return frame

    return Figure(
        title=trend.figure.name,
        subtitle=f"{unit.name or 'count'}, by run in order of time{_good_side(trend.figure.metric)}",
        sentence=_sentence(trend, unit),
        table=_table(trend, unit),
        frame_of=frame_of,
        content=content,
        legend=[("runs", "main")]
        + ([] if trend.baseline is None else [(f"baseline {baseline}", "baseline")]),
    )


def _unit(metric: str, high: float) -> Unit:
    if METRICS[metric].is_share:
        return Unit("%", 0.01)
    name = METRICS[metric].units[0]
    return time_unit(max(high, _SHORTEST)) if name == "ms" else Unit(name, 1.0)


def _good_side(metric: str) -> str:
    direction = METRICS[metric].direction
    return "" if direction is None else f"; {direction} is better"


def _lines(trend: Trend, highest: float) -> list[_Line]:
    lines = [_Line("bound", bound.look, bound.value) for bound in trend.bounds]
    if trend.baseline is not None:
        lines.append(_Line("baseline", "baseline", trend.baseline))
    return [line for line in lines if 0 <= line.value <= _FARTHEST_BOUND * highest]


def _runs(points: Sequence[TrendPoint]) -> Scale:
    count = len(points)
    places = sorted({round(place) for place in np.linspace(1, count, min(count, _MOST_TICKS)).tolist()})
    names = tuple(points[place - 1].run.label for place in places)
    return _RunScale("linear", 0.5, count + 0.5, tuple(map(float, places)), Unit("", 1.0), names)


def _across(frame: Frame, lines: Sequence[_Line]) -> Iterator[Markup]:
    """The lines with their labels, those pushed up that would cover each other."""
    lowest_free = float("inf")
    for line in sorted(lines, key=lambda line: line.value):
        (left, height), (right, _) = (frame.place(x, line.value) for x in (frame.x.low, frame.x.high))
        at = min(height - 4, lowest_free)
        lowest_free = at - _LABEL_HEIGHT
        is_baseline = line.look == "baseline"
        shape = "curve baseline" if is_baseline else f"bound {line.look}"
        ends = {"x1": f"{left:.1f}", "x2": f"{right:.1f}", "y1": f"{height:.1f}", "y2": f"{height:.1f}"}
        yield element("line", class_=shape, **ends)
        yield element(
            "text",
            f"{line.text} {quantity(line.value, frame.y.unit)}",
            class_="bound" if is_baseline else shape,
            x=f"{left + 4:.1f}",
            y=f"{at:.1f}",
        )


def _joins(frame: Frame, points: Sequence[TrendPoint]) -> Iterator[Markup]:
    words: list[str] = []
    pen = "M"
    for place, point in enumerate(points, start=1):
        if point.value is None or point.changes:
            pen = "M"
        if point.value is not None:
            x, y = frame.place(place, point.value)
            words.append(f"{pen}{x:.1f} {y:.1f}")
            pen = "L"
    yield element("path", class_="curve main", d="".join(words))


def _dots(frame: Frame, points: Sequence[TrendPoint]) -> Iterator[Markup]:
    for place, point in enumerate(points, start=1):
        if point.value is None:
            continue
        x, y = frame.place(place, point.value)
        said = "; ".join([quantity(point.value, frame.y.unit), *_remarks(point)])
        yield element(
            "g",
            element("title", f"{point.run.commit_text}, {point.run.date}: {said}"),
            element(
                "circle",
                class_="point main broken" if point.notes else "point main",
                cx=f"{x:.1f}",
                cy=f"{y:.1f}",
                r=_RADIUS,
            ),
        )


def _remarks(point: TrendPoint) -> list[str]:
    return [*point.notes, *(f"changed: {change}" for change in point.changes)]


def _sentence(trend: Trend, unit: Unit) -> str:
    known = [(point, point.value) for point in trend.points if point.value is not None]
    (first, start), (last, end) = known[0], known[-1]
    sentences = [f"{quantity(start, unit)} in the only run that measured it."]
    if len(known) > 1:
        values = [value for _, value in known]
        is_broken = any(point.changes for point in trend.points[1:])
        change = f", {end / start - 1:+.1%}" if start > 0 and not is_broken else ""
        sentences = [
            f"From {quantity(start, unit)} ({first.run.label}) to {quantity(end, unit)} ({last.run.label})"
            f"{change}; between {quantity(min(values), unit)} and {quantity(max(values), unit)}."
        ]
        if is_broken:
            sentences.append("The line is broken where something else was measured, which the table names.")
    if trend.baseline is not None:
        sentences.append(f"The baseline has {quantity(trend.baseline, unit)}.")
    sentences += [
        f"The newest run has the budget {bound.expression}: its bound is {quantity(bound.value, unit)}."
        for bound in trend.bounds
    ]
    if any(point.notes for point in trend.points):
        sentences.append("The table has notes on the runs that have a hollow point, or none.")
    return " ".join(sentences)


def _table(trend: Trend, unit: Unit) -> Markup:
    rows = [
        [
            point.run.date,
            point.run.commit_text,
            quantity(point.value, unit),
            str(point.n) + ("" if point.needed_n is None else f" (needs {point.needed_n})"),
            "; ".join(_remarks(point)) or "-",
        ]
        for point in trend.points
    ]
    return data_table(f"{trend.figure.name} by run", ["Run", "Commit", trend.figure.name, "n", "Notes"], rows)
