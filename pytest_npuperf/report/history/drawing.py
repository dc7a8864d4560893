"""What is drawn into the chart of a trend: values across it, the line from run to run, a point for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_npuperf.report.charts.frame import Frame
from pytest_npuperf.report.charts.labels import Label, Point, best_place, sampled
from pytest_npuperf.report.charts.scale import quantity
from pytest_npuperf.report.history.history import TrendPoint
from pytest_npuperf.report.html.markup import Markup, element, joined
from pytest_npuperf.report.html.svg import circle, label, line

__all__ = ["Level", "drawn_trend", "remarks"]

_LABEL_HEIGHT = 13
_WEIGHT_OF_POINT = 5
"""A label may stand on a point, where many runs leave no other place, but rather on a line."""
_RADIUS, _SMALLEST_RADIUS = 3.5, 1.5
_SHARE_OF_COLUMN = 0.4
"""Of a point's column, so that neighbours do not touch."""


@dataclass(frozen=True, slots=True)
class Level:
    """A value across the chart."""

    text: str
    look: str
    """``baseline``, or how a bound looks."""
    value: float


def drawn_trend(frame: Frame, points: Sequence[TrendPoint], levels: Sequence[Level]) -> Markup:
    """All of it, the points on top; a level outside the axis is an arrow at its edge."""
    strokes = list(_strokes(frame, points))
    return joined(
        (
            *_across(frame, levels),
            element("path", class_="curve main", d="".join(_path(stroke) for stroke in strokes)),
            *_labels(frame, levels, strokes),
            *_dots(frame, points),
        )
    )


def remarks(point: TrendPoint) -> list[str]:
    """What is to be said of a point beside its value."""
    return [*point.notes, *(f"changed: {change}" for change in point.changes)]


def _is_inside(frame: Frame, level: Level) -> bool:
    return frame.y.low <= level.value <= frame.y.high


def _across(frame: Frame, levels: Sequence[Level]) -> Iterator[Markup]:
    for level in levels:
        if _is_inside(frame, level):
            _, y = frame.place(frame.x.low, level.value)
            look = "curve baseline" if level.look == "baseline" else f"bound {level.look}"
            yield line(look, (frame.area.left, y), (frame.area.right, y))


def _strokes(frame: Frame, points: Sequence[TrendPoint]) -> Iterator[list[Point]]:
    """The points that are joined, one after the other."""
    stroke: list[Point] = []
    for place, point in enumerate(points, start=1):
        if (point.value is None or point.changes) and stroke:
            yield stroke
            stroke = []
        if point.value is not None:
            stroke.append(frame.place(place, point.value))
    if stroke:
        yield stroke


def _path(stroke: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in stroke)


def _dots(frame: Frame, points: Sequence[TrendPoint]) -> Iterator[Markup]:
    """A point for each run, in a column that shows its values to a pointer anywhere in it."""
    column = frame.area.width / len(points)
    radius = min(_RADIUS, max(_SMALLEST_RADIUS, column * _SHARE_OF_COLUMN))
    for place, point in enumerate(points, start=1):
        said = "; ".join([quantity(point.value, frame.y.unit), *remarks(point)])
        yield element(
            "g",
            element("title", f"{point.run.commit_text}, {point.run.date}: {said}"),
            element(
                "rect",
                fill="transparent",
                x=f"{frame.area.left + (place - 1) * column:.1f}",
                y=f"{frame.area.top:g}",
                width=f"{column:.1f}",
                height=f"{frame.area.height:g}",
            ),
            None
            if point.value is None
            else circle(_look(point), frame.place(place, point.value), round(radius, 1)),
        )


def _look(point: TrendPoint) -> str:
    if point.breaks_budget:
        return "bound fail"
    return "point main broken" if point.notes else "point main"


def _labels(frame: Frame, levels: Sequence[Level], strokes: Sequence[Sequence[Point]]) -> Iterator[Markup]:
    """What each level is, where it covers no other label and as little of the lines as can be."""
    area, taken = frame.area, list[Label]()
    drawn = [place for stroke in strokes for place in sampled(stroke)]
    drawn += [place for stroke in strokes for place in stroke] * _WEIGHT_OF_POINT
    for level in sorted(levels, key=lambda level: level.value):
        others = [_height(frame, other) for other in levels if other is not level]
        lines = [*drawn, *(place for y in others for place in sampled([(area.left, y), (area.right, y)]))]
        for places in _places(frame, level):
            best = best_place(places, area, taken=taken, dots=(), radius=0, lines=lines)
            if best is not None:
                taken.append(best)
                look = "bound" if level.look == "baseline" else f"bound {level.look}"
                yield label(look, best.text, (best.x, best.base), anchor=best.anchor)
                break


def _height(frame: Frame, level: Level) -> float:
    return frame.place(frame.x.low, level.value)[1]


def _places(frame: Frame, level: Level) -> Iterator[list[Label]]:
    """Where the label of a level may stand: at its line, above it or below, else further and further off."""
    area = frame.area
    arrow = "" if _is_inside(frame, level) else " ↑" if level.value > frame.y.high else " ↓"
    text = f"{level.text} {quantity(level.value, frame.y.unit)}{arrow}"
    height = min(max(_height(frame, level), area.top), area.bottom)
    for step in range(round(area.height / _LABEL_HEIGHT)):
        yield [
            place
            for base in (height - 4 - step * _LABEL_HEIGHT, height + (step + 1) * _LABEL_HEIGHT)
            for place in (
                Label(text, area.left + 4, base, "start"),
                Label(text, area.right - 4, base, "end"),
                Label(text, (area.left + area.right) / 2, base, "middle"),
            )
        ]
