"""What is drawn into the chart of a trend: values across it, the line from run to run, a point for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from pytest_npuperf.metrics.requests import Floats
from pytest_npuperf.report.charts.frame import Frame
from pytest_npuperf.report.charts.scale import quantity
from pytest_npuperf.report.history.history import TrendPoint
from pytest_npuperf.report.html.markup import Markup, element, joined
from pytest_npuperf.report.html.svg import circle, label, line

__all__ = ["Level", "drawn_trend", "remarks"]

_LETTER = 7
"""Width of a letter of a label where it is largest, on a phone."""
_ASCENT, _DESCENT = 10, 3
_LABEL_HEIGHT = 13
_SAMPLE = 4
"""Distance of the places of a line at which a label is checked against it."""
_WEIGHT_OF_POINT = 5
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


@dataclass(frozen=True, slots=True)
class _Label:
    """A place for a text: its left and right ends, its base line, and which end ``x`` is."""

    left: float
    right: float
    base: float
    x: float
    anchor: Literal["start", "middle", "end"]

    def covers(self, x: Floats, y: Floats) -> int:
        """How many of these points it would lie on or touch."""
        beside = (x < self.left - _RADIUS) | (x > self.right + _RADIUS)
        off = (y < self.base - _ASCENT - _RADIUS) | (y > self.base + _DESCENT + _RADIUS)
        return int((~beside & ~off).sum())

    def meets(self, other: _Label) -> bool:
        """Whether the two would overlap."""
        is_beside = self.right < other.left or other.right < self.left
        return not is_beside and abs(self.base - other.base) < _LABEL_HEIGHT


def drawn_trend(frame: Frame, points: Sequence[TrendPoint], levels: Sequence[Level]) -> Markup:
    """All of it, the points on top; a level outside the axis is an arrow at its edge."""
    strokes = list(_strokes(frame, points))
    return joined(
        (
            *_across(frame, levels),
            element("path", class_="curve main", d="".join(_path(stroke) for stroke in strokes)),
            *_labels(frame, levels, _sampled(strokes)),
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


def _strokes(frame: Frame, points: Sequence[TrendPoint]) -> Iterator[list[tuple[float, float]]]:
    """The points that are joined, one after the other."""
    stroke: list[tuple[float, float]] = []
    for place, point in enumerate(points, start=1):
        if (point.value is None or point.changes) and stroke:
            yield stroke
            stroke = []
        if point.value is not None:
            stroke.append(frame.place(place, point.value))
    if stroke:
        yield stroke


def _path(stroke: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in stroke)


def _sampled(strokes: Sequence[Sequence[tuple[float, float]]]) -> list[tuple[float, float]]:
    """Places along the line, points more than once, to tell how much a label would cover."""
    places = [place for stroke in strokes for place in stroke] * _WEIGHT_OF_POINT
    for stroke in strokes:
        for (x1, y1), (x2, y2) in pairwise(stroke):
            count = int(max(abs(x2 - x1), abs(y2 - y1)) / _SAMPLE) + 1
            places += zip(
                np.linspace(x1, x2, count).tolist(), np.linspace(y1, y2, count).tolist(), strict=True
            )
    return places


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


def _labels(frame: Frame, levels: Sequence[Level], drawn: Sequence[tuple[float, float]]) -> Iterator[Markup]:
    """What each level is, where it covers no other label and as little of the lines as can be."""
    across = np.arange(frame.area.left, frame.area.right, _SAMPLE).tolist()
    taken: list[_Label] = []
    for level in sorted(levels, key=lambda level: level.value):
        arrow = "" if _is_inside(frame, level) else " ↑" if level.value > frame.y.high else " ↓"
        text = f"{level.text} {quantity(level.value, frame.y.unit)}{arrow}"
        others = [frame.place(frame.x.low, other.value)[1] for other in levels if other is not level]
        x, y = np.array([*drawn, *((x, other) for other in others for x in across)]).T
        for places in _places(frame, level.value, len(text) * _LETTER):
            clear = [place for place in places if not any(place.meets(other) for other in taken)]
            if clear:
                best = min(clear, key=lambda place: place.covers(x, y))
                taken.append(best)
                look = "bound" if level.look == "baseline" else f"bound {level.look}"
                yield label(look, text, (best.x, best.base), anchor=best.anchor)
                break


def _places(frame: Frame, value: float, width: float) -> Iterator[list[_Label]]:
    """Where the label of a level may stand: at its line, above it or below, else further and further off."""
    area = frame.area
    height = frame.place(frame.x.low, min(max(value, frame.y.low), frame.y.high))[1]
    left, right, middle = area.left + 4, area.right - 4, (area.left + area.right) / 2
    for step in range(round(area.height / _LABEL_HEIGHT)):
        bases = (height - 4 - step * _LABEL_HEIGHT, height + (step + 1) * _LABEL_HEIGHT)
        yield [
            place
            for base in bases
            if area.top <= base <= area.bottom - _DESCENT
            for place in (
                _Label(left, left + width, base, left, "start"),
                _Label(right - width, right, base, right, "end"),
                _Label(middle - width / 2, middle + width / 2, base, middle, "middle"),
            )
        ]
