"""The frame of a chart: where its values lie in the picture, and its two axes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pytest_npuperf.metrics.requests import Floats
from pytest_npuperf.report.charts.scale import Scale
from pytest_npuperf.report.html.markup import Markup, element, joined
from pytest_npuperf.report.html.svg import label, line

__all__ = ["CHART", "LETTER", "Area", "Frame", "axes", "shade"]

LETTER = 7
"""Width of a letter of a label, on average, where it is largest: on a phone, in narrow columns."""
_GAP = 10
"""Between two labels of the x axis, at least."""
_LONGEST_UNIT = 2
"""Letters of a unit that there is room for beside the last tick."""


@dataclass(frozen=True, slots=True)
class Area:
    """Where values are drawn: a rectangle in units of the picture, which count from its top left."""

    left: float
    right: float
    top: float
    bottom: float

    @property
    def width(self) -> float:
        """From edge to edge."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """From edge to edge."""
        return self.bottom - self.top


CHART = Area(50, 408, 10, 200)
"""That of a chart on a page."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The place of a chart's values: a scale for each axis."""

    x: Scale
    y: Scale
    area: Area = CHART

    def x_places(self, values: Floats) -> Floats:
        """Where values of the x axis lie in the picture."""
        return self.area.left + self.x.shares(values) * self.area.width

    def y_places(self, values: Floats) -> Floats:
        """Where values of the y axis lie in the picture."""
        return self.area.bottom - self.y.shares(values) * self.area.height

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where one point lies."""
        return float(self.x_places(np.array([x]))[0]), float(self.y_places(np.array([y]))[0])


def axes(frame: Frame, *, x_labels: bool = True) -> Markup:
    """A line across for each tick of the y axis, and the labels of both; ``x_labels`` may be left out."""
    area = frame.area
    heights = frame.y_places(np.array(frame.y.ticks)).tolist()
    texts = frame.y.labels(longest_unit=_LONGEST_UNIT)
    rows = [
        joined(
            (
                line("grid", (area.left, y), (area.right, y)),
                label("tick", text, (area.left - 6, y + 4), anchor="end"),
            )
        )
        for y, text in zip(heights, texts, strict=True)
    ]
    return joined([*rows, *(_x_labels(frame) if x_labels else ())])


def _x_labels(frame: Frame) -> list[Markup]:
    places = frame.x_places(np.array(frame.x.ticks)).tolist()
    texts = frame.x.labels(longest_unit=_LONGEST_UNIT)
    edge = frame.area.right + 2 * LETTER
    base = frame.area.bottom + 16
    labels: list[Markup] = []
    taken_from = float("inf")
    # from the last one on, which has the unit: one that would touch it is left out
    for x, text in reversed(list(zip(places, texts, strict=True))):
        half = len(text) * LETTER / 2
        is_at_edge = x + half > edge
        if x + (0 if is_at_edge else half) + _GAP < taken_from:
            labels.append(label("tick", text, (x, base), anchor="end" if is_at_edge else "middle"))
            taken_from = x - (2 if is_at_edge else 1) * half
    return labels[::-1]


def shade(frame: Frame, window: tuple[float, float] | None, look: str = "window") -> Markup | None:
    """A part of the x axis, tinted; None where there is none of it on the axis."""
    if window is None or window[1] <= frame.x.low or window[0] >= frame.x.high:
        return None
    start, end = frame.x_places(np.array(window)).tolist()
    return element(
        "rect",
        class_=look,
        x=f"{start:.1f}",
        y=f"{frame.area.top:g}",
        width=f"{end - start:.1f}",
        height=f"{frame.area.height:g}",
    )
